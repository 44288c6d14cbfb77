"""Texts in Go's time layouts, read as ``time.Parse`` reads them: its leniency, its ranges, its messages."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import takewhile

import msgspec

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.strconv import to_bytes

MONTHS = (
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
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
# The elements of a Go layout, longest first where one begins with another.
ELEMENT = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|15|__2|002|_2(?!006)|01|02|03|04|05|06"
    r"|Z070000|Z07:00:00|Z0700|Z07:00|Z07|-070000|-07:00:00|-0700|-07:00|-07|PM|pm"
    r"|[.,]0+(?![0-9])|[.,]9+(?![0-9])|1|2|3|4|5"
)
# Numbers by their element: what they are, whether they need both digits, and the least and the largest.
_NUMBERS = {
    "01": ("month", True, 1, 12),
    "1": ("month", False, 1, 12),
    "02": ("day", True, 0, 99),
    "2": ("day", False, 0, 99),
    "_2": ("day", False, 0, 99),
    "15": ("hour", False, 0, 23),
    "03": ("hour", True, 0, 12),
    "3": ("hour", False, 0, 12),
    "04": ("minute", True, 0, 59),
    "4": ("minute", False, 0, 59),
    "05": ("second", True, 0, 59),
    "5": ("second", False, 0, 59),
}
_NAMES = {
    "January": MONTHS,
    "Jan": tuple(name[:3] for name in MONTHS),
    "Monday": DAYS,
    "Mon": tuple(name[:3] for name in DAYS),
}
_HOURS = r"[+-]0*(?:1?[0-9]|2[0-3])(?![0-9])"
# Three letters, four or five with a T at their end, bare hours, and the exceptions.
_ZONE = rf"UTC|ChST|MeST|GMT(?:{_HOURS})?|{_HOURS}|(?:[A-Z]{{3,4}}T|WITA|[A-Z]{{3}})(?![A-Z])"
_OFFSET_LIMITS = (("hour", 24), ("minute", 60), ("second", 60))
"""The largest that Go takes: some write 24 hours and 60 minutes."""


class Reading(msgspec.Struct):
    """What a text says; what it does not say is 0 or, of month and day, the first.

    ``offset``: seconds to UTC; ``zone``: a zone's abbreviation, "" where it names none; ``is_utc`` counts before both.
    """

    year: int = 0
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0
    nanosecond: int = 0
    offset: int | None = None
    zone: str = ""
    is_utc: bool = False


class _MisfitError(Exception):
    """The text does not go on as the element of the layout wants it."""


def read(layout: str, text: str) -> Reading:
    """What the text says. Raises FunctionError with Go's message."""
    return _Reader(layout, text).run()


def _quoted(text: str) -> str:
    """A text as the time package's messages quote it: bytes beyond printable ASCII as \\x."""
    shown = (f"\\x{b:02x}" if b < 0x20 or b > 0x7F else "\\" * (b in b'"\\') + chr(b) for b in to_bytes(text))
    return f'"{"".join(shown)}"'


class _Reader:
    """Reads one text by one layout; ``rest`` is what is still to be read."""

    def __init__(self, layout: str, text: str) -> None:
        self.layout = layout
        self.text = text
        self.rest = text
        self.found = Reading()
        self.half: str = ""
        self.year_day: int | None = None
        self.has_month = self.has_day = False

    def run(self) -> Reading:
        """All that the layout asks for."""
        at = 0
        for match in ELEMENT.finditer(self.layout):
            self.literal(self.layout[at : match.start()])
            at = match.end()
            before = self.rest
            try:
                self.element(match[0], self.layout[at:])
            except _MisfitError:
                raise self.misfit(before, match[0]) from None
        self.literal(self.layout[at:])
        if self.rest:
            raise self.error(f"extra text: {_quoted(self.rest)}")
        return self.completed()

    def error(self, said: str) -> FunctionError:
        """Go's message about the text as a whole."""
        return FunctionError(f"parsing time {_quoted(self.text)}: {said}")

    def misfit(self, rest: str, element: str) -> FunctionError:
        """Go's message for a part that does not fit."""
        parts = [_quoted(part) for part in (self.text, self.layout, rest, element)]
        return FunctionError(f"parsing time {parts[0]} as {parts[1]}: cannot parse {parts[2]} as {parts[3]}")

    def literal(self, text: str) -> None:
        """Text of the layout that must stand in the value; a run of blanks fits any other."""
        for part in re.findall(r" +|[^ ]", text, re.DOTALL):
            if part[0] == " " and self.rest[:1] in ("", " "):
                self.rest = self.rest.lstrip(" ")
            elif self.rest[:1] == part:
                self.rest = self.rest[1:]
            else:
                raise self.misfit(self.rest, text)

    def take(self, pattern: str) -> str:
        """What the pattern matches at this place. Raises _MisfitError."""
        found = re.match(pattern, self.rest, re.DOTALL)
        if found is None:
            raise _MisfitError
        self.rest = self.rest[found.end() :]
        return found[0]

    def element(self, element: str, following: str) -> None:
        """One element of the layout; ``following`` is the layout behind it."""
        if element in _NUMBERS:
            self.number(element, following)
        elif element in _NAMES:
            self.name(element)
        elif element[0] in "Z-":
            self.difference(element)
        elif element[0] in ".,":
            self.fraction(element)
        else:
            _OTHERS[element](self)

    def number(self, element: str, following: str) -> None:
        """A number of one or two digits."""
        name, is_fixed, least, largest = _NUMBERS[element]
        if element == "_2":
            self.rest = self.rest.removeprefix(" ")
        number = int(self.take("[0-9]{2}" if is_fixed else "[0-9]{1,2}"))
        if not least <= number <= largest:
            raise self.error(f"{name} out of range")
        setattr(self.found, name, number)
        self.has_month |= name == "month"
        self.has_day |= name == "day"
        if name == "second" and re.match(r"[.,][0-9]", self.rest):
            behind = ELEMENT.search(following)
            if behind is None or behind[0][0] not in ".,":  # a fraction is taken even where the layout has none
                self.found.nanosecond = _nanoseconds(self.take(r"[.,][0-9]+"))

    def name(self, element: str) -> None:
        """The name of a month or of a day, which does not count."""
        for number, name in enumerate(_NAMES[element], 1):
            if self.rest[: len(name)].lower() == name.lower():
                self.rest = self.rest[len(name) :]
                if element[0] == "J":
                    self.found.month, self.has_month = number, True
                return
        raise _MisfitError

    def fraction(self, element: str) -> None:
        """A fraction of a second: as many digits as there are zeros, or any number of them for nines."""
        if element[1] == "0":
            self.found.nanosecond = _nanoseconds(self.take(rf"[.,][0-9]{{{len(element) - 1}}}"))
        elif re.match(r"[.,][0-9]", self.rest):
            self.found.nanosecond = _nanoseconds(self.take(r"[.,][0-9]+"))

    def difference(self, element: str) -> None:
        """A zone given as a difference to UTC."""
        if element[0] == "Z" and self.rest[:1] == "Z":
            self.rest = self.rest[1:]
            self.found.is_utc = True
            return
        shape = re.match("(.)" + re.sub("[0-9]{2}", "(..)", element[1:]), self.rest, re.DOTALL)
        if shape is None:
            raise _MisfitError
        self.rest = self.rest[shape.end() :]
        sign, *parts = shape.groups()
        numbers = [int(part) for part in takewhile(_is_number, parts)]
        too_large = [name for (name, largest), n in zip(_OFFSET_LIMITS, numbers, strict=False) if n > largest]
        if too_large:
            raise self.error(f"time zone offset {too_large[-1]} out of range")
        if sign not in "+-" or len(numbers) < len(parts):
            raise _MisfitError
        hours, minutes, seconds = (*numbers, 0, 0)[:3]
        size = (hours * 60 + minutes) * 60 + seconds
        self.found.offset = -size if sign == "-" else size

    def year(self) -> None:
        """A year of four digits."""
        self.found.year = int(self.take("[0-9]{4}"))

    def short_year(self) -> None:
        """A year without its century: from 1969 to 2068."""
        year = int(self.take("[0-9]{2}|[+-][0-9]"))
        self.found.year = year + (1900 if year >= 69 else 2000)

    def zero_year_day(self) -> None:
        """A day of the year of three digits."""
        self.year_day = int(self.take("[0-9]{3}"))

    def blank_year_day(self) -> None:
        """A day of the year with blanks before it."""
        self.take(" {0,2}")
        self.year_day = int(self.take("[0-9]{1,3}"))

    def half_of_day(self) -> None:
        """Before or after noon."""
        self.half = self.take("AM|PM")

    def small_half_of_day(self) -> None:
        """Before or after noon, in small letters."""
        self.half = self.take("am|pm").upper()

    def abbreviation(self) -> None:
        """The abbreviation of a zone."""
        name = self.take(_ZONE)
        if name == "UTC":
            self.found.is_utc = True
        else:
            self.found.zone = name

    def completed(self) -> Reading:
        """What was found, with the day of the year as a date, and checked."""
        found = self.found
        if self.half == "PM" and found.hour < 12:
            found.hour += 12
        elif self.half == "AM" and found.hour == 12:
            found.hour = 0
        if self.year_day is not None:
            self.set_date(self.year_day)
        found.month = found.month if self.has_month else 1
        found.day = found.day if self.has_day else 1
        if not 1 <= found.day <= _days_of(found.year, found.month):
            raise self.error("day out of range")
        return found

    def set_date(self, year_day: int) -> None:
        """Month and day of a day of the year, which must be those that were read."""
        found = self.found
        twin = 2000 if calendar.isleap(found.year) else 2001
        if not 1 <= year_day <= 365 + calendar.isleap(found.year):
            raise self.error("day-of-year out of range")
        day = date(twin, 1, 1) + timedelta(days=year_day - 1)
        if self.has_month and found.month != day.month:
            raise self.error("day-of-year does not match month")
        if self.has_day and found.day != day.day:
            raise self.error("day-of-year does not match day")
        found.month, found.day = day.month, day.day
        self.has_month = self.has_day = True


_OTHERS: dict[str, Callable[[_Reader], None]] = {
    "2006": _Reader.year,
    "06": _Reader.short_year,
    "002": _Reader.zero_year_day,
    "__2": _Reader.blank_year_day,
    "PM": _Reader.half_of_day,
    "pm": _Reader.small_half_of_day,
    "MST": _Reader.abbreviation,
}


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit()


def _nanoseconds(fraction: str) -> int:
    """Nanoseconds of a point and digits, of which nine count."""
    return int(fraction[1:10].ljust(9, "0"))


def _days_of(year: int, month: int) -> int:
    return 29 if month == 2 and calendar.isleap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
