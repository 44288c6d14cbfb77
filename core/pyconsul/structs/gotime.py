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


def text_of_nanoseconds(since_1970: int) -> str:
    """A moment given in nanoseconds, in UTC as Go prints it."""
    seconds, nanoseconds = divmod(since_1970, 1_000_000_000)
    fraction = f".{nanoseconds:09}".rstrip("0") if nanoseconds else ""
    return f"{_stamp(_EPOCH + timedelta(seconds=seconds))}{fraction}Z"


def _stamp(moment: datetime) -> str:
    """Date and time to the second; ``strftime`` would write years before 1000 short."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


_LAYOUT: Final = "2006-01-02T15:04:05Z07:00"
# Each element of the layout with what it takes of a text, and the numbers between which Go wants it on the spot.
_ELEMENTS: Final[tuple[tuple[str, str, str, int, int], ...]] = (
    ("2006", "[0-9]{4}", "", 0, 0),
    ("-", "-", "", 0, 0),
    ("01", "[0-9]{2}", "month", 1, 12),
    ("-", "-", "", 0, 0),
    ("02", "[0-9]{2}", "", 0, 0),  # whether the month has that day is asked at the end
    ("T", "T", "", 0, 0),
    ("15", "[0-9]{1,2}", "hour", 0, 23),
    (":", ":", "", 0, 0),
    ("04", "[0-9]{2}", "minute", 0, 59),
    (":", ":", "", 0, 0),
    ("05", "[0-9]{2}", "second", 0, 59),
    ("", "(?:[.,][0-9]+)?", "", 0, 0),
    ("Z07:00", "Z|[+-][0-9]{2}:[0-9]{2}", "", 0, 0),
)


def canonical(text: str) -> str:
    """A time that somebody wrote, as Go prints it again. Raises ValueError with the text of Go's parser.

    The year 0, which Go takes, is out of range here.
    """
    start = f"parsing time {quote(text)}"
    rest = text
    parts: list[str] = []
    for element, pattern, what, least, most in _ELEMENTS:
        found = re.match(pattern, rest)
        if found is None:
            raise ValueError(f"{start} as {quote(_LAYOUT)}: cannot parse {quote(rest)} as {quote(element)}")
        if what and not least <= int(found[0]) <= most:
            raise ValueError(f"{start}: {what} out of range")
        parts.append(found[0])
        rest = rest[found.end() :]
    *stamp, fraction, zone = parts
    offset = _offset_of(zone, start)
    if rest:
        raise ValueError(f"{start}: extra text: {quote(rest)}")
    stamp[6] = stamp[6].zfill(2)
    fraction = f".{fraction[1:10]}".rstrip("0").rstrip(".")
    try:
        moment_of(f"{''.join(stamp)}{offset}")
    except ValueError:
        raise ValueError(f"{start}: day out of range") from None
    return f"{''.join(stamp)}{fraction}{offset}"


def _offset_of(zone: str, start: str) -> str:
    """A zone as Go prints it: minutes may be 60, and none at all is Z. Raises ValueError."""
    if zone == "Z":
        return zone
    hours, minutes = int(zone[1:3]), int(zone[4:])
    for what, value, most in (("hour", hours, 24), ("minute", minutes, 60)):
        if value > most:
            raise ValueError(f"{start}: time zone offset {what} out of range")
    total = (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)
    return _offset_text(total) if total else "Z"


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
    # Version 2 has one byte more: the seconds of an offset, which no zone of our time has.
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
        stamp = _stamp(moment.astimezone(zone))
    except (OverflowError, ValueError) as e:
        raise ValueError("time out of range") from e
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    offset = "Z" if zone is UTC else _offset_text(minutes)
    return stamp + fraction + offset


def _offset_text(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
