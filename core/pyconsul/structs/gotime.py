"""Go's RFC 3339 times with nanoseconds, as moments and back."""

from __future__ import annotations

from datetime import UTC, datetime


def moment_of(text: str) -> datetime:
    """The moment of a time as Go prints it, cut to microseconds. Raises ValueError for what is none."""
    stamp, _, rest = text.partition(".")
    if not rest:
        return datetime.fromisoformat(text)
    fraction = rest[: next((at for at, char in enumerate(rest) if not char.isdigit()), len(rest))]
    zone = rest[len(fraction) :]
    return datetime.fromisoformat(f"{stamp}.{fraction[:6]:0<6}{zone}")


def text_of(moment: datetime) -> str:
    """A moment in UTC as Go prints it: without trailing zeros of the fraction."""
    utc = moment.astimezone(UTC)
    fraction = f".{utc.microsecond:06}".rstrip("0") if utc.microsecond else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{fraction}Z"
