"""Texts of flag values to Python values, with the rules and the error texts of Go's ``strconv``."""

from __future__ import annotations

from typing import Final

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_BASES: Final = {"0x": 16, "0b": 2, "0o": 8}
_DIGITS: Final = "0123456789abcdef"
_MOST_DIGITS: Final = 64  # of a 64-bit number, in base 2; longer ones are not even converted
_ESCAPES: Final = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    '"': r"\"",
    "\\": r"\\",
}


class ValueRefused(ValueError):
    """A text that a converter refuses: ``brief`` as the flag package says it, ``str()`` as strconv does."""

    def __init__(self, brief: str, full: str) -> None:
        super().__init__(full)
        self.brief = brief


def quote(text: str) -> str:
    """``text`` as Go's ``%q`` prints it."""
    out: list[str] = []
    for char in text:
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif "\udc80" <= char <= "\udcff":  # a byte that was not UTF-8, kept by surrogateescape
            out.append(f"\\x{ord(char) - 0xDC00:02x}")
        elif char.isprintable():
            out.append(char)
        elif char < "\x80":
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
    return '"' + "".join(out) + '"'


def to_bool(text: str) -> bool:
    """Go's ``strconv.ParseBool``."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _syntax("ParseBool", text)


def to_int(text: str, bits: int = 64, base: int = 0) -> int:
    """Go's ``strconv.ParseInt``; base 0 reads ``0x``, ``0o``, ``0b``, a leading 0 and underscores."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    value = _digits("ParseInt", text, digits, base)
    limit = 1 << (bits - 1)
    if text.startswith("-"):
        value = -value
    if not -limit <= value < limit:
        raise _range("ParseInt", text)
    return value


def to_uint(text: str, bits: int = 64) -> int:
    """Go's ``strconv.ParseUint`` with base 0."""
    value = _digits("ParseUint", text, text, 0)
    if value >= 1 << bits:
        raise _range("ParseUint", text)
    return value


def to_float(text: str) -> float:
    """Go's ``strconv.ParseFloat`` for 64 bits."""
    unsigned = text.lstrip("+-").lower()
    hexadecimal = unsigned.startswith("0x")
    signed_nan = unsigned == "nan" and text[:1] in ("+", "-")
    if not text.isascii() or text != text.strip() or signed_nan or (hexadecimal and "p" not in unsigned):
        raise _syntax("ParseFloat", text)
    try:
        value = float.fromhex(text.replace("_", "")) if hexadecimal else float(text)
    except OverflowError:
        raise _range("ParseFloat", text) from None
    except ValueError:
        raise _syntax("ParseFloat", text) from None
    if value in (float("inf"), float("-inf")) and not unsigned.startswith("inf"):
        raise _range("ParseFloat", text)
    return value


def to_duration(text: str) -> int:
    """Go's ``time.ParseDuration``, in nanoseconds."""
    from pyconsul.primitives.durations import DurationError, parse_duration

    try:
        return parse_duration(text)
    except DurationError as e:
        raise ValueRefused("parse error", str(e)) from None


def to_pair(text: str) -> tuple[str, str]:
    """``key=value`` cut at the first equals sign, as Consul's map flags take it."""
    key, equals, value = text.partition("=")
    if not equals:
        refusal = f'Missing "=" value in argument: {text}'
        raise ValueRefused(refusal, refusal)
    return key, value


def _digits(function: str, text: str, digits: str, base: int) -> int:
    """The size of an integer literal without its sign."""
    body = digits
    if base == 0:
        if digits.startswith("_") or digits.endswith("_") or "__" in digits:
            raise _syntax(function, text)
        base, body = _prefix(digits)
        body = body.replace("_", "")
    allowed = _DIGITS[:base]
    if not body or body.lower().strip(allowed):
        raise _syntax(function, text)
    significant = body.lstrip("0") or "0"
    if len(significant) > _MOST_DIGITS:
        raise _range(function, text)
    return int(significant, base)


def _prefix(digits: str) -> tuple[int, str]:
    """The base that a literal declares and what follows the declaration."""
    base = _BASES.get(digits[:2].lower())
    if base is not None and len(digits) > 2:
        return base, digits[2:]
    if digits.startswith("0") and len(digits) > 1:
        return 8, digits[1:]
    return 10, digits


def _syntax(function: str, text: str) -> ValueRefused:
    return ValueRefused("parse error", f"strconv.{function}: parsing {quote(text)}: invalid syntax")


def _range(function: str, text: str) -> ValueRefused:
    return ValueRefused("value out of range", f"strconv.{function}: parsing {quote(text)}: value out of range")
