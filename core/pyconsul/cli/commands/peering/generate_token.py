"""``consul peering generate-token``: make a peering token for another cluster."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.peering_shapes import check_format, format_flag, name_flag, peering_flags, require
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -name NAME"
HELP = """
Makes a token with which another cluster can peer with this one.

    $ consul peering generate-token -name west-dc
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the peer, and what the token says."""
    name_flag(flags)
    flags.mapping("meta", "key=value for the peering's metadata. May be repeated.")
    flags.string("server-external-addresses", "Addresses of this cluster for the token, with commas between them.")
    format_flag(flags)
    peering_flags(flags)


def run(args: Args, console: Console) -> int:
    """Make and print it."""
    from pyconsul.structs import gojson

    require(args, "name")
    check_format(args)
    client = console.connect(args, "Error connect to Consul agent")
    name, addresses = args.string("name"), args.string("server-external-addresses")
    with failing(f"Error generating peering token for {name}"):
        token = client.peering.generate_token(
            name, meta=args.mapping("meta") or None, external_addresses=addresses.split(",") if addresses else ()
        )
    console.say(gojson.encode({"PeeringToken": token}) if args.string("format") == "json" else token)
    return 0
