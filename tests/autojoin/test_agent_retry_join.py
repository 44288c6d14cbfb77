"""How an agent uses its ``retry_join``: hosts and clouds, attempt after attempt."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from pyconsul.agent.retry_join import JoinFailed, RetryJoin, RetryJoins
from pyconsul.structs.errors import ConsulError, InternalError
from pyconsul.telemetry.logging import Level, Record, add_sink, as_text, remove_sink
from pyconsul.testing import InProcessAgent
from pyconsul.testing.ports import free_ports
from tests.autojoin.conftest import Clouds

METHODS = (
    "aliyun aws azure digitalocean gce hcp k8s linode mdns os packet scaleway softlayer tencentcloud triton vsphere"
)


class Lines:
    """Keeps what is logged."""

    level = Level.DEBUG

    def __init__(self, until: str = "") -> None:
        self.texts: list[str] = []
        self.until = until
        self.seen = threading.Event()

    def write(self, record: Record) -> None:
        """Keep one line without its time."""
        self.texts.append(as_text(record).partition(" ")[2].rstrip())
        if self.until and self.until in self.texts[-1]:
            self.seen.set()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The log."""
    sink = Lines()
    add_sink(sink)
    yield sink.texts
    remove_sink(sink)


class Pool:
    """Lets in those that are known, after ``refusals`` attempts; counts what was asked."""

    def __init__(self, *known: str, refusals: int = 0) -> None:
        self.known = known
        self.refusals = refusals
        self.asked: list[str] = []
        self.pauses: list[float] = []

    async def join(self, address: str) -> None:
        """Join, or raise."""
        self.asked.append(address)
        if len(self.asked) <= self.refusals or address not in self.known:
            raise InternalError(f"Failed to join {address}")

    async def pause(self, seconds: float) -> None:
        """No time passes here."""
        self.pauses.append(seconds)

    def joining(self, *entries: str, attempts: int = 0) -> RetryJoin:
        """Attempts for this pool, 30 s apart."""
        return RetryJoin("LAN", entries, 30_000_000_000, attempts, self.join, self.pause)


async def test_one_server_that_lets_us_in_is_enough(lines: list[str]) -> None:
    """All hosts are tried; those that fail do not matter when another succeeds."""
    pool = Pool("b", "c")
    await pool.joining("a", "b", "c").run()
    assert (pool.asked, pool.pauses) == (["a", "b", "c"], [])
    methods = f'discovery methods: cluster=LAN discovery_methods="{METHODS}"'
    assert lines == [
        f"[INFO]  agent: Retry join is supported for the following {methods}",
        "[INFO]  agent: Joining cluster...: cluster=LAN",
        "[INFO]  agent: Join cluster completed. Synced with initial agents: cluster=LAN num_agents=2",
    ]


async def test_attempts_go_on_until_somebody_answers(lines: list[str]) -> None:
    """Between attempts there is the interval; each one that fails says why."""
    pool = Pool("a", refusals=2)
    await pool.joining("a").run()
    assert pool.pauses == [30.0, 30.0]
    warning = '[WARN]  agent: Join cluster failed, will retry: cluster=LAN retry_interval=30s error="Failed to join a"'
    assert lines.count(warning) == 2


async def test_attempts_may_be_used_up() -> None:
    """With a limit of two there are three tries, as in Consul, and then its sentence."""
    pool = Pool()
    with pytest.raises(JoinFailed, match=r"^agent: max join LAN retry exhausted, exiting$"):
        await pool.joining("a", attempts=2).run()
    assert (len(pool.asked), len(pool.pauses)) == (3, 2)


async def test_clouds_are_asked_at_each_attempt(cloud: Clouds, lines: list[str]) -> None:
    """A cloud that is down costs a line and an attempt; when it is back its addresses are joined."""
    up = [False, False, True]
    found = {"devices": [{"ip_addresses": [{"address": "10.0.0.1", "address_family": 4, "public": False}]}]}
    there = await cloud(lambda _: found if up.pop(0) else {"errors": ["down"]})
    pool = Pool("10.0.0.1")
    await pool.joining(f"provider=packet project=p auth_token=t0k url={there.url}").run()
    assert (pool.asked, len(pool.pauses)) == (["10.0.0.1"], 2)
    failed = [each for each in lines if each.startswith("[ERROR] agent: Cannot discover address: cluster=LAN address=")]
    assert len(failed) == 2 and "auth_token=hidden" in failed[0] and "t0k" not in "".join(lines)
    assert "[INFO]  agent: Discovered servers: cluster=LAN servers=10.0.0.1" in lines


async def test_a_wrong_entry_leaves_the_others_alone(lines: list[str]) -> None:
    """Unknown providers are told; hosts beside them are joined."""
    pool = Pool("a")
    await pool.joining("provider=nope", "a").run()
    assert pool.asked == ["a"]
    assert any("discover: unknown provider nope" in each for each in lines)


async def test_nothing_found_is_told(lines: list[str]) -> None:
    """Without any address the attempt fails in Consul's words."""
    with pytest.raises(JoinFailed):
        await Pool().joining("provider=nope", attempts=1).run()
    assert any(each.endswith('retry_interval=30s error="No servers to join"') for each in lines)


async def test_a_look_up_that_breaks_off_is_told(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that cannot even start its work costs an attempt; its last words are in the log."""
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(JoinFailed):
        await Pool().joining("provider=hcp", attempts=1).run()
    assert any("discover: the look-up ended with status 1: " in each for each in lines)


async def test_a_look_up_ends_with_its_caller() -> None:
    """A cancelled look-up leaves no child behind."""
    asked = asyncio.Event()
    gone = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    joining = Pool().joining(f"provider=packet project=p auth_token=t url=http://127.0.0.1:{port}")
    task = asyncio.create_task(joining.run())
    async with asyncio.timeout(30):
        await asked.wait()
        task.cancel()
        await gone.wait()
    server.close()
    await server.wait_closed()
    assert (await asyncio.gather(task, return_exceptions=True))[0].__class__ is asyncio.CancelledError


async def test_an_agent_learns_that_its_attempts_are_used_up(lines: list[str]) -> None:
    """The error is logged and the agent told, once; pools without entries do nothing."""
    told = asyncio.Event()
    joins = RetryJoins(told.set)
    joins.start([Pool().joining("a", attempts=1), Pool().joining()])
    async with asyncio.timeout(60):
        await told.wait()
    await joins.stop()
    assert lines.count('[ERROR] agent: Retry join failed: error="agent: max join LAN retry exhausted, exiting"') == 1


async def test_an_agent_that_stops_gives_up_its_attempts() -> None:
    """Stopping does not wait for the interval nor for a server that never answers."""
    begun = asyncio.Event()

    async def never(_address: str) -> None:
        begun.set()
        await asyncio.Event().wait()
        raise ConsulError

    def failed() -> None:
        raise AssertionError("stopping is no failure")

    joins = RetryJoins(failed)
    joins.start([RetryJoin("WAN", ("a",), 1, 0, never)])
    async with asyncio.timeout(60):
        await begun.wait()
        await joins.stop()


async def test_an_agent_joins_what_its_cloud_names(cloud: Clouds) -> None:
    """A whole agent asks the cloud of its configuration and joins the address, which here is its own."""
    found = {"devices": [{"ip_addresses": [{"address": "127.0.0.1", "address_family": 4, "public": False}]}]}
    there = await cloud(lambda _: found)
    entry = f"provider=packet project=p auth_token=t0k url={there.url}"
    sink = Lines(until="Join cluster completed")
    add_sink(sink)
    agent = InProcessAgent(config=f'retry_join = ["{entry}"]')
    try:
        await asyncio.to_thread(agent.start)
        assert await asyncio.to_thread(sink.seen.wait, 30), sink.texts
    finally:
        await asyncio.to_thread(agent.stop)
        remove_sink(sink)
    assert "[INFO]  agent: Discovered servers: cluster=LAN servers=127.0.0.1" in sink.texts


def test_a_process_whose_attempts_are_used_up_ends_with_failure() -> None:
    """The last words are Consul's, the status is 1."""
    ports = dict(zip(("server", "serf-lan", "serf-wan"), free_ports(3), strict=True))
    ports |= {"http": -1, "dns": -1, "grpc": -1, "grpc-tls": -1}
    words = ["agent", "-dev", *(f"-{name}-port={port}" for name, port in ports.items())]
    words += ["-retry-join=provider=nope", "-retry-max=1", "-retry-interval=10ms"]
    run = [sys.executable, "-c", "from pyconsul.cli.main import entry; entry()", *words]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout
    assert 'agent: Retry join failed: error="agent: max join LAN retry exhausted, exiting"' in done.stdout
