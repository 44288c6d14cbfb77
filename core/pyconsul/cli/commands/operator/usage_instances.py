"""``consul operator usage instances``: how many services, instances and nodes there are."""

from __future__ import annotations

from typing import Any

from pyconsul.cli.commands.catalog.datacenters import no_arguments
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.cli.output import tab_stops
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Counts the services, their instances and the nodes of the agent's datacenter,
or with -all-datacenters of each.

    $ consul operator usage instances -connect
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what to count."""
    flags.boolean("billable", "Show only billable instances; not with -connect.")
    flags.boolean("connect", "Show only instances of the mesh; not with -billable.")
    flags.boolean("all-datacenters", "Count in every datacenter.")
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print the counts."""
    no_arguments(args)
    if args.boolean("billable") and args.boolean("connect"):
        raise Failed("Cannot specify both -billable and -connect flags")
    client = console.connect(args)

    from pyconsul.sdk import QueryOptions

    everywhere = args.boolean("all-datacenters")
    with failing("Error fetching usage information"):
        answer = client.operator.usage(QueryOptions(global_=everywhere))
    usage: dict[str, dict[str, Any]] = answer.get("Usage") or {}
    ordered = {name: usage[name] for name in sorted(usage)}
    if not args.boolean("connect"):
        _say_billable(ordered, console, everywhere=everywhere)
    if not args.boolean("billable"):
        console.say("Connect Services")
        console.say(_connect_table(ordered, everywhere=everywhere))
    return 0


def _say_billable(usage: dict[str, dict[str, Any]], console: Console, *, everywhere: bool) -> None:
    instances = {name: int(counts["BillableServiceInstances"]) for name, counts in usage.items()}
    console.say(f"Billable Service Instances Total: {sum(instances.values())}")
    for name, count in instances.items():
        console.say(f"{name} Billable Service Instances: {count}")
    console.say("\nBillable Services")
    console.say(_billable_table(usage, everywhere=everywhere) + "\n")
    console.say("\nNodes")
    console.say(_nodes_table(usage) + "\n\n")


def _billable_table(usage: dict[str, dict[str, Any]], *, everywhere: bool) -> str:
    rows = [(name, int(c["Services"]), int(c["BillableServiceInstances"])) for name, c in usage.items()]
    if not everywhere:
        return _table(["Services\tService instances", *(f"{services}\t{n}" for _, services, n in rows)])
    return _table(
        [
            "Datacenter\tServices\tService instances",
            *(f"{name}\t{services}\t{n}" for name, services, n in rows),
            "\t\t",
            f"Total\t{sum(row[1] for row in rows)}\t{sum(row[2] for row in rows)}",
        ]
    )


def _connect_table(usage: dict[str, dict[str, Any]], *, everywhere: bool) -> str:
    rows = [
        (name, kind, int(counts["ConnectServiceInstances"][kind]))
        for name, counts in usage.items()
        for kind in sorted(counts.get("ConnectServiceInstances") or {})
    ]
    if not everywhere:
        return _table(["Type\tService instances", *(f"{kind}\t{count}" for _, kind, count in rows)])
    return _table(
        [
            "Datacenter\tType\tService instances",
            *(f"{name}\t{kind}\t{count}" for name, kind, count in rows),
            "\t\t",
            f"Total\t\t{sum(row[2] for row in rows)}",
        ]
    )


def _nodes_table(usage: dict[str, dict[str, Any]]) -> str:
    rows = [(name, int(counts.get("Nodes", 0))) for name, counts in usage.items()]
    return _table(
        [
            "Datacenter\tCount\t\t",
            *(f"{name}\t{count}" for name, count in rows),
            "\t",
            f"Total\t{sum(count for _, count in rows)}",
        ]
    )


def _table(lines: list[str]) -> str:
    return tab_stops("\n".join([*lines, ""])).strip()
