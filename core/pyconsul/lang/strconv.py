"""Go's text forms of strings and numbers: quoting, unquoting, integers, shortest floats.

Go strings are bytes; here they are ``str`` in which a byte that is no UTF-8 stands as a lone
surrogate (the ``surrogateescape`` handler), so nothing is lost on the way in and out.
"""

from __future__ import annotations

import math
import re

_SHORT = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
}
_UNESCAPE = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_FLOAT = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?\Z")
_HEX_FLOAT = re.compile(r"[+-]?0[xX][0-9a-fA-F_]*\.?[0-9a-fA-F_]*[pP][+-]?[0-9_]+\Z")
_SPECIAL_FLOAT = re.compile(r"[+-]?(?:inf|infinity)\Z|nan\Z", re.IGNORECASE)
_STRAY_BYTE = re.compile(r"[\udc80-\udcff]")
_SHORTEST_LIMIT = 6  # the decimal exponent from which the shortest ``%g`` has an ``e``
MAX_INT64 = (1 << 63) - 1
MIN_INT64 = -(1 << 63)
MAX_UINT64 = (1 << 64) - 1


class NumberSyntaxError(ValueError):
    """Text that is no number; ``str()`` is Go's ``strconv`` message."""

    nearest: int = 0
    """What Go returns beside the error: the limit that was passed, else 0."""


def to_bytes(text: str) -> bytes:
    """The bytes of a Go string."""
    return text.encode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> str:
    """The Go string of some bytes."""
    return data.decode("utf-8", "surrogateescape")


def byte_length(text: str) -> int:
    """Go's ``len`` of a string: bytes, not characters."""
    return len(text) if text.isascii() else len(to_bytes(text))


def _escaped(char: str, quote: str, ascii_only: bool) -> str:
    if char == quote:
        return "\\" + quote
    if char in _SHORT:
        return _SHORT[char]
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if char.isprintable() and (code < 128 or not ascii_only):
        return char
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def quote(text: str, *, ascii_only: bool = False) -> str:
    """``text`` as a Go string literal in double quotes."""
    return '"' + "".join(_escaped(c, '"', ascii_only) for c in text) + '"'


def quote_rune(code: int, *, ascii_only: bool = False) -> str:
    """The rune with this code as a Go character literal; an impossible code is U+FFFD."""
    valid = 0 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    char = chr(code) if valid else "\ufffd"
    return "'" + _escaped(char, "'", ascii_only) + "'"


def can_backquote(text: str) -> bool:
    """Whether the text can stand between back quotes unchanged."""
    return not any(
        c == "`" or c == "\x7f" or c == "\ufeff" or (c < " " and c != "\t") or 0xDC80 <= ord(c) <= 0xDCFF for c in text
    )


def _read_escape(text: str, at: int, quote_char: str) -> tuple[bytes, int]:
    """The bytes of the escape whose letter stands at ``at``, and where it ends."""
    if at >= len(text):
        raise ValueError("invalid syntax")
    letter = text[at]
    if letter in _UNESCAPE:
        return bytes((_UNESCAPE[letter],)), at + 1
    if letter == quote_char:
        return letter.encode(), at + 1
    digits = {"x": 2, "u": 4, "U": 8}.get(letter)
    if digits is not None:
        body = text[at + 1 : at + 1 + digits]
        if len(body) != digits or not re.fullmatch(r"[0-9a-fA-F]+", body):
            raise ValueError("invalid syntax")
        code = int(body, 16)
        if letter == "x":
            return bytes((code,)), at + 3
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise ValueError("invalid syntax")
        return chr(code).encode(), at + 1 + digits
    body = text[at : at + 3]
    if not re.fullmatch(r"[0-7]{3}", body) or int(body, 8) > 255:
        raise ValueError("invalid syntax")
    return bytes((int(body, 8),)), at + 3


def runes(text: str) -> str:
    """The text as Go's runes spell it: a byte that belongs to no character is U+FFFD."""
    return _STRAY_BYTE.sub("\ufffd", text)


def unquote(literal: str) -> str:
    """The text of a Go string literal, in double or back quotes. Raises ValueError("invalid syntax")."""
    if len(literal) < 2 or literal[0] != literal[-1] or literal[0] not in '"`':
        raise ValueError("invalid syntax")
    body = literal[1:-1]
    if literal[0] == "`":
        if "`" in body:
            raise ValueError("invalid syntax")
        return body.replace("\r", "")
    if "\n" in body:
        raise ValueError("invalid syntax")
    body = runes(body)
    if "\\" not in body:
        if '"' in body:
            raise ValueError("invalid syntax")
        return body
    out = bytearray()
    at = 0
    while at < len(body):
        char = body[at]
        if char == '"':
            raise ValueError("invalid syntax")
        if char == "\\":
            data, at = _read_escape(body, at + 1, '"')
            out += data
        else:
            out += to_bytes(char)
            at += 1
    return from_bytes(bytes(out))


def unquote_rune(literal: str) -> int:
    """The code of a Go character literal. Raises ValueError with Go's text."""
    if len(literal) < 3 or literal[1] == "'":
        raise ValueError("invalid syntax")
    if literal[1] != "\\":
        code, at = ord(runes(literal[1])), 2
    else:
        data, at = _read_escape(literal, 2, "'")
        code = data[0] if literal[2] in "x01234567" else ord(data.decode())
    if literal[at:] != "'":
        raise ValueError(f"malformed character constant: {literal}")
    return code


def _underscores_fit(text: str) -> bool:
    """Go's rule: an underscore stands between digits, or between the base prefix and a digit."""
    last = "^"
    body = text[1:] if text[:1] in ("+", "-") else text
    is_hex = False
    if len(body) >= 2 and body[0] == "0" and body[1].lower() in "xbo":
        is_hex = body[1].lower() == "x"
        body = body[2:]
        last = "0"
    for char in body:
        if char.isdigit() or (is_hex and char.lower() in "abcdef"):
            last = "0"
        elif char == "_":
            if last != "0":
                return False
            last = "_"
        else:
            if last == "_":
                return False
            last = "!"
    return last != "_"


def _magnitude(text: str, base: int, bits: int, func: str, whole: str) -> int:
    """The number without its sign.

    Like Go it is too large already when its first digits are, whatever follows them.
    """
    between = "_" if base == 0 else ""
    if base == 0:
        base = 10
        if text[:1] == "0" and len(text) > 1:
            base, skip = {"x": (16, 2), "b": (2, 2), "o": (8, 2)}.get(text[1].lower(), (8, 1))
            text = text[skip:]
    known = "0123456789abcdefghijklmnopqrstuvwxyz"[:base] + between
    end = next((at for at, char in enumerate(text) if char.lower() not in known or not char.isascii()), len(text))
    digits = text[:end].replace("_", "")
    # Python refuses to read more than 4,300 decimal digits; so many are more than 64 bits in any base.
    significant = digits.lstrip("0")
    value = 1 << 70 if len(significant) >= 4000 else int(significant or "0", base)
    if value >= 1 << bits:
        return value
    if end < len(text) or not digits or ("_" in text and not _underscores_fit(whole)):
        raise NumberSyntaxError(f"strconv.{func}: parsing {quote(whole)}: invalid syntax")
    return value


def parse_uint(text: str, base: int = 10, bits: int = 64, func: str = "ParseUint") -> int:
    """Go's ``strconv.ParseUint``. Raises NumberSyntaxError with Go's message."""
    value = _magnitude(text, base, bits, func, text)
    if value >= 1 << bits:
        raise NumberSyntaxError(f"strconv.{func}: parsing {quote(text)}: value out of range")
    return value


def parse_int(text: str, base: int = 10, bits: int = 64, func: str = "ParseInt") -> int:
    """Go's ``strconv.ParseInt``. Raises NumberSyntaxError with Go's message."""
    negative = text[:1] == "-"
    value = _magnitude(text[1:] if text[:1] in ("+", "-") else text, base, bits, func, text)
    value = -value if negative else value
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        beyond = NumberSyntaxError(f"strconv.{func}: parsing {quote(text)}: value out of range")
        beyond.nearest = -(1 << (bits - 1)) if negative else (1 << (bits - 1)) - 1
        raise beyond
    return value


def parse_float(text: str, func: str = "ParseFloat") -> float:
    """Go's ``strconv.ParseFloat``. Raises NumberSyntaxError with Go's message."""
    bad = NumberSyntaxError(f"strconv.{func}: parsing {quote(text)}: invalid syntax")
    if "_" in text and not _underscores_fit(text):
        raise bad
    if _SPECIAL_FLOAT.match(text):
        return float(text)
    if _HEX_FLOAT.match(text):
        try:
            return float.fromhex(text.replace("_", ""))
        except OverflowError:
            raise NumberSyntaxError(f"strconv.{func}: parsing {quote(text)}: value out of range") from None
        except ValueError:
            raise bad from None
    if not _FLOAT.match(text):
        raise bad
    value = float(text.replace("_", ""))
    if math.isinf(value):
        raise NumberSyntaxError(f"strconv.{func}: parsing {quote(text)}: value out of range")
    return value


def parse_bool(text: str) -> bool:
    """Go's ``strconv.ParseBool``. Raises NumberSyntaxError with Go's message."""
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if text in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise NumberSyntaxError(f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")


def _shortest(value: float) -> tuple[str, int]:
    """Digits and decimal exponent (of the first digit) of the shortest form that reads back."""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0", 0
    shift = len(whole) - 1 if whole.strip("0") else -(len(fraction) - len(fraction.lstrip("0")) + 1)
    return digits.rstrip("0") or "0", shift + int(exponent or "0")


def _special(value: float) -> str | None:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return None


def format_float(value: float, form: str = "g", precision: int = -1) -> str:
    """Go's ``strconv.FormatFloat``; precision -1 is the shortest text that reads back."""
    special = _special(value)
    if special is not None:
        return special
    if precision >= 0:
        return _fixed(value, form, precision)
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    digits, exponent = _shortest(value)
    if form == "g":
        form = "e" if exponent < -4 or exponent >= _SHORTEST_LIMIT else "f"
    if form == "e":
        mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
        return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    fraction = digits[exponent + 1 :]
    return sign + whole + ("." + fraction if fraction else "")


def _fixed(value: float, form: str, precision: int) -> str:
    if form in ("e", "f"):
        return f"{value:.{precision}{form}}"
    precision = precision or 1
    text = f"{value:.{precision - 1}e}"
    exponent = int(text.partition("e")[2])
    mantissa = text.partition("e")[0]
    if exponent < -4 or exponent >= precision:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    text = f"{value:.{max(precision - 1 - exponent, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def hex_float(value: float, precision: int = -1) -> str:
    """Go's ``%x`` of a float: ``0x1.8p+01``; precision -1 is the shortest."""
    if not math.isfinite(value):
        return format_float(value)
    mantissa, exponent = _rounded_mantissa(abs(value), 52 if precision < 0 else 4 * precision)
    digits = f"{mantissa & ((1 << 52) - 1):013x}"
    digits = digits.rstrip("0") if precision < 0 else digits.ljust(precision, "0")[:precision]
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    point = "." if digits else ""
    return f"{sign}0x{mantissa >> 52}{point}{digits}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _rounded_mantissa(value: float, kept: int) -> tuple[int, int]:
    """52 fraction bits behind a one, of which only the first ``kept`` may be set, and the binary exponent."""
    fraction, exponent = math.frexp(value)
    if value == 0:
        return 0, 0
    step = 1 << max(52 - kept, 0)
    mantissa = round(int(fraction * (1 << 53)) / step) * step if step > 1 else int(fraction * (1 << 53))
    return (mantissa >> 1, exponent) if mantissa >> 53 else (mantissa, exponent - 1)


def binary_float(value: float) -> str:
    """Go's ``%b`` of a float: an integer mantissa and a binary exponent, ``6755399441055744p-51``."""
    if not math.isfinite(value):
        return format_float(value)
    exponent = max(math.frexp(value)[1] - 53, -1074) if value else -1074
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    return f"{sign}{int(math.ldexp(abs(value), -exponent))}p{exponent:+d}"
