"""``consul services export``: let peers use a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, tenancy_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json

USAGE = "[options] -name SERVICE -consumer-peers PEERS"
HELP = """
Adds a service to those that are exported to peers: it changes the config
entry "exported-services".

    $ consul services export -name web -consumer-peers east-dc,west-dc
"""

_KIND: Final = "exported-services"


def add_flags(flags: FlagSet) -> None:
    """Declare the service, and who may use it."""
    flags.string("name", "Name of the service.")
    flags.string("consumer-peers", "Names of peers, with commas between them.")
    flags.string("consumer-partitions", "Names of admin partitions, with commas; Consul Enterprise only.")
    client_flags(flags)
    tenancy_flags(flags)


def run(args: Args, console: Console) -> int:
    """Change the config entry, if nobody else does meanwhile."""
    _check(args)
    consumers = [{"Peer": name} for name in _names(args, "consumer-peers", "peer")]
    consumers += [{"Partition": name} for name in _names(args, "consumer-partitions", "partition")]
    client = console.connect(args, "Error connect to Consul agent")
    entry_name = args.string("partition") or "default"
    with failing(f"Error reading config entry {_KIND}/default"):
        entry = client.config.get(_KIND, entry_name) or {"Kind": _KIND, "Name": entry_name}
    changed = {**entry, "Services": _with(entry.get("Services") or [], args, consumers)}
    with failing("Error writing config entry"):
        done = client.config.set(changed, cas=int(entry.get("ModifyIndex", 0)))
    if not done:
        raise Failed("Config entry was changed during update. Please try again")
    console.say(f"Successfully exported service {quote(args.string('name'))} to {_receivers(args)}")
    return 0


def _check(args: Args) -> None:
    """Raise Failed for a missing flag."""
    if not args.string("name"):
        raise Failed("Missing the required -name flag")
    if not args.string("consumer-peers") and not args.string("consumer-partitions"):
        raise Failed("Missing the required -consumer-peers or -consumer-partitions flag")


def _names(args: Args, flag: str, what: str) -> list[str]:
    """The names of a list. Raises Failed for an empty one."""
    names = args.string(flag).split(",") if args.string(flag) else []
    if "" in names:
        raise Failed(f'Invalid {what} ""')
    return names


def _with(services: list[Json], args: Args, consumers: list[Json]) -> list[Json]:
    """The services with these consumers of the one that is exported."""
    name, namespace = args.string("name"), args.string("namespace")
    found = [dict(one) for one in services]
    ours = [one for one in found if one.get("Name") == name and one.get("Namespace", "") == namespace]
    for service in ours:
        old: list[Json] = service.get("Consumers") or []
        service["Consumers"] = old + [one for one in consumers if not _is_in(old, one)]
    new = {"Name": name, **({"Namespace": namespace} if namespace else {}), "Consumers": consumers}
    return found if ours else [*found, new]


def _is_in(consumers: list[Json], wanted: Json) -> bool:
    return any(wanted.items() <= consumer.items() for consumer in consumers)


def _receivers(args: Args) -> str:
    peers, partitions = args.string("consumer-peers"), args.string("consumer-partitions")
    texts = [f"cluster peers {quote(peers)}"] if peers else []
    return " and to ".join([*texts, *([f"partitions {quote(partitions)}"] if partitions else [])])
