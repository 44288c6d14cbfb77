"""``consul peering read``: show one peering."""

from __future__ import annotations

from pyconsul.cli.console import Console
from pyconsul.cli.peering_shapes import Peering, check_format, find, format_flag, name_flag, peering_flags, require
from pyconsul.cli.times import go_time
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -name NAME"
HELP = """
Shows a peering and how its stream is.

    $ consul peering read -name west-dc
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the peer."""
    name_flag(flags)
    format_flag(flags)
    peering_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    from pyconsul.sdk.results import plain
    from pyconsul.structs import gojson

    require(args, "name")
    check_format(args)
    peering = find(args, console)
    console.say(gojson.encode(plain(peering)) if args.string("format") == "json" else _text(peering))
    return 0


def _text(peering: Peering) -> str:
    head = [("Name", peering.Name), ("ID", peering.ID)]
    head += [("Partition", peering.Partition)] if peering.Partition else []
    head += [("DeletedAt", _to_the_second(peering.DeletedAt))] if peering.DeletedAt else []
    lines = [f"{f'{label}:':<14}{text}" for label, text in [*head, ("State", peering.State)]]
    if peering.Meta:
        lines += ["Meta:", *(f"    {key}={peering.Meta[key]}" for key in sorted(peering.Meta))]
    return "\n".join([*lines, "", *_peer(peering), *_stream(peering), ""])


def _peer(peering: Peering) -> list[str]:
    lines = [
        f"Peer ID:               {peering.PeerID or ''}",
        f"Peer Server Name:      {peering.PeerServerName or ''}",
        f"Peer CA Pems:          {len(peering.PeerCAPems or ())}",
    ]
    if not peering.PeerServerAddresses:
        return [*lines, ""]
    # Consul ends none of these lines: what would be the empty line below them ends the last.
    return [*lines, "Peer Server Addresses:", "".join(f"    {one}" for one in peering.PeerServerAddresses)]


def _stream(peering: Peering) -> list[str]:
    status = peering.StreamStatus
    return [
        f"Imported Services: {len(status.ImportedServices or ())}",
        f"Exported Services: {len(status.ExportedServices or ())}",
        "",
        f"Last Heartbeat:    {_time(status.LastHeartbeat)}",
        f"Last Send:         {_time(status.LastSend)}",
        f"Last Receive:      {_time(status.LastReceive)}",
        "",
        f"Create Index: {peering.CreateIndex}",
        f"Modify Index: {peering.ModifyIndex}",
    ]


def _time(text: str | None) -> str:
    return go_time(text) if text else "<nil>"


def _to_the_second(text: str) -> str:
    """An RFC 3339 time without its fraction."""
    stamp, dot, rest = text.partition(".")
    return stamp + rest.lstrip("0123456789") if dot else text
