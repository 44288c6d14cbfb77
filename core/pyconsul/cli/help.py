"""Help texts in Consul's layout: usage line, prose, options by group, subcommands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from pyconsul.cli.command import flags_of, load
from pyconsul.cli.flags import HTTP_GROUP
from pyconsul.cli.registry import COMMANDS, children
from pyconsul.lang.goflags import Flag, unquote_usage

_WIDTH = 72
_FLAG_INDENT = 5


def overview() -> str:
    """The help of the whole program."""
    lines = ["Usage: consul [--version] [--help] <command> [<args>]", "", "Available commands are:"]
    return "\n".join([*lines, *_listing("")]) + "\n"


def command_help(name: str) -> str:
    """The help of one command or group."""
    command = load(name)
    if command is None:
        text = _paragraphs(f"Usage: consul {name} <subcommand> [options] [args]", COMMANDS[name].summary + ".")
    else:
        usage = f"Usage: consul {name} {command.USAGE}".rstrip()
        text = _paragraphs(usage, command.HELP) + _options(flags_of(command))
    below = _listing(name)
    if below:
        text += "\n\n" + "\n".join(["Subcommands:", *below])
    return text


def suggestion(word: str, parent: str = "") -> str:
    """A line that names the commands that a mistyped one may have meant, or an empty text."""
    import difflib

    names = [name.rpartition(" ")[2] for name in children(parent)]
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.75)
    close = near or difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    if not close:
        return ""
    path = f"consul {parent}".rstrip()
    meant = " or ".join(f'"{path} {name}"' for name in close)
    return f'Unknown command "{path} {word}". Did you mean {meant}?'


def _listing(parent: str) -> list[str]:
    """The commands below ``parent``, aligned."""
    rows = {name.rpartition(" ")[2]: row.summary for name, row in children(parent).items()}
    width = max(map(len, rows), default=0)
    return [f"    {name.ljust(width)}    {summary}" for name, summary in rows.items()]


def prose(text: str) -> str:
    """The text of a command's help without the indentation and empty lines around it."""
    return textwrap.dedent(text.strip("\n")).rstrip()


def _paragraphs(usage: str, text: str) -> str:
    body = textwrap.indent("\n\n".join(map(_fitted, prose(text).split("\n\n"))), "  ")
    return f"{usage}\n\n{body}" if body else usage


def _fitted(paragraph: str) -> str:
    """A paragraph in lines for a terminal; examples and tables, which are indented, keep theirs."""
    lines = paragraph.split("\n")
    if max(map(len, lines)) <= _WIDTH or any(line.startswith(" ") for line in lines):
        return paragraph
    return textwrap.fill(" ".join(lines), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _options(flags: Iterable[Flag]) -> str:
    """The flags under Consul's two headings."""
    out = ""
    groups = {"HTTP API Options": HTTP_GROUP, "Command Options": "command"}
    found = list(flags)
    for title, group in groups.items():
        rows = [_option(flag) for flag in found if flag.group == group]
        if rows:
            out += f"\n\n{title}\n\n" + "\n\n".join(rows)
    return out


def _option(flag: Flag) -> str:
    value, usage = unquote_usage(flag)
    head = f"  -{flag.name}=<{value}>" if value else f"  -{flag.name}"
    indent = " " * _FLAG_INDENT
    wrapped = textwrap.fill(usage, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f"{head}\n{wrapped}" if wrapped.strip() else head
