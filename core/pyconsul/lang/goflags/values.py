"""Texts of flag values to Python values, by Go's ``strconv``, with the flag package's refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pyconsul.lang import strconv

V = TypeVar("V")


class ValueRefused(ValueError):
    """A text that a converter refuses: ``brief`` as the flag package says it, ``str()`` as strconv does."""

    def __init__(self, brief: str, full: str) -> None:
        super().__init__(full)
        self.brief = brief


def to_bool(text: str) -> bool:
    """Go's ``strconv.ParseBool``."""
    return _converted(lambda: strconv.parse_bool(text))


def to_int(text: str, bits: int = 64, base: int = 0) -> int:
    """Go's ``strconv.ParseInt``; base 0 reads ``0x``, ``0o``, ``0b``, a leading 0 and underscores."""
    return _converted(lambda: strconv.parse_int(text, base, bits))


def to_uint(text: str, bits: int = 64) -> int:
    """Go's ``strconv.ParseUint`` with base 0."""
    return _converted(lambda: strconv.parse_uint(text, 0, bits))


def to_float(text: str) -> float:
    """Go's ``strconv.ParseFloat`` for 64 bits."""
    return _converted(lambda: strconv.parse_float(text))


def to_duration(text: str) -> int:
    """Go's ``time.ParseDuration``, in nanoseconds."""
    from pyconsul.primitives.durations import DurationError, parse_duration  # most commands have no durations

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


def _converted(convert: Callable[[], V]) -> V:
    try:
        return convert()
    except strconv.NumberSyntaxError as e:
        brief = "value out of range" if str(e).endswith("value out of range") else "parse error"
        raise ValueRefused(brief, str(e)) from None
