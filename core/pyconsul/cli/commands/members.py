"""``consul members``: the members of the gossip pools, as the agent sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags, partition_flag
from pyconsul.cli.output import columns, key_values
from pyconsul.cli.patterns import compiled
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyconsul.sdk.results import Member

USAGE = "[options]"
HELP = """
Lists the members of the cluster that the agent knows, with their addresses,
states and versions. With -wan these are the servers of all datacenters.

The exit code is 2 when no member fits.
"""

NONE_FOUND = 2
_STATUSES = {0: "none", 1: "alive", 2: "leaving", 3: "left", 4: "failed"}
_KINDS = {"consul": "server", "node": "client"}
_SERVER = "consul"
_ALL = "_all"


def add_flags(flags: FlagSet) -> None:
    """Declare which members, and what of them."""
    flags.boolean("detailed", "Print all gossip tags.")
    flags.boolean("wan", "List the servers of all datacenters; the agent must be a server.")
    flags.string("status", "Only members whose status fits this regular expression.", ".*")
    flags.string("segment", "Only members of this network segment; Consul Enterprise only.", _ALL)
    flags.string("filter", "Filter expression for the request.")
    client_flags(flags)
    partition_flag(flags)


def run(args: Args, console: Console) -> int:
    """Print the members as a table."""
    fits = _fits(args)
    client = console.connect(args)

    from pyconsul.sdk import QueryOptions

    with failing("Error retrieving members"):
        found = client.agent.members(
            QueryOptions(filter=args.string("filter")), wan=args.boolean("wan"), segment=args.string("segment")
        )
    shown = [(m, _tags(m, args.string("segment"))) for m in found if fits(_status(m))]
    if not shown:
        return NONE_FOUND
    shown.sort(key=lambda pair: _rank(pair[0], pair[1]))
    if args.boolean("detailed"):
        rows = [["Node", "Address", "Status", "Tags"]]
        rows += [[m.Name, _address(m), _status(m), key_values(tags, ",")] for m, tags in shown]
    else:
        rows = [["Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Partition", "Segment"]]
        rows += [_row(m, tags) for m, tags in shown]
    console.say(columns(rows))
    return 0


def _fits(args: Args) -> Callable[[str], object]:
    """Whether a status is wanted. The pattern library is loaded only for a pattern that was given."""
    if not args.was_set("status"):
        return bool
    return compiled(args.string("status"), "Failed to compile status regexp").search


def _tags(member: Member, segment: str) -> dict[str, str]:
    """The member's tags with partition and segment as they are shown."""
    tags = dict(member.Tags or {})
    tags["ap"] = tags.get("ap") or "default"
    if tags["ap"] != "default":
        tags["segment"] = ""
    elif segment == _ALL and tags.get("role") == _SERVER:
        tags["segment"] = "<all>"
    elif not tags.get("segment"):
        tags["segment"] = "<default>"
    return tags


def _rank(member: Member, tags: dict[str, str]) -> tuple[bool, bool, str, str, str]:
    """Servers first, then the default partition by segment, then the others, each by name."""
    partition = tags["ap"]
    return tags.get("role") != _SERVER, partition != "default", tags["segment"], partition, member.Name


def _row(member: Member, tags: dict[str, str]) -> list[str]:
    base = [member.Name, _address(member), _status(member)]
    kind = _KINDS.get(tags.get("role", ""))
    if kind is None:
        return [*base, "unknown", "", "", "", "", ""]
    build = tags.get("build", "").partition(":")[0] or "< 0.3"  # the first version that tells it
    protocol, datacenter = tags.get("vsn", ""), tags.get("dc", "")
    return [*base, kind, build, protocol, datacenter, tags["ap"], tags["segment"]]


def _status(member: Member) -> str:
    return _STATUSES.get(member.Status, str(member.Status))


def _address(member: Member) -> str:
    return f"[{member.Addr}]:{member.Port}" if ":" in member.Addr else f"{member.Addr}:{member.Port}"
