"""Saving and restoring the whole state. Not RPC methods of Consul's: there it is a stream of its own (byte 5)."""

from __future__ import annotations

import asyncio
import io
from typing import IO, TYPE_CHECKING

import msgspec

from pyconsul.acl import Access
from pyconsul.primitives.system_errors import file_text, words_of
from pyconsul.raft.archive import ArchiveError
from pyconsul.raft.consensus import Snapshot
from pyconsul.raft.log_store import LogError
from pyconsul.server.registry import rpc
from pyconsul.structs.errors import InternalError
from pyconsul.structs.operator import SnapshotRequest

if TYPE_CHECKING:
    from pyconsul.server.server import Server


class SnapshotRestore(SnapshotRequest, frozen=True, kw_only=True):
    """A restore with the archive that it is of."""

    Archive: IO[bytes] = msgspec.field(default_factory=io.BytesIO)


@rpc("Snapshot.Save")
async def save(srv: Server, ask: SnapshotRequest) -> Snapshot:
    """An archive of the state; whoever asked closes it."""
    _require_rights(srv, ask)
    if not ask.AllowStale:
        await srv.verify()
    try:
        return await srv.consensus.snapshot()
    except OSError as error:
        raise InternalError(
            f"Raft error when taking snapshot: failed to create snapshot: {file_text(error)}"
        ) from error
    except LogError as error:
        raise InternalError(f"Raft error when taking snapshot: {error}") from error


@rpc("Snapshot.Restore")
async def restore(srv: Server, ask: SnapshotRestore) -> None:
    """Replace the state, then take the lead anew over what came. Raises InternalError for a bad archive."""
    _require_rights(srv, ask)
    if ask.AllowStale:
        raise InternalError("stale not allowed for restore")
    running = asyncio.get_running_loop().create_task(_replace_state(srv, ask.Archive))
    _RUNNING.add(running)
    running.add_done_callback(_RUNNING.discard)
    # A client that hangs up must not leave a state behind that nobody leads.
    await asyncio.shield(running)


def _require_rights(srv: Server, ask: SnapshotRequest) -> None:
    """There is one right for both ways: who saves has all tokens, who restores may bring any."""
    srv.acl.authorizer(ask.Token).require("acl", Access.WRITE)


_RUNNING: set[asyncio.Task[None]] = set()


async def _replace_state(srv: Server, archive: IO[bytes]) -> None:
    try:
        await srv.consensus.restore(archive)
    except ArchiveError as error:
        raise InternalError(str(error)) from error
    except (OSError, LogError) as error:
        raise InternalError(f"Raft error when restoring snapshot: {words_of(error)}") from error
    await srv.consensus.barrier()
    await srv.leader.stop()
    await srv.leader.start(restored=True)
