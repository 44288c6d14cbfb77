"""Emptiness, defaults, kinds and JSON of the sprig library."""

from __future__ import annotations

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Known, Struct, Value, is_nil, kind_of, type_of, unwrap
from pyconsul_template import gojson
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.sprig_versions import Version


def is_empty(value: Value) -> bool:
    """sprig's emptiness: nothing, zero, false, or without content."""
    return not value


def deep_equal(a: Value, b: Value) -> bool:
    """Go's reflect.DeepEqual: same types, same content."""
    pairs: list[tuple[Value, Value]] = [(a, b)]
    while pairs:
        first, second = pairs.pop()
        x: Known = unwrap(first)
        y = unwrap(second)
        if type_of(x) != type_of(y) or is_nil(x) != is_nil(y):
            return False
        if isinstance(x, list):
            if len(x) != len(y):
                return False
            pairs += zip(x, y, strict=True)
        elif isinstance(x, dict):
            if x.keys() != y.keys():
                return False
            pairs += [(x[k], y[k]) for k in x]
        elif isinstance(x, Version):
            pairs.append((x.bare(), y.bare()))
        elif isinstance(x, Struct):
            pairs += [(getattr(x, f.name), getattr(y, f.name)) for f in x.fields]
        elif x != y:
            return False
    return True


@function("sprig_default", "any, ...any -> any")
def default(fallback: Value, *given: Value) -> Value:
    """The given value, or the fallback when it is empty."""
    return given[0] if given and not is_empty(given[0]) else fallback


@function("sprig_empty", "any")
def empty(value: Value) -> bool:
    """Whether the value is empty."""
    return is_empty(value)


@function("sprig_coalesce", "...any -> any")
def coalesce(*values: Value) -> Value:
    """The first value that is not empty."""
    return next((v for v in values if not is_empty(v)), None)


@function("sprig_all", "...any")
def all_(*values: Value) -> bool:
    """Whether no value is empty."""
    return not any(is_empty(v) for v in values)


@function("sprig_any", "...any")
def any_(*values: Value) -> bool:
    """Whether some value is not empty."""
    return any(not is_empty(v) for v in values)


@function("sprig_ternary", "any, any, bool -> any")
def ternary(yes: Value, no: Value, choice: bool) -> Value:
    """One of two values."""
    return yes if choice else no


@function("sprig_fail", "string")
def fail(message: str) -> str:
    """End with this message."""
    raise FunctionError(message)


@function("sprig_typeOf", "any")
def type_name(value: Value) -> str:
    """The Go type."""
    return type_of(value)


@function("sprig_typeIs", "string, any")
def type_is(name: str, value: Value) -> bool:
    """Whether it is of this Go type."""
    return type_of(value) == name


@function("sprig_typeIsLike", "string, any")
def type_is_like(name: str, value: Value) -> bool:
    """Whether it is of this Go type or a pointer to it."""
    return type_of(value) in (name, f"*{name}")


@function("sprig_kindOf", "any")
def kind_name(value: Value) -> str:
    """The Go kind."""
    return kind_of(value)


@function("sprig_kindIs", "string, any")
def kind_is(name: str, value: Value) -> bool:
    """Whether it is of this Go kind."""
    return kind_of(value) == name


@function("sprig_deepEqual", "any, any")
def deep_equal_(a: Value, b: Value) -> bool:
    """Whether type and content are the same."""
    return deep_equal(a, b)


@function("sprig_fromJson", "string -> any")
def from_json(text: str) -> Value:
    """The value of a JSON text, nil for a wrong one."""
    try:
        return gojson.parse(text)
    except FunctionError:
        return None


@function("sprig_mustFromJson", "string -> any")
def must_from_json(text: str) -> Value:
    """The value of a JSON text."""
    return gojson.parse(text)


def _or_blank(value: Value, *, html: bool = True, indent: str = "") -> str:
    try:
        return gojson.dump(value, html=html, indent=indent)
    except FunctionError:
        return ""


@function("sprig_toJson", "any")
def to_json(value: Value) -> str:
    """JSON; empty for what has none."""
    return _or_blank(value)


@function("sprig_toPrettyJson", "any")
def to_pretty_json(value: Value) -> str:
    """JSON over several lines; empty for what has none."""
    return _or_blank(value, indent="  ")


@function("sprig_mustToJson", "any")
def must_to_json(value: Value) -> str:
    """JSON."""
    return gojson.dump(value)


@function("sprig_mustToPrettyJson", "any")
def must_to_pretty_json(value: Value) -> str:
    """JSON over several lines."""
    return gojson.dump(value, indent="  ")


@function("sprig_toRawJson", "any")
def to_raw_json(value: Value) -> str:
    """JSON without escapes for HTML."""
    return gojson.dump(value, html=False)


function("sprig_mustToRawJson", "any")(to_raw_json)
