"""``consul info``: figures of a running agent, by section."""

from __future__ import annotations

from typing import Any

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.goprint import printed
from pyconsul.primitives.untyped import is_dict

USAGE = "[options]"
HELP = """
Prints what an agent says about itself: build, Raft, gossip pools, runtime.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print the sections and their figures in order."""
    client = console.connect(args)
    with failing("Error querying agent"):
        about = client.agent.self()
    sections: dict[str, Any] | None = about.get("Stats")
    if sections is None:
        raise Failed(f"Agent response did not contain 'Stats' key: {printed(about)}")
    for name in sorted(sections):
        console.say(f"{name}:")
        figures = sections[name]
        if not is_dict(figures):
            raise Failed("Got invalid subkey in stats: map[]")
        for figure in sorted(figures):
            console.say(f"\t{figure} = {figures[figure]}")
    return 0
