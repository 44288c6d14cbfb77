"""Lists of the sprig library. The variants with ``must`` report the same errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import ANY_LIST, Known, Slice, Value, kind_of
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.sprig_logic import deep_equal, is_empty
from pyconsul_template.functions.sprig_numbers import to_int

_NO_TYPE = "runtime error: invalid memory address or nil pointer dereference"  # what asking nil for its type gives


def _both(name: str, types: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register under the plain name and the one that begins with ``must``."""

    def register(call: Callable[..., Any]) -> Callable[..., Any]:
        function(f"sprig_{name}", types)(call)
        return function(f"sprig_must{name[0].upper()}{name[1:]}", types)(call)

    return register


def _list(value: Known, verb: str, name: str) -> list[Any]:
    if value is None:
        raise FunctionError(_NO_TYPE)
    if not isinstance(value, list):
        raise FunctionError(
            f"Cannot {verb} type {kind_of(value)}" if not name else f"Cannot {verb} {name} type {kind_of(value)}"
        )
    return value


def _nil_list() -> Slice:
    """The nil []interface {} that empty lists give."""
    return Slice(ANY_LIST, is_nil=True)


@function("sprig_list", "...any")
def make_list(*values: Value) -> list[Any]:
    """The arguments as a list."""
    return list(values)


function("sprig_tuple", "...any")(make_list)


@_both("append", "any, any")
def append(items: Value, value: Value) -> list[Any]:
    """The list and one more element."""
    return [*_list(items, "push", "on"), value]


@_both("push", "any, any")
def push(items: Value, value: Value) -> list[Any]:
    """The list and one more element."""
    return [*_list(items, "push", "on"), value]


@_both("prepend", "any, any")
def prepend(items: Value, value: Value) -> list[Any]:
    """One more element and the list."""
    return [value, *_list(items, "prepend", "on")]


@_both("chunk", "int, any")
def chunk(size: int, items: Value) -> Slice:
    """The list in pieces of a size."""
    whole = _list(items, "chunk", "")
    pieces = (len(whole) - 1) // size + 1 if size else -1
    if pieces < 0 or (pieces and size < 0):
        raise FunctionError("runtime error: makeslice: len out of range")
    return Slice(f"[]{ANY_LIST}", [list(whole[n * size : (n + 1) * size]) for n in range(pieces)])


@_both("first", "any -> any")
def first(items: Value) -> Value:
    """The first element, nil of an empty list."""
    whole = _list(items, "find", "first on")
    return whole[0] if whole else None


@_both("last", "any -> any")
def last(items: Value) -> Value:
    """The last element, nil of an empty list."""
    whole = _list(items, "find", "last on")
    return whole[-1] if whole else None


@_both("rest", "any")
def rest(items: Value) -> list[Any]:
    """All but the first element."""
    whole = _list(items, "find", "rest on")
    return list(whole[1:]) if whole else _nil_list()


@_both("initial", "any")
def initial(items: Value) -> list[Any]:
    """All but the last element."""
    whole = _list(items, "find", "initial on")
    return list(whole[:-1]) if whole else _nil_list()


@_both("reverse", "any")
def reverse(items: Value) -> list[Any]:
    """The elements from last to first."""
    return list(reversed(_list(items, "find", "reverse on")))


@_both("compact", "any")
def compact(items: Value) -> list[Any]:
    """The elements that are not empty."""
    return [v for v in _list(items, "compact", "on") if not is_empty(v)]


@_both("uniq", "any")
def uniq(items: Value) -> list[Any]:
    """Every element once."""
    out: list[Any] = []
    for value in _list(items, "find", "uniq on"):
        if not any(deep_equal(value, seen) for seen in out):
            out.append(value)
    return out


@_both("without", "any, ...any")
def without(items: Value, *omitted: Value) -> list[Any]:
    """The elements but for the given ones."""
    whole = _list(items, "find", "without on")
    return [v for v in whole if not any(deep_equal(v, o) for o in omitted)]


@_both("has", "any, any")
def has(needle: Value, items: Value) -> bool:
    """Whether the list holds the value."""
    return items is not None and any(deep_equal(needle, v) for v in _list(items, "find", "has on"))


@_both("slice", "any, ...any -> any")
def cut(items: Known, *places: Value) -> Value:
    """The elements from one place up to another."""
    if items is None:
        raise FunctionError(_NO_TYPE)
    if not isinstance(items, list):
        raise FunctionError(f"list should be type of slice or array but {kind_of(items)}")
    if not items:
        return None
    start = to_int(places[0]) if places else 0
    end = to_int(places[1]) if len(places) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise FunctionError("reflect.Value.Slice: slice index out of bounds")
    return Slice(items.go_type, items[start:end]) if isinstance(items, Slice) else items[start:end]


@function("sprig_concat", "...any -> any")
def concat(*lists: Value) -> Value:
    """All lists in one."""
    out: list[Any] = []
    for items in lists:
        if not isinstance(items, list):
            raise FunctionError(_NO_TYPE if items is None else f"Cannot concat type {kind_of(items)} as list")
        out += items
    return out or _nil_list()
