"""What was read from a file, checked against the shape of the configuration.

The rules and error texts are those of the mapstructure library with Consul's two hooks: a list of one is taken for
its only member where no list is wanted, and old spellings stand for the new ones. Member names match without regard
to letter case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from pyconsul.config.keyrow import Kind
from pyconsul.config.shapes import ListOf, MapOf, Section, Shape, file_shape
from pyconsul.lang.mapstructure import decoding_failed, go_kind, unconvertible
from pyconsul.primitives.untyped import is_dict, is_list

_INT64: Final = 1 << 63

Raw = dict[str, Any]
"""Canonical names to values; only what was set."""


class DecodeError(ValueError):
    """Values of wrong types; the text lists all of them as mapstructure does."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(decoding_failed(errors))


class Decoded(msgspec.Struct):
    """A decoded file, and the names in it that mean nothing."""

    values: Raw
    unknown: list[str] = msgspec.field(default_factory=list)


def decode(raw: Mapping[str, object]) -> Decoded:
    """Check and canonicalise a whole file. Raises DecodeError."""
    decoder = _Decoder()
    values = decoder.section("", dict(raw), file_shape())
    if decoder.errors:
        raise DecodeError(decoder.errors)
    return Decoded(values, decoder.unknown)


class _Decoder:
    def __init__(self) -> None:
        self.errors: list[str] = []
        self.unknown: list[str] = []

    def value(self, name: str, given: object, shape: Shape) -> Any:
        """The canonical value; an error is noted and None returned. A null counts as not set.

        As the member of a list or map, which is there whatever it is, a null counts as empty.
        """
        if given is None:
            return None
        match shape:
            case Section():
                return self.section(name, _single(given), shape)
            case ListOf():
                return self.members(name, given, lambda label, v: self.member(label, v, shape.member))
            case MapOf():
                return self.mapping(name, given, lambda label, v: self.member(label, v, shape.member))
            case Kind():
                return _READERS[shape](self, name, given)

    def member(self, name: str, given: object, shape: Shape) -> Any:
        """The canonical value of a member of a list or map."""
        return _empty(shape) if given is None else self.value(name, given, shape)

    def section(self, name: str, given: object, shape: Section) -> Raw:
        if not is_dict(given):
            self.errors.append(f"'{name}' expected a map, got '{go_kind(given)}'")
            return {}
        source = _translated(given, shape)
        by_fold = {key.casefold(): key for key in reversed(source)}  # of two spellings the first one stays
        used: set[str] = set()
        out: Raw = {}
        before = len(self.errors)
        for member, inner in shape.members.items():
            key = member if member in source else by_fold.get(member)
            if key is None:
                continue
            used.add(key)
            value = self.value(f"{name}.{member}" if name else member, source[key], inner)
            if value is not None:
                out[member] = value
        # mapstructure tells of unknown names only where all known ones could be read.
        if len(self.errors) == before:
            self.unknown.extend(f"{name}.{key}" if name else key for key in sorted(source) if key not in used)
        return out

    def members(self, name: str, given: object, read: Callable[[str, object], Any]) -> list[Any] | None:
        if not is_list(given):
            self.errors.append(f"'{name}': source data must be an array or slice, got {go_kind(given)}")
            return None
        return [read(f"{name}[{at}]", member) for at, member in enumerate(given)]

    def mapping(self, name: str, given: object, read: Callable[[str, object], Any]) -> Raw | None:
        given = _single(given)
        if not is_dict(given):
            self.errors.append(f"'{name}' expected a map, got '{go_kind(given)}'")
            return None
        return {key: read(f"{name}[{key}]", value) for key, value in given.items()}

    def wrong(self, name: str, wanted: str, given: object) -> None:
        self.errors.append(unconvertible(name, wanted, given))

    def bool(self, name: str, given: object) -> bool | None:
        given = _single(given)
        if isinstance(given, bool):
            return given
        return self.wrong(name, "bool", given)

    def string(self, name: str, given: object) -> str | None:
        given = _single(given)
        if isinstance(given, str):
            return given
        return self.wrong(name, "string", given)

    def number(self, name: str, given: object) -> float | None:
        given = _single(given)
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            return float(given)
        return self.wrong(name, "float64", given)

    def int(self, name: str, given: object, wanted: str = "int") -> int | None:
        given = _single(given)
        if isinstance(given, (int, float)) and not isinstance(given, bool):
            return _as_int64(given)
        return self.wrong(name, wanted, given)

    def uint(self, name: str, given: object, bits: int = 64) -> int | None:
        given = _single(given)
        value = self.int(name, given, "uint" if bits == 0 else f"uint{bits}")
        if isinstance(given, (int, float)) and given < 0:
            shown = f"{given:f}" if isinstance(given, float) else str(given)
            self.errors.append(f"cannot parse '{name}', {shown} overflows uint")
            return None
        return None if value is None else value % (1 << (bits or 64))

    def strings(self, name: str, given: object) -> list[Any] | None:
        return self.members(name, given, lambda label, v: self.member(label, v, Kind.STRING))

    def map(self, name: str, given: object) -> Raw | None:
        return self.mapping(name, given, lambda label, v: self.member(label, v, Kind.STRING))

    def headers(self, name: str, given: object) -> Raw | None:
        return self.mapping(name, given, lambda label, v: self.member(label, v, Kind.STRINGS))

    def time(self, name: str, given: object) -> Raw:
        return self.section(name, _single(given), Section())

    def object(self, name: str, given: object) -> Raw | None:
        return self.mapping(name, given, _opaque)

    def objects(self, name: str, given: object) -> list[Any] | None:
        return self.members(name, given, lambda label, v: self.member(label, v, Kind.OBJECT))


_READERS: Final[dict[Kind, Callable[[_Decoder, str, object], Any]]] = {
    Kind.BOOL: _Decoder.bool,
    Kind.STRING: _Decoder.string,
    Kind.DURATION: _Decoder.string,
    Kind.INT: _Decoder.int,
    Kind.UINT: lambda decoder, name, given: decoder.uint(name, given, 0),
    Kind.UINT32: lambda decoder, name, given: decoder.uint(name, given, 32),
    Kind.UINT64: _Decoder.uint,
    Kind.NUMBER: _Decoder.number,
    Kind.TIME: _Decoder.time,
    Kind.STRINGS: _Decoder.strings,
    Kind.MAP: _Decoder.map,
    Kind.HEADERS: _Decoder.headers,
    Kind.OBJECT: _Decoder.object,
    Kind.OBJECTS: _Decoder.objects,
}


def _empty(shape: Shape) -> Any:
    """Go's zero value."""
    if isinstance(shape, Kind):
        return _ZEROS[shape]()
    return [] if isinstance(shape, ListOf) else {}


_ZEROS: Final[dict[Kind, Callable[[], Any]]] = {
    Kind.BOOL: bool,
    Kind.STRING: str,
    Kind.DURATION: str,
    Kind.INT: int,
    Kind.UINT: int,
    Kind.UINT32: int,
    Kind.UINT64: int,
    Kind.NUMBER: float,
    Kind.TIME: dict,
    Kind.STRINGS: list,
    Kind.MAP: dict,
    Kind.HEADERS: dict,
    Kind.OBJECT: dict,
    Kind.OBJECTS: list,
}


def _as_int64(given: float) -> int:
    """A number cut to a whole one; what 64 bits cannot hold becomes the least of them, as on Go's amd64."""
    return int(given) if -_INT64 <= given < _INT64 else -_INT64


def _single(given: object) -> object:
    """The only member of a list of one, where no list is wanted.

    Twice, as Consul looks through the pointer, too.
    """
    for _ in range(2):
        if is_list(given) and len(given) == 1:
            given = given[0]
    return given


def _opaque(_name: str, given: object) -> object:
    """A value that Consul only passes on: lists of one inside it become their member, as blocks are meant."""
    if is_list(given) and len(given) == 1:
        return _unwrapped(given[0])
    return given


def _unwrapped(given: object) -> object:
    if is_dict(given):
        return {key: _unwrapped_member(value) for key, value in given.items()}
    if is_list(given):
        return [_unwrapped(member) for member in given]
    return given


def _unwrapped_member(given: object) -> object:
    if is_list(given) and len(given) == 1:
        return _unwrapped(given[0])
    return _unwrapped(given)


def _translated(source: Raw, shape: Section) -> Raw:
    """Old spellings replaced by the new ones, unless the new one is there as well."""
    if not shape.aliases:
        return source
    out: Raw = {}
    for key, value in source.items():
        name = shape.aliases.get(key.lower())
        if name is None:
            out[key] = value
        else:
            out[name] = source.get(name, value)
    return out
