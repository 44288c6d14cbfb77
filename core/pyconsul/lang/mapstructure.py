"""What HashiCorp's mapstructure says of values that do not fit the struct they are decoded into."""

from __future__ import annotations

from collections.abc import Iterable

from pyconsul.lang.goprint import printed
from pyconsul.lang.hcl import Blocks


def decoding_failed(faults: Iterable[str]) -> str:
    """One sentence for all faults of a struct, sorted."""
    lines = sorted(faults)
    return f"{len(lines)} error(s) decoding:\n\n" + "\n".join(f"* {line}" for line in lines)


def unconvertible(name: str, wanted: str, given: object) -> str:
    """What mapstructure says of a value that is of no use as the type ``wanted``."""
    return f"'{name}' expected type '{wanted}', got unconvertible type '{go_type(given)}', value: '{printed(given)}'"


def go_kind(value: object) -> str:
    """The ``reflect.Kind`` of a value that was read from HCL or JSON; ``invalid`` for a null."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float64"
        case str():
            return "string"
        case list():
            return "slice"
        case None:
            return "invalid"
        case _:
            return "map"


def go_type(value: object) -> str:
    """The Go type of such a value, as ``%T`` prints it; blocks of HCL have one of their own."""
    match value:
        case Blocks():
            return "[]map[string]interface {}"
        case list():
            return "[]interface {}"
        case dict():
            return "map[string]interface {}"
        case _:
            return go_kind(value)
