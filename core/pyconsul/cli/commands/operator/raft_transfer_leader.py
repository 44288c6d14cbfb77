"""``consul operator raft transfer-leader``: hand leadership to another server."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.flags import client_flags, read_options, server_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Makes the leader hand over to another server, to any one that is fit unless
-id names it.
"""
BAD_FLAGS = "Failed to parse args: {}"

_FAILURE = "Error transfering leadership: Failed to transfer leadership"


def add_flags(flags: FlagSet) -> None:
    """Declare to whom."""
    flags.string("id", "Id of the server that shall lead.")
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Transfer leadership."""
    from pyconsul.sdk.errors import ConsulError

    client = console.connect(args, "Error initializing client")
    try:
        answer = client.operator.raft_transfer_leader(read_options(args), server_id=args.string("id"))
    except ConsulError as e:
        raise Failed(f"{_FAILURE} {e}") from e
    if not answer.get("Success"):
        raise Failed(_FAILURE)
    console.say("Success")
    return 0
