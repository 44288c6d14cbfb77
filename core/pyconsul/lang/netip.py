"""Textual IP addresses as Go's ``net/netip`` reads them, with its refusals."""

from __future__ import annotations

import re
from typing import Final

from pyconsul.lang.strconv import quote

_HEX: Final = re.compile(r"[0-9A-Fa-f]*")
_OCTETS: Final = 4
_ADDRESS_BYTES: Final = 16
_FIELD_BYTES: Final = 2
_FIELD_DIGITS: Final = 4


class AddressError(ValueError):
    """A text that is no IP address; ``str()`` is Go's message."""


def is_ipv4(text: str) -> bool:
    """Whether the text is an IPv4 address rather than an IPv6 one.

    Raises AddressError for what is neither.
    """
    kind = re.search(r"[.:%]", text)
    if kind is None:
        raise _refused(text, "unable to parse IP")
    if kind[0] == "%":
        raise _refused(text, "missing IPv6 address")
    if kind[0] == ".":
        _check_octets(text, text)
        return True
    _check_ipv6(text)
    return False


def _refused(text: str, reason: str, at: str = "") -> AddressError:
    return AddressError(f"ParseAddr({quote(text)}): {reason}" + (f" (at {quote(at)})" if at else ""))


def _check_octets(part: str, text: str) -> None:
    """Raise AddressError, told by the first wrong character, unless ``part`` is four decimal bytes."""
    octet, seen = "", 0
    for at, char in enumerate(part):
        if char == ".":
            if not octet or at == len(part) - 1:
                raise _refused(text, "IPv4 field must have at least one digit", part[at:])
            seen += 1
            if seen == _OCTETS:
                raise _refused(text, "IPv4 address too long")
            octet = ""
        elif char not in "0123456789":
            raise _refused(text, "unexpected character", part[at:])
        elif octet == "0":
            raise _refused(text, "IPv4 field has octet with leading zero")
        else:
            octet += char
            if int(octet) > 0xFF:
                raise _refused(text, "IPv4 field has value >255")
    if seen < _OCTETS - 1:
        raise _refused(text, "IPv4 address too short")


def _check_ipv6(text: str) -> None:
    rest, percent, zone = text.partition("%")
    if percent and not zone:
        raise _refused(text, "zone must be a non-empty string")
    shortened = rest.startswith("::")
    rest = rest[2:] if shortened else rest
    taken = 0
    while rest and taken < _ADDRESS_BYTES:
        digits = _digits(rest, text)
        if rest[len(digits) :].startswith("."):
            _check_embedded(rest, taken, shortened, text)
            rest, taken = "", taken + _OCTETS
            break
        taken += _FIELD_BYTES
        rest = rest[len(digits) :]
        if not rest:
            break
        rest, ends_here, shortened = _behind_colon(rest, shortened, text)
        if ends_here:
            break
    if rest:
        raise _refused(text, "trailing garbage after address", rest)
    if taken < _ADDRESS_BYTES and not shortened:
        raise _refused(text, "address string too short")
    if taken == _ADDRESS_BYTES and shortened:
        raise _refused(text, "the :: must expand to at least one field of zeros")


def _digits(rest: str, text: str) -> str:
    """The hexadecimal digits of the next field."""
    found = _HEX.match(rest)
    digits = found[0] if found else ""
    if len(digits) > _FIELD_DIGITS:
        raise _refused(text, "each group must have 4 or less digits", rest)
    if not digits:
        raise _refused(text, "each colon-separated field must have at least one digit", rest)
    return digits


def _check_embedded(rest: str, taken: int, shortened: bool, text: str) -> None:
    """Raise unless the rest is an IPv4 address that fills the last four bytes."""
    if not shortened and taken != _ADDRESS_BYTES - _OCTETS:
        raise _refused(text, "embedded IPv4 address must replace the final 2 fields of the address", rest)
    if taken + _OCTETS > _ADDRESS_BYTES:
        raise _refused(text, "too many hex fields to fit an embedded IPv4 at the end of the address", rest)
    _check_octets(rest, text)


def _behind_colon(rest: str, shortened: bool, text: str) -> tuple[str, bool, bool]:
    """What follows the colon, whether the address ends there, and whether a ``::`` has been seen."""
    if rest[0] != ":":
        raise _refused(text, "unexpected character, want colon", rest)
    if rest == ":":
        raise _refused(text, "colon must be followed by more characters", rest)
    rest = rest[1:]
    if rest[0] != ":":
        return rest, False, shortened
    if shortened:
        raise _refused(text, "multiple :: in address", rest)
    return rest[1:], rest == ":", True
