"""What the daemons end with: one class a reason, each with the exit status the originals use."""

from __future__ import annotations

from typing import ClassVar, Final

EXIT_OK: Final = 0
EXIT_ERROR: Final = 11
EXIT_INTERRUPT: Final = 12
EXIT_FLAGS: Final = 13
EXIT_RUN: Final = 14
EXIT_CONFIG: Final = 15


class ToolError(Exception):
    """Ends a tool; ``status`` becomes its exit status."""

    status: ClassVar[int] = EXIT_ERROR


class ConfigError(ToolError):
    """The configuration cannot be used."""

    status = EXIT_CONFIG


class RunError(ToolError):
    """Something failed while running: a template, a command, a request."""

    status = EXIT_RUN


class ChildEnded(ToolError):
    """The supervised child ended by itself; ``shown`` is -1 after a signal, ``code`` what the system makes of it."""

    def __init__(self, shown: int) -> None:
        super().__init__(f"child process exited with code {shown}")
        self.shown = shown
        self.code = shown & 0xFF  # 255 for -1
