"""``consul connect ca get-config``: show how the mesh's certificate authority is configured."""

from __future__ import annotations

from typing import Final

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags, read_options, server_flags
from pyconsul.cli.output import json_text, sorted_maps
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Shows the configuration of the certificate authority as JSON.

    $ consul connect ca get-config
"""
BAD_FLAGS = "Failed to parse args: {}"

# The order of the API client, with what it prints for a field that is not there.
_FIELDS: Final = {
    "Provider": "",
    "Config": None,
    "State": None,
    "ForceWithoutCrossSigning": False,
    "CreateIndex": 0,
    "ModifyIndex": 0,
}


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    client = console.connect(args, "Error initializing client")
    with failing("Error querying CA configuration"):
        found = client.connect.ca_configuration(read_options(args))
    shown = {name: sorted_maps(found.get(name, default)) for name, default in _FIELDS.items()}
    console.say(json_text(shown, "\t"))
    return 0
