"""``/v1/kv``: read, list, write and delete keys."""

from __future__ import annotations

from typing import Any

from pyconsul.agent.http.numbers import parse_uint
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.structs.errors import BadRequest, TooLarge
from pyconsul.structs.kv import (
    DirEntry,
    IndexedDirEntries,
    IndexedKeyList,
    KeyListRequest,
    KeyRequest,
    KVSRequest,
)
from pyconsul.structs.wire import changed

SIZE_HELP = "https://developer.hashicorp.com/docs/agent/config/config-files#kv_max_value_size"
_RAW_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}


@route("GET", "/v1/kv/{key...}")
async def kv_read(req: Request) -> Reply:
    """One pair (list of one), ``?recurse`` all below, ``?keys`` their names, ``?raw`` the value itself.

    404 without a body where there is nothing. Blocking and stale reads as ``read_options`` takes them.
    """
    options = req.read_options(refuse_enterprise=False)
    recurse, keys = req.query.has("recurse"), req.query.has("keys")
    key = req.path["key"]
    if not (recurse or keys or key):
        raise BadRequest("Missing key name")
    req.refuse_enterprise()  # not in the options: in Consul a missing key comes first
    if keys:
        return await _read_keys(req, options)
    found = await req.rpc("KVS.List" if recurse else "KVS.Get", KeyRequest(Key=key, **options), IndexedDirEntries)
    if not found.Entries:
        return Reply.empty(404, meta=found)
    if req.query.has("raw") and not recurse:
        raw = found.Entries[0].Value or b""
        return Reply(raw=raw, meta=found, content_type="text/plain", headers=_RAW_HEADERS)
    return Reply(found.Entries, meta=found)


async def _read_keys(req: Request, options: dict[str, Any]) -> Reply:
    # The misspelt name is the older one, and some clients know no other.
    separator = req.query.get("separator") if req.query.has("separator") else req.query.get("seperator")
    ask = KeyListRequest(Prefix=req.path["key"], Seperator=separator, **options)
    found = await req.rpc("KVS.ListKeys", ask, IndexedKeyList)
    if not found.Keys and ask.Prefix:  # the root is always there, even if it is empty
        return Reply.empty(404, meta=found)
    return Reply(found.Keys or [], meta=found)


@route("PUT", "/v1/kv/{key...}")
async def kv_write(req: Request) -> Reply:
    """Write one pair; true, or for ``?cas``, ``?acquire``, ``?release`` whether it happened."""
    options = _write_options(req)
    if not req.path["key"]:
        raise BadRequest("Missing key name")
    query = req.query
    if conflict := _conflict(req, "cas", "acquire", "release"):
        return conflict
    entry = DirEntry(Key=req.path["key"], Value=req.body or None)
    op = "set"
    if query.has("flags"):
        entry = changed(entry, Flags=parse_uint(query.get("flags")))
    if query.has("cas"):
        op, entry = "cas", changed(entry, ModifyIndex=parse_uint(query.get("cas")))
    if query.has("acquire"):
        op, entry = "lock", changed(entry, Session=query.get("acquire"))
    if query.has("release"):
        op, entry = "unlock", changed(entry, Session=query.get("release"))
    limit = req.agent.kv_max_value_size
    if req.body_size > limit:
        raise TooLarge(f"Request body({req.body_size} bytes) too large, max size: {limit} bytes. See {SIZE_HELP}.")
    done = await req.rpc("KVS.Apply", KVSRequest(Op=op, DirEnt=entry, **options), bool)
    return Reply(True if op == "set" else done)


@route("DELETE", "/v1/kv/{key...}")
async def kv_delete(req: Request) -> Reply:
    """Delete one pair, ``?recurse`` all below; true, or for ``?cas`` whether it happened."""
    options = _write_options(req)
    query = req.query
    if conflict := _conflict(req, "recurse", "cas"):
        return conflict
    entry = DirEntry(Key=req.path["key"])
    op = "delete"
    if query.has("recurse"):
        op = "delete-tree"
    elif not entry.Key:
        raise BadRequest("Missing key name")
    if query.has("cas"):
        op, entry = "delete-cas", changed(entry, ModifyIndex=parse_uint(query.get("cas")))
    done = await req.rpc("KVS.Apply", KVSRequest(Op=op, DirEnt=entry, **options), bool)
    return Reply(done if op == "delete-cas" else True)


def _write_options(req: Request) -> dict[str, Any]:
    """Consul reads the options of a query also for writes, so that their errors are the same."""
    options = req.read_options()
    return {"Datacenter": options["Datacenter"], "Token": options["Token"]}


def _conflict(req: Request, *names: str) -> Reply | None:
    """A 400 for two parameters that exclude each other."""
    if req.query and sum(req.query.has(name) for name in names) > 1:
        return Reply.text(f"Conflicting flags: {req.query.encode()}\n", 400)
    return None
