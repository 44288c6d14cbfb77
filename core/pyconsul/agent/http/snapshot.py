"""``/v1/snapshot``: the whole state as one archive, and back."""

from __future__ import annotations

import io
from typing import Any, Self

from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.raft.consensus import Snapshot
from pyconsul.server.endpoints.snapshot import SnapshotRestore
from pyconsul.structs.operator import SnapshotRequest
from pyconsul.structs.wire import Indexed

_PIECE_BYTES = 256 * 1024


@route("GET", "/v1/snapshot")
async def snapshot_save(req: Request) -> Reply:
    """Save the state; the archive is streamed, its index is in X-Consul-Index."""
    saved = await req.rpc("Snapshot.Save", SnapshotRequest(**_options(req)), Snapshot)
    meta = Indexed(Index=saved.meta.index)
    return Reply(meta=meta, stream=_Pieces(saved), content_type="application/x-gzip")


@route("PUT", "/v1/snapshot")
async def snapshot_restore(req: Request) -> Reply:
    """Replace the state by the archive in the body; answers nothing."""
    await req.rpc(
        "Snapshot.Restore", SnapshotRestore(Archive=req.body_file or io.BytesIO(req.body), **_options(req)), type(None)
    )
    return Reply(raw=b"", content_type="application/octet-stream")


def _options(req: Request) -> dict[str, Any]:
    return {"Datacenter": req.datacenter(), "Token": req.token(), "AllowStale": req.query.has("stale")}


class _Pieces:
    """The archive in pieces, each read when the one before is on its way; closed also if nobody ever reads it."""

    def __init__(self, saved: Snapshot) -> None:
        self._saved = saved

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if piece := self._saved.file.read(_PIECE_BYTES):
            return piece
        self._saved.close()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give the file back."""
        self._saved.close()
