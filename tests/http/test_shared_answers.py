"""Those who wait in the same bytes are answered with the same bytes, and nobody with another's."""

from __future__ import annotations

import json
import socket

from pyconsul.testing import InProcessAgent
from tests.waiting import comes_true


def _ask(agent: InProcessAgent, request: str) -> socket.socket:
    host, _, port = agent.http_address.rpartition(":")
    door = socket.create_connection((host, int(port)), timeout=60)
    door.sendall(f"{request}Host: a\r\n\r\n".encode())
    return door


def _answer(door: socket.socket) -> tuple[bytes, bytes]:
    with door, door.makefile("rb") as file:
        head = b"".join(iter(file.readline, b"\r\n"))
        length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.startswith(b"Content-Length"))
        return head, file.read(length)


def _wait_for_waiters(agent: InProcessAgent, count: int) -> None:
    async def parked(running: object) -> None:
        del running
        reads, groups = agent.agent.server.shared_reads, agent.agent.listeners.front.groups
        await comes_true(lambda: reads.waiting + groups.following >= count)

    agent.run(parked)


def test_waiters_of_one_key_get_the_new_value_each_in_its_own_form(consul_agent: InProcessAgent) -> None:
    """Plain, raw and pretty waiters of a key wake with the same reply and are told apart."""
    consul_agent.client.kv.put("k", "old")
    entry = consul_agent.client.kv.get("k")
    assert entry is not None
    index = entry.ModifyIndex
    forms = ["", "", "&raw", "&pretty", "&stale", ""]
    doors = [_ask(consul_agent, f"GET /v1/kv/k?index={index}&wait=30s{form} HTTP/1.1\r\n") for form in forms]
    _wait_for_waiters(consul_agent, len(forms))
    consul_agent.client.kv.put("k", "new")
    answers = dict(enumerate(_answer(door) for door in doors))
    assert answers[2][1] == b"new"
    assert {json.loads(answers[n][1])[0]["Value"] for n in (0, 1, 3, 4, 5)} == {"bmV3"}
    assert answers[0] == answers[1] == answers[5]
    assert b"\n" in answers[3][1]


def test_the_same_question_later_gets_the_later_answer(consul_agent: InProcessAgent) -> None:
    """Bytes are shared with those who wake together, not with those who ask the same afterwards."""
    seen: list[bytes] = []
    for value in ("one", "two", "three"):
        consul_agent.client.kv.put("k", value)
        _, body = _answer(_ask(consul_agent, "GET /v1/kv/k?index=1&raw HTTP/1.1\r\n"))
        seen.append(body)
    assert seen == [b"one", b"two", b"three"]
