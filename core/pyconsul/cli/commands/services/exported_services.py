"""``consul services exported-services``: the services that peers may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, partition_flag, server_flags
from pyconsul.cli.output import columns, json_text
from pyconsul.cli.peering_shapes import check_format, format_flag
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.sdk.results import Result
from pyconsul.structs.wire import OmitStr

if TYPE_CHECKING:
    from collections.abc import Callable

USAGE = "[options]"
HELP = """
Lists the services that are exported, and to whom.

    $ consul services exported-services
    $ consul services exported-services -filter 'Service == "web"'
"""


class Consumers(Result, frozen=True, kw_only=True):
    """Who may use a service."""

    Peers: list[str] | UnsetType | None = UNSET
    Partitions: list[str] | UnsetType | None = UNSET


class Exported(Result, frozen=True, kw_only=True):
    """One exported service."""

    Service: str = ""
    Partition: OmitStr = UNSET
    Namespace: OmitStr = UNSET
    Consumers: Consumers = Consumers()


def add_flags(flags: FlagSet) -> None:
    """Declare which services."""
    flags.string("filter", "Filter expression over the services.")
    format_flag(flags)
    client_flags(flags)
    server_flags(flags)
    partition_flag(flags)


def run(args: Args, console: Console) -> int:
    """Print them."""
    from pyconsul.sdk.results import plain

    check_format(args, "pretty|json")
    client = console.connect(args, "Error connect to Consul agent")
    with failing("Error reading exported services"):
        found = [msgspec.convert(one, Exported) for one in client.connect.exported_services()]
    matches = _filter(args.string("filter"))
    services = [one for one in found if matches(one)]
    if not services:
        console.say("No exported services found")
    elif args.string("format") == "json":
        console.say(json_text(plain(services)))
    else:
        console.say(columns(_rows(services)))
    return 0


def _filter(text: str) -> Callable[[Exported], bool]:
    """What ``-filter`` lets through. Raises Failed."""
    from pyconsul.lang.bexpr import FilterError, compile_filter

    try:
        return compile_filter(text, Exported)
    except FilterError as error:
        raise Failed(f"Error while creating filter: {error}") from error


def _rows(services: list[Exported]) -> list[list[str]]:
    """A header and a row a service; where the first has a partition, Enterprise's columns too."""
    wide = bool(services[0].Partition)
    header = ["Service", "Partition", "Namespace", "Consumer Peers", "Consumer Partitions"]
    rows = [header if wide else [header[0], header[3]]]
    for one in services:
        peers, partitions = (", ".join(names or ()) for names in (one.Consumers.Peers, one.Consumers.Partitions))
        place = [one.Partition, one.Namespace or ""] if one.Partition else []
        rows.append([one.Service, *place, peers, *([partitions] if place else [])])
    return rows
