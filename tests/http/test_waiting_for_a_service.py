"""Who waits for a service hears of every change to what it shows, also of those that do not raise its index."""

import json
from typing import Any

from pyconsul.agent.agent import Agent
from tests.http.conftest import Wire, connected, request, running
from tests.insides import shared_reads, watchers
from tests.waiting import comes_true


async def registered(wire: Wire, service: str, **fields: Any) -> None:
    """Register the instance ``x`` on a node of its own under this name."""
    body = {"Node": "n1", "Address": "10.0.0.1", "Service": {"ID": "x", "Service": service, **fields}}
    await wire.get("/v1/catalog/register", method="PUT", body=json.dumps(body).encode())


async def proxied(wire: Wire, destination: str) -> None:
    """Register the instance ``x`` as a proxy of this service."""
    proxy = {"DestinationServiceName": destination}
    await registered(wire, "proxy", Kind="connect-proxy", Port=9000, Proxy=proxy)


async def deregistered(wire: Wire) -> None:
    """Let a service come and go, so that missing services have an index of their own."""
    await registered(wire, "gone")
    body = json.dumps({"Node": "n1", "ServiceID": "x"}).encode()
    await wire.get("/v1/catalog/deregister", method="PUT", body=body)


async def parked(agent: Agent, wire: Wire, waiting: Wire, path: str) -> int:
    """Let ``waiting`` wait for a change of ``path``; returns the index that it waits from."""
    index = (await wire.get(path)).headers["x-consul-index"]
    waiting.send(f"GET {path}?index={index}&wait=60s HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    while not agent.server.shared_reads.waiting:
        await wire.get("/v1/status/leader")
    return int(index)


async def test_an_instance_that_takes_another_name_leaves_its_service() -> None:
    """The index of the old name stays, but the answer carries that of the change and nobody waits in vain."""
    async with running() as agent, connected(agent) as waiting, connected(agent) as writing:
        await deregistered(writing)
        await registered(writing, "web")
        index = await parked(agent, writing, waiting, "/v1/health/service/web")
        await registered(writing, "api")
        answer = await waiting.answer()
        assert json.loads(answer.body) == []
        assert int(answer.headers["x-consul-index"]) > index


async def test_a_proxy_that_takes_another_destination_leaves_its_service() -> None:
    """The same where it is asked who speaks for a service."""
    async with running() as agent, connected(agent) as waiting, connected(agent) as writing:
        await deregistered(writing)
        await proxied(writing, "web")
        index = await parked(agent, writing, waiting, "/v1/health/connect/web")
        await proxied(writing, "api")
        answer = await waiting.answer()
        assert json.loads(answer.body) == []
        assert int(answer.headers["x-consul-index"]) > index


async def test_a_change_of_name_that_overtakes_the_question_is_told_at_once() -> None:
    """Under the index of the change; who knows of it waits for the next."""
    async with running() as agent, connected(agent) as waiting, connected(agent) as writing:
        await deregistered(writing)
        await registered(writing, "web")
        known = (await writing.get("/v1/health/service/web")).headers["x-consul-index"]
        await registered(writing, "api")
        changed_at = (await writing.get("/v1/catalog/service/api")).headers["x-consul-index"]
        answer = await writing.get(f"/v1/health/service/web?index={known}")
        assert (json.loads(answer.body), answer.headers["x-consul-index"]) == ([], changed_at)
        waiting.send(f"GET /v1/health/service/web?index={changed_at} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        while not agent.server.shared_reads.waiting:
            await writing.get("/v1/status/leader")
        await registered(writing, "web")
        assert len(json.loads((await waiting.answer()).body)) == 1


async def test_a_change_of_destination_that_overtakes_the_question_is_told_at_once(wire: Wire) -> None:
    """The same where it is asked who speaks for a service."""
    await deregistered(wire)
    await proxied(wire, "web")
    known = (await wire.get("/v1/health/connect/web")).headers["x-consul-index"]
    await proxied(wire, "api")
    answer = await wire.get(f"/v1/health/connect/web?index={known}")
    assert json.loads(answer.body) == []
    assert answer.headers["x-consul-index"] == (await wire.get("/v1/catalog/services")).headers["x-consul-index"]


async def configured(wire: Wire, kind: str, name: str, **fields: Any) -> None:
    """Write a config entry."""
    body = json.dumps({"Kind": kind, "Name": name, **fields}).encode()
    assert (await wire.get("/v1/config", method="PUT", body=body)).body == b"true"


async def test_who_waits_for_intentions_or_a_gateway_is_not_woken_by_other_entries() -> None:
    """Though the index of their answers has risen: Consul watches what was read."""
    async with running() as agent, connected(agent) as waiting, connected(agent) as writing:
        await configured(writing, "service-intentions", "db", Sources=[{"Name": "web", "Action": "allow"}])
        await configured(writing, "terminating-gateway", "gw", Services=[{"Name": "db"}])
        for path in ("connect/intentions", "internal/ui/gateway-intentions/gw", "catalog/gateway-services/gw"):
            index = await parked(agent, writing, waiting, f"/v1/{path}")
            (shared,) = shared_reads(agent)
            await configured(writing, "terminating-gateway", f"other-{index}", Services=[{"Name": "api"}])
            assert shared.wakes == 0
            await configured(writing, "service-intentions", "db", Sources=[{"Name": path, "Action": "deny"}])
            await configured(writing, "terminating-gateway", "gw", Services=[{"Name": "db"}, {"Name": path}])
            assert int((await waiting.answer()).headers["x-consul-index"]) > index


async def test_who_goes_while_waiting_leaves_no_watch_behind() -> None:
    """What said that it may wait would stay in memory until the ACLs change, which they may never do."""
    async with running('acl { enabled = true, tokens { initial_management = "root" } }') as agent:
        async with connected(agent) as wire:
            await wire.get("/v1/agent/service/register?token=root", method="PUT", body=b'{"Name": "web"}')
            seen = json.loads((await wire.get("/v1/agent/service/web?token=root")).body)["ContentHash"]
        before = watchers(agent.server.db)
        async with connected(agent) as wire:
            wire.send(request(f"/v1/agent/service/web?token=root&hash={seen}&wait=10m"))
            await comes_true(lambda: watchers(agent.server.db) > before)
        await comes_true(lambda: watchers(agent.server.db) == before)
