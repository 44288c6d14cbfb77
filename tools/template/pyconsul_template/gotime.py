"""Go's ``time.Time`` as far as templates reach it: layouts, parsing, differences, its methods."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from pyconsul.lang.gotemplate import Function, FunctionError, signature
from pyconsul.lang.gotemplate.values import Int64, Stringer, TypedInt, Value, wrap_signed
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import DurationError, format_duration, parse_duration
from pyconsul_template.gotime_reading import DAYS, ELEMENT, MONTHS, Reading, read

RFC3339 = "2006-01-02T15:04:05Z07:00"


class Duration(TypedInt):
    """Go's time.Duration: nanoseconds that print as ``1h2m``."""

    go_type = "time.Duration"

    def go_string(self) -> str:
        """The text Go prints."""
        return format_duration(int(self))


def _of_duration(call: Callable[[Duration], Value]) -> Function:
    """A method without arguments; like its kin below it tells what a lambda is of."""
    return signature("", call)


def _to_step(call: Callable[[Duration, Duration], Duration]) -> Function:
    return signature("time.Duration", call)


Duration.methods = {
    "String": _of_duration(Duration.go_string),
    "Seconds": _of_duration(lambda d: int(d) / 1e9),
    "Minutes": _of_duration(lambda d: int(d) / 6e10),
    "Hours": _of_duration(lambda d: int(d) / 3.6e12),
    "Milliseconds": _of_duration(lambda d: Int64(_whole(d, 10**6))),
    "Microseconds": _of_duration(lambda d: Int64(_whole(d, 1000))),
    "Nanoseconds": _of_duration(lambda d: Int64(int(d))),
    "Abs": _of_duration(lambda d: Duration(abs(d))),
    "Truncate": _to_step(lambda d, step: Duration(_whole(d, step) * step if step > 0 else d)),
    "Round": _to_step(lambda d, step: Duration(_rounded(d, step) if step > 0 else d)),
}


def _whole(size: int, unit: int) -> int:
    """How often the unit fits in, towards zero."""
    return abs(size) // unit * (-1 if size < 0 else 1)


def _rounded(size: int, step: int) -> int:
    """The nearest multiple, half away from zero."""
    return (2 * abs(size) + step) // (2 * step) * step * (-1 if size < 0 else 1)


class Month(TypedInt):
    """Go's time.Month: 1 is January."""

    go_type = "time.Month"

    def go_string(self) -> str:
        """Its English name."""
        return MONTHS[self - 1]


class Weekday(TypedInt):
    """Go's time.Weekday: 0 is Sunday."""

    go_type = "time.Weekday"

    def go_string(self) -> str:
        """Its English name."""
        return DAYS[self]


for _named in (Month, Weekday):
    _named.methods = {"String": signature("", _named.go_string)}


class Time(Stringer):
    """A moment: nanoseconds since 1970 and the zone to show it in."""

    go_type = "time.Time"

    def __init__(self, nanoseconds: int, zone: tzinfo = UTC) -> None:
        self.nanoseconds = nanoseconds
        self.zone = zone

    @classmethod
    def now(cls) -> Time:
        """The present in UTC."""
        moment = datetime.now(UTC)
        return cls(_nanoseconds(moment))

    @classmethod
    def local(cls, nanoseconds: int) -> Time:
        """A moment shown in the machine's zone."""
        later = _DAYS_OF_400_YEARS * _DAY if nanoseconds < _ZERO + _DAY else 0
        zone = datetime.fromtimestamp((nanoseconds + later) // 10**9, UTC).astimezone().tzinfo
        return cls(nanoseconds, zone or UTC)

    @classmethod
    def parse_rfc3339(cls, text: str) -> Time:
        """From JSON's form. Raises ValueError."""
        return cls.parse(RFC3339, text)

    @classmethod
    def parse(cls, layout: str, text: str, *, local: bool = False) -> Time:
        """From a text in a Go layout; without a zone it means UTC, or the machine's own when ``local``.

        Raises FunctionError with Go's message.
        """
        found = read(layout, text)
        # Year 0 is a leap year like the one 400 years later.
        moment = datetime(found.year or 400, found.month, found.day, found.hour, found.minute, found.second, tzinfo=UTC)
        earlier = 0 if found.year else _DAYS_OF_400_YEARS * _DAY
        return _placed(_nanoseconds(moment) - earlier + found.nanosecond, found, local)

    @property
    def moment(self) -> datetime:
        """The date and time of day in the zone, without what is below a microsecond.

        Before the year 1 it is a moment 400 years later, whose calendar is the same; ``year`` knows.
        """
        whole, rest = divmod(self.nanoseconds, 10**9)
        days = _DAYS_OF_400_YEARS if self.nanoseconds < _ZERO + _DAY else 0
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days, seconds=whole, microseconds=rest // 1000)
        return moment.astimezone(self.zone)

    @property
    def year(self) -> int:
        """The year in the zone; 0 and less before the first."""
        return self.moment.year - (400 if self.nanoseconds < _ZERO + _DAY else 0)

    @property
    def weekday(self) -> Weekday:
        """The day of the week in the zone."""
        return Weekday((self.moment.weekday() + 1) % 7)

    @property
    def is_zero(self) -> bool:
        """Whether it is the first moment of the year 1."""
        return self.nanoseconds == _ZERO

    def format(self, layout: str) -> str:
        """The moment in a Go layout."""
        return ELEMENT.sub(lambda found: _shown(found[0], self), layout)

    @property
    def location(self) -> str:
        """Go's name of the zone: ``Local`` for the machine's own, none for a bare difference to UTC."""
        if isinstance(self.zone, FixedZone):
            return self.zone.name
        return "UTC" if self.zone is UTC else "Local"

    def go_string(self) -> str:
        """The text Go prints."""
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def go_syntax(self) -> str:
        """The call that makes this moment in Go."""
        moment = self.moment
        zone = f"Location({quote(self.zone.name)})" if isinstance(self.zone, FixedZone) else self.location
        clock = f"{moment.hour}, {moment.minute}, {moment.second}, {self.nanoseconds % 10**9}"
        return f"time.Date({self.year}, time.{MONTHS[moment.month - 1]}, {moment.day}, {clock}, time.{zone})"

    def plus_date(self, years: int, months: int, days: int) -> Time:
        """The same time of day so many years, months and days later; a day too many counts into the next month."""
        moment = self.moment
        year, month = divmod(12 * (moment.year + years) + moment.month - 1 + months, 12)
        try:
            first = moment.replace(year=year, month=month + 1, day=1)
            moved = first + timedelta(days=moment.day - 1 + days)
        except (ValueError, OverflowError):
            raise FunctionError("year out of range") from None
        return Time(self.nanoseconds + _nanoseconds(moved) - _nanoseconds(moment), self.zone)

    def json(self) -> str:
        """The form JSON shows."""
        return self.format("2006-01-02T15:04:05.999999999Z07:00")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and other.nanoseconds == self.nanoseconds

    __hash__ = object.__hash__


_ZERO = -62135596800 * 10**9  # nanoseconds: the first moment of the year 1, Go's zero time and Python's first
_DAY = 86400 * 10**9
_DAYS_OF_400_YEARS = 146097  # after so many the calendar repeats, days of the week included


def _nanoseconds(moment: datetime) -> int:
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 10**9 + delta.microseconds * 1000


class FixedZone(tzinfo):
    """A difference to UTC in seconds, with the name of the zone or none."""

    def __init__(self, name: str, seconds: int) -> None:
        self.name = name
        self._difference = timedelta(seconds=seconds)

    def utcoffset(self, _moment: datetime | None, /) -> timedelta:
        """The difference."""
        return self._difference

    def tzname(self, _moment: datetime | None, /) -> str:
        """The name, "" for none."""
        return self.name

    def dst(self, _moment: datetime | None, /) -> timedelta:
        """None."""
        return timedelta()


def _placed(clock: int, found: Reading, local: bool) -> Time:
    """The moment at which a clock in the zone that was read shows so many nanoseconds."""
    if found.is_utc:
        return Time(clock)
    if found.offset is not None:
        return _at_offset(clock, found.zone, found.offset, local)
    if not found.zone:
        return _local_clock(clock) if local else Time(clock)
    if local and found.zone in time.tzname:
        return Time.local(clock + (time.timezone, time.altzone)[time.tzname.index(found.zone)] * 10**9)
    hours = int(found.zone[3:] or "0") if found.zone.startswith("GMT") else 0
    return Time(clock, FixedZone(found.zone, hours * 3600))  # Go moves nothing for the hours behind GMT


def _at_offset(clock: int, name: str, offset: int, local: bool) -> Time:
    """A moment by its difference to UTC: the machine's zone where it has the same then."""
    nanoseconds = clock - offset * 10**9
    if local:
        there = Time.local(nanoseconds)
        if there.moment.utcoffset() == timedelta(seconds=offset) and name in ("", there.moment.tzname()):
            return there
    return Time(nanoseconds, FixedZone(name, offset))


def _local_clock(clock: int) -> Time:
    """The moment at which the machine's clock shows so many nanoseconds."""
    shown = Time(clock).moment.replace(tzinfo=None).astimezone()
    return Time(clock - int((shown.utcoffset() or timedelta()).total_seconds()) * 10**9, shown.tzinfo or UTC)


def _offset(moment: datetime, element: str) -> str:
    delta = moment.utcoffset() or timedelta()
    total = int(delta.total_seconds())
    if element[0] == "Z" and total == 0:
        return "Z"
    sign = "-" if total < 0 else "+"
    hours, rest = divmod(abs(total), 3600)
    minutes, seconds = divmod(rest, 60)
    colon = ":" if ":" in element else ""
    parts = [f"{hours:02d}"]
    digits = element.replace(":", "")[1:]
    if len(digits) >= 4:
        parts.append(f"{minutes:02d}")
    if len(digits) >= 6:
        parts.append(f"{seconds:02d}")
    return sign + colon.join(parts)


def _zone_name(moment: datetime) -> str:
    return moment.tzname() or _offset(moment, "-0700")


def _shown(element: str, when: Time) -> str:
    moment, below, year = when.moment, when.nanoseconds % 10**9, when.year
    hour12 = moment.hour % 12 or 12
    weekday = when.weekday.go_string()
    month = MONTHS[moment.month - 1]
    plain: dict[str, str] = {
        "January": month,
        "Jan": month[:3],
        "Monday": weekday,
        "Mon": weekday[:3],
        "MST": _zone_name(moment),
        "2006": f"{'-' * (year < 0)}{abs(year):04d}",
        "06": f"{abs(year) % 100:02d}",
        "01": f"{moment.month:02d}",
        "1": str(moment.month),
        "02": f"{moment.day:02d}",
        "_2": f"{moment.day:2d}",
        "2": str(moment.day),
        "002": f"{moment.timetuple().tm_yday:03d}",
        "__2": f"{moment.timetuple().tm_yday:3d}",
        "15": f"{moment.hour:02d}",
        "03": f"{hour12:02d}",
        "3": str(hour12),
        "04": f"{moment.minute:02d}",
        "4": str(moment.minute),
        "05": f"{moment.second:02d}",
        "5": str(moment.second),
        "PM": "PM" if moment.hour >= 12 else "AM",
        "pm": "pm" if moment.hour >= 12 else "am",
    }
    if element in plain:
        return plain[element]
    if element[0] in ".,":
        digits = f"{below:09d}"[: len(element) - 1]
        if element[1] == "9":
            digits = digits.rstrip("0")
        return element[0] + digits if digits else ""
    return _offset(moment, element)


def parse_go_duration(text: str) -> int:
    """Nanoseconds of a Go duration. Raises FunctionError with Go's message."""
    try:
        return parse_duration(text)
    except DurationError as error:
        raise FunctionError(str(error)) from None


def _stepped(moment: Time, step: int, *, half: bool) -> Time:
    """The moment at a multiple of the step since the first moment: the last one, or the nearest."""
    if step <= 0:
        return moment
    rest = (moment.nanoseconds - _ZERO) % step
    up = step if half and 2 * rest >= step else 0
    return Time(moment.nanoseconds - rest + up, moment.zone)


def _of_time(call: Callable[[Time], Value]) -> Function:
    return signature("", call)


def _with_time(call: Callable[[Time, Time], Value]) -> Function:
    return signature("time.Time", call)


def _with_duration(call: Callable[[Time, Duration], Time]) -> Function:
    return signature("time.Duration", call)


Time.methods = {
    "Year": _of_time(lambda t: t.year),
    "Day": _of_time(lambda t: t.moment.day),
    "Hour": _of_time(lambda t: t.moment.hour),
    "Minute": _of_time(lambda t: t.moment.minute),
    "Second": _of_time(lambda t: t.moment.second),
    "Nanosecond": _of_time(lambda t: t.nanoseconds % 10**9),
    "Month": _of_time(lambda t: Month(t.moment.month)),
    "Weekday": _of_time(lambda t: t.weekday),
    "YearDay": _of_time(lambda t: t.moment.timetuple().tm_yday),
    "Unix": _of_time(lambda t: Int64(t.nanoseconds // 10**9)),
    "UnixNano": _of_time(lambda t: wrap_signed(t.nanoseconds)),
    "UnixMilli": _of_time(lambda t: Int64(t.nanoseconds // 10**6)),
    "UnixMicro": _of_time(lambda t: Int64(t.nanoseconds // 1000)),
    "Format": signature("string", Time.format),
    "String": _of_time(Time.go_string),
    "GoString": _of_time(Time.go_syntax),
    "Location": _of_time(lambda t: t.location),
    "UTC": _of_time(lambda t: Time(t.nanoseconds)),
    "Local": _of_time(lambda t: Time.local(t.nanoseconds)),
    "IsZero": _of_time(lambda t: t.is_zero),
    "After": _with_time(lambda t, other: t.nanoseconds > other.nanoseconds),
    "Before": _with_time(lambda t, other: t.nanoseconds < other.nanoseconds),
    "Equal": _with_time(lambda t, other: t.nanoseconds == other.nanoseconds),
    "Sub": _with_time(lambda t, other: Duration(t.nanoseconds - other.nanoseconds)),
    "Compare": _with_time(lambda t, o: (t.nanoseconds > o.nanoseconds) - (t.nanoseconds < o.nanoseconds)),
    "Add": _with_duration(lambda t, d: Time(t.nanoseconds + int(d), t.zone)),
    "Truncate": _with_duration(lambda t, step: _stepped(t, step, half=False)),
    "Round": _with_duration(lambda t, step: _stepped(t, step, half=True)),
    "AddDate": signature("int, int, int", Time.plus_date),
}
