"""``consul intention create``: let services call each other, or forbid it."""

from __future__ import annotations

from typing import Any

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.intention_text import full_place, named_parts, summary
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote
from pyconsul.primitives.system_errors import file_text

USAGE = "[options] SRC DST"
HELP = """
Creates intentions: one between the two services that are named, or with -file those in JSON files. An intention
allows unless -deny is given.

    $ consul intention create web db
    $ consul intention create -deny web db
    $ consul intention create -file one.json two.json
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what the intention says."""
    flags.boolean("allow", "Allow the calls; the default.")
    flags.boolean("deny", "Deny the calls.")
    flags.boolean("file", "Read intentions from the files that are named.")
    flags.boolean("replace", "Replace intentions that are there.")
    flags.mapping("meta", "key=value for the intention's metadata. May be repeated.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Create one after the other."""
    if args.boolean("allow") and args.boolean("deny"):
        raise Failed("Only one of -allow or -deny may be specified.")
    intentions = [_from_file(path) for path in args.rest] if args.boolean("file") else [_from_names(args)]
    client = console.connect(args)
    for one in intentions:
        source, destination = full_place(one, "Source"), full_place(one, "Destination")
        between = f"with source {quote(source)} and destination {quote(destination)}"
        if args.boolean("replace"):
            with failing(f"Error looking up intention for replacement {between}"):
                old = client.connect.intention_get(source, destination)
            if old is not None:
                with failing(f"Error replacing intention {between}"):
                    client.connect.intention_update(str(old.get("ID", "")), one)
                continue
        with failing(f"Error creating intention {quote(summary(one))}"):
            client.connect.intention_create(one)
        console.say(f"Created: {summary(one)}")
    return 0


def _from_names(args: Args) -> dict[str, Any]:
    if len(args.rest) != 2:
        raise Failed("Error: Must specify two arguments: source and destination")
    found: dict[str, Any] = {
        **named_parts(args.rest[0], "Source"),
        **named_parts(args.rest[1], "Destination"),
        "SourceType": "consul",
        "Action": "deny" if args.boolean("deny") else "allow",
    }
    meta = args.mapping("meta")
    return {**found, "Meta": meta} if meta else found


def _from_file(path: str) -> dict[str, Any]:
    """The intention in a JSON file. Raises Failed."""
    from pyconsul.cli.intention_files import intention_in

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Failed(f"Error: {file_text(error)}") from error
    intention = intention_in(data)
    if intention.get("Permissions"):
        raise Failed(
            f"Error: cannot create L7 intention from file {quote(path)} using this CLI; "
            "use 'consul config write' instead"
        )
    return intention
