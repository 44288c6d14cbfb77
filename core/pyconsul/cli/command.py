"""What a command module offers, and how one is loaded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from pyconsul.cli.registry import COMMANDS, GROUP, LATER
from pyconsul.lang.goflags import FlagSet

if TYPE_CHECKING:
    from pyconsul.cli.console import Console
    from pyconsul.lang.goflags import Args


class Command(Protocol):
    """A module below ``commands``.

    ``USAGE`` is what follows the name in the usage line, ``HELP`` the text below it. A module may add
    ``BAD_FLAGS``, a sentence with one ``{}`` that is printed after Go's refusal of a bad command line, and
    ``TAKES_ANY_FLAGS = True`` when it reads ``args.words`` by itself.
    """

    USAGE: str
    HELP: str

    def add_flags(self, flags: FlagSet) -> None:
        """Declare the flags."""
        ...

    def run(self, args: Args, console: Console) -> int:
        """Do it; returns the exit code or raises Failed."""
        ...


class _Later:
    """Stands where a command is named but not built: it says so, and fails."""

    TAKES_ANY_FLAGS = True
    USAGE: str = "[options]"
    HELP: str = "This command belongs to a part of Consul that py-consul does not have yet."

    def __init__(self, name: str) -> None:
        self._name = name

    def add_flags(self, flags: FlagSet) -> None:
        """No flags are known."""

    def run(self, args: Args, console: Console) -> int:
        """Refuse."""
        console.complain(f'"{self._name}" is not available yet in this version of py-consul')
        return 1


def load(name: str) -> Command | None:
    """The command called ``name``; None for a group, which has only subcommands."""
    module = COMMANDS[name].module
    if module == GROUP:
        return None
    if module == LATER:
        return _Later(name)
    return cast("Command", import_module(f"pyconsul.cli.commands.{module}"))


def read(command: Command, flags: FlagSet, words: list[str]) -> Args:
    """The command line of ``command``. Raises FlagError."""
    from pyconsul.lang.goflags import Args

    return Args({}, (), words, words) if getattr(command, "TAKES_ANY_FLAGS", False) else flags.parse(words)


def flags_of(command: Command, name: str = "") -> FlagSet:
    """All flags of a command."""
    flags = FlagSet(name)
    command.add_flags(flags)
    return flags
