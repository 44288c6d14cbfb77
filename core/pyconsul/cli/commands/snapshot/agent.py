"""``consul snapshot agent``: the snapshot daemon, which is a tool of its own."""

from __future__ import annotations

from importlib import import_module

from pyconsul.cli.console import Console, Failed, lost
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.standard_streams import OutputLost

USAGE = "[options]"
HELP = """
Saves snapshots on a schedule to a folder, S3, Azure Blob or Google Cloud
Storage; of several such agents one at a time is active. It is the same
program as py-consul-snapshot-agent, which explains its options with -h.
"""
TAKES_ANY_FLAGS = True

_TOOL = "pyconsul_snapshot_agent.main"
_UNCONFIGURED = (
    "The snapshot agent is off until it is configured: name its files by -config-file or -config-dir, or give options\n"
    "such as -local-path=DIR (py-consul snapshot agent -help lists them). py-consul-snapshot-agent runs without any."
)


def add_flags(flags: FlagSet) -> None:
    """The tool declares its own."""


def run(args: Args, console: Console) -> int:
    """Hand the command line to the tool; an empty one is refused, as by Consul's community edition."""
    if not args.words:
        raise Failed(_UNCONFIGURED)
    console.flush()
    try:
        tool = import_module(_TOOL)
    except ModuleNotFoundError as e:
        if e.name and not _TOOL.startswith(e.name):
            raise  # the tool is there, something that it needs is not
        raise Failed('"snapshot agent" is not available yet in this version of py-consul') from e
    try:
        return int(tool.main(args.words))
    except OutputLost as e:
        raise lost(e) from e
