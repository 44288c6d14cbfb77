"""The values a Go template works on: which Python object stands for which Go type.

=============================  =====================================================
Go                             Python
=============================  =====================================================
string, bool, int, float64     ``str``, ``bool``, ``int``, ``float``
other integer types            subclasses of ``TypedInt``
[]interface {}, map[string]…   ``list``, ``dict``
other slices and maps          ``Slice``, ``Map`` (they carry their Go type)
structs, pointers to structs   subclasses of ``Struct``
an invalid reflect.Value       ``None``; an interface that holds nil is ``NIL``
=============================  =====================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

Value: TypeAlias = Any
ANY: Final = "interface {}"
ANY_LIST: Final = "[]interface {}"
ANY_MAP: Final = "map[string]interface {}"


class _NilInterface:
    """The type of ``NIL``; false like everything empty."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "NIL"


class _Missing:
    """The type of ``MISSING``."""

    __slots__ = ()


NIL: Final = _NilInterface()
"""A valid value of an interface type that holds nothing (Go tells it from no value at all)."""

MISSING: Final = _Missing()
"""Stands where no piped argument is."""


# The zero values of the scalar types; every TypedInt adds its own.
_ZEROS: dict[str, Value] = {"string": "", "bool": False, "int": 0, "float64": 0.0, "complex128": 0j, ANY: NIL}


class TypedInt(int):
    """An integer of another Go type than ``int``."""

    __slots__ = ()
    go_type: ClassVar[str] = "int"
    unsigned: ClassVar[bool] = False
    bits: ClassVar[int] = 64
    methods: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        _ZEROS[cls.go_type] = cls(0)


class Int64(TypedInt):
    """Go's int64."""

    __slots__ = ()
    go_type = "int64"


class Int32(TypedInt):
    """Go's int32 (rune)."""

    __slots__ = ()
    go_type = "int32"
    bits = 32


class Uint(TypedInt):
    """Go's uint."""

    __slots__ = ()
    go_type = "uint"
    unsigned = True


class Uint64(TypedInt):
    """Go's uint64."""

    __slots__ = ()
    go_type = "uint64"
    unsigned = True


class Uint32(TypedInt):
    """Go's uint32."""

    __slots__ = ()
    go_type = "uint32"
    unsigned = True
    bits = 32


class Uint8(TypedInt):
    """Go's uint8 (byte)."""

    __slots__ = ()
    go_type = "uint8"
    unsigned = True
    bits = 8


def wrap_signed(number: int) -> Int64:
    """The int64 that Go's overflowing arithmetic leaves."""
    return Int64(((number + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63))


def wrap_unsigned(number: int) -> Uint64:
    """The uint64 that Go's overflowing arithmetic leaves."""
    return Uint64(number & ((1 << 64) - 1))


class Slice(list[Any]):
    """A Go slice of another type than []interface {}; ``is_nil`` tells nil from empty."""

    go_type: str
    is_nil: bool
    methods: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, go_type: str, items: Any = (), *, is_nil: bool = False) -> None:
        super().__init__(items)
        self.go_type = go_type
        self.is_nil = is_nil

    @property
    def underlying(self) -> str:
        """The unnamed type with the same shape."""
        return self.go_type


class Map(dict[Any, Any]):
    """A Go map of another type than map[string]interface {}."""

    go_type: str
    is_nil: bool

    def __init__(self, go_type: str, items: Any = (), *, is_nil: bool = False) -> None:
        super().__init__(items)
        self.go_type = go_type
        self.is_nil = is_nil

    @property
    def underlying(self) -> str:
        """The unnamed type with the same shape."""
        return self.go_type


def strings(items: Any = ()) -> Slice:
    """A []string."""
    return Slice("[]string", items)


def string_map(items: Any = ()) -> Map:
    """A map[string]string."""
    return Map("map[string]string", items)


class Field(NamedTuple):
    """One exported field of a struct: Go's name and type, and how its JSON tag names it."""

    name: str
    type: str
    json: str = ""
    omit_empty: bool = False


STRUCTS: dict[str, type[Struct]] = {}
"""All struct types by Go name: a nil pointer must know which fields it would have."""


class Struct:
    """A Go struct (or a pointer to one, when ``pointer``): attributes carry Go's field names.

    ``json_first`` names fields that JSON shows before the others.
    """

    go_type: ClassVar[str] = "struct {}"
    pointer: ClassVar[bool] = True
    fields: ClassVar[tuple[Field, ...]] = ()
    methods: ClassVar[Mapping[str, Any]] = {}
    field_types: ClassVar[Mapping[str, str]] = {}
    json_first: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.field_types = {field.name: field.type for field in cls.fields}
        STRUCTS[cls.go_type] = cls

    def __init__(self, **values: Any) -> None:
        for field in self.fields:
            setattr(self, field.name, values[field.name] if field.name in values else zero_value(field.type))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(getattr(self, f.name) == getattr(other, f.name) for f in self.fields)

    __hash__ = object.__hash__


class NilPointer:
    """A nil pointer that still knows its type."""

    __slots__ = ("go_type",)

    def __init__(self, go_type: str) -> None:
        self.go_type = go_type

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NilPointer) and other.go_type == self.go_type

    __hash__ = object.__hash__


class Channel:
    """What ``range`` can receive from: values of one type, given once."""

    def __init__(self, go_type: str, items: Iterator[Any]) -> None:
        self.go_type = go_type
        self.items = items


class Stringer:
    """An object that prints itself, as ``fmt.Stringer`` (``methods`` as in ``Struct``)."""

    go_type: ClassVar[str] = ""
    methods: ClassVar[Mapping[str, Any]] = {}

    def go_string(self) -> str:
        """The text that Go's String method gives."""
        raise NotImplementedError

    def bare(self) -> Value:
        """What shows where Go does not ask the String method: the struct behind it, where that is known."""
        return self.go_string()

    def go_syntax(self) -> str:
        """What its GoString method gives for ``%#v``, "" when it has none."""
        return ""


Known: TypeAlias = (
    str
    | bool
    | int
    | float
    | complex
    | bytes
    | list[Any]
    | dict[Any, Any]
    | Struct
    | Stringer
    | NilPointer
    | Channel
    | _NilInterface
    | None
)
"""What most values are: of these, but not of a Value, ``isinstance`` tells type checkers what is in a list or map."""

_MAP_TYPE = re.compile(r"map\[((?:[^\[\]]|\[\])*)\](.*)")


def element_type(container: Value) -> str:
    """The static type of what a slice or map holds."""
    go_type = container.underlying if isinstance(container, (Slice, Map)) else type_of(container)
    if go_type.startswith("[]"):
        return go_type[2:]
    found = _MAP_TYPE.fullmatch(go_type)
    return found[2] if found else ANY


def key_type(mapping: Value) -> str:
    """The static type of a map's keys."""
    found = _MAP_TYPE.fullmatch(type_of(mapping))
    return found[1] if found else "string"


def type_of(value: object) -> str:
    """The Go name of the value's type; an interface's nil is ``interface {}``, no value ``<nil>``."""
    kind = type(value)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(value, Struct):
        return "*" + value.go_type if value.pointer else value.go_type
    named: str | None = getattr(value, "go_type", None)
    if named is not None:
        return named
    for plain, name in _PLAIN.items():
        if isinstance(value, plain):
            return name
    return kind.__name__


_PLAIN: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "int",
    float: "float64",
    complex: "complex128",
    list: ANY_LIST,
    dict: ANY_MAP,
    type(None): "<nil>",
    _NilInterface: ANY,
    bytes: "[]uint8",
}

_KINDS: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "int",
    float: "float64",
    complex: "complex128",
    list: "slice",
    dict: "map",
    type(None): "invalid",
    _NilInterface: "interface",
    Slice: "slice",
    Map: "map",
    NilPointer: "ptr",
    Channel: "chan",
    bytes: "slice",
}


def kind_of(value: object) -> str:
    """The Go kind: ``int64`` for a time.Duration, ``slice`` for every slice, ``ptr`` for a pointer."""
    found = _KINDS.get(type(value))
    if found is not None:
        return found
    if isinstance(value, TypedInt):
        return ("uint" if value.unsigned else "int") + (str(value.bits) if value.go_type != "uint" else "")
    if isinstance(value, Struct):
        return "ptr" if value.pointer else "struct"
    if isinstance(value, Stringer):
        return "ptr" if value.go_type.startswith("*") else "struct"
    for base in (Slice, Map, str, float):
        if isinstance(value, base):
            return _KINDS[base]
    return "func" if callable(value) or hasattr(value, "params") else "struct"


BOOL, INT, UINT, FLOAT, COMPLEX, STRING, OTHER = "bool", "int", "uint", "float", "complex", "string", ""


def basic_kind(value: Value) -> str:
    """The family of a comparable scalar, or "" for everything else."""
    if isinstance(value, str):
        return STRING
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return UINT if isinstance(value, TypedInt) and value.unsigned else INT
    if isinstance(value, float):
        return FLOAT
    return COMPLEX if isinstance(value, complex) else OTHER


def is_nil(value: Value) -> bool:
    """Whether Go would say the value is nil."""
    if value is None or value is NIL or isinstance(value, NilPointer):
        return True
    return isinstance(value, (Slice, Map)) and value.is_nil


def zero_value(go_type: str) -> Value:
    """The zero value of a type by name; an interface's is ``NIL``."""
    if go_type in _ZEROS:
        return _ZEROS[go_type]
    if go_type.startswith("[]"):
        return Slice(go_type, is_nil=True)
    if go_type.startswith("map["):
        return Map(go_type, is_nil=True)
    if go_type.startswith("*"):
        return NilPointer(go_type)
    return STRUCTS[go_type]() if go_type in STRUCTS else NIL


def sorted_keys(mapping: Mapping[Any, Any]) -> list[Any]:
    """The keys in the order in which Go prints and ranges over a map."""
    is_mixed = len(set(map(type, mapping))) > 1
    return sorted(mapping, key=_mixed_key if is_mixed else None)


def _mixed_key(key: Value) -> tuple[int, Any]:
    """Keys of several types: nothing, texts, integers, floats, truth values, each in its own order."""
    if key is None or key is NIL:
        return 0, 0
    if isinstance(key, str):
        return 1, key
    if isinstance(key, bool):
        return 4, key
    if isinstance(key, (int, float)):
        return (3, key) if isinstance(key, float) else (2, key)
    return 5, repr(key)


def unwrap(value: Value) -> Value:
    """What an interface value holds."""
    return None if value is NIL else value
