"""Blocking queries in the same bytes wait along with one another, and each gets what it would have got alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator

import pytest

from pyconsul.agent.http.front.followers import Group
from pyconsul.agent.http.reply import Reply
from pyconsul.testing import InProcessAgent
from tests.waiting import comes_true


class Door:
    """One connection with a question on its way."""

    def __init__(self, agent: InProcessAgent, question: str) -> None:
        host, _, port = agent.http_address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.file = self.socket.makefile("rb")
        self.ask(question)

    def ask(self, question: str) -> None:
        """Send a GET."""
        self.socket.sendall(f"GET {question} HTTP/1.1\r\nHost: a\r\n\r\n".encode())

    def answer(self) -> tuple[int, bytes]:
        """Index and body of the next answer."""
        head = b"".join(iter(self.file.readline, b"\r\n"))
        fields = dict(line.split(b": ", 1) for line in head.splitlines()[1:])
        return int(fields[b"X-Consul-Index"]), self.file.read(int(fields[b"Content-Length"]))

    def close(self) -> None:
        """Hang up."""
        self.file.close()
        self.socket.close()


Ask = Callable[[str], Door]


@pytest.fixture
def ask(consul_agent: InProcessAgent) -> Generator[Ask]:
    """Ask a question over a connection of its own."""
    doors: list[Door] = []

    def one(question: str) -> Door:
        doors.append(Door(consul_agent, question))
        return doors[-1]

    yield one
    for door in doors:
        door.close()


def index_of(agent: InProcessAgent, key: str) -> int:
    """The key's index; it exists afterwards."""
    agent.client.kv.put(key, "old")
    entry = agent.client.kv.get(key)
    assert entry is not None
    return entry.ModifyIndex


def wait_for(agent: InProcessAgent, *, alone: int, following: int) -> None:
    """Until so many wait by themselves, and so many along with others."""

    async def parked(running: object) -> None:
        del running
        front = agent.agent.listeners.front
        reads = agent.agent.server.shared_reads
        await comes_true(lambda: (reads.waiting, front.groups.following) == (alone, following))

    agent.run(parked)


def test_those_who_ask_the_same_wait_along_and_get_the_same(consul_agent: InProcessAgent, ask: Ask) -> None:
    """One of them is read and waits; all are counted and answered, and may ask again."""
    question = f"/v1/kv/k?index={index_of(consul_agent, 'k')}&raw"
    doors = [ask(question)]
    wait_for(consul_agent, alone=1, following=0)
    doors += [ask(question) for _ in range(5)]
    wait_for(consul_agent, alone=1, following=5)
    for value in (b"new", b"newer"):
        consul_agent.client.kv.put("k", value)
        answers = {door.answer() for door in doors}
        assert [body for _, body in answers] == [value]
        index = answers.pop()[0]
        for door in doors:
            door.ask(f"/v1/kv/k?index={index}&raw")
        wait_for(consul_agent, alone=1, following=5)  # also those who come before the first one waits


def test_a_leader_that_goes_away_leaves_the_lead_to_the_next(consul_agent: InProcessAgent, ask: Ask) -> None:
    """Followers lose nothing by it."""
    question = f"/v1/kv/k?index={index_of(consul_agent, 'k')}&raw"
    leader = ask(question)
    wait_for(consul_agent, alone=1, following=0)
    others = [ask(question) for _ in range(3)]
    wait_for(consul_agent, alone=1, following=3)
    leader.close()
    wait_for(consul_agent, alone=1, following=2)
    others.pop().close()
    wait_for(consul_agent, alone=1, following=1)
    consul_agent.client.kv.put("k", "new")
    assert [door.answer()[1] for door in others] == [b"new", b"new"]


def test_a_wait_that_ends_without_a_change_ends_for_one(consul_agent: InProcessAgent, ask: Ask) -> None:
    """The others wait on for the rest of their own time."""
    index = index_of(consul_agent, "k")
    question = f"/v1/kv/k?index={index}&raw&wait=200ms"
    doors = [ask(question)]
    wait_for(consul_agent, alone=1, following=0)
    doors += [ask(question) for _ in range(3)]
    assert [door.answer() for door in doors] == [(index, b"old")] * 4
    wait_for(consul_agent, alone=0, following=0)
    assert len(consul_agent.agent.listeners.front.groups) == 0


def test_a_follower_that_asks_more_is_answered_in_order(consul_agent: InProcessAgent, ask: Ask) -> None:
    """It then waits by itself, and the next request after that."""
    question = f"/v1/kv/k?index={index_of(consul_agent, 'k')}&raw"
    leader = ask(question)
    wait_for(consul_agent, alone=1, following=0)
    follower = ask(question)
    wait_for(consul_agent, alone=1, following=1)
    consul_agent.client.kv.put("other", "second")
    follower.ask("/v1/kv/other?raw")
    wait_for(consul_agent, alone=2, following=0)
    consul_agent.client.kv.put("k", "first")
    assert [leader.answer()[1], follower.answer()[1], follower.answer()[1]] == [b"first", b"first", b"second"]


def test_nobody_waits_along_for_what_is_missing(consul_agent: InProcessAgent, ask: Ask) -> None:
    """Its index rises without an answer to those who wait: who asks now may have to be answered at once."""
    consul_agent.client.kv.put("other", "x")
    index = index_of(consul_agent, "other")
    question = f"/v1/kv/missing?index={index}"
    ask(question)
    wait_for(consul_agent, alone=1, following=0)
    consul_agent.client.kv.put("other", "y")
    later, body = ask(question).answer()
    assert later > index
    assert body == b""


def test_a_restore_answers_all(consul_agent: InProcessAgent, ask: Ask) -> None:
    """Also where the index goes back by it."""
    with consul_agent.client.snapshot.save() as saved:
        archive = b"".join(saved)
    question = f"/v1/kv/k?index={index_of(consul_agent, 'k')}&raw"
    doors = [ask(question)]
    wait_for(consul_agent, alone=1, following=0)
    doors.append(ask(question))
    wait_for(consul_agent, alone=1, following=1)
    consul_agent.client.snapshot.restore(archive)
    assert {door.answer()[1] for door in doors} == {b""}


class FakeConnection:
    """A follower that notes what happens to it."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.seen: list[str] = []

    def write(self, data: bytes) -> None:
        """Note it."""
        self.seen.append(data.decode())

    def was_answered(self) -> None:
        """Note it."""
        self.seen.append("on")

    def ask(self, question: bytes, waited: float) -> None:
        """Lead the group."""
        assert waited >= 0
        self.seen.append(question.decode())
        self.group.led_by(self)


def test_the_lead_passes_from_the_oldest_to_the_next() -> None:
    """However a leader ends, and told twice, the next one leads once; the last one closes the group."""
    groups: dict[bytes, Group] = {}
    group = groups[b"q"] = Group(b"q", 0, groups).led_by(None)
    first, second, third = (FakeConnection(group) for _ in range(3))
    for follower in (first, second, third):
        group.join(follower)
    group.retire(None)
    for _ in range(2):
        group.retire(first)
    assert [first.seen, second.seen, third.seen] == [["q"], ["q"], []]
    group.answer(b"a", Reply(1))
    group.retire(second)
    assert third.seen == ["a", "on"]
    assert not groups


def test_after_a_reload_nobody_joins_those_who_waited_before(consul_agent: InProcessAgent, ask: Ask) -> None:
    """What may be asked can have changed; who waits already waits on."""
    question = f"/v1/kv/k?index={index_of(consul_agent, 'k')}&raw"
    doors = [ask(question)]
    wait_for(consul_agent, alone=1, following=0)
    consul_agent.agent.listeners.front.replies.clear()
    doors.append(ask(question))
    wait_for(consul_agent, alone=2, following=0)
    consul_agent.client.kv.put("k", "new")
    assert [door.answer()[1] for door in doors] == [b"new", b"new"]
