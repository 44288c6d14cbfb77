"""Writing results: only when they differ, atomically, with mode, owner and backup."""

from __future__ import annotations

import logging
import os
import uuid
from typing import NamedTuple

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.strconv import quote
from pyconsul.primitives.folders import make_folders
from pyconsul.primitives.standard_streams import say
from pyconsul.primitives.system_errors import file_text, system_text
from pyconsul.primitives.whole_files import replacing
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.paths import possible
from pyconsul_template.config import TemplateConfig
from pyconsul_template.functions.files import group_id, user_id

logger = logging.getLogger("pyconsul_template.runner")

DEFAULT_MODE = 0o644


class Rendered(NamedTuple):
    """What became of a result; ``wrote``: the file was (or, in dry mode, would have been) changed."""

    wrote: bool
    before: bytes | None
    after: bytes


def _words(error: OSError, call: str, path: str) -> str:
    return f"{call} {path}: {system_text(error)}"


def present(path: str) -> bytes | None:
    """The file's bytes, None when there is none. Raises RunError."""
    try:
        with open(possible(path), "rb") as source:
            return source.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        call = "read" if isinstance(error, IsADirectoryError) else "open"
        raise RunError(f"failed reading file: {_words(error, call, path)}") from None


def _owner(config: TemplateConfig) -> tuple[int, int]:
    """User and group to set, -1 for unchanged. Raises RunError."""
    try:
        user = user_id(config.user) if config.user else -1
    except FunctionError as error:
        raise RunError(f"failed looking up user: {error}") from None
    try:
        group = group_id(config.group) if config.group else -1
    except FunctionError as error:
        raise RunError(f"failed looking up group: {error}") from None
    return user, group


def _owner_differs(path: str, owner: tuple[int, int]) -> bool:
    found = os.stat(path)
    return any(wanted not in (-1, held) for wanted, held in zip(owner, (found.st_uid, found.st_gid), strict=True))


def render(config: TemplateConfig, data: bytes, *, dry: bool, show: bool = True) -> Rendered:
    """Bring the destination up to date. Raises RunError.

    In dry mode the text goes to standard output instead (unless not ``show``).
    """
    before = present(config.destination) if config.destination else None
    owner = _owner(config)
    if before == data and not _owner_differs(config.destination, owner):
        return Rendered(False, before, data)
    if dry:
        if show:
            say(f"> {config.destination}\n".encode("utf-8", "surrogateescape") + data)
        return Rendered(True, before, data)
    try:
        atomic_write(config, data)
    except OSError as error:
        raise RunError(f"failed writing file: {file_text(error)}") from None
    _set_owner(config.destination, owner)
    return Rendered(True, before, data)


def _set_owner(path: str, owner: tuple[int, int]) -> None:
    if owner == (-1, -1):
        return
    try:
        os.chown(path, *owner)
    except OSError as error:
        raise RunError(f"failed setting file ownership: {_words(error, 'chown', path)}") from None


class Mark(NamedTuple):
    """What shows that a file is still the same without reading it."""

    inode: int
    size: int
    changed_ns: int
    owner: tuple[int, int]


def mark_of(path: str) -> Mark | None:
    """The mark of a file, None where none is."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return Mark(found.st_ino, found.st_size, found.st_mtime_ns, (found.st_uid, found.st_gid))


def atomic_write(config: TemplateConfig, data: bytes) -> None:
    """Write a temporary file beside the destination and rename it. Raises RunError and OSError."""
    path = config.destination
    if not path:
        raise RunError("failed writing file: missing destination")
    folder = os.path.normpath(os.path.dirname(path))
    if not os.path.exists(folder):
        if not config.create_dest_dirs:
            raise RunError("failed writing file: parent directory is missing")
        _make_folders(folder)
    # A name of its own, for that of the destination may be as long as the file system allows.
    with replacing(path, beside=os.path.join(folder, f"{uuid.uuid4()}.tmp")) as out:
        out.write(data)
        _keep_owner(path, out.name)
        # Before the rename: a secret must not be readable for a moment under its name.
        os.chmod(out.name, config.perms & 0o777 or _mode_of(path))
        if config.backup:
            _back_up(path)


def _make_folders(folder: str) -> None:
    try:
        make_folders(folder, 0o755)
    except OSError as error:
        raise RunError(f"failed writing file: {_words(error, 'mkdir', error.filename)}") from None


def _mode_of(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o7777
    except FileNotFoundError:
        return DEFAULT_MODE


def _keep_owner(path: str, temporary: str) -> None:
    """The new file belongs to whom the old one did, where we may do that."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return
    try:
        os.chown(temporary, found.st_uid, found.st_gid)
    except OSError as error:
        reason = _words(error, "chown", temporary)
        logger.warning("could not preserve file permissions for %s: %s", quote(temporary), reason)


def _back_up(path: str) -> None:
    """Keep the present file as ``.bak`` without a moment in which it is missing.

    Where that cannot be done (no file yet, a file system without hard links) the new text is written all the same.
    """
    link = f"{path}.old.bak"
    try:
        if os.path.lexists(link):
            os.unlink(link)
        os.link(path, link)
        os.rename(link, f"{path}.bak")
    except OSError as error:
        logger.warning("could not backup %s: link %s %s.bak: %s", quote(path), path, path, system_text(error))
