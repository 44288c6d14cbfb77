"""Scalars in loose input, each as JSON and as a configuration block give it.

JSON is taken as strictly as Go's decoder takes it, with its errors. What comes from configuration has its type already
(``pyconsul.config.decode`` sees to that), but for durations, which are text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

import msgspec

from pyconsul.lang.gojson_values import HugeNumber, huge
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import DurationError, from_number, parse_duration
from pyconsul.primitives.untyped import Parsed, is_dict, is_list, is_list_or_tuple
from pyconsul.structs.nesting import is_too_deep, too_deep

__all__ = [
    "BOOL",
    "DURATION",
    "HEADERS",
    "INT",
    "OPAQUE",
    "STRING",
    "STRINGS",
    "STRING_MAP",
    "UINT",
    "UINT64",
    "BadDuration",
    "DecodeError",
    "Kind",
    "Refusal",
    "block",
    "go_numbers",
    "json_only",
    "mismatch",
    "named_string",
]


class DecodeError(ValueError):
    """The input does not fit its type; the text is what Consul says after ``Request decode failed: ``."""


class Refusal(DecodeError):
    """What a decoder of its own says of a struct inside another: Go stops there, whatever came before."""


class BadDuration(DecodeError):
    """Durations are read when all else was."""


class Kind(msgspec.Struct, frozen=True):
    """A scalar type: its Go name, and how a JSON or configuration value becomes ours."""

    go: str
    json: Callable[[Any, str], Any]
    config: Callable[[Any, str], Any]


_JSON_KINDS: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
}


def mismatch(value: object, path: str, go: str) -> DecodeError:
    """Go's text for a value of the wrong kind at a place; for kinds of one's own."""
    what = "number" if isinstance(value, HugeNumber) else _JSON_KINDS.get(type(value), "null")
    if isinstance(value, HugeNumber) or (what == "number" and go in ("int", "uint", "uint64")):
        what = f"number {value}"
    place = f"Go struct field {path} of type {go}" if path else f"Go value of type {go}"
    return DecodeError(f"json: cannot unmarshal {what} into {place}")


_GO_KINDS: Final[dict[type, str]] = {
    str: "string",
    bool: "bool",
    int: "int",
    float: "float64",
    list: "slice",
    tuple: "slice",
    dict: "map",
}


def _go_kind(value: object) -> str:
    return _GO_KINDS.get(type(value), "nil")


def block(value: Any, path: str) -> dict[str, Any]:
    """One block of configuration. Raises DecodeError for anything else."""
    if not is_dict(value):
        raise DecodeError(f"{path}: expected a map, got '{_go_kind(value)}'")
    return value


def _json_string(value: Any, path: str, go: str = "string") -> str:
    if not isinstance(value, str):
        raise mismatch(value, path, go)
    return value


def named_string(go: str) -> Kind:
    """Text whose Go type has a name of its own."""
    return Kind(go, lambda value, path: _json_string(value, path, go), _config_string)


def json_only(go: str, read: Callable[[Any, str], Any]) -> Kind:
    """A kind of value that never stands in configuration."""
    return Kind(go, read, _refuse_config)


def _refuse_config(value: Any, path: str) -> Any:
    raise DecodeError(f"{path}: not to be configured")


def _json_int(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise mismatch(value, path, "int")
    return value


def _json_unsigned(value: Any, path: str, go: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise mismatch(value, path, go)
    return value


def _unsigned(go: str) -> Kind:
    return Kind(go, lambda value, path: _json_unsigned(value, path, go), _config_int)


def _json_bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise mismatch(value, path, "bool")
    return value


def _json_duration(value: Any, path: str) -> int:
    """Text in Go's notation, or nanoseconds; values of other types count as zero, as Consul has it."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except DurationError as bad:
            raise BadDuration(str(bad)) from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return from_number(value)
    return 0


def _json_strings(value: Any, path: str) -> list[str]:
    if not is_list(value):
        raise mismatch(value, path, "[]string")
    return ["" if item is None else _json_string(item, path) for item in value]


def _json_string_map(value: Any, path: str) -> dict[str, str]:
    if not is_dict(value):
        raise mismatch(value, path, "map[string]string")
    return {key: "" if item is None else _json_string(item, path) for key, item in value.items()}


def _json_headers(value: Any, path: str) -> dict[str, list[str]]:
    if not is_dict(value):
        raise mismatch(value, path, "map[string][]string")
    return {key: [] if item is None else _json_strings(item, path) for key, item in value.items()}


def _json_opaque(value: Any, path: str) -> dict[str, Any]:
    if not is_dict(value):
        raise mismatch(value, path, "map[string]interface {}")
    if is_too_deep(value):
        raise DecodeError(too_deep(path.rpartition(".")[2]))
    return go_numbers(value, path)


def go_numbers(value: Parsed, path: str = "") -> Any:
    """Untyped JSON as Go keeps it: every number is a float.

    What is hashed, packed and shown depends on that.

    ``path`` is where it stands, for errors. Raises DecodeError for a number that no float holds.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        if too_large := huge(value):
            raise mismatch(too_large, path, "float64")
        return float(value)
    if isinstance(value, dict):
        return {key: go_numbers(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [go_numbers(item, path) for item in value]
    return value


def _config_string(value: Any, path: str) -> str:
    return value if isinstance(value, str) else _unconvertible(value, path, "string")


def _config_int(value: Any, path: str) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole else _unconvertible(value, path, "int")


def _config_bool(value: Any, path: str) -> bool:
    return value if isinstance(value, bool) else _unconvertible(value, path, "bool")


def _unconvertible(value: object, path: str, wanted: str) -> NoReturn:
    raise DecodeError(f"{path}: expected type '{wanted}', got unconvertible type '{_go_kind(value)}'")


def _config_duration(value: Any, path: str) -> int:
    text = _config_string(value, path)
    try:
        return parse_duration(text)
    except DurationError as bad:
        raise DecodeError(f"{path}: invalid duration: {quote(text)}: {bad}") from None


def _config_strings(value: Any, path: str) -> list[str]:
    items = value if is_list_or_tuple(value) else _unconvertible(value, path, "[]string")
    return [_config_string(item, path) for item in items]


def _config_string_map(value: Any, path: str) -> dict[str, str]:
    return {key: _config_string(item, path) for key, item in block(value, path).items()}


def _config_headers(value: Any, path: str) -> dict[str, list[str]]:
    return {key: _config_strings(item, path) for key, item in block(value, path).items()}


STRING: Final = Kind("string", _json_string, _config_string)
INT: Final = Kind("int", _json_int, _config_int)
UINT: Final = _unsigned("uint")
UINT64: Final = _unsigned("uint64")
BOOL: Final = Kind("bool", _json_bool, _config_bool)
DURATION: Final = Kind("time.Duration", _json_duration, _config_duration)
STRINGS: Final = Kind("[]string", _json_strings, _config_strings)
STRING_MAP: Final = Kind("map[string]string", _json_string_map, _config_string_map)
HEADERS: Final = Kind("map[string][]string", _json_headers, _config_headers)
OPAQUE: Final = Kind("map[string]interface {}", _json_opaque, block)
