"""An auth method's ``Config`` as typed values, read as loosely as Consul does it: texts for numbers, one for a list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pyconsul.acl.methods.protocol import MethodError
from pyconsul.lang.mapstructure import decoding_failed, go_kind, unconvertible
from pyconsul.lang.strconv import NumberSyntaxError, parse_bool, parse_int
from pyconsul.primitives.untyped import is_dict, is_list

Read: TypeAlias = Callable[[str, Any], Any]


def read_settings(config: Mapping[str, Any], kinds: Mapping[str, Read]) -> dict[str, Any]:
    """The values by their canonical names; those left out are missing. Letter case of names does not matter.

    Raises MethodError that lists every value of a wrong type, and names that mean nothing.
    """
    known = {name.lower(): name for name in kinds}
    found: dict[str, Any] = {}
    faults: list[str] = []
    unknown = sorted(name for name in config if name.lower() not in known)
    for given, value in config.items():
        name = known.get(given.lower())
        if name is None or value is None:
            continue
        try:
            found[name] = kinds[name](name, value)
        except MethodError as error:
            faults.append(str(error))
    if unknown:
        faults.append(f"'' has invalid keys: {', '.join(unknown)}")
    if faults:
        raise MethodError(f"error decoding config: {decoding_failed(faults)}")
    return found


def text(name: str, value: Any) -> str:
    """Text; numbers and truths are written as such, null is empty."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "1" if value else "0"
        case int() | float():
            return str(int(value)) if float(value).is_integer() else str(value)
        case _:
            raise _wrong(name, "string", value)


def nanoseconds(name: str, value: Any) -> int:
    """A duration: a whole number, not the text that stands for one elsewhere."""
    return number(name, value, "time.Duration")


def number(name: str, value: Any, go_type: str = "int") -> int:
    """A whole number; text may hold one."""
    match value:
        case bool():
            return int(value)
        case int() | float():
            return int(value)
        case str():
            try:
                return parse_int(value or "0", 0, 64)
            except NumberSyntaxError as error:
                raise MethodError(f"cannot parse '{name}' as int: {error}") from None
        case _:
            raise _wrong(name, go_type, value)


def truth(name: str, value: Any) -> bool:
    """A truth; numbers other than zero are true."""
    match value:
        case bool():
            return value
        case int() | float():
            return value != 0
        case str():
            try:
                return parse_bool(value) if value else False
            except NumberSyntaxError as error:
                raise MethodError(f"cannot parse '{name}' as bool: {error}") from None
        case _:
            raise _wrong(name, "bool", value)


def texts(name: str, value: Any) -> list[str]:
    """A list of texts; a single one stands for a list of one, an empty map for an empty one."""
    items: list[Any] = value if is_list(value) else [value] if value != {} else []
    return [text(f"{name}[{at}]", item) for at, item in enumerate(items)]


def text_map(name: str, value: Any) -> dict[str, str]:
    """Texts by name; of maps in a list all members count."""
    if is_list(value):
        parts = [text_map(f"{name}[{at}]", part) for at, part in enumerate(value) if part is not None]
        return {key: item for part in parts for key, item in part.items()}
    if not is_dict(value):
        raise _wrong(name, "map[string]string", value)
    return {str(key): text(f"{name}[{key}]", item) for key, item in value.items()}


def _wrong(name: str, expected: str, value: Any) -> MethodError:
    if expected.startswith("map"):
        return MethodError(f"'{name}' expected a map, got '{go_kind(value)}'")
    return MethodError(unconvertible(name, expected, value))
