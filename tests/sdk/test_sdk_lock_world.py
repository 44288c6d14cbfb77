"""Locks, semaphores and elections in a world that loses requests and answers, and whose agents go away: by seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest

from pyconsul.sdk import AsyncClient, ConsulError
from pyconsul.sdk.contender import Contender
from pyconsul.sdk.election import LeaderElection
from tests.sdk.lock_world import Weather, World, client_of, play

SEEDS = range(10)
CONTENDERS = 5
ROUGH = 120.0  # seconds of bad weather
TTL = 10.0
LONG = 120.0  # in which, in good weather, old sessions end and each has its turn


@dataclass
class Scene:
    """A world, the clients of its contenders, and who of them believes to hold what only ``limit`` may."""

    rand: Random
    limit: int = 1
    believers: list[Callable[[], bool]] = field(default_factory=list[Callable[[], bool]])
    longest: float = 4 * TTL
    """How long somebody may hold it."""
    turns: list[int] = field(default_factory=lambda: [0] * CONTENDERS)

    def __post_init__(self) -> None:
        self.world = World(self.rand)
        self.weathers = [Weather(self.rand) for _ in range(CONTENDERS)]
        self.clients = [client_of(self.world, weather) for weather in self.weathers]

    async def storm(self) -> None:
        """Requests are lost and agents go away, now this one's, now that one's; then the weather is good."""
        loop = asyncio.get_running_loop()
        end = loop.time() + ROUGH
        while loop.time() < end:
            weather = self.rand.choice(self.weathers)
            weather.loss = self.rand.choice([0.0, 0.05, 0.3])
            weather.is_away = self.rand.random() < 0.4
            weather.silence = self.rand.choice([0.0, 0.5, 1.0])
            await asyncio.sleep(self.rand.uniform(0.0, 2 * TTL))
        for weather in self.weathers:
            weather.loss, weather.is_away = 0.0, False
        self.longest = TTL / 2

    def begins(self, number: int) -> None:
        """Somebody believes to hold it from now on: with the others that is not too many."""
        assert sum(believes() for believes in self.believers) <= self.limit
        self.turns[number] += 1

    async def play(self, contend: Callable[[int, AsyncClient], asyncio.Task[None]]) -> None:
        """All contend, in bad weather and in good; then none has been left out, and nothing is left behind."""
        contenders = [contend(*each) for each in enumerate(self.clients)]
        await self.storm()
        await asyncio.sleep(2 * TTL)  # so long may the servers take sessions for alive that nobody has any more
        self.turns = [0] * CONTENDERS
        await asyncio.sleep(LONG)
        for task in contenders:
            assert not task.done() or task.exception() is None, task
            task.cancel()
        await asyncio.wait(contenders)
        assert not self.world.sessions
        assert not [entry.key for entry in self.world.entries.values() if entry.session]


def contending(
    scene: Scene, handle: Callable[[AsyncClient], Contender]
) -> Callable[[int, AsyncClient], asyncio.Task[None]]:
    """Contenders that hold for a while, and want it again after another one."""

    async def contend(number: int, client: AsyncClient) -> None:
        held = handle(client)
        scene.believers.append(lambda: held.is_held and not held.lost.is_set())
        while True:
            try:
                async with held:
                    scene.begins(number)
                    await held.lost.wait(scene.rand.uniform(0.0, scene.longest))
            except ConsulError:
                pass  # it was not to be had, or could not be given back
            await asyncio.sleep(scene.rand.uniform(0.0, 2.0))

    return lambda number, client: asyncio.create_task(contend(number, client))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lock_delay", [0.0, 15.0])
def test_a_lock_is_held_by_one_and_in_the_end_by_each(
    monkeypatch: pytest.MonkeyPatch, seed: int, lock_delay: float
) -> None:
    """Never by two who both believe it; and no turn is missed once the weather is good."""

    async def work(rand: Random) -> None:
        scene = Scene(rand)
        await scene.play(contending(scene, lambda client: client.lock("l", ttl=TTL, lock_delay=lock_delay)))
        assert min(scene.turns) >= 1, scene.turns

    play(monkeypatch, seed, work)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_semaphore_is_held_by_two_at_most(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """And in the end by each, too."""

    async def work(rand: Random) -> None:
        scene = Scene(rand, limit=2)
        await scene.play(contending(scene, lambda client: client.semaphore("s", 2, ttl=TTL)))
        assert min(scene.turns) >= 1, scene.turns

    play(monkeypatch, seed, work)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_election_has_one_leader(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """At most, however bad the weather is; and one in good weather, at whom all look."""

    async def work(rand: Random) -> None:
        scene = Scene(rand)
        elections = [
            LeaderElection(client, "e", value=str(number), ttl=TTL) for number, client in enumerate(scene.clients)
        ]
        scene.believers += [lambda each=each: each.is_leader for each in elections]

        async def campaign(number: int) -> None:
            async with elections[number]:
                while True:
                    await elections[number].elected.wait()
                    scene.begins(number)
                    await elections[number].deposed.wait()

        tasks = [asyncio.create_task(campaign(number)) for number in range(CONTENDERS)]
        await scene.storm()
        await asyncio.sleep(LONG)
        (leader,) = [number for number, each in enumerate(elections) if each.is_leader]
        for each in elections:
            entry = await each.leader()
            assert entry is not None and entry.Value == str(leader).encode()
        for task in tasks:
            assert not task.done(), task.exception()
            task.cancel()
        await asyncio.wait(tasks)
        assert not scene.world.sessions

    play(monkeypatch, seed, work)
