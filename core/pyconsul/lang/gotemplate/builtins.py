"""The functions every Go template has: comparisons, index, slice, len, print and escapes.

``and``, ``or`` and ``call`` are here by name only; the compiler evaluates them itself, since they look
at their arguments one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import quote_plus

from pyconsul.lang.gotemplate.errors import FunctionError
from pyconsul.lang.gotemplate.functions import Function, WrongTypeError, argument_count_error, prepared, signature
from pyconsul.lang.gotemplate.gofmt import shown, sprint, sprintf, sprintln
from pyconsul.lang.gotemplate.values import (
    BOOL,
    COMPLEX,
    INT,
    NIL,
    OTHER,
    UINT,
    Channel,
    Known,
    NilPointer,
    Slice,
    Struct,
    Uint8,
    Value,
    basic_kind,
    element_type,
    is_nil,
    key_type,
    kind_of,
    type_of,
    unwrap,
    zero_value,
)
from pyconsul.lang.strconv import byte_length, from_bytes, to_bytes

_BAD_TYPE = "invalid type for comparison"


def _show(value: Value) -> str:
    """A value as Go's ``%s`` of a reflect.Value shows it in messages."""
    return sprintf("%s", [value])


def _incompatible(a: Value, b: Value) -> FunctionError:
    return FunctionError(f"incompatible types for comparison: {type_of(a)} and {type_of(b)}")


def _equal_others(a: Value, b: Known) -> bool:
    """Equality of what is no scalar: nil, pointers, structs; slices and maps do not compare."""
    ka, kb = kind_of(a), kind_of(b)
    if ka != kb and "invalid" not in (ka, kb):
        raise FunctionError(f"non-comparable types {_show(a)}: {type_of(a)}, {type_of(b)}: {sprint([b])}")
    if is_nil(a) or is_nil(b):
        return is_nil(a) == is_nil(b)
    if isinstance(b, (list, dict)) or kb == "func":
        raise FunctionError(f"non-comparable type {_show(b)}: {type_of(b)}")
    return a is b if isinstance(a, Struct) and a.pointer else bool(a == b)


def eq(first: Value, *others: Value) -> bool:
    """Whether the first argument equals any of the others."""
    first = unwrap(first)
    if not others:
        raise FunctionError("missing argument for comparison")
    kind = basic_kind(first)
    for value in others:
        other = unwrap(value)
        other_kind = basic_kind(other)
        # Of unlike kinds only signed and unsigned integers compare, by their numbers.
        if kind != other_kind and {kind, other_kind} != {INT, UINT}:
            if first is not None and other is not None:
                raise _incompatible(first, other)
        elif kind != OTHER:
            if first == other:
                return True
        elif _equal_others(first, other):
            return True
    return False


def ne(first: Value, other: Value) -> bool:
    """Whether the two differ."""
    return not eq(first, other)


def lt(first: Value, other: Value) -> bool:
    """Whether the first is less."""
    first, other = unwrap(first), unwrap(other)
    kind, other_kind = basic_kind(first), basic_kind(other)
    if OTHER in (kind, other_kind):
        raise FunctionError(_BAD_TYPE)
    if kind != other_kind:
        if {kind, other_kind} != {INT, UINT}:
            raise _incompatible(first, other)
    elif kind in (BOOL, COMPLEX):
        raise FunctionError(_BAD_TYPE)
    if isinstance(first, str) and not (first.isascii() and other.isascii()):
        return to_bytes(first) < to_bytes(other)
    return bool(first < other)


def le(first: Value, other: Value) -> bool:
    """Whether the first is less or equal."""
    return lt(first, other) or eq(first, other)


def gt(first: Value, other: Value) -> bool:
    """Whether the first is greater."""
    return not le(first, other)


def ge(first: Value, other: Value) -> bool:
    """Whether the first is greater or equal."""
    return not lt(first, other)


def _position(index: Value, limit: int) -> int:
    if index is None or index is NIL:
        raise FunctionError("cannot index slice/array with nil")
    if not isinstance(index, int) or isinstance(index, bool):
        raise FunctionError(f"cannot index slice/array with type {type_of(index)}")
    if index < 0 or index > limit:
        raise FunctionError(f"index out of range: {int(index)}")
    return int(index)


def index(item: Value, *indexes: Value) -> Value:
    """``item[i][j]…``; a missing map key gives the zero value."""
    item = unwrap(item)
    if item is None:
        raise FunctionError("index of untyped nil")
    for raw in indexes:
        if item is NIL or isinstance(item, NilPointer):
            raise FunctionError("index of nil pointer")
        item = _index_once(item, unwrap(raw))
    return item


def _index_once(item: Known, at: Value) -> Value:
    if isinstance(item, str):
        data = to_bytes(item)
        place = _position(at, len(data))
        if place == len(data):
            raise FunctionError("reflect: string index out of range")
        return Uint8(data[place])
    if isinstance(item, (list, bytes)):
        place = _position(at, len(item))
        if place == len(item):
            raise FunctionError("reflect: slice index out of range")
        found: Value = item[place]
        if isinstance(item, bytes):
            return Uint8(found)
        return NIL if found is None else found
    if isinstance(item, dict):
        return _map_entry(item, at)
    raise FunctionError(f"can't index item of type {type_of(item).removeprefix('*')}")


def _map_entry(mapping: dict[Any, Any], at: Value) -> Value:
    try:
        key = prepared(at, key_type(mapping))
    except WrongTypeError as error:
        raise FunctionError(str(error)) from None
    try:
        found = mapping.get(key, mapping)  # the map itself says that there is none
    except TypeError:
        raise FunctionError(f"runtime error: hash of unhashable type {type_of(key)}") from None
    if found is mapping or not (isinstance(key, str) or _is_key(mapping, key)):
        return zero_value(element_type(mapping))
    return NIL if found is None else found


def _is_key(mapping: dict[Any, Any], key: Value) -> bool:
    """Whether the map has a key of that type, too: to Python 1, 1.0 and True are one."""
    return any(type(held) is type(key) and held == key for held in mapping)


def slice_(item: Known, *indexes: Value) -> Value:
    """``item[i:j]`` or ``item[i:j:k]``; texts are cut by bytes."""
    item = unwrap(item)
    if item is None:
        raise FunctionError("slice of untyped nil")
    if isinstance(item, NilPointer):
        raise FunctionError("slice of nil pointer")
    if len(indexes) > 3:
        raise FunctionError(f"too many slice indexes: {len(indexes)}")
    if isinstance(item, str) and len(indexes) == 3:
        raise FunctionError("cannot 3-index slice a string")
    if not isinstance(item, (str, list, bytes)):
        raise FunctionError(f"can't slice item of type {type_of(item).removeprefix('*')}")
    data: Any = to_bytes(item) if isinstance(item, str) else item
    places = [0, len(data), len(data)]
    for n, value in enumerate(indexes):
        places[n] = _position(unwrap(value), len(data))
    for low, high in pairwise(places if len(indexes) == 3 else places[:2]):
        if low > high:
            raise FunctionError(f"invalid slice index: {low} > {high}")
    cut = data[places[0] : places[1]]
    if isinstance(item, str):
        return from_bytes(cut)
    return Slice(item.go_type, cut) if isinstance(item, Slice) else cut


def length(item: Known) -> int:
    """How many bytes, elements or entries."""
    if isinstance(item, str):
        return byte_length(item)
    if isinstance(item, (list, dict, bytes)):
        return len(item)
    if isinstance(item, Channel):
        return 0  # nothing is buffered
    if item is None:
        raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
    if is_nil(item):
        raise FunctionError("len of nil pointer")
    raise FunctionError(f"len of type {type_of(item).removeprefix('*')}")


def not_(value: Value) -> bool:
    """The opposite truth value."""
    return not value


def call(name: str | None, function: Value, *args: Value) -> Value:
    """Call a function value.

    ``name`` is how the template spells it, None for one that came through a pipe.
    """
    function = unwrap(function)
    if name is None:
        name = function if isinstance(function, str) else f"<{type_of(function)} Value>"
    if function is None:
        raise FunctionError("call of nil")
    if not isinstance(function, Function):
        raise FunctionError(f"non-function {name} of type {type_of(function)}")
    complaint = argument_count_error(name, function, len(args), len(args))
    if complaint is not None:
        # ``call`` says it the other way round: first what it got.
        wanted, _, got = complaint.rpartition(" got ")
        head, _, want = wanted.partition(": want ")
        raise FunctionError(f"{head}: got {got} want {want}")
    ready: list[Value] = []
    for n, value in enumerate(args):
        try:
            ready.append(prepared(unwrap(value), function.type_at(n)))
        except WrongTypeError as error:
            raise FunctionError(f"arg {n}: {error}") from None
    return function.call(*ready)


_HTML = str.maketrans({"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}


def _joined(values: Sequence[Value]) -> str:
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    if len(values) == 1 and isinstance(values[0], Struct):
        return shown(values[0])
    return sprint(["<no value>" if v is None or v is NIL else v for v in values])


def html(*values: Value) -> str:
    """The printed values, escaped for HTML."""
    return _joined(values).translate(_HTML)


def js_escape(text: str) -> str:
    """A text escaped for a JavaScript string."""
    out: list[str] = []
    for char in text:
        if char in _JS:
            out.append(_JS[char])
        elif char < " ":
            out.append(f"\\u00{ord(char):02X}")
        elif char.isascii() or char.isprintable() or "\udc80" <= char <= "\udcff":
            out.append(char)
        else:
            out.append(f"\\u{ord(char):04X}")
    return "".join(out)


def js(*values: Value) -> str:
    """The printed values, escaped for JavaScript."""
    return js_escape(_joined(values))


def urlquery(*values: Value) -> str:
    """The printed values, escaped for a URL's query."""
    return quote_plus(to_bytes(_joined(values)), safe="-_.~")


def _print(*values: Value) -> str:
    return sprint(values)


def _println(*values: Value) -> str:
    return sprintln(values)


def _printf(form: str, *values: Value) -> str:
    return sprintf(form, values)


def _reserved(*values: Value) -> Value:
    raise NotImplementedError(f"the compiler evaluates this one ({len(values)} arguments)")


BUILTINS: dict[str, Function] = {
    "and": signature("value, ...value", _reserved),
    "or": signature("value, ...value", _reserved),
    "call": signature("value, ...value", _reserved),
    "not": signature("value", not_),
    "eq": signature("value, ...value", eq),
    "ne": signature("value, value", ne),
    "lt": signature("value, value", lt),
    "le": signature("value, value", le),
    "gt": signature("value, value", gt),
    "ge": signature("value, value", ge),
    "index": signature("value, ...value", index),
    "slice": signature("value, ...value", slice_),
    "len": signature("value", length),
    "html": signature("...any", html),
    "js": signature("...any", js),
    "urlquery": signature("...any", urlquery),
    "print": signature("...any", _print),
    "println": signature("...any", _println),
    "printf": signature("string, ...any", _printf),
}
