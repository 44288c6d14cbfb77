"""Standard input, output and error on hosts where they are closed, full, or read by nobody any more.

Imports next to nothing: every command begins with it.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Final

from pyconsul.primitives.stray_bytes import AS_IT_CAME, as_bytes
from pyconsul.primitives.system_errors import system_text

_NAMES: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


class OutputLost(Exception):
    """Standard output does not take what is printed; the text is Go's."""


class ReaderGone(OutputLost):
    """Nobody reads standard output any more: where this is not looked at, the program ends as by SIGPIPE."""


def make_ready() -> None:
    """Put the streams of this process in order, before anything reads or writes."""
    _open_missing()
    for name in ("stdout", "stderr"):
        _buffer(name)
        getattr(sys, name).reconfigure(encoding="utf-8", errors=AS_IT_CAME)  # whatever the locale, as Go's programs


def _open_missing() -> None:
    """Put the null device where standard input, output or error is closed, as Go's runtime does.

    Else the next file or socket would take that number, and what a child prints would go there.
    """
    for name, mode in _NAMES:
        if getattr(sys, name) is None:
            file = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115 -- for good
            os.set_inheritable(file.fileno(), True)
            setattr(sys, name, file)


def _buffer(name: str) -> None:
    """Give an output a buffer where PYTHONUNBUFFERED took it away.

    A write without one may take a part only, as on a disk that fills up, and the rest would be lost without a word.
    """
    file = getattr(sys, name)
    if isinstance(file.buffer, io.RawIOBase):
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(file.buffer), line_buffering=True))


def lost(error: OSError) -> OutputLost:
    """What a failed write to standard output means."""
    kind = ReaderGone if isinstance(error, BrokenPipeError) else OutputLost
    return kind(f"write /dev/stdout: {system_text(error)}")


def say(text: str | bytes) -> None:
    """Print on standard output, at once. Raises OutputLost."""
    data = text if isinstance(text, bytes) else as_bytes(text)
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise lost(error) from error


def give_up() -> None:
    """Let what could not be printed go, so that the interpreter does not try, and complain, once more at its end."""
    with suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)


def die_of(name: str) -> None:
    """End by a signal as a program without handlers ends, so that the shell sees it; return where there is none."""
    import signal  # with its enumerations, 1 ms of every start

    number = getattr(signal, name, None)
    if number is not None:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
