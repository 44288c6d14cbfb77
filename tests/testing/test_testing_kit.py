"""The test kit: an agent in the process, usable from any kind of test."""

from __future__ import annotations

import errno
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.config.errors import ConfigError
from pyconsul.sdk import Client, QueryOptions
from pyconsul.sdk.errors import PermissionDenied
from pyconsul.testing import InProcessAgent
from pyconsul.testing.ports import free_port, free_ports

SERVED: set[str] = set()  # the keys that tests of this run have left with the agent of the run


def test_a_synchronous_test_can_use_it(consul_agent: InProcessAgent) -> None:
    """The agent has a thread of its own, so a blocking client does not wait for itself."""
    assert consul_agent.client.kv.put("a", "1")
    entry = consul_agent.client.kv.get("a")
    assert entry is not None
    assert entry.Value == b"1"


async def test_an_async_test_can_use_it(consul_agent: InProcessAgent) -> None:
    """From another loop than the agent's."""
    async with consul_agent.async_client() as client:
        assert await client.kv.put("a", "1")
        assert await client.kv.keys() == ["a"]


def test_each_test_gets_a_fresh_one(consul_agent: InProcessAgent) -> None:
    """What the tests before have written is not there."""
    assert consul_agent.client.kv.keys() == []


@pytest.mark.parametrize("key", ["first", "second"])
def test_one_agent_can_serve_a_whole_run(consul_agent_session: InProcessAgent, key: str) -> None:
    """What a test leaves there, the next one finds."""
    SERVED.add(key)
    assert consul_agent_session.client.kv.put(key, "")
    assert set(consul_agent_session.client.kv.keys()) == SERVED


def test_an_agent_is_started_once(consul_agent: InProcessAgent) -> None:
    """It does run already."""
    with pytest.raises(RuntimeError, match="the agent runs already"):
        consul_agent.start()


@pytest.mark.consul_agent(datacenter="dc7", node="n7", config='node_meta { rack = "r1" }')
def test_a_marker_changes_its_settings(consul_agent: InProcessAgent) -> None:
    """Names by argument, everything else as HCL."""
    config = consul_agent.client.agent.self()["Config"]
    assert (config["Datacenter"], config["NodeName"]) == ("dc7", "n7")
    assert consul_agent.client.agent.self()["Meta"]["rack"] == "r1"


def test_several_agents_run_side_by_side(make_consul_agent: Callable[..., InProcessAgent]) -> None:
    """Each has its own ports and its own state."""
    one, two = make_consul_agent(), make_consul_agent()
    one.client.kv.put("a", "1")
    assert two.client.kv.get("a") is None
    assert one.http_address != two.http_address


def test_any_http_client_finds_it(consul_agent: InProcessAgent) -> None:
    """Over a real socket."""
    with urllib.request.urlopen(f"{consul_agent.url}/v1/status/leader", timeout=60) as answer:
        assert answer.status == 200


def test_dns_answers_on_udp_and_tcp(consul_agent: InProcessAgent) -> None:
    """Both on the same port."""
    import dns.message
    import dns.query

    host, port = consul_agent.dns_address
    question = dns.message.make_query("consul.service.consul.", "A")
    for ask in (dns.query.udp, dns.query.tcp):
        assert ask(question, host, port=port, timeout=60).id == question.id


@pytest.mark.consul_agent(acl=True)
def test_acls_can_be_on(consul_agent: InProcessAgent) -> None:
    """Its own clients, and programs with its environment, may do everything; others nothing."""
    assert consul_agent.client.kv.put("a", "1")
    assert consul_agent.environment["CONSUL_HTTP_TOKEN"] == consul_agent.management_token
    with Client(consul_agent.settings.replace(token="")) as anybody, pytest.raises(PermissionDenied):
        anybody.kv.put("a", "2")


@pytest.mark.consul_agent(acl=True)
def test_a_token_with_some_rights_is_one_call(consul_agent: InProcessAgent) -> None:
    """For what a test is about: who lacks them is refused."""
    token = consul_agent.new_token('key "a" { policy = "write" }')
    with Client(consul_agent.settings.replace(token=token)) as some:
        assert some.kv.put("a", "1")
        with pytest.raises(PermissionDenied):
            some.kv.put("b", "1")


def test_each_agent_has_a_management_token_of_its_own(make_consul_agent: Callable[..., InProcessAgent]) -> None:
    """Which its settings add to; without ACLs there is none."""
    one, two = make_consul_agent(acl=True, config='acl { default_policy = "allow" }'), make_consul_agent(acl=True)
    assert one.management_token != two.management_token
    with Client(one.settings.replace(token="")) as anybody:
        assert anybody.kv.put("a", "1")
    assert make_consul_agent().management_token == ""


def test_the_dice_of_the_test_are_its_own(consul_agent: InProcessAgent) -> None:
    """Hypothesis, which sets them for each example, complains when another thread throws them."""
    before = random.getstate()
    client = consul_agent.client
    client.agent.register_service({"Name": "web", "Check": {"TTL": "1m", "Status": "passing"}})
    query = client.query.create({"Name": "q", "Service": {"Service": "web"}})
    client.kv.get("a", QueryOptions(index=1, wait=0.001))
    client.query.execute(query)
    assert random.getstate() == before


def test_work_can_be_done_in_its_loop(consul_agent: InProcessAgent) -> None:
    """For looking at what no API shows."""

    async def thread_of(agent: object) -> str:
        return threading.current_thread().name

    assert consul_agent.run(thread_of) == "consul-agent"


def test_it_starts_in_well_under_100_ms() -> None:
    """CPU time, the best of three, from nothing to the first answer; imports are done once a run."""

    def once() -> float:
        began = time.process_time()
        with InProcessAgent() as agent:
            agent.client.status.leader()
            return time.process_time() - began

    assert min(once() for _ in range(3)) < 0.1


def test_stopping_frees_the_port() -> None:
    """And stopping twice is harmless."""
    agent = InProcessAgent().start()
    host, _, port = agent.http_address.rpartition(":")
    agent.stop()
    agent.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 1)


def test_what_an_agent_failed_of_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its end, where nobody could see it otherwise; then it can be started again."""
    agent = InProcessAgent().start()

    stop = agent.agent.stop

    async def fail() -> None:
        await stop()
        raise OSError("disk on fire")

    monkeypatch.setattr(agent.agent, "stop", fail)
    with pytest.raises(OSError, match="disk on fire"):
        agent.stop()
    with agent:
        assert agent.client.status.leader()


def test_an_agent_can_be_started_again() -> None:
    """With its memory empty."""
    agent = InProcessAgent()
    for _ in range(2):
        with agent:
            assert agent.client.kv.get("a") is None
            agent.client.kv.put("a", "1")


def test_with_a_data_dir_the_state_stays(tmp_path: Path) -> None:
    """The second agent over the folder finds what the first one wrote."""
    with InProcessAgent(data_dir=tmp_path) as agent:
        agent.client.kv.put("a", "1")
    with InProcessAgent(data_dir=tmp_path) as agent:
        assert agent.client.kv.raw("a") == b"1"


def test_a_bad_configuration_is_raised_in_the_test() -> None:
    """Not swallowed by the agent's thread."""
    with pytest.raises(ConfigError):
        InProcessAgent(config="no_such_key = 1").start()


def test_an_agent_that_does_not_run_says_so() -> None:
    """Instead of an AttributeError deep inside."""
    with pytest.raises(RuntimeError, match="does not run"):
        _ = InProcessAgent().http_address


def test_the_plugin_is_light() -> None:
    """It is loaded into every pytest run of its users, agent or not."""
    code = "import sys, pyconsul.testing.plugin; print('pyconsul.agent' in sys.modules, 'asyncio' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("False")


def test_an_agent_that_left_by_itself_stops_without_complaint(make_consul_agent: Callable[..., InProcessAgent]) -> None:
    """Somebody told it to leave over HTTP; the fixture's stop finds nothing left to do."""
    agent = make_consul_agent(config='performance { leave_drain_time = "1ms" }')
    agent.client.agent.leave()
    agent.stop()
    with pytest.raises(RuntimeError, match="does not run"):
        _ = agent.client


def test_ports_that_connections_of_others_have_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where thousands of them are open, or were just now, many of the system's free UDP ports are none for TCP."""
    create_server, refusals = socket.create_server, iter(range(50))

    def often_taken(*given: Any, **options: Any) -> socket.socket:
        if next(refusals, None) is not None:
            raise OSError(errno.EADDRINUSE, "taken")
        return create_server(*given, **options)

    monkeypatch.setattr(socket, "create_server", often_taken)
    with InProcessAgent() as agent:
        assert agent.client.status.leader()


def test_free_ports_are_free_and_differ() -> None:
    """For TCP and UDP, and below those that the system gives to connections."""
    ports = free_ports(20) + free_ports(20)
    assert len(set(ports)) == 40
    assert max(ports) < 20_000
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def test_ports_in_use_are_left_out() -> None:
    """Of whatever kind the use is; what is gone over comes again when its turn comes."""
    with socket.create_server(("127.0.0.1", free_port())) as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", free_port()))
        used = {tcp.getsockname()[1], udp.getsockname()[1]}
        assert not used & {free_port() for _ in range(200)}
    assert used <= {free_port() for _ in range(200)}


def test_processes_do_not_share_free_ports() -> None:
    """Each has a block of its own, although nobody listens yet."""
    code = "from pyconsul.testing.ports import free_ports; print(*free_ports(90))"
    theirs = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {int(port) for port in theirs.split()} & set(free_ports(90))


def test_more_ports_than_there_are_cannot_be_had() -> None:
    """It is an error, not a list that is too short."""
    with pytest.raises(OSError, match="no free ports are left"):
        free_ports(1000)
