"""The entry point of ``py-consul``: finds the command, reads its flags, runs it, returns its exit code.

Exit codes: what the command says; 1 for a bad command line or a failure; 127 for an unknown command.
Imports nothing that a fast command does not need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pyconsul.cli.console import Console, Failed, UsageFailed
from pyconsul.cli.registry import longest_command
from pyconsul.primitives import locale_variable
from pyconsul.primitives.standard_streams import ReaderGone, die_of

if TYPE_CHECKING:
    from pyconsul.cli.command import Command
    from pyconsul.lang.goflags import FlagError, FlagSet

_HELP: Final = frozenset({"-h", "-help", "--help"})
_VERSION: Final = frozenset({"-v", "-version", "--version"})
_INSTALL: Final = frozenset({"-autocomplete-install", "--autocomplete-install"})
_UNINSTALL: Final = frozenset({"-autocomplete-uninstall", "--autocomplete-uninstall"})
UNKNOWN_COMMAND: Final = 127


def entry() -> None:
    """Run the command line of this process and end it."""
    locale_variable.forget()
    console = Console.of_process()
    try:
        code = main(sys.argv[1:], console)
    except ReaderGone:
        die_of("SIGPIPE")
        code = 1  # who holds the signal back is told by the exit code
    except KeyboardInterrupt:
        die_of("SIGINT")
        code = 130
    # The interpreter's own tidying up takes longer than most commands; what matters is flushed.
    os._exit(code)


def main(argv: Sequence[str], console: Console) -> int:
    """Carry out one command line. Returns the exit code. Raises ReaderGone."""
    try:
        code = _dispatch(argv, console)
        console.flush()
        return code
    except Failed as e:
        if str(e):
            console.complain(str(e))
        return e.code
    finally:
        console.close()


def _dispatch(argv: Sequence[str], console: Console) -> int:
    """Completion, global flags, or a command."""
    if console.environ.get("COMP_LINE"):
        from pyconsul.cli.completion import answer

        return answer(console)
    line = CommandLine(argv)
    if line.wants_version:
        return _run("version", [], console)
    if line.wants_help and not line.command:
        return _overview(console)
    if line.installs or line.uninstalls:
        from pyconsul.cli.completion import change_shells

        return change_shells(console, install=line.installs, uninstall=line.uninstalls)
    if not line.command or line.is_unknown:
        return _unknown(line, console)
    if line.wants_help:
        return _help(line.command, console)
    if line.early_flags:
        return _misplaced(line, console)
    return _run(line.command, line.rest, console)


class CommandLine:
    """The words of a command line, sorted out: which command, its words, and the global flags.

    Help counts anywhere before ``--``; version only before the command.
    """

    def __init__(self, argv: Sequence[str]) -> None:
        self.command = ""
        self.rest: list[str] = []
        self.early_flags: list[str] = []
        self.wants_help = self.wants_version = self.installs = self.uninstalls = False
        self.is_unknown = False
        words = list(argv)
        for at, word in enumerate(words):
            if word == "--":
                break
            if not self._is_global(word) and not self.command and word and not self._find(words, at):
                return

    def _is_global(self, word: str) -> bool:
        """Note a global flag."""
        if word in _HELP:
            self.wants_help = True
        elif word in _INSTALL:
            self.installs = True
        elif word in _UNINSTALL:
            self.uninstalls = True
        elif word in _VERSION and not self.command:
            self.wants_version = True
        else:
            return False
        return True

    def _find(self, words: list[str], at: int) -> bool:
        """The first word that is no global flag: a flag out of place, or the command. False ends the search."""
        if words[at].startswith("-"):
            self.early_flags.append(words[at])
            return True
        if " " in words[at]:
            return False
        names: list[str] = []
        for word in words[at:]:
            if not word or " " in word or word.startswith("-"):
                break
            names.append(word)
        found = longest_command(names)
        self.command = found or words[at]
        self.is_unknown = not found
        self.rest = words[at + 1 + found.count(" ") :]
        return True


def _run(name: str, words: list[str], console: Console) -> int:
    """Read the command's flags and run it."""
    from pyconsul.cli.command import flags_of, load, read
    from pyconsul.lang.goflags import FlagError

    command = load(name)
    if command is None:
        return _group(name, words, console)
    flags = flags_of(command)
    try:
        args = read(command, flags, words)
    except FlagError as e:
        return _bad_flags(command, flags, e, console)
    try:
        return command.run(args, console)
    except UsageFailed as e:
        console.complain(f"{e}\n" if e.spaced else str(e))
        return _complain_help(name, console)


def _bad_flags(command: Command, flags: FlagSet, error: FlagError, console: Console) -> int:
    """Refuse a command line as Go does: the sentence, then the list of flags."""
    from pyconsul.lang.goflags import HelpRequested, usage_text

    template: str = getattr(command, "BAD_FLAGS", "")
    code: int = getattr(command, "BAD_FLAGS_EXIT", 1)
    usage = usage_text(flags).rstrip("\n")
    if isinstance(error, HelpRequested):
        console.complain(usage)
        return 0 if template.startswith("Failed to parse args") else code
    console.complain(f"{error}\n{usage}")
    if template:
        console.complain(template.format(error))
    return code


def _group(name: str, words: list[str], console: Console) -> int:
    """A group alone, or with a subcommand that it does not have."""
    from pyconsul.cli.help import command_help, suggestion

    console.complain(command_help(name))
    hint = suggestion(words[0], name) if words and not words[0].startswith("-") else ""
    if hint:
        console.complain("\n" + hint)
    return 1


def _help(name: str, console: Console) -> int:
    from pyconsul.cli.help import command_help

    console.say(command_help(name))
    return 0


def _complain_help(name: str, console: Console) -> int:
    from pyconsul.cli.help import command_help

    console.complain(command_help(name))
    return 1


def _overview(console: Console) -> int:
    from pyconsul.cli.help import overview

    console.say(overview())
    return 0


def _unknown(line: CommandLine, console: Console) -> int:
    """No command, or one that does not exist."""
    from pyconsul.cli.help import overview, suggestion

    console.complain(overview())
    hint = suggestion(line.command) if line.command else ""
    if hint:
        console.complain(hint)
    return UNKNOWN_COMMAND


def _misplaced(line: CommandLine, console: Console) -> int:
    """Flags stand before the command."""
    console.complain(
        "Invalid flags before the subcommand. If these flags are for\n"
        "the subcommand, please put them after the subcommand.\n"
    )
    return _complain_help(line.command, console)
