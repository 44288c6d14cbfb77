"""Writes ``docs/cli.md`` from the registry of commands; ``--check`` only tells whether the page is current."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pages import ROOT, write_or_check

from pyconsul.cli.command import flags_of, load
from pyconsul.cli.flags import HTTP_GROUP
from pyconsul.cli.help import prose
from pyconsul.cli.registry import COMMANDS, LATER, children
from pyconsul.lang.goflags import Flag, unquote_usage

PAGE = ROOT / "docs" / "cli.md"

_INTRODUCTION = """# The command line

This page is made by `scripts/reference_cli.py` from the table of commands; change the commands, not the page.

`py-consul` takes the commands of Consul with their flags, prints what Consul prints, and ends with its exit codes.
Help texts say `consul` where the program's name stands; both names of the program mean the same.

## Flags
`-name=value`, `-name value` and, for switches, `-name` alone; one dash or two make no difference. Flags stand between
the command and its arguments; `--` ends them. Switches take `true`, `false`, `1`, `0`, `t`, `f`. Durations are written
as `300ms`, `1m30s`, `2h`. A flag that "may be repeated" collects, any other takes its last value.

## Exit codes
| code | meaning |
|---|---|
| 0 | done |
| 1 | a bad command line, or a failure; the reason stands on standard error |
| 2 | `members`: nobody fits; `lock -child-exit-code` and `exec`: the command failed |
| 127 | no such command |

## Where the agent is
Every command that talks to an agent has the flags below; those marked * only where a server must answer.

{common}

`CONSUL_HTTP_ADDR`, `CONSUL_HTTP_TOKEN`, `CONSUL_HTTP_TOKEN_FILE`, `CONSUL_HTTP_AUTH` (`user:password`),
`CONSUL_HTTP_SSL`, `CONSUL_HTTP_SSL_VERIFY`, `CONSUL_CACERT`, `CONSUL_CAPATH`, `CONSUL_CLIENT_CERT`,
`CONSUL_CLIENT_KEY`, `CONSUL_TLS_SERVER_NAME`, `CONSUL_NAMESPACE` and `CONSUL_PARTITION` are read from the environment;
flags win over them.

## Shell completion
`py-consul -autocomplete-install` adds completion of commands, flags and file names to the start-up files of bash, zsh
and fish, `py-consul -autocomplete-uninstall` removes it. By hand, for bash:
`complete -C "$(which py-consul)" py-consul`.

## Commands
{overview}
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION.format(common=_common(), overview=_overview())]
    parts += [_section(name) for name, row in COMMANDS.items() if row.module != LATER]
    later = ", ".join(f"`{name}`" for name, row in COMMANDS.items() if row.module == LATER)
    parts.append(f"## Not there yet\nThese commands say that they are not available, and exit with 1: {later}.\n")
    return "\n".join(parts)


def _common() -> str:
    """The flags that say where the agent is, from a command that has all of them."""
    client = {flag.name for flag in _flags("info")}
    rows = [flag for flag in _flags("kv get") if flag.group == HTTP_GROUP]
    return _table(rows, marked={flag.name for flag in rows} - client)


def _overview() -> str:
    rows = [f"| [`{name}`](#{_anchor(name)}) | {row.summary} |" for name, row in children("").items()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def _section(name: str) -> str:
    row = COMMANDS[name]
    title = f"### `{name}`\n{row.summary}.\n"
    command = load(name)
    if command is None:
        listed = [f"`{child.rpartition(' ')[2]}`" for child in children(name)]
        return f"{title}\nSubcommands: {', '.join(listed)}.\n"
    usage = f"consul {name} {command.USAGE}".rstrip()
    own = [flag for flag in _flags(name) if flag.group != HTTP_GROUP and name != "agent"]
    text = f"{title}\n```\n{usage}\n```\n\n{prose(command.HELP)}\n"
    if name == "agent":
        return f"{text}\nIts flags stand beside the configuration keys in [configuration.md](configuration.md).\n"
    return f"{text}\n{_table(own)}\n" if own else text


def _flags(name: str) -> Iterator[Flag]:
    command = load(name)
    return iter(()) if command is None else iter(flags_of(command))


def _table(flags: list[Flag], marked: set[str] | None = None) -> str:
    rows = [_row(flag, "*" if flag.name in (marked or set()) else "") for flag in flags]
    return "\n".join(["| flag | default | meaning |", "|---|---|---|", *rows])


def _row(flag: Flag, mark: str) -> str:
    value, usage = unquote_usage(flag)
    head = f"-{flag.name}=<{value}>" if value else f"-{flag.name}"
    default = f"`{flag.default_text}`" if flag.default_text else ""
    cells = (f"`{head}`{mark}", default, usage.replace("|", "\\|"))
    return f"| {' | '.join(cells)} |".replace("  ", " ")


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), sys.argv[1:]))
