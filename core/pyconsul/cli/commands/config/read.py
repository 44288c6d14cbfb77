"""``consul config read``: show one config entry."""

from __future__ import annotations

from msgspec.structs import replace

from pyconsul.cli.config_entries import client_has, shown
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.output import json_text
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.sdk.config import get_request

USAGE = "[options] -kind KIND -name NAME"
HELP = """
Shows a config entry as JSON.

    $ consul config read -kind proxy-defaults -name global
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which entry."""
    flags.string("kind", "Kind of the entry.")
    flags.string("name", "Name of the entry.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print. An unknown kind is told from a missing entry here, as the API client does."""
    kind, name = args.string("kind"), args.string("name")
    if not kind:
        raise Failed("Must specify the -kind parameter")
    if not name:
        raise Failed("Must specify the -name parameter")
    what = f"Error reading config entry {kind}/{name}"
    if not client_has(kind):
        raise Failed(f"{what}: invalid config entry kind: {kind}")
    client = console.connect(args, "Error connect to Consul agent")
    with failing(what):  # what is missing is told in the agent's words, which knows the name that was asked for
        entry = client.call(replace(get_request(kind, name), accept=(200,)))
    console.say(json_text(shown(entry or {})))
    return 0
