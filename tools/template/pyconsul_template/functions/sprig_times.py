"""Times and durations of the sprig library."""

from __future__ import annotations

import time

from pyconsul.lang import strconv
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Int64, Value, wrap_signed
from pyconsul.primitives.durations import format_duration
from pyconsul_template.functions.registry import function
from pyconsul_template.gotime import Time, parse_go_duration

_SECOND = 10**9
# What durationRound shows: the largest unit that fits more than once.
_UNITS = (
    ("y", 365 * 86400 * _SECOND),
    ("mo", 30 * 86400 * _SECOND),
    ("d", 86400 * _SECOND),
    ("h", 3600 * _SECOND),
    ("m", 60 * _SECOND),
    ("s", _SECOND),
)


def _bounded(duration_ns: int) -> int:
    """A duration has 64 bits; what is longer is as long as these reach."""
    return max(strconv.MIN_INT64, min(duration_ns, strconv.MAX_INT64))


@function("sprig_ago", "any", changing=True)
def ago(moment: Value) -> str:
    """How long a moment is past."""
    then = time.time_ns()
    if isinstance(moment, Time):
        then = moment.nanoseconds
    elif isinstance(moment, int) and not isinstance(moment, bool):
        then = int(moment) * _SECOND
    past = _bounded(time.time_ns() - then)
    size = (abs(past) + _SECOND // 2) // _SECOND * _SECOND
    return format_duration(_bounded(size if past >= 0 else -size))


@function("sprig_duration", "any")
def duration(seconds: Value) -> str:
    """Seconds as a Go duration."""
    number = 0
    if isinstance(seconds, str):
        try:
            number = strconv.parse_int(seconds)
        except strconv.NumberSyntaxError as error:
            number = error.nearest
    elif isinstance(seconds, Int64):
        number = int(seconds)
    return format_duration(wrap_signed(number * _SECOND))


@function("sprig_durationRound", "any", changing=True)
def duration_round(value: Value) -> str:
    """A duration in its largest unit."""
    size = 0
    if isinstance(value, str):
        try:
            size = parse_go_duration(value)
        except FunctionError:
            size = 0
    elif isinstance(value, Int64):
        size = int(value)
    elif isinstance(value, Time):
        size = _bounded(time.time_ns() - value.nanoseconds)
    for name, unit in _UNITS:
        if abs(size) > unit:
            return f"{abs(size) // unit}{name}"
    return "0s"


@function("sprig_toDate", "string, string")
def to_date(layout: str, text: str) -> Time:
    """A moment from a text in a Go layout, the zero time for a wrong one."""
    try:
        return must_to_date(layout, text)
    except FunctionError:
        return Time.parse("2006", "0001")


@function("sprig_mustToDate", "string, string")
def must_to_date(layout: str, text: str) -> Time:
    """A moment from a text in a Go layout."""
    return Time.parse(layout, text, local=True)


@function("sprig_unixEpoch", "time.Time")
def unix_epoch(moment: Time) -> str:
    """Seconds since 1970."""
    return str(moment.nanoseconds // _SECOND)


@function("sprig_mustDateModify", "string, time.Time")
def must_date_modify(change: str, moment: Time) -> Time:
    """The moment moved by a duration."""
    return Time(moment.nanoseconds + parse_go_duration(change), moment.zone)


function("sprig_must_date_modify", "string, time.Time")(must_date_modify)
