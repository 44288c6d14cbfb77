"""``consul agent``: run an agent. What follows the command line belongs to the agent's own room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.output import go_list
from pyconsul.lang.goflags import Args, FlagSet, ValueRefused, to_int

if TYPE_CHECKING:
    from pyconsul.config.keyrow import Key

USAGE = "[options]"
HELP = """
Runs a Consul agent until it is told to stop. With -dev it is a server of its
own that keeps everything in memory, for trying things out:

    $ consul agent -dev

A server keeps its state in a folder:

    $ consul agent -server -bootstrap-expect=1 -data-dir=/var/lib/consul

Settings come from flags, and from HCL and JSON files named by -config-file
and -config-dir. SIGINT and SIGTERM stop the agent, SIGHUP makes it read its
files again.
"""
BAD_FLAGS = "==> error parsing flags: {}"


def add_flags(flags: FlagSet) -> None:
    """Declare the flags that the table of configuration keys has."""
    from pyconsul.config.keys import flag_rows

    own = FlagSet(brief=False)
    for row in flag_rows():
        _add(own, row)
    flags.merge(own)


def run(args: Args, console: Console) -> int:
    """Run the agent."""
    if args.rest:
        raise Failed(f"==> Unexpected extra arguments: {go_list(args.rest)}")
    console.flush()

    from pyconsul.agent.command import run_agent

    return run_agent(args)


def _add(flags: FlagSet, row: Key) -> None:
    """One flag; those that take several values collect them as they stand."""
    from pyconsul.config.keyrow import Kind

    instead = f"Old setting, use {row.instead} in a file" if row.instead else "Consul Enterprise only"
    usage = row.doc or instead
    if row.kind is Kind.BOOL:
        flags.boolean(row.flag, usage)
    elif row.kind in (Kind.INT, Kind.UINT, Kind.UINT32, Kind.UINT64):
        flags.value(row.flag, usage, _number, 0)
    elif row.kind is Kind.MAP:
        flags.strings(row.flag, f"{usage}, as `key:value`")
    elif row.kind is Kind.STRINGS:
        flags.strings(row.flag, usage)
    elif row.flag == "config-format":
        flags.string(row.flag, f"{usage}; a `string`")  # the only flag that Consul's usage does not call a value
    else:
        flags.string(row.flag, usage)


def _number(text: str) -> int:
    """A decimal number, refused in the name of Go's Atoi."""
    try:
        return to_int(text, base=10)
    except ValueRefused as e:
        raise ValueRefused(e.brief, str(e).replace("ParseInt", "Atoi", 1)) from e
