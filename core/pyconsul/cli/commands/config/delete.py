"""``consul config delete``: delete a config entry."""

from __future__ import annotations

from pyconsul.cli.config_entries import entry_from, entry_name
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] ([-kind KIND -name NAME] | [-filename FILE])"
HELP = """
Deletes a config entry, named by flags or by a file that describes it. One that does not exist is no error.

    $ consul config delete -kind service-defaults -name web
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which entry, and the condition."""
    flags.string("filename", "File with the entry to delete.")
    flags.string("kind", "Kind of the entry.")
    flags.string("name", "Name of the entry.")
    flags.boolean("cas", "Delete only if the entry's ModifyIndex is that of -modify-index.")
    flags.unsigned("modify-index", "ModifyIndex that the entry must have, with -cas.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete."""
    _check(args)
    kind, name = args.string("kind"), args.string("name")
    if args.string("filename"):
        kind, _, name = entry_name(entry_from(args.string("filename"), console)).partition("/")
    client = console.connect(args, "Error connect to Consul agent")
    with failing(f"Error deleting config entry {kind}/{name}"):
        done = client.config.delete(kind, name, cas=args.integer("modify-index") if args.boolean("cas") else None)
    if not done:
        raise Failed(f"Config entry not deleted: {kind}/{name}")
    console.say(f"Config entry deleted: {kind}/{name}")
    return 0


def _check(args: Args) -> None:
    """Raise Failed for flags that do not go together."""
    file, kind, name = args.string("filename"), args.string("kind"), args.string("name")
    if file and (kind or name):
        raise Failed("filename can't be used with kind or name")
    if not (file or kind or name):
        raise Failed("Must specify the -kind or -filename parameter")
    if not file and not kind:
        raise Failed("Must specify the -kind parameter")
    if not file and not name:
        raise Failed("Must specify the -name parameter")
    if args.boolean("cas") and not args.integer("modify-index"):
        raise Failed("Must specify a -modify-index greater than 0 with -cas")
    if args.integer("modify-index") and not args.boolean("cas"):
        raise Failed("Cannot specify -modify-index without -cas")
