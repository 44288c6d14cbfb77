"""``consul snapshot save``: the servers' state as one verified file."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, read_options, server_flags
from pyconsul.cli.snapshot_files import file_argument
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote
from pyconsul.primitives.system_errors import file_text
from pyconsul.primitives.whole_files import replacing

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

USAGE = "[options] FILE"
HELP = """
Saves the state of the servers (keys, catalog, sessions, ACLs and the rest) at
one moment to a file, and verifies the file before it gets its name.

    $ consul snapshot save backup.snap

With -stale any server may answer, which works without a leader, too. With
ACLs the token must be one that may manage them.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the name of the file."""
    client_flags(flags)
    server_flags(flags)
    own = FlagSet(brief=False)
    own.string("append-filename", "What to add to the name of the file, with commas between: version, dc.")
    flags.merge(own)


def run(args: Args, console: Console) -> int:
    """Save, verify, rename."""
    path = file_argument(args)
    client = console.connect(args)
    wanted = args.string("append-filename")
    if wanted:
        path = _extended(path, wanted.split(","), client)
    index = _save(client, args, path)
    console.say(f"Saved and verified snapshot to index {index}")
    return 0


def _save(client: Client, args: Args, path: str) -> int:
    """Write the file under its final name. Returns the index of the snapshot."""
    from pyconsul.raft.archive import ArchiveError, verify_archive

    with failing("Error saving snapshot"):
        stream = client.snapshot.save(read_options(args))
    unverified = f"{path}.unverified"
    temporary = f"{unverified}.tmp{secrets.randbelow(1 << 31)}"
    try:
        with stream, failing("Error writing unverified snapshot file"):
            with replacing(unverified, beside=temporary) as file:
                file.writelines(stream)
            index = stream.headers.get("x-consul-index", "0")
        with failing("Error opening snapshot file for verify"), open(unverified, "rb") as file:
            try:
                verify_archive(file)
            except ArchiveError as e:
                raise Failed(f"Error verifying snapshot file: {e}") from e
        try:
            os.replace(unverified, path)
        except OSError as e:
            what = f"Error renaming {quote(unverified)} to {quote(path)}"
            raise Failed(f"{what}: {file_text(e)}") from e
    finally:
        if os.path.exists(unverified):
            os.unlink(unverified)
    return int(index) if index.isdigit() else 0


def _extended(path: str, wanted: list[str], client: Client) -> str:
    """The path with the leader's version and the datacenter before its extension, as far as they are wanted."""
    base, extension = os.path.splitext(path)
    if "version" in wanted:
        with failing("Error fetching version of Consul agent Leader"):
            servers: list[Json] = client.operator.autopilot_health().get("Servers") or []
        base += "-" + next((str(server["Version"]) for server in servers if server.get("Leader")), "")
    if "dc" in wanted:
        with failing("Error connecting to Consul agent and fetching datacenter/version"):
            base += "-" + str(client.agent.self()["Config"]["Datacenter"])
    return base + extension
