"""Sections of the runtime configuration filled from merged values, by the rows of the table of keys."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, get_type_hints

from pyconsul.config.keyrow import Kind
from pyconsul.config.keys import key_named
from pyconsul.config.sections import Section
from pyconsul.config.values import Values

S = TypeVar("S", bound=Section)

# Names in error texts that differ from the key.
_LABELS = {
    "dns_config.recursor_timeout": "recursor_timeout",
    "telemetry.prometheus_retention_time": "prometheus_retention_time",
}


@cache
def _hints(section: type[Section]) -> dict[str, Any]:
    return get_type_hints(section)


def build_section(kind: type[S], values: Values, prefix: str, **given: Any) -> S:
    """A section from its keys; members in ``given`` are taken as they are."""
    hints = _hints(kind)
    for member in kind.__struct_fields__:
        if member in given:
            continue
        name = f"{prefix}.{member}" if prefix else member
        inner = hints[member]
        if isinstance(inner, type) and issubclass(inner, Section):
            given[member] = build_section(inner, values, name)
        else:
            given[member] = read(values, name)
    return kind(**given)


def read(values: Values, name: str) -> Any:
    """The value of one key in its runtime form: nanoseconds, tuples, ``inf`` for a rate without limit."""
    key = key_named(name)
    default: Any = key.default
    match key.kind:
        case Kind.BOOL:
            return values.flag(name, bool(default))
        case Kind.STRING | Kind.TIME:
            return values.text(name, default or "")
        case Kind.DURATION:
            return _duration(values, name)
        case Kind.INT | Kind.UINT | Kind.UINT32 | Kind.UINT64:
            return values.integer(name, default or 0)
        case Kind.NUMBER:
            return values.rate(name, default or 0.0)
        case Kind.STRINGS:
            return values.texts(name)
        case Kind.MAP:
            return values.mapping(name)
        case Kind.OBJECTS:
            return values.objects(name)
        case _:
            return values.object(name)


def _duration(values: Values, name: str) -> int:
    label = _LABELS.get(name, name)
    if name.startswith(("gossip_lan.", "gossip_wan.")):
        label = name.replace(".", "..", 1)  # as Consul spells it
    return values.duration(name, label)
