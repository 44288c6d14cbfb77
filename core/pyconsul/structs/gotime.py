"""Go's RFC 3339 times with nanoseconds, as moments and in Go's binary form, and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import takewhile
from typing import Final

from pyconsul.lang.strconv import quote


def moment_of(text: str) -> datetime:
    """The moment of a time as Go prints it, cut to microseconds. Raises ValueError for what is none."""
    stamp, _, rest = text.partition(".")
    if not rest:
        return datetime.fromisoformat(text)
    fraction = rest[: next((at for at, char in enumerate(rest) if not char.isdigit()), len(rest))]
    zone = rest[len(fraction) :]
    return datetime.fromisoformat(f"{stamp}.{fraction[:6]:0<6}{zone}")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds_of(text: str) -> int:
    """The nanoseconds from 1970 to a time as Go prints it. Raises ValueError for what is none."""
    since = moment_of(text) - _EPOCH
    fraction = "".join(takewhile(str.isdigit, text.partition(".")[2]))
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + int(f"{fraction[:9]:0<9}")


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


_LAYOUT = "2006-01-02T15:04:05Z07:00"
# Each element of the layout with what it takes of a text; the largest value where Go looks at it.
_ELEMENTS: tuple[tuple[str, re.Pattern[str], str, int], ...] = (
    ("2006", re.compile(r"\d{4}"), "", 0),
    ("-", re.compile("-"), "", 0),
    ("01", re.compile(r"\d\d"), "month", 12),
    ("-", re.compile("-"), "", 0),
    ("02", re.compile(r"\d\d"), "day", 31),
    ("T", re.compile("T"), "", 0),
    ("15", re.compile(r"\d\d"), "hour", 23),
    (":", re.compile(":"), "", 0),
    ("04", re.compile(r"\d\d"), "minute", 59),
    (":", re.compile(":"), "", 0),
    ("05", re.compile(r"\d\d"), "second", 59),
    ("Z07:00", re.compile(r"(\.\d+)?(Z|[+-]\d\d:\d\d)"), "", 0),
)


def canonical(text: str) -> str:
    """A time that somebody wrote, as Go prints it again. Raises ValueError with the text of Go's parser."""
    start = f"parsing time {quote(text)}"
    rest = text
    for element, pattern, what, most in _ELEMENTS:
        found = pattern.match(rest)
        if found is None:
            raise ValueError(f"{start} as {quote(_LAYOUT)}: cannot parse {quote(rest)} as {quote(element)}")
        if (most and int(found[0]) > most) or (what in ("month", "day") and found[0] == "00"):
            raise ValueError(f"{start}: {what} out of range")
        rest = rest[found.end() :]
    if rest:
        raise ValueError(f"{start}: extra text: {quote(rest)}")
    try:
        moment_of(text)
    except ValueError:
        raise ValueError(f"{start}: day out of range") from None
    return _printed(text)


def _printed(text: str) -> str:
    stamp, fraction, zone = text[:19], "", text[19:]
    if zone.startswith("."):
        fraction = "." + "".join(takewhile(str.isdigit, zone[1:]))
        zone = zone[len(fraction) :]
    fraction = fraction[:10].rstrip("0").rstrip(".")
    return stamp + fraction + ("Z" if zone in ("+00:00", "-00:00") else zone)


# Go's binary form -----------------------------------------------------------------------------------------------------

_UTC_MARK: Final = -1


def to_binary(text: str) -> bytes:
    """RFC 3339 text as the 15 bytes of Go's ``time.Time.MarshalBinary``; an empty text is the zero time."""
    if not text:
        return b"\x01" + bytes(12) + b"\xff\xff"
    whole, zone = (text[:-1], "") if text[-1] in "Zz" else (text[:-6], text[-6:])
    stamp, _, fraction = whole.partition(".")
    nanoseconds = int(fraction.ljust(9, "0")[:9]) if fraction else 0
    minutes = _UTC_MARK
    if zone:
        minutes = (int(zone[1:3]) * 60 + int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
    local = datetime.fromisoformat(stamp) - datetime(1, 1, 1)
    seconds = local.days * 86400 + local.seconds - (0 if minutes == _UTC_MARK else minutes * 60)
    return b"".join(
        (
            b"\x01",
            seconds.to_bytes(8, "big", signed=True),
            nanoseconds.to_bytes(4, "big"),
            minutes.to_bytes(2, "big", signed=True),
        )
    )


def from_binary(data: bytes) -> str:
    """Go's binary time (version 1 or 2) as RFC 3339 text with nanoseconds, trimmed as Go prints it.

    Raises ValueError.
    """
    if len(data) not in (15, 16) or data[0] not in (1, 2):
        raise ValueError("invalid binary time")
    seconds = int.from_bytes(data[1:9], "big", signed=True)
    nanoseconds = int.from_bytes(data[9:13], "big")
    minutes = int.from_bytes(data[13:15], "big", signed=True)
    if nanoseconds >= 1_000_000_000:
        raise ValueError("invalid binary time")
    zone = UTC if minutes in (_UTC_MARK, 0) else timezone(timedelta(minutes=minutes))
    try:
        moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        stamp = moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    except (OverflowError, ValueError) as e:
        raise ValueError("time out of range") from e
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    offset = "Z" if zone is UTC else _offset_text(minutes)
    return stamp + fraction + offset


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
