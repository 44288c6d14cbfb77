"""``consul config read``: show one config entry."""

from __future__ import annotations

from pyconsul.cli.config_entries import shown
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.output import json_text
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] -kind KIND -name NAME"
HELP = """
Shows a config entry as JSON.

    $ consul config read -kind proxy-defaults -name global
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which entry."""
    flags.string("kind", "Kind of the entry.")
    flags.string("name", "Name of the entry.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print. An unknown kind is told from a missing entry here, as the API client does."""
    from pyconsul.structs.config_entries.kinds import UnknownKindError, kind_of

    kind, name = args.string("kind"), args.string("name")
    if not kind:
        raise Failed("Must specify the -kind parameter")
    if not name:
        raise Failed("Must specify the -name parameter")
    what = f"Error reading config entry {kind}/{name}"
    try:
        kind_of(kind)
    except UnknownKindError as error:
        raise Failed(f"{what}: {error}") from error
    client = console.connect(args, "Error connect to Consul agent")
    with failing(what):
        entry = client.config.get(kind, name)
    if entry is None:
        text = f"Config entry not found for {quote(kind)} / {quote(name)}"
        raise Failed(f"{what}: Unexpected response code: 404 ({text})")
    console.say(json_text(shown(entry)))
    return 0
