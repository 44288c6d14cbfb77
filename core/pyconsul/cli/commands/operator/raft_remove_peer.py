"""``consul operator raft remove-peer``: take a server out of the Raft configuration."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options]"
HELP = """
Takes a server out of the Raft configuration, by its id or its address: one
that is gone for good and did not leave by itself.
"""
BAD_FLAGS = "Failed to parse args: {}"


def add_flags(flags: FlagSet) -> None:
    """Declare which server."""
    flags.string("address", "Address of the server.")
    flags.string("id", "Id of the server.")
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Remove it."""
    client = console.connect(args, "Error initializing client")
    address, server_id = args.string("address"), args.string("id")
    if not address and not server_id:
        raise Failed("Error removing peer: an address or id is required for the peer to remove")
    if address and server_id:
        raise Failed("Error removing peer: cannot give both an address and id")
    with failing("Error removing peer"):
        client.operator.raft_remove_peer(address=address, server_id=server_id)
    named = f"address {quote(address)}" if address else f"id {quote(server_id)}"
    console.say(f"Removed peer with {named}")
    return 0
