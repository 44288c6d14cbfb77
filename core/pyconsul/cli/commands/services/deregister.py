"""``consul services deregister``: remove services from the local agent."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.service_files import definitions_in
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] [FILE...]"
HELP = """
Removes services from the local agent: those of configuration files, or one by
its id.

    $ consul services deregister web.hcl
    $ consul services deregister -id=web
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the id."""
    flags.string("id", "Id of the service to remove.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Remove one after the other."""
    given = args.string("id")
    if not args.rest and not given:
        raise Failed("Service deregistration requires at least one argument or -id.")
    if args.rest and given:
        raise Failed("Service deregistration requires arguments or -id, not both.")
    services = definitions_in(args.rest, console) if args.rest else [{"ID": given}]
    client = console.connect(args)
    for service in services:
        name = str(service.get("Name", ""))
        service_id = str(service.get("ID") or name)
        if not service_id:
            continue
        with failing(f"Error deregistering service {quote(name)}"):
            client.agent.deregister_service(service_id)
        console.tell(f"Deregistered service: {service_id}")
    return 0
