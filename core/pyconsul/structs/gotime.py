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


def text_of_nanoseconds(since_1970: int) -> str:
    """A moment given in nanoseconds, in UTC as Go prints it."""
    seconds, nanoseconds = divmod(since_1970, 1_000_000_000)
    fraction = f".{nanoseconds:09}".rstrip("0") if nanoseconds else ""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"
