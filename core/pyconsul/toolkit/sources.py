"""Where configuration comes from: files, directories, one text in the environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pyconsul.lang import hcl
from pyconsul.primitives.system_errors import system_text
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.schema import Schema, Settings, decode, merge

_KINDS: Final = {stat.S_IFIFO: "p", stat.S_IFSOCK: "S", stat.S_IFBLK: "D", stat.S_IFCHR: "Dc"}


Prepare = Callable[[Settings], Settings]


def _as_it_is(raw: Settings) -> Settings:
    return raw


def parse(source: str | bytes, schema: Schema, prepare: Prepare = _as_it_is) -> Settings:
    """The settings of one HCL or JSON text, which ``prepare`` may change before it is judged. Raises ConfigError."""
    try:
        raw = hcl.parse(source)
    except hcl.HclError as error:
        raise ConfigError(f"error decoding config: {error}") from None
    return decode(prepare(raw), schema)


def _files(path: str) -> Iterator[str]:
    """All files below a directory in path order; links to directories are not followed."""
    for name in sorted(os.listdir(path)):
        inner = os.path.join(path, name)
        if os.path.isdir(inner) and not os.path.islink(inner):
            yield from _files(inner)
        else:
            yield inner


def _from_file(path: str, schema: Schema, prepare: Prepare) -> Settings:
    try:
        with open(path, "rb") as source:
            text = source.read()
    except OSError as error:
        reason = system_text(error)
        call = "read" if isinstance(error, IsADirectoryError) else "open"
        raise ConfigError(f"from file: {path}: {call} {path}: {reason}") from None
    try:
        return parse(text, schema, prepare)
    except ConfigError as error:
        raise ConfigError(f"from file: {path}: {error}") from None


def _shown_mode(mode: int) -> str:
    """The kind and the permissions of what is neither file nor directory, as Go shows them: ``prw-------``."""
    return _KINDS.get(stat.S_IFMT(mode), "?") + stat.filemode(stat.S_IMODE(mode) & 0o777)[1:]


def from_path(path: str, schema: Schema, prepare: Prepare = _as_it_is) -> Settings:
    """The settings of a file, or of all files of a directory, later ones winning; see ``parse``. Raises ConfigError."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        what = "missing file/folder" if isinstance(error, FileNotFoundError) else "failed stating file"
        raise ConfigError(f"{what}: {path}: stat {path}: {system_text(error)}") from None
    if stat.S_ISREG(mode):
        return _from_file(path, schema, prepare)
    if not stat.S_ISDIR(mode):
        raise ConfigError(f'unknown filetype: "{_shown_mode(mode)}"')
    out: Settings = {}
    for file in _files(path):
        try:
            out = merge(out, _from_file(file, schema, prepare))
        except ConfigError as error:
            raise ConfigError(f"walk error: {error}") from None
    return out


def load(paths: Iterable[str], base: Settings, over: Settings, read: Callable[[str], Settings]) -> Settings:
    """``base``, the paths in order, ``over``: each laid over the ones before. Raises ConfigError."""
    out = base
    for path in paths:
        out = merge(out, read(path))
    return merge(out, over)
