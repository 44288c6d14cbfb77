"""``consul kv delete``: delete a key, or all keys below a prefix."""

from __future__ import annotations

from pyconsul.cli.commands.kv.get import key_argument
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] KEY_OR_PREFIX"
HELP = """
Deletes a key; one that does not exist is no error.

    $ consul kv delete config/redis/maxconns

With -recurse the argument is a prefix, and all keys that begin with it go.

    $ consul kv delete -recurse config/
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what to delete."""
    flags.boolean("cas", "Delete only if the key's ModifyIndex is that of -modify-index.")
    flags.unsigned("modify-index", "ModifyIndex that the key must have, with -cas.")
    flags.boolean("recurse", "Delete all keys that begin with the argument.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete."""
    key, recurse = key_argument(args), args.boolean("recurse")
    cas, index = args.boolean("cas"), args.integer("modify-index")
    if not key and not recurse:
        raise Failed("Error! Missing KEY argument")
    if cas and not index:
        raise Failed("Cannot delete a key that does not exist. Provide a -modify-index greater than than 0.")
    if index and not cas:
        raise Failed("Cannot specify -modify-index without -cas!")
    if recurse and cas:
        raise Failed("Cannot specify both -cas and -recurse!")
    client = console.connect(args)
    if recurse:
        with failing(f"Error! Did not delete prefix {key}"):
            client.kv.delete(key, recurse=True)
        console.say(f"Success! Deleted keys with prefix: {key}")
        return 0
    with failing(f"Error! Did not delete key {key}" if cas else f"Error deleting key {key}"):
        done = client.kv.delete(key, cas=index if cas else None)
    if cas and not done:
        raise Failed(f"Error! Did not delete key {key}: CAS failed")
    console.say(f"Success! Deleted key: {key}")
    return 0
