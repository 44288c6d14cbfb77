"""``consul kv export``: the keys below a prefix as JSON, for ``kv import``."""

from __future__ import annotations

from binascii import b2a_base64

from pyconsul.cli.commands.kv.get import key_argument
from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import agent_flags, read_options
from pyconsul.cli.output import json_text
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[KEY_OR_PREFIX]"
HELP = """
Prints all keys that begin with the argument as a JSON list, in the form that
"consul kv import" reads: to copy a tree to another cluster, or to keep it.

    $ consul kv export config/ > config.json
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print the tree."""
    prefix = key_argument(args)
    client = console.connect(args)
    with failing("Error querying Consul agent"):
        found = client.kv.list(prefix, read_options(args))
    rows = [
        {"key": e.Key, "flags": e.Flags, "value": b2a_base64(e.Value or b"", newline=False).decode()} for e in found
    ]
    console.say(json_text(rows, "\t"))
    return 0
