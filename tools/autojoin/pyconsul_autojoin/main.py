"""``py-consul-discover``: ask a cloud for addresses by hand, as an agent with this ``retry_join`` would.

``addrs [-q] provider=… key=value …`` prints them on one line; ``help [provider]`` says what a provider takes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

from pyconsul.primitives.standard_streams import say
from pyconsul.telemetry.logging import Level
from pyconsul.toolkit import program
from pyconsul.toolkit.discovery import DiscoverError, filled, help_text, look_up, provider_names

USAGE: Final = """\
Usage: py-consul-discover addrs [-q] key=val key=val ...
       py-consul-discover help [provider]
       py-consul-discover -version

  Prints the addresses that a cloud gives for a configuration string, the one
  of an agent's retry_join, on one line. -q leaves out what is logged on
  standard error.

    provider=aws region=eu-west-1 tag_key=consul tag_value=server

  Values with blanks, "=", quotes or backslashes stand in double quotes.

{names}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit status: 0, or 1 when there is no answer."""
    words = list(sys.argv[1:] if argv is None else argv)
    quiet = _taken(words, "-q")
    if _taken(words, "-version") or _taken(words, "-v"):
        return _show(f"py-consul-discover v{_version()}\n")
    if _wants_help(words) or not words:
        return _show(_overview([]))
    command, *rest = words
    quiet = _taken(rest, "-q") or quiet
    if _wants_help(rest) or command == "help":
        return _help(rest if command == "help" else [])
    if command != "addrs":
        sys.stderr.write(f"unknown command {command}\n\n{_overview([])}")
        return 1
    return _addrs(" ".join(rest), quiet)


def entry() -> None:
    """The console script."""
    program.run(main, interrupted=130)


def _taken(words: list[str], flag: str) -> bool:
    """Whether ``flag`` stands before the first word that is none; taken off."""
    for at, word in enumerate(words):
        if not word.startswith("-"):
            return False
        if word.lstrip("-") == flag.lstrip("-"):
            del words[at]
            return True
    return False


def _wants_help(words: list[str]) -> bool:
    return _taken(words, "-h") or _taken(words, "-help")


def _version() -> str:
    from importlib.metadata import version

    return version("py-consul-agent")


def _addrs(text: str, quiet: bool) -> int:
    def log(level: Level, line: str) -> None:
        sys.stderr.write(f"[{level.name}] {line}\n")

    def silent(_level: Level, _line: str) -> None:
        return None

    if not quiet:
        sys.stderr.write(f"Registered providers: [{' '.join(provider_names())}]\n")
    try:
        found = asyncio.run(look_up(text, silent if quiet else log))
    except DiscoverError as error:
        sys.stderr.write(f"{error}\n")  # also with -q: without it a failure would be a riddle
        return 1
    return _show(" ".join(found) + "\n")


def _help(names: Sequence[str]) -> int:
    try:
        return _show(_overview(names))
    except DiscoverError as error:
        sys.stderr.write(f"{error}, known: {', '.join(provider_names())}\n")
        return 1


def _overview(names: Sequence[str]) -> str:
    """The help of the named providers, or the usage and that of all."""
    known = provider_names()
    texts = [help_text(name) for name in names or known]
    return "\n".join(texts if names else [USAGE.format(names=filled(", ".join(known), "Providers: ")), *texts])


def _show(text: str) -> int:
    say(text)
    return 0
