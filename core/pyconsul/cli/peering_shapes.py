"""Peerings as Consul's own client library shapes them, and the flags that all peering commands share."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, UnsetType

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, partition_flag
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.sdk.results import Locality, Result, Texts
from pyconsul.structs.godecode import into
from pyconsul.structs.wire import OmitStr

FORMATS: Final = ("pretty", "json")


class StreamStatus(Result, frozen=True, kw_only=True):
    """How the stream to the peer is; times are None until something came."""

    ImportedServices: list[str] | None = None
    ExportedServices: list[str] | None = None
    LastHeartbeat: str | None = None
    LastReceive: str | None = None
    LastSend: str | None = None


class Remote(Result, frozen=True, kw_only=True):
    """Where the peer is."""

    Partition: str = ""
    Datacenter: str = ""
    Locality: Locality | UnsetType | None = UNSET


class Peering(Result, frozen=True, kw_only=True):
    """One peering."""

    ID: str = ""
    Name: str = ""
    Partition: OmitStr = UNSET
    DeletedAt: OmitStr = UNSET
    Meta: Texts | UnsetType | None = UNSET
    State: str = ""
    PeerID: OmitStr = UNSET
    PeerCAPems: list[str] | UnsetType | None = UNSET
    PeerServerName: OmitStr = UNSET
    PeerServerAddresses: list[str] | UnsetType | None = UNSET
    StreamStatus: StreamStatus = StreamStatus()
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Remote: Remote = Remote()


def name_flag(flags: FlagSet) -> None:
    """Declare the peer."""
    flags.string("name", "Local name of the peer.")


def format_flag(flags: FlagSet) -> None:
    """Declare the format."""
    flags.string("format", "Output format {pretty|json} (default: pretty)", FORMATS[0])


def peering_flags(flags: FlagSet) -> None:
    """Declare where the agent is."""
    client_flags(flags)
    partition_flag(flags)


def require(args: Args, *names: str) -> None:
    """Raise Failed for a flag that is missing."""
    for name in names:
        if not args.string(name):
            raise Failed(f"Missing the required -{name} flag")


def check_format(args: Args, named: str = "json|pretty") -> None:
    """Raise Failed for an unknown format; ``named`` is how the command lists the known ones."""
    if args.string("format") not in FORMATS:
        raise Failed(f"Invalid format, valid formats are {{{named}}}")


def find(args: Args, console: Console) -> Peering:
    """The peering of ``-name``. Raises Failed."""
    name = args.string("name")
    client = console.connect(args, "Error connect to Consul agent")
    with failing("Error reading peering"):
        found = client.peering.read(name)
    if found is None:
        raise Failed(f"No peering with name {name} found.")
    return into(found, Peering, strict=False)
