"""The daemon in one process with a real agent: election, health, schedule, status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from pyconsul.primitives.durations import SECOND
from pyconsul.sdk import AsyncClient, Settings
from pyconsul.testing import InProcessAgent
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.status import answer
from pyconsul_snapshot_agent.agent import SnapshotAgent
from pyconsul_snapshot_agent.config import Config, Destination, Log, Login, Schedule
from pyconsul_snapshot_agent.halt import Halt
from pyconsul_snapshot_agent.registration import ALIVE, SAVING
from pyconsul_snapshot_agent.sealing import Keys
from pyconsul_snapshot_agent.stats import StatsStatus
from pyconsul_snapshot_agent.testing import MemoryStorage
from tests.waiting import comes_true

Fast = Callable[..., Schedule]


def config_of(agent: InProcessAgent, schedule: Schedule, **changes: Any) -> Config:
    """A configuration for this agent."""
    settings = Settings(address=agent.http_address)
    return Config(settings, Login(**changes.pop("login", {})), Log(), schedule, [Destination("memory", {})], **changes)


@asynccontextmanager
async def daemon(config: Config, *targets: MemoryStorage) -> AsyncGenerator[SnapshotAgent]:
    """A daemon that runs while the block does."""
    agent, halt = SnapshotAgent(config, targets, Keys()), Halt()
    work = asyncio.create_task(agent.run(halt))
    try:
        yield agent
    finally:
        halt.set("the test ends")
        async with asyncio.timeout(30):
            await work


async def checks_of(agent: InProcessAgent) -> dict[str, tuple[str, str]]:
    """Status and output of the tool's checks by name."""
    async with agent.async_client() as client:
        found = await client.agent.checks()
        return {check.Name: (check.Status, check.Output) for check in found.values()}


async def until_check(agent: InProcessAgent, name: str, status: str) -> str:
    """Wait until a check has a status; its output."""
    async with asyncio.timeout(60):
        while True:
            found = (await checks_of(agent)).get(name)
            if found is not None and found[0] == status:
                return found[1]
            await asyncio.sleep(0.01)


async def until_alive(agent: InProcessAgent, count: int) -> None:
    """Wait until so many instances have the check that they live."""
    async with asyncio.timeout(60), agent.async_client() as client:
        while sum(check.Name == ALIVE for check in (await client.agent.checks()).values()) < count:  # noqa: ASYNC110 - nor for these
            await asyncio.sleep(0.01)


async def test_the_leader_saves_at_once_and_then_on_schedule(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Every interval; the oldest go."""
    target = MemoryStorage()
    async with daemon(config_of(consul_agent, fast(retain=2)), target) as agent:
        await comes_true(lambda: agent.stats.snapshots >= 4)
        assert len(target.objects) in (2, 3)  # the third one is there while the new one is read back
        assert agent.stats.is_leader


async def test_health_tells_that_it_lives_and_that_it_saves(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Two checks under Enterprise's names, on one service, which goes with the tool, as does the lock."""
    async with daemon(config_of(consul_agent, fast()), MemoryStorage()):
        note = await until_check(consul_agent, SAVING, "passing")
        assert note.startswith("Saved snapshot ")
        assert (await checks_of(consul_agent))[ALIVE][0] == "passing"
    assert await checks_of(consul_agent) == {}
    entry = consul_agent.client.kv.get("consul-snapshot/lock")
    assert entry is not None
    assert not entry.Session


async def test_a_failing_destination_turns_health_critical_and_back(consul_agent: InProcessAgent, fast: Fast) -> None:
    """At the first failed attempt, with the reason."""
    target = MemoryStorage(refuse=10**9)
    async with daemon(config_of(consul_agent, fast()), target) as agent:
        note = await until_check(consul_agent, SAVING, "critical")
        assert "out of space" in note
        assert agent.stats.problem == note
        target.refuse = 0
        await until_check(consul_agent, SAVING, "passing")
        assert agent.stats.problem == ""


async def test_only_one_of_several_saves(consul_agent: InProcessAgent, fast: Fast) -> None:
    """The others stand by, with a check that they live, and none that they save."""
    one, two = MemoryStorage("one"), MemoryStorage("two")
    config = config_of(consul_agent, fast())
    async with daemon(config, one) as first:
        await comes_true(lambda: first.stats.snapshots >= 1)
        async with daemon(config, two) as second:
            await until_alive(consul_agent, 2)
            so_far = first.stats.snapshots
            await comes_true(lambda: first.stats.snapshots >= so_far + 3)
            assert (second.stats.snapshots, two.objects) == (0, {})
            async with consul_agent.async_client() as client:
                found = await client.agent.checks()
            assert sorted(check.Name for check in found.values()) == [ALIVE, ALIVE, SAVING]


async def test_the_next_one_takes_over_when_the_leader_ends(consul_agent: InProcessAgent, fast: Fast) -> None:
    """At once, for it gives the lock back."""
    config = config_of(consul_agent, fast())
    async with daemon(config, MemoryStorage()) as first:
        await comes_true(lambda: first.stats.is_leader)
        standby = daemon(config, MemoryStorage())
        second = await standby.__aenter__()
    try:
        await comes_true(lambda: second.stats.snapshots >= 1)
    finally:
        await standby.__aexit__(None, None, None)


async def test_who_fails_too_often_gives_way(consul_agent: InProcessAgent, fast: Fast) -> None:
    """After so many failed snapshots in a row another instance, whose destination works, saves."""
    full, good = MemoryStorage("full", refuse=10**9), MemoryStorage("good")
    schedule = fast(max_failures=2, attempts=1)
    async with daemon(config_of(consul_agent, schedule), full) as first:
        await comes_true(lambda: first.stats.is_leader)
        async with daemon(config_of(consul_agent, schedule), good) as second:
            await comes_true(lambda: second.stats.snapshots >= 2)
            assert first.stats.failures >= 2
            assert (first.stats.is_leader, second.stats.is_leader) == (False, True)


async def test_who_loses_the_lock_stops_and_stands_again(consul_agent: InProcessAgent, fast: Fast) -> None:
    """An operator may destroy the session at any time."""
    async with daemon(config_of(consul_agent, fast()), MemoryStorage()) as agent:
        await comes_true(lambda: agent.stats.snapshots >= 1)
        client = consul_agent.client
        for session in client.session.list():
            client.session.destroy(session.ID)
        seen = agent.stats.snapshots
        await comes_true(lambda: agent.stats.snapshots >= seen + 2)
        assert len(client.session.list()) == 1


async def test_an_agent_that_forgot_the_service_hears_of_it_again(
    consul_agent: InProcessAgent, fast: Fast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart of a client agent, say; the next news bring everything back."""
    async with daemon(config_of(consul_agent, fast()), MemoryStorage()):
        await until_check(consul_agent, SAVING, "passing")
        for service_id in list(consul_agent.client.agent.services()):
            consul_agent.client.agent.deregister_service(service_id)
        await until_check(consul_agent, SAVING, "passing")
        await until_check(consul_agent, ALIVE, "passing")


async def test_the_daemon_outlives_its_agent(fast: Fast, relay: Callable[[int], Any]) -> None:
    """Nothing ends it but a signal; when the agent is back, with nothing known of it, it saves and registers again."""
    with InProcessAgent() as first:
        road = relay(int(first.http_address.rpartition(":")[2]))
        config = config_of(first, fast())
        config = msgspec.structs.replace(config, client=Settings(address=f"127.0.0.1:{road.port}"))
        async with daemon(config, MemoryStorage()) as agent:
            await comes_true(lambda: agent.stats.snapshots >= 1)
            road.cut()
            await comes_true(lambda: bool(agent.stats.problem) and not agent.stats.is_leader)
            with InProcessAgent() as second:
                road.target, road.is_cut = int(second.http_address.rpartition(":")[2]), False
                seen = agent.stats.snapshots
                await comes_true(lambda: agent.stats.snapshots > seen)
                await until_check(second, SAVING, "passing")
                await until_check(second, ALIVE, "passing")


async def test_the_status_endpoint_answers(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Over real HTTP."""
    config = config_of(consul_agent, fast(), status_addr="127.0.0.1:0")
    async with daemon(config, MemoryStorage()) as agent:
        await comes_true(lambda: agent.stats.snapshots >= 1)
        port = agent._status.port  # pyright: ignore[reportPrivateUsage]
        async with AsyncClient(f"127.0.0.1:{port}") as client:
            assert (await client.raw("GET", "/health")).status == 200
            assert json.loads((await client.raw("GET", "/status")).body)["is_leader"] is True
            metrics = (await client.raw("GET", "/metrics")).body.decode()
            assert "consul_snapshot_agent_leader 1\n" in metrics
            assert 'consul_snapshot_agent_destination_stored{destination="memory"}' in metrics
            assert (await client.raw("POST", "/metrics")).status == 405
            assert (await client.raw("GET", "/nothing")).status == 404


async def test_a_problem_shows_in_health(consul_agent: InProcessAgent, fast: Fast) -> None:
    """With its text, for probes that only look at the status."""
    agent = SnapshotAgent(config_of(consul_agent, fast()), [MemoryStorage()], Keys())
    agent.stats.problem = "the disk is full"
    assert answer(StatsStatus(agent.stats), "GET", "/health") == (
        503,
        "text/plain; charset=utf-8",
        "the disk is full\n",
    )


async def test_a_status_address_that_is_taken_ends_the_tool(consul_agent: InProcessAgent, fast: Fast) -> None:
    """At the start, where somebody sees it."""
    config = config_of(consul_agent, fast(), status_addr=consul_agent.http_address)
    with pytest.raises(RunError, match="status endpoint"):
        await SnapshotAgent(config, [MemoryStorage()], Keys()).run(Halt())


class FourPauses(Halt):
    """Lets no pause last, and ends the work with the fourth."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float | None] = []

    async def wait(self, seconds: float | None = None) -> bool:
        """Note how long a wait would be."""
        self.pauses.append(seconds)
        if len(self.pauses) == 4:
            self.set("seen enough")
        return self.is_set()


async def test_a_lock_that_cannot_be_had_is_tried_again_after_growing_pauses(
    consul_agent: InProcessAgent, fast: Fast
) -> None:
    """As where the key is somebody else's: they double up to their bound, and health tells the reason."""
    consul_agent.client.kv.put("consul-snapshot/lock", "mine", flags=7)
    schedule = fast(interval=10 * SECOND, backoff=SECOND, max_backoff=3 * SECOND)
    agent, halt = SnapshotAgent(config_of(consul_agent, schedule), [MemoryStorage()], Keys()), FourPauses()
    await agent.run(halt)
    assert halt.pauses == [1.0, 2.0, 3.0, 3.0]
    assert agent.stats.problem.startswith("cannot obtain leadership: ")


async def test_a_login_that_fails_ends_the_tool(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Without its token it could do nothing."""
    config = config_of(consul_agent, fast(), login={"auth_method": "kube", "bearer_token": "x"})
    with pytest.raises(RunError, match="cannot log in"):
        await SnapshotAgent(config, [MemoryStorage()], Keys()).run(Halt())


async def test_each_snapshot_is_counted_once(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Alerts stand on that number, and on the size of the newest one."""
    target = MemoryStorage()
    agent = SnapshotAgent(config_of(consul_agent, fast()), [target], Keys())
    for _ in range(2):
        await agent.run_once(Halt())
    assert agent.stats.snapshots == len(target.objects) == 2
    assert agent.stats.last_bytes == len(list(target.objects.values())[-1])
    assert str(agent.stats.last_id) in list(target.objects)[-1]
