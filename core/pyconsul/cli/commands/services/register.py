"""``consul services register``: register services with the local agent, from files or from flags."""

from __future__ import annotations

from typing import Any

from pyconsul.cli.addresses import AddressError, check_service_address, host_and_port
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.service_files import definitions_in
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] [FILE...]"
HELP = """
Registers services with the local agent: those in configuration files (HCL or
JSON, with service or services blocks), or one that flags describe.

    $ consul services register web.hcl
    $ consul services register -name=web -port=80

They stay until "consul services deregister", or somebody else, removes them.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the service."""
    flags.string("id", "Id of the service; by default its name.")
    flags.string("name", "Name of the service.")
    flags.string("address", "Address of the service; by default the node's.")
    flags.integer("port", "Port of the service.")
    flags.string("socket", "Path of the service's unix socket, instead of address and port.")
    flags.mapping("meta", "key=value for the service's metadata. May be repeated.")
    flags.strings("tag", "Tag for the service. May be repeated.")
    flags.mapping("tagged-address", "key=address:port for another address of the service. May be repeated.")
    flags.string("kind", "Kind of the service, for proxies and gateways.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Register one after the other."""
    own = _from_flags(args)
    if not args.rest and not args.string("name"):
        raise Failed("Service registration requires at least one argument or flags.")
    if args.rest and args.string("name"):
        raise Failed("Service registration requires arguments or -id, not both.")
    services = _from_files(args.rest, console) if args.rest else [own]
    client = console.connect(args)
    for service in services:
        name = str(service.get("Name", ""))
        with failing(f"Error registering service {quote(name)}"):
            client.agent.register_service(service)
        console.tell(f"Registered service: {name}")
    return 0


def _from_flags(args: Args) -> dict[str, Any]:
    """The service that the flags describe. Raises Failed for a malformed address."""
    try:
        check_service_address(args.string("address"), port_allowed=False)
    except AddressError as e:
        raise Failed(f"Invalid Service address when using CLI flags. Use -port flag instead: {e}") from e
    fields: dict[str, Any] = {
        "Kind": args.string("kind"),
        "ID": args.string("id"),
        "Name": args.string("name"),
        "Address": args.string("address"),
        "Port": args.integer("port"),
        "SocketPath": args.string("socket"),
        "Tags": args.strings("tag"),
        "Meta": args.mapping("meta"),
        "TaggedAddresses": _tagged(args),
    }
    return {name: value for name, value in fields.items() if value}


def _tagged(args: Args) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tag, text in args.mapping("tagged-address").items():
        try:
            host, port = host_and_port(text)
        except AddressError as e:
            raise Failed(f"Invalid Tagged address: {e}") from e
        try:
            check_service_address(host, port_allowed=True)
        except AddressError as e:
            raise Failed(f"Invalid Tagged address for tagged address '{tag}': {e}") from e
        found[tag] = {"Address": host, "Port": port}
    return found


def _from_files(paths: list[str], console: Console) -> list[dict[str, Any]]:
    """The services in configuration files. Raises Failed for what cannot be read or registered."""
    services = definitions_in(paths, console)
    for service in services:
        name = service.get("Name", "")
        try:
            check_service_address(str(service.get("Address", "")), port_allowed=False)
        except AddressError as e:
            raise Failed(f"Invalid Service address for service '{name}'. Use port field instead: {e}") from e
        tagged: dict[str, Any] = service.get("TaggedAddresses") or {}
        for tag, address in tagged.items():
            try:
                check_service_address(str(address.get("Address", "")), port_allowed=True)
            except AddressError as e:
                told = f"Invalid Tagged address for tagged address '{tag}' in service '{name}': {e}"
                raise Failed(told) from e
    return services
