"""``consul snapshot restore``: replace the servers' state by that of a file."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.cli.snapshot_files import file_argument
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] FILE"
HELP = """
Replaces the state of the servers by that of a snapshot. What was written
since the snapshot is gone; it is meant for a new cluster after a disaster.

    $ consul snapshot restore backup.snap
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Send the file to the servers."""
    path = file_argument(args)
    client = console.connect(args)
    with failing("Error opening snapshot file"):
        file = open(path, "rb")  # noqa: SIM115  -- the next with statement closes it
    with file, failing("Error restoring snapshot"):
        client.snapshot.restore(file)
    console.say("Restored snapshot")
    return 0
