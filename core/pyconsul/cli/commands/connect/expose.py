"""``consul connect expose``: let an ingress gateway expose a service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client, QueryOptions
    from pyconsul.sdk.results import Json

USAGE = "[options] -ingress-gateway GATEWAY -service SERVICE -port PORT"
HELP = """
Makes an ingress gateway listen for a service, and allows the calls: it
changes the gateway's config entry and creates an intention.

    $ consul connect expose -ingress-gateway gw -service web -port 8080 -protocol http
"""
BAD_FLAGS = "Failed to parse args: {}"

_KIND = "ingress-gateway"


def add_flags(flags: FlagSet) -> None:
    """Declare what is exposed where."""
    flags.string("ingress-gateway", "Service name of the ingress gateway.")
    flags.string("service", "Name of the service to expose.")
    flags.integer("port", "Port for the gateway to listen on.")
    flags.string("protocol", "Protocol of the service.", "tcp")
    own = FlagSet(brief=False)
    own.strings("host", "Another host name for requests to the service. May be repeated.")
    flags.merge(own)
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Change the config entry, then the intention."""
    client = console.connect(args, "Error initializing client")
    service, gateway = _checked(args)
    entry = _with_listener(_entry(client, gateway), service, args, console)
    with failing("Error writing ingress config entry"):
        done = client.config.set(entry, _tenancy(gateway), cas=int(entry.get("ModifyIndex", 0)))
    if not done:
        raise Failed("Ingress config entry was changed while attempting to update, please try again.")
    console.say(f"Successfully updated config entry for ingress service {quote(gateway['Name'])}")
    _allow(client, gateway, service, args, console)
    return 0


def _checked(args: Args) -> tuple[Json, Json]:
    """The places of service and gateway. Raises Failed for what is missing."""
    if not args.string("service"):
        raise Failed("A service name must be given via the -service flag.")
    service = _place(args.string("service"), "service")
    if not args.string("ingress-gateway"):
        raise Failed("An ingress gateway service must be given via the -ingress-gateway flag.")
    gateway = _place(args.string("ingress-gateway"), "ingress gateway")
    if not args.integer("port"):
        raise Failed("A port must be provided via the -port flag.")
    return service, gateway


def _place(text: str, what: str) -> Json:
    """``[[partition/]namespace/]name``, by the fields of a config entry. Raises Failed."""
    parts = text.split("/")
    if len(parts) > 3:
        raise Failed(f"Invalid {what} name: input can contain at most two '/'")
    names = ("Partition", "Namespace", "Name")[-len(parts) :]
    return {"Name": "", **{name: part for name, part in zip(names, parts, strict=True) if part}}


def _entry(client: Client, gateway: Json) -> Json:
    """The gateway's config entry, a new one where there is none."""
    with failing("Error fetching existing ingress gateway configuration"):
        found = client.config.get(_KIND, gateway["Name"], _tenancy(gateway))
    return found or {"Kind": _KIND, **gateway}


def _tenancy(gateway: Json) -> QueryOptions:
    from pyconsul.sdk import QueryOptions

    return QueryOptions(partition=gateway.get("Partition", ""), namespace=gateway.get("Namespace", ""))


def _with_listener(entry: Json, service: Json, args: Args, console: Console) -> Json:
    """The entry with the service on its port. Raises Failed for another protocol there."""
    port, protocol = args.integer("port"), args.string("protocol")
    exposed = {**service, **({"Hosts": args.strings("host")} if args.strings("host") else {})}
    listeners: list[Json] = [dict(one) for one in entry.get("Listeners") or ()]
    there = [one for one in listeners if one.get("Port") == port]
    if any(one.get("Protocol") != protocol for one in there):
        told = quote(next(str(one.get("Protocol")) for one in there if one.get("Protocol") != protocol))
        raise Failed(f"Listener on port {port} already configured with conflicting protocol {told}")
    if not there:
        listeners.append({"Port": port, "Protocol": protocol, "Services": [exposed]})
    else:
        there[-1]["Services"] = _replaced(there[-1].get("Services") or [], exposed, args, console)
    return {**entry, "Listeners": listeners}


def _replaced(services: list[Json], exposed: Json, args: Args, console: Console) -> list[Json]:
    """The services of a listener with the new one in the place of its older self, or at the end."""
    at = next((i for i, one in enumerate(services) if _identity(one) == _identity(exposed)), None)
    if at is None:
        return [*services, exposed]
    named = quote(args.string("service"))
    console.say(f"Updating service definition for {named} on listener with port {args.integer('port')}")
    return [*services[:at], exposed, *services[at + 1 :]]


def _identity(service: Json) -> tuple[str, str, str]:
    namespace, partition = (str(service.get(name) or "default").lower() for name in ("Namespace", "Partition"))
    return str(service.get("Name", "")), namespace, partition


def _allow(client: Client, gateway: Json, service: Json, args: Args, console: Console) -> None:
    """Create the intention, unless it is there. Raises Failed."""
    source, destination = args.string("ingress-gateway"), args.string("service")
    between = f"{quote(source)} -> {quote(destination)}"
    with failing("Error looking up existing intention"):
        existing = client.connect.intention_get(source, destination)
    if existing is not None and existing.get("Action") == "allow":
        console.say(f"Intention already exists for {between}")
        return
    intention = {**_side("Source", gateway), **_side("Destination", service), "SourceType": "consul", "Action": "allow"}
    with failing("Error upserting intention"):
        client.connect.intention_set(_written(gateway), _written(service), intention)
    console.say(f"Successfully set up intention for {between}")


def _side(what: str, place: Json) -> Json:
    fields = {"Name": "Name", "Namespace": "NS", "Partition": "Partition"}
    return {f"{what}{fields[name]}": value for name, value in place.items()}


def _written(place: Json) -> str:
    """The place as a parameter of the API."""
    return "/".join(place[name] for name in ("Partition", "Namespace", "Name") if name in place)
