"""``consul agent``: run an agent. The flags, and all that follows, belong to the agent's own room."""

from __future__ import annotations

from pyconsul.lang.goflags import Args, FlagSet

from ..console import Console

USAGE = "[options]"
HELP = """
Runs a Consul agent until it is told to stop. With -dev it is a server of its
own that keeps everything in memory, for trying things out:

    $ consul agent -dev

A server keeps its state in a folder:

    $ consul agent -server -bootstrap-expect=1 -data-dir=/var/lib/consul

Settings come from flags, and from HCL and JSON files named by -config-file
and -config-dir. SIGINT and SIGTERM stop the agent, SIGHUP makes it read its
files again.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the agent's flags from the table of configuration keys."""
    from pyconsul.agent.command import add_flags as add_agent_flags

    add_agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Run the agent."""
    from pyconsul.agent.command import run_agent

    return run_agent(args)
