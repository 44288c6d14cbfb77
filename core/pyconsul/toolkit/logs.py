"""The tools' log: lines ``TIME [LEVEL] (part) message`` on standard error, into a file, to syslog."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from datetime import datetime
from io import FileIO
from typing import Final

from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.stray_bytes import as_bytes
from pyconsul.primitives.system_errors import system_text
from pyconsul.toolkit.errors import ConfigError

LEVELS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERR")
TRACE: Final = 5
_NUMBERS: Final = {"TRACE": TRACE, "DEBUG": 10, "INFO": 20, "WARN": 30, "ERR": 40}
_NAMES: Final = {number: name for name, number in _NUMBERS.items()}
DEFAULT_FILE_NAME: Final = "consul-template.log"


def timestamp(seconds: float) -> str:
    """``2006-01-02T15:04:05.000Z`` in the machine's zone."""
    moment = datetime.fromtimestamp(seconds).astimezone()
    zone = moment.strftime("%z")
    shown = "Z" if zone == "+0000" else zone
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}{shown}"


class _Lines(logging.Formatter):
    """One event a line; the logger's last name is the part."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without its newline."""
        return f"{timestamp(record.created)} {_line(record)}"


class _Untimed(logging.Formatter):
    """The lines of log files, which carry no time."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without its newline."""
        return _line(record)


def _line(record: logging.LogRecord) -> str:
    return f"[{_NAMES.get(record.levelno, 'INFO')}] {_said(record)}"


def _said(record: logging.LogRecord) -> str:
    part = record.name.rpartition(".")[2]
    head = "" if part == "main" else f"({part}) "
    return head + record.getMessage().removesuffix("\n")  # one that ends a line already gets no second end


def _for_the_group(path: str, flags: int) -> int:
    return os.open(path, flags, 0o640)


class RotatingFile(logging.Handler):
    """Writes into files ``NAME-NANOSECONDS.log`` and starts a new one by size or age, as consul-template does."""

    def __init__(self, path: str, limit_bytes: int, limit_seconds: float, keep: int) -> None:
        super().__init__()
        folder, name = os.path.split(path)
        self.folder = folder or "."
        stem, dot, ending = (name or DEFAULT_FILE_NAME).rpartition(".")
        self.head, self.ending = f"{stem if dot else ending}-", f".{ending}" if dot else ".log"
        self.limit_bytes = limit_bytes
        self.limit_seconds = limit_seconds
        self.keep = keep
        self.setFormatter(_Untimed())
        self.prune()
        self.file = self._open()

    def _open(self) -> FileIO:
        self.created = time.monotonic()  # setting the clock turns no file over
        path = os.path.join(self.folder, f"{self.head}{time.time_ns()}{self.ending}").removeprefix("./")
        return FileIO(path, "w", opener=_for_the_group)  # not buffered: what cannot be written is not kept

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; one that the disk does not take is lost here, it stands on standard error."""
        is_old = time.monotonic() - self.created >= self.limit_seconds
        is_large = 0 < self.limit_bytes <= self.file.tell()
        if is_old or is_large:
            with contextlib.suppress(OSError):  # the present file goes on, then
                self.rotate()
        with contextlib.suppress(OSError):
            self.file.write(as_bytes(f"{self.format(record)}\n"))

    def rotate(self) -> None:
        """Begin another file and close the present one. Raises OSError."""
        self.prune()
        before, self.file = self.file, self._open()
        with contextlib.suppress(OSError):
            before.close()

    def prune(self) -> None:
        """Delete files of earlier times beyond the number to keep (0: keep all, negative: keep none)."""
        if self.keep == 0 or not os.path.isdir(self.folder):
            return
        found = sorted(n for n in os.listdir(self.folder) if n.startswith(self.head) and n.endswith(self.ending))
        for name in found[: max(len(found) - max(self.keep, 0), 0)]:
            os.unlink(os.path.join(self.folder, name))

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        super().close()


def level_number(name: str) -> int:
    """The number of a level's name in any letter case. Raises ConfigError."""
    number = _NUMBERS.get(name.upper())
    if number is None:
        raise ConfigError(f'invalid log level "{name.upper()}", valid log levels are {", ".join(LEVELS)}')
    return number


def setup(
    root: str,
    level: str,
    *,
    file_path: str = "",
    rotate_bytes: int = 0,
    rotate_seconds: float = 86400.0,
    rotate_keep: int = 0,
    syslog_facility: str = "",
    syslog_name: str = "",
    lines: logging.Formatter | None = None,
) -> None:
    """Make the logger ``root`` (and all below it) write in the tools' manner. Raises ConfigError.

    ``lines`` replaces the form of the lines on standard error; then none of the early form goes before them.
    """
    logger = logging.getLogger(root)
    number = level_number(level)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = False
    logger.setLevel(number)
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(lines or _Lines())
    logger.addHandler(console)
    if file_path:
        shown = file_path + DEFAULT_FILE_NAME if file_path.endswith("/") else file_path
        age = format_duration(int((rotate_seconds or 86400.0) * 1e9))
        early_line("DEBUG", "logging", f"enabling log_file logging to {shown} with rotation every {age}")
        try:
            logger.addHandler(RotatingFile(file_path, rotate_bytes, rotate_seconds or 86400.0, rotate_keep))
        except OSError as error:
            reason = system_text(error)
            raise ConfigError(f"error setting up log_file logging : open {error.filename}: {reason}") from None
    if syslog_facility:
        if lines is None:
            early_line("DEBUG", "logging", f"enabling syslog on {syslog_facility}")
        logger.addHandler(_syslog(syslog_facility, syslog_name))


def _syslog(facility: str, name: str) -> logging.Handler:
    from logging.handlers import SysLogHandler

    from pyconsul.telemetry import syslog

    # The originals' priorities: what runs well is a notice.
    priorities = {"DEBUG": SysLogHandler.LOG_INFO, "WARNING": SysLogHandler.LOG_WARNING, "ERROR": SysLogHandler.LOG_ERR}
    try:
        daemon = syslog.Daemon(facility.upper(), name, syslog.DEVICES)
    except (ValueError, OSError) as error:
        raise ConfigError(f"error setting up syslog logger: {error}") from None

    class Syslog(logging.Handler):
        """A daemon that ends while the tool runs takes its lines along; they still stand on standard error."""

        def emit(self, record: logging.LogRecord) -> None:
            """Pass one line on."""
            severity = priorities.get(record.levelname, SysLogHandler.LOG_NOTICE)
            daemon.send(severity, record.created, _said(record))

        def close(self) -> None:
            """Pass nothing on any more."""
            daemon.close()
            super().close()

    return Syslog()


def early_line(level: str, part: str, message: str) -> None:
    """A line before the log is set up, whatever its level, in the plain form of that moment."""
    now = time.strftime("%Y/%m/%d %H:%M:%S")
    head = f"({part}) " if part else ""
    sys.stderr.write(f"{now} [{level}] {head}{message}\n")


def early_error(part: str, message: str) -> None:
    """An error before the log is set up."""
    early_line("ERR", part, message)
