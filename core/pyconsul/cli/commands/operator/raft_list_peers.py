"""``consul operator raft list-peers``: the members of the servers' Raft configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags, read_options, server_flags
from pyconsul.cli.output import columns
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyconsul.sdk.results import RaftServer

USAGE = "[options]"
HELP = """
Lists the members of the Raft configuration: who leads, who votes, and how far
each is behind the leader.
"""
BAD_FLAGS = "Failed to parse args: {}"

_HEADER = ["Node", "ID", "Address", "State", "Voter", "RaftProtocol", "Commit Index", "Trails Leader By"]
_UINT64 = 1 << 64


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print the members as a table."""
    client = console.connect(args, "Error initializing client")
    with failing("Error getting peers: Failed to retrieve raft configuration"):
        servers = client.operator.raft_configuration(read_options(args)).Servers or []
    console.say(peers_table(servers))
    return 0


def peers_table(servers: Sequence[RaftServer]) -> str:
    """The members of a Raft configuration, aligned."""
    leading = next((server.LastIndex for server in servers if server.Leader), 0)
    return columns([_HEADER, *(_row(server, leading) for server in servers)])


def _row(server: RaftServer, leading: int) -> list[str]:
    behind = (leading - server.LastIndex) % _UINT64  # an unsigned number, also when a server is ahead
    trails = "-" if server.Leader else f"{behind} commit" if behind == 1 else f"{behind} commits"
    state = "leader" if server.Leader else "follower"
    voter = "true" if server.Voter else "false"
    protocol = server.ProtocolVersion or "<=1"
    return [server.Node, server.ID, server.Address, state, voter, protocol, str(server.LastIndex), trails]
