"""RPC methods of the KV store."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pyconsul.acl import Access, Authorizer
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.endpoints import acl_filter
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
# What a transaction may tell about a key by whether it goes through.
_CHECKS = frozenset(("check-session", "check-index"))
_WRITES = frozenset((*OPERATIONS, "check-not-exists"))


def may_apply(srv: Server, rights: Authorizer, op: str, entry: DirEntry) -> bool:
    """Check what the log must not decide. False: refused by lock delay. Raises InternalError for a bad write,
    PermissionDenied for one that the token may not do.
    """
    if not entry.Key and op != "delete-tree":
        raise InternalError("Must provide key")
    _require_access(rights, op, entry.Key)
    # A matter of the leader's clock: decided in the log, it would come out otherwise at a replay.
    left = srv.leader.lock_delays.seconds_left(entry.Key, asyncio.get_running_loop().time()) if op == "lock" else 0.0
    if left:
        free = f"{datetime.now(UTC) + timedelta(seconds=left):%Y-%m-%d %H:%M:%S.%f %z %Z}"
        log.warn("Rejecting lock of key due to lock-delay", key=entry.Key, expire_time=free)
    return not left


def _require_access(rights: Authorizer, op: str, key: str) -> None:
    """What is read is filtered later; whole trees need every key below."""
    if op == "delete-tree":
        rights.require_keys_below(key)
    elif op in _WRITES:
        rights.require("key", Access.WRITE, key)
    elif op in _CHECKS:
        rights.require("key", Access.READ, key)


@rpc("KVS.Apply")
async def apply(srv: Server, req: KVSRequest) -> bool:
    """One write; False where a condition or a lock delay refused it."""
    rights = srv.acl.authorizer(req.Token)
    if req.Op not in OPERATIONS:
        raise InternalError(f"unknown KV operation: {req.Op}")
    if not may_apply(srv, rights, req.Op, req.DirEnt):
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
        srv.acl.authorizer(ask.Token, ws).require("key", Access.READ, ask.Key)
        return IndexedDirEntries(Index=index, Entries=None if entry is None else [entry])

    return await srv.read(ask, read, found=lambda reply: reply.Entries is not None)


@rpc("KVS.List")
async def list_entries(srv: Server, ask: KeyRequest) -> IndexedDirEntries:
    """All pairs below a prefix; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedDirEntries:
        index, entries, filtered = _visible(srv, db, ask.Key, ask.Token, ws)
        return IndexedDirEntries(Index=index, Entries=entries or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("KVS.ListKeys")
async def list_keys(srv: Server, ask: KeyListRequest) -> IndexedKeyList:
    """Key names below a prefix, each cut after the first separator that follows the prefix."""

    def read(db: Store, ws: WatchSet) -> IndexedKeyList:
        index, entries, filtered = _visible(srv, db, ask.Prefix, ask.Token, ws)
        keys = cut_keys([e.Key for e in entries], len(ask.Prefix), ask.Seperator)
        return IndexedKeyList(Index=index, Keys=keys or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


def _visible(srv: Server, db: Store, prefix: str, token: str, ws: WatchSet) -> tuple[int, list[DirEntry], bool]:
    """The index of a prefix, what a token may see below it, and whether there is more."""
    rights = srv.acl.authorizer(token, ws)
    if srv.acl.settings.key_list_policy:
        rights.require("key", Access.LIST, prefix)
    index, entries = entries_below(db, prefix, ws)
    return index, *acl_filter.entries(rights, entries)


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
