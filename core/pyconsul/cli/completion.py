"""Shell completion: answers for ``complete -C``, and putting the line that asks for them into shell start-up files.

bash, zsh and fish run the program itself with ``COMP_LINE`` set and read one candidate a line.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from pathlib import Path

from pyconsul.cli.command import Command, flags_of, load
from pyconsul.cli.console import Console, Failed
from pyconsul.cli.registry import COMMANDS, children
from pyconsul.primitives.multierror import multi_error

PROGRAM = "py-consul"
_GLOBAL_FLAGS = ("-autocomplete-install", "-autocomplete-uninstall", "-help", "-version")


def answer(console: Console) -> int:
    """Print what the word under the cursor may become."""
    for candidate in candidates(_typed(console)):
        console.say(candidate)
    return 0


def _typed(console: Console) -> str:
    """The command line up to the cursor."""
    line = console.environ.get("COMP_LINE", "")
    point = console.environ.get("COMP_POINT", "")
    return line[: int(point)] if point.isascii() and point.isdigit() else line


def candidates(line: str) -> list[str]:
    """What the last word of ``line`` may become, sorted; a line that ends in a space begins a new word."""
    words = line.split()
    last = "" if not line or line[-1].isspace() else words.pop()
    name = _command_of(words[1:])
    command = load(name) if name else None
    if last.startswith("-"):
        return _matching(_flags(name, command), last)
    previous = words[-1] if words else ""
    if command is None:
        return _matching([child.rpartition(" ")[2] for child in children(name)], last)
    if previous.startswith("-") and previous.lstrip("-") in _with_values(command) and "=" not in previous:
        return _paths(last)
    subcommands = _matching([child.rpartition(" ")[2] for child in children(name)], last)
    return [*subcommands, *_paths(last)]


def _command_of(words: list[str]) -> str:
    """The command that the words name so far."""
    name = ""
    for word in words:
        longer = f"{name} {word}".strip()
        if longer not in COMMANDS:
            break
        name = longer
    return name


def _flags(name: str, command: Command | None) -> list[str]:
    if not name:
        return list(_GLOBAL_FLAGS)
    if command is None:
        return ["-help"]
    return [*(f"-{flag.name}" for flag in flags_of(command)), "-help"]


def _with_values(command: Command) -> set[str]:
    return {flag.name for flag in flags_of(command) if not flag.is_bool}


def _matching(options: list[str], start: str) -> list[str]:
    return sorted(option for option in options if option.startswith(start))


def _paths(start: str) -> list[str]:
    """Files and folders that begin with ``start``; ``@`` in front stays, as commands take ``@file``."""
    mark = "@" if start.startswith("@") else ""
    typed = start.removeprefix("@")
    folder, _, beginning = typed.rpartition("/")
    try:
        found = sorted(os.scandir(f"{folder}/" if "/" in typed else "."), key=lambda entry: entry.name)
    except OSError:  # a folder that is not there has nothing to offer
        return []
    base = f"{folder}/" if "/" in typed else ""
    hidden = beginning.startswith(".")
    return [
        f"{mark}{base}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in found
        if entry.name.startswith(beginning) and (hidden or not entry.name.startswith("."))
    ]


def change_shells(console: Console, *, install: bool, uninstall: bool) -> int:
    """Switch completion on or off for every shell that this user has a start-up file for."""
    if install and uninstall:
        raise _refused("Either the autocomplete install or uninstall flag may be specified, but not both.")
    shells = shells_of(console)
    if not shells:
        raise _refused(f"Did not find any shells to {'install' if install else 'uninstall'}")
    problems: list[str] = []
    for shell in shells:
        try:
            if install:
                shell.install()
            else:
                shell.uninstall()
        except ShellError as e:
            problems.append(str(e))
    if problems:
        raise _refused(multi_error(problems))
    return 0


def _refused(text: str) -> Failed:
    return Failed(f"Error executing CLI: {text}")


class ShellError(Exception):
    """Completion is there already, or is not there to be removed."""


class Shell(ABC):
    """One shell's way of switching completion on."""

    def __init__(self, path: Path, program: str) -> None:
        self.path = path
        self.program = program

    @abstractmethod
    def install(self) -> None:
        """Switch it on. Raises ShellError when it is on."""

    @abstractmethod
    def uninstall(self) -> None:
        """Switch it off. Raises ShellError when it is off."""


class LineShell(Shell):
    """A shell with a start-up file that takes a line."""

    options = ""
    preparation = ""

    @property
    def _line(self) -> str:
        return f"complete {self.options}-C {self.program} {PROGRAM}"

    def install(self) -> None:
        """Add the line."""
        lines = self._lines()
        if self._line in lines:
            raise ShellError(f"already installed in {self.path}")
        added = [self._line]
        if self.preparation and self.preparation not in lines:
            added.insert(0, self.preparation)
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(added) + "\n")

    def uninstall(self) -> None:
        """Take the line out."""
        lines = self._lines()
        if self._line not in lines:
            raise ShellError(f"does not installed in {self.path}")
        kept = [line for line in lines if line != self._line]
        self.path.write_text("\n".join(kept) + ("\n" if kept else ""), encoding="utf-8")

    def _lines(self) -> list[str]:
        return self.path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()


class Bash(LineShell):
    """bash asks the program through its programmable completion."""


class Zsh(LineShell):
    """zsh does so after loading its bash emulation."""

    options = "-o nospace "
    preparation = "autoload -U +X bashcompinit && bashcompinit"


class Fish(Shell):
    """fish loads one file a command."""

    def install(self) -> None:
        """Write the file."""
        if self.path.exists():
            raise ShellError(f"already installed at {self.path}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        function = f"__complete_{PROGRAM}"
        self.path.write_text(
            f"function {function}\n"
            "    set -lx COMP_LINE (commandline -cp)\n"
            "    test -z (commandline -ct)\n"
            '    and set COMP_LINE "$COMP_LINE "\n'
            f"    {self.program}\n"
            "end\n"
            f'complete -f -c {PROGRAM} -a "({function})"\n',
            encoding="utf-8",
        )

    def uninstall(self) -> None:
        """Remove the file."""
        if not self.path.exists():
            raise ShellError(f"does not installed in {self.path.parent.parent}")
        self.path.unlink()


def shells_of(console: Console) -> list[Shell]:
    """The shells that the user's home folder shows signs of."""
    home = Path(console.environ.get("HOME") or Path.home())
    program = os.path.abspath(sys.argv[0])
    found: list[Shell] = []
    for name in (".bashrc", ".bash_profile", ".bash_login", ".profile"):
        if (home / name).is_file():
            found.append(Bash(home / name, program))
            break
    if (home / ".zshrc").is_file():
        found.append(Zsh(home / ".zshrc", program))
    config = Path(console.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish"
    if config.is_dir():
        found.append(Fish(config / "completions" / f"{PROGRAM}.fish", program))
    return found
