"""``_rexec`` events: an agent that may obeys them, and tells by keys what came of it."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pyconsul.agent.remote_exec import pieces
from tests.door import DoorClient, leading_agent
from tests.waiting import LIMIT

ALLOWED = "disable_remote_exec = false"
SECOND = 1_000_000_000


class Jobs(DoorClient):
    """Sends jobs to one agent, and reads what it makes of them."""

    session = ""

    async def send(self, **spec: Any) -> dict[str, str]:
        """What the agent wrote about a job until it came to its end."""
        self.session = (await self.put("session/create", {"Behavior": "delete"})).body["ID"]
        if spec:
            await self.put(f"kv/_rexec/{self.session}/job?acquire={self.session}", {"Wait": 9 * SECOND, **spec})
        await self.fire()
        found, index = await self.written(0)
        while "exit" not in found:
            found, index = await self.written(index)
        return found

    async def fire(self) -> None:
        """Tell the agent of the job."""
        await self.put("event/fire/_rexec", {"Prefix": "_rexec", "Session": self.session})

    async def finished(self) -> None:
        """Return when the agent has nothing more to do."""
        assert self.agent.remote_exec is not None
        await self.agent.remote_exec.finished()

    async def written(self, index: int) -> tuple[dict[str, str], int]:
        """The values of all keys of the agent, once there is news since ``index``."""
        folder = f"kv/_rexec/{self.session}/here/"
        answer = await self.get(f"{folder}?keys&index={index}")
        names = [key.rpartition("/here/")[2] for key in answer.body] if answer.raw else []
        values = {name: (await self.get(f"{folder}{name}?raw")).raw.decode() for name in names}
        return values, int(answer.headers["X-Consul-Index"])


@asynccontextmanager
async def jobs(hcl: str = ALLOWED) -> AsyncGenerator[Jobs, None]:
    """For an agent that may carry them out."""
    async with leading_agent(hcl, local=True) as agent:
        try:
            yield Jobs(agent)
        finally:
            if agent.remote_exec is not None:
                await agent.remote_exec.stop()


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"Command": "echo $((1+1)); echo bad >&2; exit 3"}, {"ack": "", "out/00000": "2\nbad\n", "exit": "3"}),
        ({"Command": "true"}, {"ack": "", "exit": "0"}),
        ({"Args": ["echo", "$HOME"]}, {"ack": "", "out/00000": "$HOME\n", "exit": "0"}),
        ({"Args": ["no-such-program"]}, {"ack": "", "exit": "255"}),
        ({"Command": "kill -9 $$"}, {"ack": "", "exit": "-1"}),
        (
            {"Script": b64encode(b"#!/bin/sh\necho from a file\n").decode()},
            {"ack": "", "out/00000": "from a file\n", "exit": "0"},
        ),
    ],
)
async def test_a_job_is_carried_out(spec: dict[str, Any], found: dict[str, str]) -> None:
    """In a shell, as a program with arguments, or as a script; both outputs go into one."""
    async with jobs() as at:
        assert await at.send(**spec) == found


async def test_an_agent_that_may_not_says_so(lines: list[str]) -> None:
    """The default; the event is not shown either."""
    async with jobs("") as at:
        await at.fire()
        assert (await at.get("event/list")).body == []
    assert any("agent: ignoring remote exec event, disabled.: event_name=_rexec event_id=" in line for line in lines)


async def test_a_job_that_is_gone_is_not_begun(lines: list[str]) -> None:
    """Somebody may have changed his mind; the servers that have the newest say are asked before that is believed."""
    async with jobs() as at:
        at.session = "none"
        await at.fire()
        await at.finished()
    text = "".join(lines)
    assert "trying consistent fetch of remote exec job spec" in text
    assert "remote exec aborted, job spec missing" in text


async def test_a_job_without_its_session_ends_before_it_begins(lines: list[str]) -> None:
    """Nobody would ever clear away what it writes."""
    async with jobs() as at:
        at.session = "11111111-2222-3333-4444-555555555555"
        await at.put(f"kv/_rexec/{at.session}/job", {"Command": "true"})
        await at.fire()
        await at.finished()
    assert any("failed to ack remote exec job: error=" in line for line in lines)


async def test_output_comes_in_pieces() -> None:
    """4 KiB at once, less after a while without more, and what is left at the end."""
    stdout = asyncio.StreamReader()
    stdout.feed_data(b"a" * 5000)
    found = pieces(stdout, heartbeat=LIMIT, idle=0.001)
    assert [await anext(found), await anext(found)] == [b"a" * 4096, b"a" * 904]
    stdout.feed_data(b"b")
    stdout.feed_eof()
    assert [each async for each in found] == [b"b"]


async def test_silence_comes_in_empty_pieces() -> None:
    """Who waits must not believe that the node is dead."""
    stdout = asyncio.StreamReader()
    found = pieces(stdout, heartbeat=0.001)
    assert [await anext(found), await anext(found)] == [b"", b""]
    stdout.feed_eof()
    assert [each async for each in found] == []
