"""What can be wrong with a command line, in the sentences of Go's ``flag`` package."""

from __future__ import annotations


class FlagError(ValueError):
    """The command line cannot be read; the text is the one that Go's ``flag`` package prints."""


class HelpRequested(FlagError):
    """``-h`` or ``-help`` was given and no flag of that name is declared."""

    def __init__(self) -> None:
        super().__init__("flag: help requested")
