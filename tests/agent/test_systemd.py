"""Units of ``Type=notify``: systemd hears when the agent is ready."""

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.systemd import tell_ready
from pyconsul.config import load


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket of a service manager, named by ``NOTIFY_SOCKET``."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        path = Path(folder) / "notify"
        listening.bind(str(path))
        listening.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        yield listening


def heard(systemd: socket.socket) -> bytes:
    """What came so far."""
    systemd.setblocking(False)
    try:
        return systemd.recv(64)
    except BlockingIOError:
        return b""


def dev_agent(*retry_join: str) -> Agent:
    """An agent without doors that joins these addresses."""
    runtime = load({"dev": True, "node": "here", "bind": "127.0.0.1"}, {}).runtime
    return Agent(msgspec.structs.replace(runtime, http_addrs=(), dns_addrs=(), retry_join=retry_join))


async def test_an_agent_without_others_to_join_is_ready_when_it_has_started(systemd: socket.socket) -> None:
    """Consul itself would say so only after a join, and never here."""
    agent = dev_agent()
    await agent.start()
    try:
        assert heard(systemd) == b"READY=1"
    finally:
        await agent.stop()


async def test_an_agent_with_others_to_join_is_ready_when_it_has_joined(systemd: socket.socket) -> None:
    """Its own address is one that it can always join."""
    agent = dev_agent("127.0.0.1")
    await agent.start()
    try:
        assert heard(systemd) == b""
        assert await asyncio.to_thread(_received, systemd) == b"READY=1"
    finally:
        await agent.stop()


def _received(systemd: socket.socket) -> bytes:
    systemd.settimeout(60)
    return systemd.recv(64)


def test_abstract_names_begin_with_an_at_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemd writes them into the environment."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # Linux chooses an abstract name
        name = listening.getsockname()
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name[1:].decode())
        tell_ready()
        assert heard(listening) == b"READY=1"


@pytest.mark.parametrize("name", ["", "/nowhere/notify"])
def test_nobody_need_listen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent, nothing is raised."""
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    tell_ready()
