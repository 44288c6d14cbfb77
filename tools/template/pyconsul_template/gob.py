"""Go's gob, as far as the original shares data of templates in it: numbers, texts, structs, lists, maps, interfaces.

A stream is a row of messages: first the types that it uses, each under a number, then the value. Numbers of types
and the descriptions of the descriptions are those that every gob begins with.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from pyconsul.lang.gotemplate.values import (
    NIL,
    STRUCTS,
    Known,
    Map,
    Slice,
    Struct,
    TypedInt,
    element_type,
    type_of,
    zero_value,
)
from pyconsul.lang.strconv import from_bytes, to_bytes
from pyconsul_template.dependencies.health import HealthChecks
from pyconsul_template.dependencies.models import ServiceTags

BOOL, INT, UINT, FLOAT, BYTES, STRING, INTERFACE, WIRE = 1, 2, 3, 4, 5, 6, 8, 16
FIRST_FREE: Final = 65
DEPTH: Final = 32
"""Values are as deep as types of templates are; what is deeper was made to harm."""


class GobError(ValueError):
    """Bytes that are no gob, or a value that no gob can carry."""


class Record(msgspec.Struct, frozen=True):
    """A struct: names and types of its fields in their order."""

    fields: tuple[tuple[str, int], ...]


class List(msgspec.Struct, frozen=True):
    """A slice, or an array."""

    element: int


class Table(msgspec.Struct, frozen=True):
    """A map."""

    key: int
    element: int


Shape: TypeAlias = Record | List | Table

# How types are described: numbers and fields are Go's.
_FIRST_TYPES: Final[Mapping[int, Shape]] = {
    WIRE: Record((("ArrayT", 17), ("SliceT", 19), ("StructT", 20), ("MapT", 23))),
    17: Record((("CommonType", 18), ("Elem", INT), ("Len", INT))),
    18: Record((("Name", STRING), ("Id", INT))),
    19: Record((("CommonType", 18), ("Elem", INT))),
    20: Record((("CommonType", 18), ("Field", 22))),
    21: Record((("Name", STRING), ("Id", INT))),
    22: List(21),
    23: Record((("CommonType", 18), ("Key", INT), ("Elem", INT))),
}
_SCALARS: Final = {
    "bool": BOOL,
    "int": INT,
    "uint": UINT,
    "float64": FLOAT,
    "string": STRING,
    "interface {}": INTERFACE,
}
_NAMED_SLICES: Final[Mapping[str, type[Slice]]] = {
    "dependency.ServiceTags": ServiceTags,
    "api.HealthChecks": HealthChecks,
}


def encode(fields: Mapping[str, tuple[str, Any]]) -> bytes:
    """The stream of one struct, whose fields have Go types and values. Raises GobError."""
    writer = _Writer()
    numbered = tuple((name, writer.number(go_type)) for name, (go_type, _) in fields.items())
    top = writer.add("", Record(numbered))
    value = writer.value(top, {name: value for name, (_, value) in fields.items()})
    return bytes(writer.messages) + _message(_signed(top) + value)


def decode(data: bytes) -> dict[str, Any]:
    """The fields of the struct in a stream, those apart that are zero. Raises GobError."""
    try:
        found: Known = _Reader(data).top()
    except GobError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise GobError(f"gob: bad data: {error}") from None
    if not isinstance(found, dict):
        raise GobError("gob: no struct")
    return found


# -- numbers -----------------------------------------------------------------------------


def _unsigned(number: int) -> bytes:
    if number < 128:
        return bytes([number])
    plain = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([256 - len(plain)]) + plain


def _signed(number: int) -> bytes:
    return _unsigned(~number << 1 | 1 if number < 0 else number << 1)


def _float_bits(number: float) -> int:
    return int.from_bytes(struct.pack("<d", number), "big")


def _message(data: bytes) -> bytes:
    return _unsigned(len(data)) + data


def _text(text: str) -> bytes:
    return _message(to_bytes(text))


# -- writing -----------------------------------------------------------------------------


def _base(go_type: str) -> str:
    """Pointers are not there in a gob."""
    return go_type.lstrip("*")


def _plain(go_type: str) -> str:
    """The unnamed type with the same shape."""
    named = _NAMED_SLICES.get(go_type)
    return named().underlying if named is not None else go_type


def _scalar(go_type: str) -> str | bool | int | float | None:
    """The zero value of a text, number or truth value; None for everything else."""
    zero = NIL if go_type in STRUCTS else zero_value(go_type)
    return zero if isinstance(zero, (str, bool, int, float)) else None


class _Writer:
    """Numbers types and describes them when they are first met."""

    def __init__(self) -> None:
        self.messages = bytearray()
        self._numbers: dict[str, int] = dict(_SCALARS)
        self._shapes: dict[int, Shape] = dict(_FIRST_TYPES)
        self._next = FIRST_FREE

    def number(self, go_type: str) -> int:
        """The number of a type. Raises GobError for one that templates have not."""
        go_type = _base(go_type)
        known = self._numbers.get(go_type)
        if known is not None:
            return known
        zero = _scalar(go_type)
        if isinstance(zero, TypedInt):
            return UINT if zero.unsigned else INT
        return self.add(go_type, self._shape_of(go_type))

    def _shape_of(self, go_type: str) -> Shape:
        plain = _plain(go_type)
        if plain.startswith("[]"):
            return List(self.number(plain[2:]))
        if plain.startswith("map["):
            return Table(STRING, self.number(element_type(Map(plain))))
        if go_type in STRUCTS:
            return Record(tuple((field.name, self.number(field.type)) for field in STRUCTS[go_type].fields))
        raise GobError(f"gob: type not registered for interface: {go_type}")

    def add(self, go_type: str, shape: Shape) -> int:
        """Describe a type. Returns its number."""
        number, self._next = self._next, self._next + 1
        self._numbers[go_type], self._shapes[number] = number, shape
        common = {"CommonType": {"Name": go_type.rpartition(".")[2], "Id": number}}
        if isinstance(shape, Record):
            fields = [{"Name": name, "Id": kind} for name, kind in shape.fields]
            wire = {"StructT": {**common, "Field": fields}}
        elif isinstance(shape, List):
            wire = {"SliceT": {**common, "Elem": shape.element}}
        else:
            wire = {"MapT": {**common, "Key": shape.key, "Elem": shape.element}}
        self.messages += _message(_signed(-number) + self.value(WIRE, wire))
        return number

    def value(self, number: int, value: Any) -> bytes:
        """A value of a type, also when it is zero."""
        if number == BOOL:
            return _unsigned(bool(value))
        if number == UINT:
            return _unsigned(value)
        if number == INT:
            return _signed(value)
        if number == FLOAT:
            return _unsigned(_float_bits(value))
        if number == STRING:
            return _text(value)
        if number == INTERFACE:
            return self._any(value)
        shape = self._shapes[number]
        if isinstance(shape, Record):
            return self._record(shape, value)
        if isinstance(shape, List):
            return _unsigned(len(value)) + b"".join(self.value(shape.element, one) for one in value)
        pairs = ((self.value(shape.key, key), self.value(shape.element, one)) for key, one in sorted(value.items()))
        return _unsigned(len(value)) + b"".join(key + one for key, one in pairs)

    def _record(self, shape: Record, value: Known) -> bytes:
        """Fields that are zero are left out; the others tell how far they are from the one before."""
        out, last = bytearray(), -1
        for place, (name, number) in enumerate(shape.fields):
            one = value.get(name) if isinstance(value, dict) else getattr(value, name)
            if one or isinstance(one, Struct):
                out += _unsigned(place - last) + self.value(number, one)
                last = place
        return bytes(out) + b"\0"

    def _any(self, value: Any) -> bytes:
        """What stands in an interface: the type's name, its number, and the value with its length."""
        if value is None:
            return b"\0"
        go_type = type_of(value)
        number = self.number(go_type)
        is_record = isinstance(self._shapes.get(number), Record)
        return _text(go_type) + _signed(number) + _message((b"" if is_record else b"\0") + self.value(number, value))


# -- reading -----------------------------------------------------------------------------


class _Reader:
    """Reads plain values: structs and maps are dicts, what stood in an interface has its type again."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._shapes: dict[int, Shape] = dict(_FIRST_TYPES)

    def top(self) -> Any:
        """The first value."""
        self._unsigned()  # the message's length; what its parts say of theirs is enough
        return self._value(self._type())

    def _type(self) -> int:
        """The number of the type of what comes next; messages with descriptions of types may go before it."""
        while (number := self._signed()) < 0:
            self._shapes[-number] = _described(self._value(WIRE))
            self._unsigned()
        return number

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise GobError("unexpected EOF")
        self._at += count
        return taken

    def _unsigned(self) -> int:
        """A small number is its byte, others follow the negated count of theirs (Go's ``encoding/gob``)."""
        first = self._take(1)[0]
        if first < 128:
            return first
        if first < 248:
            raise GobError("gob: encoded unsigned integer out of range")
        return int.from_bytes(self._take(256 - first), "big")

    def _signed(self) -> int:
        number = self._unsigned()
        return ~(number >> 1) if number & 1 else number >> 1

    def _text(self) -> str:
        return from_bytes(self._take(self._unsigned()))

    def _value(self, number: int, depth: int = 0) -> Any:
        if depth > DEPTH:
            raise GobError("gob: bad data: nested too deeply")
        if number == BOOL:
            return bool(self._unsigned())
        if number == UINT:
            return self._unsigned()
        if number == INT:
            return self._signed()
        if number == FLOAT:
            return struct.unpack("<d", self._unsigned().to_bytes(8, "big"))[0]
        if number == STRING:
            return self._text()
        if number == BYTES:
            return self._take(self._unsigned())
        if number == INTERFACE:
            return self._any(depth + 1)
        shape = self._shapes.get(number)
        if shape is None:
            raise GobError("gob: bad data: undefined type")
        if isinstance(shape, Record):
            return self._record(shape, depth + 1)
        if isinstance(shape, List):
            return [self._value(shape.element, depth + 1) for _ in self._counted()]
        return {self._value(shape.key, depth + 1): self._value(shape.element, depth + 1) for _ in self._counted()}

    def _counted(self) -> Iterable[int]:
        """Once an element; every element takes a byte at least."""
        count = self._unsigned()
        if count > len(self._data) - self._at:
            raise GobError("unexpected EOF")
        return range(count)

    def _record(self, shape: Record, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        place = -1
        while delta := self._unsigned():
            place += delta
            name, number = shape.fields[place]
            out[name] = self._value(number, depth)
        return out

    def _any(self, depth: int) -> Any:
        name = self._text()
        if not name:
            return None
        number = self._type()
        self._unsigned()
        if not isinstance(self._shapes.get(number), Record) and self._unsigned() != 0:
            raise GobError("gob: decode: corrupted data: non-zero delta for singleton")
        return _typed(name, self._value(number, depth))


def _described(wire: Mapping[str, Any]) -> Shape:
    if "StructT" in wire:
        return Record(tuple((one.get("Name", ""), one["Id"]) for one in wire["StructT"].get("Field", ())))
    if "MapT" in wire:
        return Table(wire["MapT"]["Key"], wire["MapT"]["Elem"])
    for name in ("SliceT", "ArrayT"):
        if name in wire:
            return List(wire[name]["Elem"])
    raise GobError("gob: a type of another kind than templates have")


def _typed(go_type: str, plain: Any) -> Any:
    """The value of a Go type; None stands for its zero."""
    go_type = _base(go_type)
    zero = _scalar(go_type)
    if zero is not None:
        return zero if plain is None else type(zero)(plain)
    shape = _plain(go_type)
    if shape.startswith("[]"):
        items = [_typed(shape[2:], one) for one in plain or ()]
        named = _NAMED_SLICES.get(go_type)
        return named(items) if named is not None else Slice(go_type, items, is_nil=plain is None)
    if shape.startswith("map["):
        element = element_type(Map(shape))
        members: Mapping[Any, Any] = plain or {}
        return Map(go_type, {k: _typed(element, one) for k, one in members.items()}, is_nil=plain is None)
    known = STRUCTS.get(go_type)
    if known is None:
        raise GobError(f"gob: name not registered for interface: {go_type}")
    made = known.__new__(known)
    held: Mapping[str, Any] = plain or {}
    Struct.__init__(made, **{f.name: _typed(f.type, held.get(f.name)) for f in known.fields})
    return made
