"""Durations in Go's notation (``1h2m3.5s``) as whole nanoseconds, with Go's own error sentences.

Go keeps a duration in a signed 64-bit count of nanoseconds; limits and rounding here follow from that.
"""

from __future__ import annotations

import re
from typing import Final

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE

MAX_DURATION: Final = (1 << 63) - 1
_LIMIT: Final = 1 << 63

_UNITS: Final[dict[str, int]] = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "\u00b5s": MICROSECOND,  # micro sign
    "\u03bcs": MICROSECOND,  # Greek letter mu
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_TERM: Final = re.compile(r"([0-9]*)(\.?)([0-9]*)([^0-9.]*)")


class DurationError(ValueError):
    """A text that Go's ``time.ParseDuration`` refuses; its sentence is Go's."""


def parse_duration(text: str) -> int:
    """The nanoseconds that ``text`` stands for, as Go's ``time.ParseDuration`` reads it.

    Raises DurationError with Go's sentence for malformed text, an unknown or missing unit, or overflow.
    """
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise _invalid(text)
    total = 0
    at = 0
    while at < len(rest):
        amount, at = _term(rest, at, text)
        total += amount
        if total > _LIMIT:
            raise _invalid(text)
    if negative:
        return -total
    if total > MAX_DURATION:
        raise _invalid(text)
    return total


def from_number(number: float) -> int:
    """A JSON number as Go makes it a duration: whole nanoseconds, the least of all for one that does not fit."""
    try:
        nanoseconds = int(float(number))
    except OverflowError:
        return -_LIMIT
    return nanoseconds if -_LIMIT <= nanoseconds < _LIMIT else -_LIMIT


def _term(rest: str, at: int, whole: str) -> tuple[int, int]:
    """One number with its unit at ``at``: its nanoseconds and where the next one begins."""
    match = _TERM.match(rest, at)
    if match is None:
        raise _invalid(whole)
    digits, _, fraction, unit = match.groups()
    if not digits and not fraction:
        raise _invalid(whole)
    # A 64-bit count has at most 19 digits; longer runs must not cost quadratic time.
    significant = digits.lstrip("0")
    if len(significant) > 19 or int(significant or "0") > _LIMIT:
        raise _invalid(whole)
    if not unit:
        raise DurationError(f"time: missing unit in duration {_quote(whole)}")
    size = _UNITS.get(unit)
    if size is None:
        raise DurationError(f"time: unknown unit {_quote(unit)} in duration {_quote(whole)}")
    value = int(significant or "0")
    if value > _LIMIT // size:
        raise _invalid(whole)
    amount = value * size + _fraction(fraction, size)
    if amount > _LIMIT:
        raise _invalid(whole)
    return amount, match.end()


def _fraction(digits: str, unit: int) -> int:
    """Nanoseconds of a decimal fraction of ``unit``; Go computes them in floating point and cuts."""
    if not digits:
        return 0
    kept, scale = 0, 1.0
    for digit in digits[:20]:
        following = kept * 10 + int(digit)
        if kept > MAX_DURATION // 10 or following > _LIMIT:
            break
        kept, scale = following, scale * 10
    return int(float(kept) * (float(unit) / scale)) if kept else 0


def format_duration(nanoseconds: int) -> str:
    """The text of Go's ``Duration.String``: ``0s``, ``1.5ms``, ``1h0m0s``."""
    sign = "-" if nanoseconds < 0 else ""
    size = abs(nanoseconds)
    if size == 0:
        return "0s"
    if size < MICROSECOND:
        return f"{sign}{size}ns"
    if size < MILLISECOND:
        return f"{sign}{_decimal(size, 3)}\u00b5s"
    if size < SECOND:
        return f"{sign}{_decimal(size, 6)}ms"
    minutes, rest = divmod(size, MINUTE)
    seconds = f"{_decimal(rest, 9)}s"
    if not minutes:
        return sign + seconds
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}h{minutes}m{seconds}" if hours else f"{sign}{minutes}m{seconds}"


def to_seconds(nanoseconds: int) -> float:
    """Seconds as a float, for timers."""
    return nanoseconds / SECOND


def _decimal(value: int, places: int) -> str:
    """``value / 10**places`` without trailing zeros."""
    whole, part = divmod(value, 10**places)
    return f"{whole}.{part:0{places}d}".rstrip("0") if part else str(whole)


def _invalid(text: str) -> DurationError:
    return DurationError(f"time: invalid duration {_quote(text)}")


def _quote(text: str) -> str:
    """Go's quoting in the time package: bytes outside printable ASCII as ``\\xNN``."""
    out: list[str] = []
    for char in text:
        if char < " " or char >= "\x80":
            out.extend(f"\\x{byte:02x}" for byte in char.encode("utf-8", "surrogateescape"))
        else:
            out.append("\\" + char if char in '"\\' else char)
    return '"' + "".join(out) + '"'
