"""The log's lines: ``TIME [LEVEL]  envconsul.part: message`` on standard error."""

from __future__ import annotations

import logging
import re
import sys
import time
from typing import Final

from pyconsul.lang.strconv import quote
from pyconsul.toolkit import logs
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.running_stanzas import Logging

ROOT: Final = "pyconsul_envconsul"
_LEVELS: Final = {"TRACE": "TRACE", "DEBUG": "DEBUG", "INFO": "INFO", "WARN": "WARN", "ERROR": "ERR", "ERR": "ERR"}
_SHOWN: Final = {logs.TRACE: "[TRACE]", 10: "[DEBUG]", 20: "[INFO] ", 30: "[WARN] ", 40: "[ERROR]"}
_NAMELESS: Final = "EXTRA_VALUE_AT_END"
_NORMAL: Final = re.compile("[-.-~]+")  # what go-hclog leaves without quotes
# Parts that the original shares with the template tool show as that tool shows them.
_SHARED: Final = ("child", "clients", "view", "watcher")


class Lines(logging.Formatter):
    """One event a line; the logger's last name is the part."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without its newline."""
        part = record.name.removeprefix(ROOT).lstrip(".")
        name = f"envconsul.{part}:" if part and part not in _SHARED else "envconsul:"
        shared = f" ({part})" if part in _SHARED else ""
        return f"{_head(record.levelno, record.created)} {name}{shared} {record.getMessage()}"


def with_value(message: str, value: str, name: str = _NAMELESS) -> str:
    """A message and what it is about, as go-hclog shows them; several lines are indented."""
    if "\n" in value:
        rows = "".join(f"  | {row}\n" for row in value.split("\n"))
        return f"{message}:\n  {name}=\n{rows}  "
    return f"{message}: {name}={value if _NORMAL.fullmatch(value) else quote(value)}"


def _head(level: int, moment: float) -> str:
    return f"{logs.timestamp(moment)} {_SHOWN.get(level, '[INFO] ')}"


def early(level: int, message: str) -> None:
    """A line from before the log is set up; it has no name yet."""
    sys.stderr.write(f"{_head(level, time.time())} {message}\n")


def setup(settings: Logging) -> None:
    """Set the log up as configured. Raises ConfigError."""
    level = _LEVELS.get(settings.level.upper())
    if level is None:
        raise ConfigError(f"invalid log level: {settings.level.upper()}")
    logs.setup(
        ROOT,
        level,
        syslog_facility=settings.syslog_facility,
        syslog_name=settings.syslog_name,
        lines=Lines(),
    )
