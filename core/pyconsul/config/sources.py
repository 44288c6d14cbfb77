"""Where configuration comes from: defaults, flags, files, folders, and what nobody can change.

``read_sources`` gives the sources in the order in which they are laid over each other: defaults, those of ``-dev``,
flags that are lists, files in the order of the command line, all other flags, ``-hcl``, and at last what nobody can
change. Lists grow from source to source, so that those of flags stand before those of files; of scalars the last wins.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from pyconsul.config.decode import Raw, decode
from pyconsul.config.deprecated import replace_deprecated
from pyconsul.config.errors import ConfigError
from pyconsul.config.keys import KEYS, Key, Kind, flag_rows
from pyconsul.lang.goflags.values import to_bool, to_int
from pyconsul.lang.gojson_syntax import syntax_error
from pyconsul.lang.gojson_values import value_of
from pyconsul.lang.hcl import HclError, parse
from pyconsul.primitives.multierror import multi_error
from pyconsul.primitives.system_errors import system_text
from pyconsul.primitives.untyped import is_dict
from pyconsul.structs.nesting import MAX_LEVELS, is_too_deep

Flags = Mapping[str, Any]
"""Flag names (without dash) to what was given: text or the typed value, a list for repeatable flags."""

_SUFFIXES: Final = {".json": "json", ".hcl": "hcl"}


class Source(msgspec.Struct):
    """One source: the values it sets, and what to warn about. ``name`` appears in error texts."""

    name: str
    values: Raw
    warnings: list[str] = msgspec.field(default_factory=list)


def read_sources(flags: Flags) -> tuple[list[Source], list[str]]:
    """All sources in order, and warnings about files that were skipped. Raises ConfigError."""
    warnings: list[str] = []
    given_format = str(flags.get("config-format") or "")
    if given_format not in ("", "json", "hcl"):
        raise ConfigError("config: -config-format must be either 'hcl' or 'json'")
    lists, scalars = _flag_values(flags, warnings)
    head = [Source("default", _table("default"))]
    dev = bool(flags.get("dev"))
    if dev:
        head.append(Source("dev", _table("dev")))
    head.append(Source("flags.slices", lists))
    files: list[tuple[str, str, str]] = []
    for path in config_paths(flags):
        files.extend(_files_at(path, given_format, warnings))
    sources = [*head]
    for name, text, kind in files:
        sources.extend(_parsed(name, text, kind))
    sources.append(Source("flags.values", scalars, _enterprise_warnings(scalars)))
    for number, text in enumerate(_texts(flags.get("hcl"))):
        sources.extend(_parsed(f"flags-{number}.hcl", text, "hcl"))
    sources.append(Source("non-user", _table("fixed")))
    if dev:
        sources.append(Source("consul-dev", _table("dev", fixed=True)))
    return sources, warnings


def config_paths(flags: Flags) -> list[str]:
    """The files and folders to read, in the order of the command line where that is known."""
    ordered = flags.get("config-paths")
    if ordered is not None:
        return _texts(ordered)
    return [*_texts(flags.get("config-file")), *_texts(flags.get("config-dir"))]


def parse_text(name: str, text: str, kind: str) -> Source:
    """One file's text. Raises ConfigError, which names the file."""
    try:
        decoded = decode(_parse(text, kind))
    except (HclError, ValueError) as error:
        raise ConfigError(f"failed to parse {name}: {error}") from None
    warnings: list[str] = []
    unknown: list[str] = []
    for key in decoded.unknown:
        if key == "acl_enforce_version_8":
            warnings.append(f'config key "{key}" is deprecated and should be removed')
        elif key.startswith("audit.sink[") and key.endswith("].name"):
            warnings.append("config key audit.sink[].name is deprecated and should be removed")
        else:
            unknown.append(f"invalid config key {key}")
    if unknown:
        raise ConfigError(f"failed to parse {name}: {multi_error(unknown)}")
    values, old = replace_deprecated(decoded.values)
    return Source(name, values, [*warnings, *_enterprise_warnings(values), *old])


def _parsed(name: str, text: str, kind: str) -> list[Source]:
    """No source for an empty file, else one, its single definitions joined to the lists of definitions."""
    if not text:
        return []
    source = parse_text(name, text, kind)
    for single, many in (("check", "checks"), ("service", "services")):
        definition = source.values.pop(single, None)
        if definition is not None:
            source.values[many] = [*source.values.get(many, []), definition]
    return [source]


def _parse(text: str, kind: str) -> Mapping[str, object]:
    if kind == "hcl":
        return parse(text)
    return _parse_json(text)


def _parse_json(text: str) -> Mapping[str, object]:
    if fault := syntax_error(text.encode("utf-8", "replace")):
        raise ValueError(fault)
    value: object = value_of(text, number=_number)
    if is_too_deep(value):
        raise ValueError(f"objects and lists are nested deeper than {MAX_LEVELS} levels")
    if value is None:
        return {}
    if not is_dict(value):
        kinds: dict[type, str] = {list: "array", str: "string", bool: "bool"}
        kind = kinds.get(type(value), "number")
        raise ValueError(f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}")
    return value


def _number(text: str) -> float:
    """A number as Go reads it. Raises ValueError for one that is too large, or none at all."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


# Files ---------------------------------------------------------------------------------------------------------------


def _files_at(path: str, given_format: str, warnings: list[str]) -> list[tuple[str, str, str]]:
    """Name, text and format of a file, or of all files right inside a folder in order of name."""
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        names = sorted(os.listdir(path)) if is_folder else []
    except OSError as error:
        raise ConfigError(f"config: Open failed on {path}. open {path}: {system_text(error)}") from None
    if is_folder:
        return _files_in(path, names, given_format, warnings)
    if not (given_format or Path(path).suffix in _SUFFIXES):
        raise ConfigError(f"file {path} has unknown extension; must be .hcl or .json, or config format must be set")
    return [_file(path, given_format)]


def _files_in(folder: str, names: Sequence[str], given_format: str, warnings: list[str]) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for name in names:
        path = _clean(folder, name)
        if os.path.islink(path):
            path = _followed(path)
            if not os.path.exists(path):
                raise ConfigError(f"lstat {path}: no such file or directory")
        if os.path.isdir(path):
            continue
        if not given_format and not path.endswith(tuple(_SUFFIXES)):
            warnings.append(f"skipping file {path}, extension must be .hcl or .json, or config format must be set")
            continue
        found.append(_file(path, given_format))
    return found


def _followed(link: str) -> str:
    """Where a link leads; a path from the working directory stays one, as far as it leads nowhere else."""
    target = os.path.realpath(link)
    here = os.path.join(os.path.realpath(os.curdir), "")
    return target if os.path.isabs(link) else target.removeprefix(here)


def _clean(folder: str, name: str) -> str:
    """The path of a member as Go's ``filepath.Join`` writes it."""
    return os.path.normpath(os.path.join(folder, name))


def _file(path: str, given_format: str) -> tuple[str, str, str]:
    kind = given_format or next((f for suffix, f in _SUFFIXES.items() if path.endswith(suffix)), "")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"config: Open failed on {path}. open {path}: {system_text(error)}") from None
    return path, data.decode("utf-8", "surrogateescape" if kind == "hcl" else "replace"), kind


# Flags and tables ----------------------------------------------------------------------------------------------------


def _table(column: str, *, fixed: bool = False) -> Raw:
    """The values that one column of the table of keys sets.

    ``fixed`` picks the rows that nobody can change.
    """
    out: Raw = {}
    for key in KEYS:
        value = getattr(key, column)
        if value is None or (column == "dev" and (key.fixed is not None) != fixed):
            continue
        put(out, key.name, value)
    return out


def put(values: Raw, name: str, value: object) -> None:
    """Set a value by its dotted name."""
    *outer, last = name.split(".")
    section = values
    for part in outer:
        section = section.setdefault(part, {})
    section[last] = value


def _flag_values(flags: Flags, warnings: list[str]) -> tuple[Raw, Raw]:
    """What flags set: top-level lists, which come before those of files, and all other values, which win."""
    lists: Raw = {}
    scalars: Raw = {}
    for key in flag_rows():
        given = flags.get(key.flag)
        if given is None or key.name in ("config_file", "config_dir", "config_format", "dev", "hcl"):
            continue
        value = _flag_value(key, given)
        if value == [] or value == {}:
            continue
        if key.instead:
            warnings.append(
                f"The flag '-{key.flag}' is deprecated. Use the '-{key.instead.replace('_', '-')}' flag instead."
            )
            lists.setdefault(key.instead, []).extend(value)
        elif key.kind is Kind.STRINGS and "." not in key.name:
            lists[key.name] = [*value, *lists.get(key.name, [])]
        else:
            put(scalars, key.name, value)
    return lists, scalars


def _flag_value(key: Key, given: Any) -> Any:
    """The value of a flag as a file would set it."""
    match key.kind:
        case Kind.BOOL:
            return given if isinstance(given, bool) else to_bool(str(given))
        case Kind.INT:
            return given if isinstance(given, int) else to_int(str(given), base=10)
        case Kind.STRINGS:
            return _texts(given)
        case Kind.MAP:
            if isinstance(given, Mapping):
                return dict(cast("Mapping[str, str]", given))
            pairs = (text.partition(":") for text in _texts(given))
            return {name: value for name, _, value in pairs}
        case _:
            return str(given)


def _texts(given: Any) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(text) for text in given]


# Keys of the enterprise edition --------------------------------------------------------------------------------------

# Where it is, what the warning calls it, whether an empty value counts as set, whether it is taken out.
_ENTERPRISE: Final[tuple[tuple[str, str, bool, bool], ...]] = (
    ("read_replica", "read_replica (or the deprecated non_voting_server)", True, False),
    ("segment", "segment", False, False),
    ("segments", "segments", False, False),
    ("partition", "partition", False, False),
    ("autopilot.redundancy_zone_tag", "autopilot.redundancy_zone_tag", False, False),
    ("autopilot.upgrade_version_tag", "autopilot.upgrade_version_tag", False, False),
    ("autopilot.disable_upgrade_migration", "autopilot.disable_upgrade_migration", True, False),
    ("dns_config.prefer_namespace", "dns_config.prefer_namespace", True, True),
    ("acl.msp_disable_bootstrap", "acl.msp_disable_bootstrap", True, True),
    ("acl.tokens.managed_service_provider", "acl.tokens.managed_service_provider", False, True),
    ("audit", "audit", False, False),
    ("license_path", "license_path", True, True),
    ("reporting.license.enabled", "reporting.license.enabled", True, True),
)


def _enterprise_warnings(values: Raw) -> list[str]:
    found: list[str] = []
    for path, shown, even_empty, remove in _ENTERPRISE:
        *outer, last = path.split(".")
        section: Raw = values
        for part in outer:
            section = section.get(part) or {}
        value = section.get(last)
        if path == "audit":
            value = value and (value.get("enabled") or value.get("sink"))
        if value or (even_empty and value is not None):
            found.append(f'"{shown}" is a Consul Enterprise configuration and will have no effect')
            if remove:
                del section[last]
    return found
