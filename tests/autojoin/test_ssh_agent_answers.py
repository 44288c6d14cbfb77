"""SSH agents that hold keys, refuse, break off, lie about sizes or say nothing."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest

from pyconsul_autojoin.ssh_agent import MESSAGE_LIMIT_BYTES, Key, SshAgent, SshAgentError

BLOB = b"the public half"
MD5 = hashlib.md5(BLOB, usedforsecurity=False).hexdigest()
COLONS = ":".join(MD5[at : at + 2] for at in range(0, 32, 2))
SHA256 = base64.b64encode(hashlib.sha256(BLOB).digest()).decode().rstrip("=")
Agents = Callable[[bytes], Awaitable[SshAgent]]


def string(data: bytes) -> bytes:
    """With its length before it."""
    return struct.pack(">I", len(data)) + data


def identities(*blobs: bytes, count: int | None = None) -> bytes:
    """The answer that lists keys."""
    number = len(blobs) if count is None else count
    return string(bytes([12]) + struct.pack(">I", number) + b"".join(string(each) + string(b"note") for each in blobs))


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncGenerator[Agents]:
    """Makes agents that say the same to every question and hang up."""
    servers: list[asyncio.Server] = []

    async def make(answer: bytes) -> SshAgent:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            size = int.from_bytes(await reader.readexactly(4), "big")
            await reader.readexactly(size)
            writer.write(answer)
            writer.close()

        path = str(tmp_path / f"agent{len(servers)}")
        servers.append(await asyncio.start_unix_server(serve, path))
        return SshAgent(path)

    yield make
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("name", [MD5, MD5.upper(), COLONS, f"MD5:{COLONS}", SHA256, f"SHA256:{SHA256}"])
async def test_a_key_is_found_by_any_form_of_its_fingerprint(agent: Agents, name: str) -> None:
    """As people copy it from one program or another."""
    assert await (await agent(identities(b"another", BLOB))).key(name) == Key(BLOB)


@pytest.mark.parametrize("name", ["", SHA256.swapcase(), f"{SHA256}=", COLONS[:-1], f"SHA1:{MD5}"])
def test_nothing_else_is_its_fingerprint(name: str) -> None:
    """The letters of Base64 differ by case."""
    assert not Key(BLOB).is_called(name)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (identities(), "No key in the SSH Agent matches fingerprint: x"),
        (identities(BLOB, count=2), "the SSH agent's answer is cut off"),
        (string(bytes([12, 0])), "the SSH agent's answer is cut off"),
        (string(bytes([5])), "the SSH agent refuses"),
        (string(b""), "the SSH agent's answer has an impossible size: 0"),
        (struct.pack(">I", MESSAGE_LIMIT_BYTES + 1), "the SSH agent's answer has an impossible size: 262145"),
        (struct.pack(">I", MESSAGE_LIMIT_BYTES), "unable to dial SSH agent: 0 bytes read"),
        (identities(BLOB)[:-1], "unable to dial SSH agent: "),
        (b"", "unable to dial SSH agent: "),
    ],
)
async def test_an_agent_that_does_not_answer_as_it_should_is_told(agent: Agents, answer: bytes, message: str) -> None:
    """Whatever it says, and however it ends."""
    with pytest.raises(SshAgentError) as caught:
        await (await agent(answer)).key("x")
    assert str(caught.value).startswith(message)


async def test_a_signature_comes_with_its_format(agent: Agents) -> None:
    """Both are strings within a string."""
    answer = string(bytes([14]) + string(string(b"rsa-sha2-256") + string(b"signed")))
    assert await (await agent(answer)).sign(Key(BLOB), b"data") == ("rsa-sha2-256", b"signed")


async def test_an_agent_that_says_nothing_has_ten_seconds(tmp_path: Path, skip_time: Callable[[float], None]) -> None:
    """A look-up does not hang for it."""
    asked, ended = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        asked.set()
        await reader.read()
        writer.close()
        ended.set()

    async with await asyncio.start_unix_server(serve, str(tmp_path / "agent")):
        work = asyncio.create_task(SshAgent(str(tmp_path / "agent")).key("x"))
        await asked.wait()
        skip_time(11)
        with pytest.raises(SshAgentError, match=r"^no answer from the SSH agent within 10s$"):
            await work
        await ended.wait()
