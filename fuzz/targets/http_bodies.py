"""Requests to every family: ``METHOD /path?query``, a line end, a body. An answer that is no internal error."""

from __future__ import annotations

import asyncio

from standing import agent, do

from pyconsul.agent.http.door import Door
from pyconsul.agent.http.request import Request, unescape

SEEDS = [
    b'PUT /v1/txn\n[{"KV":{"Verb":"set","Key":"a","Value":"YQ=="}},{"Node":{"Verb":"get","Node":{"Node":"n"}}},null]',
    b'PUT /v1/txn\n[{"Service":{"Verb":"set","Node":"n","Service":{"Service":"web","Tags":[null]}}},'
    b'{"Check":{"Verb":"get",'
    b'"Check":{"Node":"n","CheckID":"c","Definition":{"IntervalDuration":"5s"}}}}]',
    b'PUT /v1/session/create\n{"Name":"s","TTL":"15s","LockDelay":5,"Behavior":"delete","Checks":null,"NodeChecks":[]}',
    b'PUT /v1/catalog/register\n{"Node":"n","Address":"192.0.2.1","NodeMeta":{"a":"b"},"TaggedAddresses":null,'
    b'"Service":'
    b'{"Service":"web","Port":1,"Weights":{"Passing":1}},"Checks":[{"Name":"c","Status":"passing","Definition":{}}]}',
    b'PUT /v1/catalog/deregister\n{"Node":"n","ServiceID":null,"CheckID":""}',
    b"PUT /v1/agent/service/register?replace-existing-checks\n"
    b'{"Name":"web","Tags":["a"],"Check":{"TTL":"1h"},"Checks":[]}',
    b'PUT /v1/agent/check/register\n{"Name":"c","TTL":"1h","Notes":null,"Status":"passing"}',
    b'PUT /v1/agent/check/update/c\n{"Status":"passing","Output":"\\ud800"}',
    b'PUT /v1/coordinate/update\n{"Node":"n",'
    b'"Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":1.5,"Adjustment":0,"Height":1e-5}}',
    b'POST /v1/query\n{"Name":"q","Service":{"Service":"web","Failover":{"NearestN":1,"Datacenters":null},'
    b'"Tags":["a"]},'
    b'"DNS":{"TTL":"10s"},"Template":{"Type":"name_prefix_match","Regexp":"^(.*)$"}}',
    b"PUT /v1/event/fire/x?node=a&service=b&tag=c\npayload",
    b"GET /v1/health/service/web?filter=not+(Service.Port+in+Meta.a)&near=n&tag=a&passing&ns=x&stale\n",
    b"GET /v1/catalog/nodes?index=1&wait=1ns&max_stale=1s&cached&node-meta=a:b\n",
    b"GET /v1/kv/a?recurse&keys&separator=%2F&raw\n",
    b"PUT /v1/kv/a?cas=0&flags=1&acquire=x&release=y\nvalue",
    b"GET /v1/query/xyz/execute?limit=1&near=_ip&connect\n",
    b"GET /v1/internal/ui/services?filter=Kind==x\n",
    b'PUT /v1/operator/autopilot/configuration?cas=1\n{"CleanupDeadServers":true,"LastContactThreshold":"200ms"}',
    b'PUT /v1/operator/keyring\n{"Key":"AAAA"}',
    b'POST /v1/agent/connect/authorize\n{"Target":"web","ClientCertURI":"spiffe://x"}',
    b"PUT /v1/agent/service/maintenance/web?enable=true&reason=x\n",
    b"PUT /v1/session/renew/00000000-0000-0000-0000-000000000000\n",
]
TOKENS = [
    b"null",
    b"[]",
    b"{}",
    b"[null]",
    b'""',
    b'"x"',
    b"1e999",
    b"-1",
    b"true",
    b"99999999999999999999",
    b"1.5",
    b"\\ud800",
    b"\xff",
    b"\0",
    b"[" * 30,
    b"(" * 15,
    b"%00",
    b"%",
    b"&",
    b"=",
    b"/",
    b"index=",
    b"filter=",
    b'"Node":',
    b'"Service":',
    b'"Definition":',
    b"DELETE ",
]
NOT_TRIED = ("leave", "join", "reload", "monitor", "stream", "/v1/snapshot", "authorize-")
PATIENCE = 0.02  # seconds; a query that waits is left


def run(data: bytes) -> None:
    """Ask the door."""
    line, _, body = data.partition(b"\n")
    method, _, target = line.decode("utf-8", "surrogateescape").partition(" ")
    raw_path, _, query = target.partition("?")
    try:
        path = unescape(raw_path)
    except ValueError:
        return
    if path.startswith("/") and not any(name in path for name in NOT_TRIED):
        do(_ask(agent().door, Request(agent(), method, path, raw_path, query, {}, body, "127.0.0.1:1")))


async def _ask(door: Door, request: Request) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            reply, headers = await door.answer(request)
    except TimeoutError:
        return
    assert 100 <= reply.status < 600 and headers is not None
    if reply.stream is None:
        text = reply.body(pretty=True)
        assert not text.startswith(b"internal error: "), text
