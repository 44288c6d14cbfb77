"""RPC methods of the KV store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.registry import rpc
from pyconsul.server.state.kv import entries_below, entry_of_key
from pyconsul.structs.errors import InternalError, RaftFailure
from pyconsul.structs.kv import (
    DirEntry,
    IndexedDirEntries,
    IndexedKeyList,
    KeyListRequest,
    KeyRequest,
    KVSRequest,
)
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.kvs")

OPERATIONS = frozenset(("set", "delete", "delete-cas", "delete-tree", "cas", "lock", "unlock"))


def may_apply(srv: Server, op: str, entry: DirEntry) -> bool:
    """Check what the log must not decide. False: refused by lock delay. Raises InternalError for a bad write."""
    if not entry.Key and op != "delete-tree":
        raise InternalError("Must provide key")
    if op == "lock" and srv.leader.lock_delays.is_held(entry.Key, asyncio.get_running_loop().time()):
        log.warn("Rejecting lock of key due to lock-delay", key=entry.Key)
        return False
    return True


@rpc("KVS.Apply")
async def apply(srv: Server, req: KVSRequest) -> bool:
    """One write; False where a condition or a lock delay refused it."""
    if req.Op not in OPERATIONS:
        raise InternalError(f"unknown KV operation: {req.Op}")
    if not may_apply(srv, req.Op, req.DirEnt):
        return False
    try:
        answer = await srv.propose(MessageType.KVS, req)
    except InternalError as error:
        raise RaftFailure(f"raft apply failed: {error.text}") from error
    return answer is True


@rpc("KVS.Get")
async def get(srv: Server, ask: KeyRequest) -> IndexedDirEntries:
    """One pair, as a list of one or null."""

    def read(db: Store, ws: WatchSet) -> IndexedDirEntries:
        index, entry = entry_of_key(db, ask.Key, ws)
        return IndexedDirEntries(Index=index, Entries=None if entry is None else [entry])

    return await srv.read(ask, read, found=lambda reply: reply.Entries is not None)


@rpc("KVS.List")
async def list_entries(srv: Server, ask: KeyRequest) -> IndexedDirEntries:
    """All pairs below a prefix; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedDirEntries:
        index, entries = entries_below(db, ask.Key, ws)
        return IndexedDirEntries(Index=index, Entries=entries or None)

    return await srv.read(ask, read)


@rpc("KVS.ListKeys")
async def list_keys(srv: Server, ask: KeyListRequest) -> IndexedKeyList:
    """Key names below a prefix, each cut after the first separator that follows the prefix."""

    def read(db: Store, ws: WatchSet) -> IndexedKeyList:
        index, entries = entries_below(db, ask.Prefix, ws)
        keys = [e.Key for e in entries]
        return IndexedKeyList(Index=index, Keys=cut_keys(keys, len(ask.Prefix), ask.Seperator) or None)

    return await srv.read(ask, read)


def cut_keys(keys: list[str], prefix_length: int, separator: str) -> list[str]:
    """Each key up to and with the first separator after the prefix; equal neighbours once."""
    if not separator:
        return keys
    cut: list[str] = []
    for key in keys:
        at = key.find(separator, prefix_length)
        name = key if at < 0 else key[: at + len(separator)]
        if not cut or cut[-1] != name:
            cut.append(name)
    return cut
