"""Logging in Consul's layout: one event a line, a logger a room, values as ``key=value``.

``2026-01-02T15:04:05.000Z [INFO]  agent.server: message: key=value``, or one JSON object a line. Loggers are global and
cheap while nobody listens at their level; who writes where (standard error, a file, a ``monitor`` request) is a sink.
Knows nothing of the agent; the layout follows go-hclog.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Protocol, TextIO

from pyconsul.primitives.untyped import is_list_or_tuple

__all__ = [
    "Level",
    "LogSink",
    "Logger",
    "Monitor",
    "Record",
    "StreamSink",
    "add_sink",
    "as_json",
    "as_text",
    "level_from",
    "logger",
    "remove_sink",
    "set_level",
    "valid_level",
]


class Level(IntEnum):
    """How much a line matters; ``OFF`` is above all."""

    TRACE = 1
    DEBUG = 2
    INFO = 3
    WARN = 4
    ERROR = 5
    OFF = 6


_BRACKETS = {
    Level.TRACE: "[TRACE]",
    Level.DEBUG: "[DEBUG]",
    Level.INFO: "[INFO] ",
    Level.WARN: "[WARN] ",
    Level.ERROR: "[ERROR]",
}
_NAMES = {"TRACE": Level.TRACE, "DEBUG": Level.DEBUG, "INFO": Level.INFO, "WARN": Level.WARN, "ERR": Level.ERROR}
_NAMES["ERROR"] = Level.ERROR


def valid_level(name: str) -> bool:
    """Whether Consul takes ``name`` (any letter case) as a log level."""
    return name.upper() in _NAMES


def level_from(name: str) -> Level:
    """The level of that name. Raises ValueError with Consul's sentence for an unknown one."""
    try:
        return _NAMES[name.upper()]
    except KeyError:
        known = "[TRACE DEBUG INFO WARN ERROR]"
        raise ValueError(f"Invalid log level: {name}. Valid log levels are: {known}") from None


class Record:
    """One event: wall-clock time, level, name of the room, message and values in the order given."""

    __slots__ = ("level", "message", "name", "time", "values")

    def __init__(self, at: float, level: Level, name: str, message: str, values: Mapping[str, object]) -> None:
        self.time = at
        self.level = level
        self.name = name
        self.message = message
        self.values = values


class LogSink(Protocol):
    """Where records go. ``write`` must not raise, must not block, and may be called from any thread."""

    level: Level

    def write(self, record: Record) -> None:
        """Take one record at ``level`` or above."""
        ...


_lock = threading.Lock()
_sinks: tuple[LogSink, ...] = ()
_threshold: int = Level.OFF
_loggers: dict[str, Logger] = {}


class Logger:
    """Writes for one room. Get one with ``logger(name)``; keep it in a module variable."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def enabled(self, level: Level) -> bool:
        """Whether anybody listens at this level; ask before costly arguments."""
        return level >= _threshold

    def trace(self, message: str, /, **values: object) -> None:
        """For whoever follows a single request through the code."""
        if _threshold <= Level.TRACE:
            _emit(Level.TRACE, self.name, message, values)

    def debug(self, message: str, /, **values: object) -> None:
        """What a developer wants to see."""
        if _threshold <= Level.DEBUG:
            _emit(Level.DEBUG, self.name, message, values)

    def info(self, message: str, /, **values: object) -> None:
        """What an operator wants to see."""
        if _threshold <= Level.INFO:
            _emit(Level.INFO, self.name, message, values)

    def warn(self, message: str, /, **values: object) -> None:
        """Something is off, work goes on."""
        if _threshold <= Level.WARN:
            _emit(Level.WARN, self.name, message, values)

    def error(self, message: str, /, **values: object) -> None:
        """Something failed."""
        if _threshold <= Level.ERROR:
            _emit(Level.ERROR, self.name, message, values)


def logger(name: str = "agent") -> Logger:
    """The logger of that name, always the same object."""
    found = _loggers.get(name)
    if found is None:
        found = _loggers[name] = Logger(name)
    return found


def add_sink(sink: LogSink) -> None:
    """Send records to ``sink`` from now on."""
    global _sinks
    with _lock:
        _sinks = (*_sinks, sink)
        _refresh()


def remove_sink(sink: LogSink) -> None:
    """Send nothing to ``sink`` any more; unknown sinks are ignored."""
    global _sinks
    with _lock:
        _sinks = tuple(each for each in _sinks if each is not sink)
        _refresh()


def set_level(sink: LogSink, level: Level) -> None:
    """Change what ``sink`` wants to see, as a reload of ``log_level`` does."""
    with _lock:
        sink.level = level
        _refresh()


def _refresh() -> None:
    global _threshold
    _threshold = min((int(sink.level) for sink in _sinks), default=int(Level.OFF))


def _emit(level: Level, name: str, message: str, values: Mapping[str, object]) -> None:
    record = Record(time.time(), level, name, message, values)
    for sink in _sinks:
        if level >= sink.level:
            sink.write(record)


# Layouts

_PLAIN_VALUE = re.compile(r"[--~]*")  # go-hclog leaves only ASCII from - to ~ without quotes
_SURROGATE = re.compile("[\ud800-\udfff]")
_SHORT_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def as_text(record: Record) -> str:
    """The record as Consul's plain line, newline included; times are local, ``Z`` where that is UTC."""
    head = f"{_timestamp(record.time)} {_BRACKETS[record.level]} {record.name}: {record.message}"
    if not record.values:
        return head + "\n"
    return f"{head}:{''.join(_pair(key, value) for key, value in record.values.items())}\n"


def as_json(record: Record) -> str:
    """The record as one JSON object with ``@level``, ``@message``, ``@module`` and ``@timestamp``, newline included."""
    at = datetime.fromtimestamp(record.time, UTC)
    fields: dict[str, object] = {key: _json_value(value) for key, value in record.values.items()}
    fields["@level"] = record.level.name.lower()
    fields["@message"] = record.message
    fields["@module"] = record.name
    fields["@timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return _SURROGATE.sub(r"\\ufffd", line) + "\n"


def _timestamp(at: float) -> str:
    seconds = int(at)
    local = time.localtime(seconds)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", local)
    offset = local.tm_gmtoff
    zone = "Z" if not offset else f"{'-' if offset < 0 else '+'}{abs(offset) // 3600:02d}{abs(offset) % 3600 // 60:02d}"
    return f"{text}.{int((at - seconds) * 1000):03d}{zone}"


def _pair(key: str, value: object) -> str:
    if is_list_or_tuple(value):
        parts = (json.dumps(str(each)) if isinstance(each, str) else str(each) for each in value)
        return f" {key}=[{', '.join(parts)}]"
    text = _plain(value)
    if "\n" in text:
        lines = text.removesuffix("\n").split("\n")
        return f"\n  {key}=\n" + "".join(f"  | {_escape(line, quotes=False)}\n" for line in lines) + "  "
    if not text:
        return f' {key}=""'
    if _PLAIN_VALUE.fullmatch(text):
        return f" {key}={text}"
    return f' {key}="{_escape(text, quotes=True)}"'


def _plain(value: object) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    return "<nil>" if value is None else str(value)


def _json_value(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_list_or_tuple(value):
        return [_json_value(each) for each in value]
    return str(value)


def _escape(text: str, *, quotes: bool) -> str:
    shown = _SURROGATE.sub("\ufffd", text)
    if shown.isprintable() and '"' not in shown:
        return text
    out: list[str] = []
    for char in shown:
        if quotes and char == '"':
            out.append('\\"')
        elif char.isprintable():
            out.append(char)
        elif char in _SHORT_ESCAPES:
            out.append(_SHORT_ESCAPES[char])
        elif char < " ":
            out.append(f"\\x{ord(char):02x}")
        else:
            code = ord(char)
            out.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return "".join(out)


# Sinks


class StreamSink:
    """Writes lines to a text stream (standard output for the agent), whole and in order."""

    def __init__(self, stream: TextIO | None = None, level: Level = Level.INFO, *, json_lines: bool = False) -> None:
        self.level = level
        self._stream = stream if stream is not None else sys.stdout
        self._layout = as_json if json_lines else as_text
        self._lock = threading.Lock()

    def write(self, record: Record) -> None:
        """Write one line. A stream that is gone is left alone; one that is full or busy loses lines until it is not."""
        line = self._layout(record)
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                # Closed pipe or stream: drop it, there is nowhere left to complain to.
                self.level = Level.OFF
            except OSError:
                return  # what is buffered goes out with a later line


class Monitor:
    """A listener with a bounded buffer, as ``/v1/agent/monitor`` needs it: newest 512 lines wait, more are dropped.

    ``on_line`` is called (from any thread) whenever lines may be taken.
    """

    def __init__(
        self,
        level: Level = Level.INFO,
        *,
        json_lines: bool = False,
        buffer: int = 512,
        on_line: Callable[[], None] | None = None,
    ) -> None:
        self.level = level
        self.dropped = 0
        self._layout = as_json if json_lines else as_text
        self._buffer = buffer
        self._lines: deque[str] = deque()
        self._on_line = on_line

    def start(self) -> None:
        """Listen from now on."""
        add_sink(self)

    def stop(self) -> int:
        """Listen no more; returns how many lines were dropped."""
        remove_sink(self)
        return self.dropped

    def write(self, record: Record) -> None:
        """Keep one line, or count it as dropped when the reader is too slow."""
        # Without a lock: a deque takes and gives whole items in any thread, and a line above the limit does no harm.
        if len(self._lines) >= self._buffer:
            self.dropped += 1
            return
        self._lines.append(self._layout(record))
        if self._on_line is not None:
            self._on_line()

    def take(self) -> str:
        """All waiting lines, oldest first."""
        lines: list[str] = []
        while self._lines:
            lines.append(self._lines.popleft())
        return "".join(lines)
