"""``consul config write``: create or change a config entry."""

from __future__ import annotations

from pyconsul.cli.config_entries import entry_from, entry_name, warning_about
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] FILE"
HELP = """
Writes the config entry in a file, in HCL or JSON; "-" reads it from standard input.

    $ consul config write web.service.hcl
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the condition."""
    flags.boolean("cas", "Write only if the entry's ModifyIndex is that of -modify-index; 0 for none there.")
    flags.unsigned("modify-index", "ModifyIndex that the entry must have, with -cas.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Write one entry."""
    if len(args.rest) != 1:
        raise Failed("Must provide exactly one positional argument to specify the config entry to write")
    entry = entry_from(args.rest[0], console)
    what = entry_name(entry)
    client = console.connect(args, "Error connect to Consul agent")
    with failing(f"Error writing config entry {what}"):
        written = client.config.set(entry, cas=args.integer("modify-index") if args.boolean("cas") else None)
    if not written:
        raise Failed(f"Config entry not updated: {what}")
    console.say(f"Config entry written: {what}")
    if warning := warning_about(entry):
        console.complain(f"WARNING: {warning}")
    return 0
