"""Saving and restoring the whole state. Not RPC methods of Consul's: there it is a stream of its own (byte 5)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pyconsul.raft.archive import ArchiveError
from pyconsul.raft.consensus import Snapshot
from pyconsul.server.registry import rpc
from pyconsul.structs.errors import InternalError
from pyconsul.structs.operator import SnapshotRequest

if TYPE_CHECKING:
    from pyconsul.server.server import Server


class SnapshotRestore(SnapshotRequest, frozen=True, kw_only=True):
    """A restore with the archive that it is of."""

    Archive: bytes = b""


@rpc("Snapshot.Save")
async def save(srv: Server, ask: SnapshotRequest) -> Snapshot:
    """An archive of the state; whoever asked closes it."""
    if not ask.AllowStale:
        await srv.consensus.verify()
    return await srv.consensus.snapshot()


@rpc("Snapshot.Restore")
async def restore(srv: Server, ask: SnapshotRestore) -> None:
    """Replace the state, then take the lead anew over what came. Raises InternalError for a bad archive."""
    if ask.AllowStale:
        raise InternalError("stale not allowed for restore")
    try:
        await srv.consensus.restore(io.BytesIO(ask.Archive))
    except ArchiveError as error:
        raise InternalError(str(error)) from error
    await srv.consensus.barrier()
    await srv.leader.stop()
    await srv.leader.start()
