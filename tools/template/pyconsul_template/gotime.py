"""Go's ``time.Time`` as far as templates reach it: layouts, parsing, differences, its methods."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from pyconsul.lang.gotemplate import FunctionError, signature
from pyconsul.lang.gotemplate.values import Int64, Stringer, TypedInt, wrap_signed
from pyconsul.lang.strconv import to_bytes
from pyconsul.primitives.durations import DurationError, format_duration, parse_duration

RFC3339 = "2006-01-02T15:04:05Z07:00"
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
# The elements of a Go layout, longest first where one begins with another.
_ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|15|__2|002|_2006|_2|01|02|03|04|05|06"
    r"|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07|PM|pm"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5"
)


class Duration(TypedInt):
    """Go's time.Duration: nanoseconds that print as ``1h2m``."""

    go_type = "time.Duration"

    def go_string(self) -> str:
        """The text Go prints."""
        return format_duration(int(self))


Duration.methods = {
    "String": signature("", Duration.go_string),
    "Seconds": signature("", lambda d: int(d) / 1e9),
    "Minutes": signature("", lambda d: int(d) / 6e10),
    "Hours": signature("", lambda d: int(d) / 3.6e12),
    "Milliseconds": signature("", lambda d: Int64(_whole(d, 10**6))),
    "Microseconds": signature("", lambda d: Int64(_whole(d, 1000))),
    "Nanoseconds": signature("", lambda d: Int64(int(d))),
    "Abs": signature("", lambda d: Duration(abs(d))),
    "Truncate": signature("time.Duration", lambda d, step: Duration(_whole(d, step) * step if step > 0 else d)),
    "Round": signature("time.Duration", lambda d, step: Duration(_rounded(d, step) if step > 0 else d)),
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
        return _MONTHS[self - 1]


class Weekday(TypedInt):
    """Go's time.Weekday: 0 is Sunday."""

    go_type = "time.Weekday"

    def go_string(self) -> str:
        """Its English name."""
        return _DAYS[self]


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
    def parse(cls, layout: str, text: str, zone: tzinfo = UTC) -> Time:
        """From a text in a Go layout. Raises FunctionError with Go's message."""
        return _Parser(layout, text, zone).run()

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
        return _ELEMENT.sub(lambda found: _shown(found[0], self), layout)

    @property
    def location(self) -> str:
        """Go's name of the zone: ``Local`` for the machine's own, none for a bare difference to UTC."""
        if self.zone is UTC:
            return "UTC"
        return "" if re.match(r"UTC[+-]", self.moment.tzname() or "") else "Local"

    def go_string(self) -> str:
        """The text Go prints."""
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def go_syntax(self) -> str:
        """The call that makes this moment in Go."""
        moment = self.moment
        zone = self.location or 'Location("")'
        clock = f"{moment.hour}, {moment.minute}, {moment.second}, {self.nanoseconds % 10**9}"
        return f"time.Date({self.year}, time.{_MONTHS[moment.month - 1]}, {moment.day}, {clock}, time.{zone})"

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


_ZERO = -62135596800 * 10**9
_DAY = 86400 * 10**9
_DAYS_OF_400_YEARS = 146097


def _nanoseconds(moment: datetime) -> int:
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 10**9 + delta.microseconds * 1000


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
    name = moment.tzname() or ""
    if re.fullmatch(r"UTC[+-]\d\d:\d\d", name):
        return _offset(moment, "-0700")
    return name


def _shown(element: str, time: Time) -> str:
    moment, below, year = time.moment, time.nanoseconds % 10**9, time.year
    hour12 = moment.hour % 12 or 12
    weekday = time.weekday.go_string()
    month = _MONTHS[moment.month - 1]
    plain: dict[str, str] = {
        "January": month,
        "Jan": month[:3],
        "Monday": weekday,
        "Mon": weekday[:3],
        "MST": _zone_name(moment),
        "2006": f"{year:04d}",
        "_2006": f"_{year:04d}",
        "06": f"{year % 100:02d}",
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


_NUMBERS = {
    "2006": (r"\d{4}", "year"),
    "06": (r"\d\d", "short_year"),
    "01": (r"\d\d", "month"),
    "1": (r"\d{1,2}", "month"),
    "02": (r"\d\d", "day"),
    "_2": (r"[ \d]?\d", "day"),
    "2": (r"\d{1,2}", "day"),
    "002": (r"\d{3}", "year_day"),
    "__2": (r"[ \d]{2}\d", "year_day"),
    "15": (r"\d\d", "hour"),
    "03": (r"\d\d", "hour"),
    "3": (r"\d{1,2}", "hour"),
    "04": (r"\d\d", "minute"),
    "4": (r"\d{1,2}", "minute"),
    "05": (r"\d\d", "second"),
    "5": (r"\d{1,2}", "second"),
}


def _quoted(text: str) -> str:
    """A text as the time package's messages quote it: bytes beyond printable ASCII as \\x."""
    shown = (f"\\x{b:02x}" if b < 0x20 or b > 0x7F else "\\" * (b in b'"\\') + chr(b) for b in to_bytes(text))
    return f'"{"".join(shown)}"'


_RANGES = {"month": (1, 12), "hour": (0, 23), "hour12": (0, 12), "minute": (0, 59), "second": (0, 59)}


class _Parser:
    """Reads one text by one layout."""

    def __init__(self, layout: str, text: str, zone: tzinfo) -> None:
        self.layout = layout
        self.text = text
        self.rest = text
        self.zone: tzinfo = zone
        self.found: dict[str, int] = {}
        self.nanoseconds = 0
        self.afternoon: bool | None = None

    def fail(self, element: str) -> FunctionError:
        """Go's message for a part that does not fit."""
        parts = [_quoted(part) for part in (self.text, self.layout, self.rest, element)]
        return FunctionError(f"parsing time {parts[0]} as {parts[1]}: cannot parse {parts[2]} as {parts[3]}")

    def run(self) -> Time:
        """The moment."""
        at = 0
        for element in _ELEMENT.finditer(self.layout):
            self.literal(self.layout[at : element.start()])
            self.element(element[0])
            at = element.end()
        self.literal(self.layout[at:])
        if self.rest:
            raise FunctionError(f"parsing time {_quoted(self.text)}: extra text: {_quoted(self.rest)}")
        return self.moment()

    def literal(self, text: str) -> None:
        """Text of the layout that must stand in the value; a run of blanks fits any other."""
        for part in re.findall(r" +|[^ ]", text):
            if part[0] == " " and self.rest[:1] in ("", " "):
                self.rest = self.rest.lstrip(" ")
            elif self.rest[:1] == part:
                self.rest = self.rest[1:]
            else:
                raise self.fail(text)

    def take(self, pattern: str, element: str) -> str:
        """What the pattern matches at this place."""
        found = re.match(pattern, self.rest, re.IGNORECASE)
        if found is None:
            raise self.fail(element)
        self.rest = self.rest[found.end() :]
        return found[0]

    def element(self, element: str) -> None:
        """One element of the layout."""
        if element in _NUMBERS:
            pattern, name = _NUMBERS[element]
            self.found[name] = int(self.take(pattern, element))
            first, last = _RANGES.get("hour12" if element in ("03", "3") else name, (0, 9999))
            if not first <= self.found[name] <= last:
                raise FunctionError(f"parsing time {_quoted(self.text)}: {name} out of range")
            if name == "second":
                self.fraction()
        elif element in ("January", "Jan", "Monday", "Mon"):
            names = _MONTHS if element[0] == "J" else _DAYS
            shown = [name if len(element) > 3 else name[:3] for name in names]
            number = [s.lower() for s in shown].index(self.take("|".join(shown), element).lower())
            if element[0] == "J":
                self.found["month"] = number + 1
        elif element in ("PM", "pm"):
            self.afternoon = self.take("AM|PM", element).upper() == "PM"
        elif element == "MST":
            self.take("[A-Z]{3,5}|[+-]\\d\\d", element)
        elif element[0] in ".,":
            if element[1] == "0":
                self.nanoseconds = int(self.take(rf"[.,]\d{{{len(element) - 1}}}", element)[1:].ljust(9, "0"))
        else:
            self.offset(element)

    def fraction(self) -> None:
        """Go takes a fraction after the seconds even where the layout has none."""
        found = re.match(r"[.,](\d+)", self.rest)
        if (found and not re.match(r".*05[.,][09]", self.layout)) or (found and re.search(r"05[.,]9", self.layout)):
            self.nanoseconds = int(found[1][:9].ljust(9, "0"))
            self.rest = self.rest[found.end() :]

    def offset(self, element: str) -> None:
        """A zone given as a difference to UTC."""
        if element[0] == "Z" and self.rest[:1] == "Z":
            self.rest = self.rest[1:]
            self.zone = UTC
            return
        colon = ":" if ":" in element else ""
        groups = len(element.replace(":", "")[1:]) // 2
        text = self.take(r"[+-]\d\d" + rf"{colon}\d\d" * (groups - 1), element)
        digits = text[1:].replace(":", "").ljust(6, "0")
        seconds = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:6])
        self.zone = timezone(timedelta(seconds=-seconds if text[0] == "-" else seconds))

    def moment(self) -> Time:
        """Put the parts together."""
        found = self.found
        hour = found.get("hour", 0)
        if self.afternoon is not None:
            hour = hour % 12 + (12 if self.afternoon else 0)
        year = found.get("year", 0)
        if "short_year" in found:
            year = found["short_year"] + (1900 if found["short_year"] >= 69 else 2000)
        try:
            moment = datetime(
                year or 400,
                found.get("month", 1),
                found.get("day", 1),
                hour,
                found.get("minute", 0),
                found.get("second", 0),
                tzinfo=self.zone,
            )
        except ValueError as error:
            part = str(error).partition(" ")[0]
            raise FunctionError(f"parsing time {_quoted(self.text)}: {part} out of range") from None
        if "year_day" in found:
            moment = moment.replace(month=1, day=1) + timedelta(days=found["year_day"] - 1)
        earlier = 0 if year else _DAYS_OF_400_YEARS * _DAY
        return Time(_nanoseconds(moment) - earlier + self.nanoseconds, self.zone)


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


def _field(name: str) -> Any:
    return signature("", lambda t: getattr(t.moment, name))


Time.methods = {
    "Year": signature("", lambda t: t.year),
    "Day": _field("day"),
    "Hour": _field("hour"),
    "Minute": _field("minute"),
    "Second": _field("second"),
    "Nanosecond": signature("", lambda t: t.nanoseconds % 10**9),
    "Month": signature("", lambda t: Month(t.moment.month)),
    "Weekday": signature("", lambda t: t.weekday),
    "YearDay": signature("", lambda t: t.moment.timetuple().tm_yday),
    "Unix": signature("", lambda t: Int64(t.nanoseconds // 10**9)),
    "UnixNano": signature("", lambda t: wrap_signed(t.nanoseconds)),
    "UnixMilli": signature("", lambda t: Int64(t.nanoseconds // 10**6)),
    "UnixMicro": signature("", lambda t: Int64(t.nanoseconds // 1000)),
    "Format": signature("string", Time.format),
    "String": signature("", Time.go_string),
    "GoString": signature("", Time.go_syntax),
    "Location": signature("", lambda t: t.location),
    "UTC": signature("", lambda t: Time(t.nanoseconds)),
    "Local": signature("", lambda t: Time.local(t.nanoseconds)),
    "IsZero": signature("", lambda t: t.is_zero),
    "After": signature("time.Time", lambda t, other: t.nanoseconds > other.nanoseconds),
    "Before": signature("time.Time", lambda t, other: t.nanoseconds < other.nanoseconds),
    "Equal": signature("time.Time", lambda t, other: t.nanoseconds == other.nanoseconds),
    "Sub": signature("time.Time", lambda t, other: Duration(t.nanoseconds - other.nanoseconds)),
    "Compare": signature("time.Time", lambda t, o: (t.nanoseconds > o.nanoseconds) - (t.nanoseconds < o.nanoseconds)),
    "Add": signature("time.Duration", lambda t, d: Time(t.nanoseconds + int(d), t.zone)),
    "Truncate": signature("time.Duration", lambda t, step: _stepped(t, step, half=False)),
    "Round": signature("time.Duration", lambda t, step: _stepped(t, step, half=True)),
    "AddDate": signature("int, int, int", Time.plus_date),
}
