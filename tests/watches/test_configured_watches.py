"""Watches of the configuration: which blocks are taken, and how their handlers are called."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from pyconsul.agent.watches import BadWatch, feed, handle, watch_plan
from pyconsul.primitives.spawning import spawn
from pyconsul.sdk.results import KVPair
from pyconsul.sdk.watch import Update
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink
from pyconsul.testing import InProcessAgent
from tests.waiting import until


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "key", "key": "a"}, "Must define a watch handler"),
        ({"type": "key", "key": "a", "handler_type": "odd", "args": ["x"]}, "Handler type 'odd' not recognized"),
        ({"type": "connect_roots", "args": ["x"]}, "Watch type connect_roots is not allowed in agent config"),
        ({"type": "key", "key": "a", "args": ["x"], "handler": "y"}, "Only one watch handler allowed"),
        ({"type": "key", "key": "a", "handler": 5}, "Watch handler must be a string"),
        ({"type": "key", "key": "a", "args": [5]}, "Watch args must be a list of strings"),
        (
            {"type": "nope", "args": "x"},
            'Failed to parse watch (map[string]interface {}{"args":"x"}): Unsupported watch type: nope',
        ),
        (
            {"type": "key", "key": 1.0, "args": ["x", "y"], "datacenter": "dc1"},
            'Failed to parse watch (map[string]interface {}{"args":[]interface {}{"x", "y"}, "key":1}): '
            "Expecting key to be a string",
        ),
        ({"type": "key", "args": ["x"], "token": 5}, '"token":"hidden"'),
        ({"type": "key", "args": ["x"]}, "Must specify a single key to watch"),
    ],
)
def test_wrong_blocks_are_refused(block: dict[str, Any], text: str) -> None:
    """The agent does not start with a watch that cannot run."""
    with pytest.raises(BadWatch) as caught:
        watch_plan(block)
    assert text in str(caught.value)


def test_http_handlers_may_come_as_hcl_blocks() -> None:
    """HCL makes a block a list of one."""
    plan = watch_plan(
        {
            "type": "key",
            "key": "a",
            "handler_type": "http",
            "http_handler_config": [{"path": "http://x", "timeout": "2s"}],
        }
    )
    assert plan.http_handler is not None
    assert (plan.http_handler.path, plan.http_handler.method, plan.http_handler.timeout) == ("http://x", "POST", 2.0)


PAIR = KVPair(Key="a", Value=b"v")


def read(path: Path) -> str:
    """What a handler wrote."""
    return path.read_text()


async def test_a_script_gets_value_and_index(tmp_path: Path) -> None:
    """The value is one line of JSON on standard input, the index is in the environment."""
    out = tmp_path / "out"
    plan = watch_plan(
        {"type": "key", "key": "a", "args": ["/bin/sh", "-c", f"cat > {out}; echo $CONSUL_INDEX >> {out}"]}
    )
    await handle(plan, Update(7, PAIR))
    value, index = read(out).splitlines()
    assert (json.loads(value)["Key"], index) == ("a", "7")


async def test_an_old_handler_is_a_shell_command(tmp_path: Path) -> None:
    """``handler`` is deprecated and still works."""
    out = tmp_path / "out"
    await handle(watch_plan({"type": "key", "key": "a", "handler": f"cat > {out}"}), Update(1, None))
    assert read(out) == "null\n"


def test_a_handler_may_be_gone_before_its_input_comes() -> None:
    """Under the agent's event loop, writing to a pipe that is closed already would be an error of its own kind."""

    async def scenario() -> int:
        child = await spawn(["/bin/true"], stdin=subprocess.PIPE)
        code = await child.wait()
        assert child.stdin is not None
        child.stdin.close()
        await feed(child.stdin, b"{}")
        return code

    assert uvloop.run(scenario()) == 0


@pytest.mark.parametrize("args", [["/no/such/handler"], ["/bin/false"], ["/bin/sh", "-c", "exec <&-; exit 3"]])
async def test_a_handler_that_fails_ends_nothing(args: list[str]) -> None:
    """The next change calls it again."""
    big = KVPair(Key="a", Value=os.urandom(300_000))
    await handle(watch_plan({"type": "key", "key": "a", "args": args}), Update(1, big))


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        ({"handler": "exit 4"}, 'watch_handler="exit 4" error="exit status 4"'),
        ({"args": ["sh", "-c", "exit 3"]}, 'watch_handler=["sh", "-c", "exit 3"] error="exit status 3"'),
        ({"handler": "kill -9 $$"}, 'watch_handler="kill -9 $$" error="signal: killed"'),
        (
            {"args": "exit 5"},
            r'watch_handler=["exit 5"] error="exec: \"exit 5\": executable file not found in $PATH"',
        ),
    ],
)
async def test_only_the_old_handler_goes_through_a_shell(handler: dict[str, Any], told: str) -> None:
    """``args`` are a program with its arguments, even where HCL made a single string of a list of one."""
    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        await handle(watch_plan({"type": "key", "key": "a", **handler}), Update(1, PAIR))
    finally:
        remove_sink(monitor)
    assert told in monitor.take()


async def test_the_shell_is_the_one_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Consul; a list without any argument runs it, too, with nothing to do."""
    shell, out = tmp_path / "shell", tmp_path / "out"
    shell.write_text(f'#!/bin/sh\necho "$@" >> {out}\n')
    shell.chmod(0o700)
    monkeypatch.setenv("SHELL", str(shell))
    handlers: list[dict[str, Any]] = [{"handler": "x y"}, {"args": []}]
    for handler in handlers:
        await handle(watch_plan({"type": "key", "key": "a", **handler}), Update(1, PAIR))
    assert read(out) == "-c x y\n-c \n"


async def test_a_url_gets_value_and_index() -> None:
    """Method, headers and body are what the block says."""
    seen: list[bytes] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(next(h for h in head.split(b"\r\n") if h.lower().startswith(b"content-length")).split(b":")[1])
        seen.extend((head, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(server, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    config = {"path": f"http://127.0.0.1:{port}/w", "method": "PUT", "header": {"X-A": ["1"]}}
    plan = watch_plan({"type": "key", "key": "a", "handler_type": "http", "http_handler_config": config})
    await handle(plan, Update(9, PAIR))
    listening.close()
    head = seen[0].decode()
    assert head.startswith("PUT /w HTTP/1.1\r\n") and "X-Consul-Index: 9\r\n" in head and "X-A: 1\r\n" in head
    assert json.loads(seen[1])["Value"] == "dg=="


async def test_a_url_that_nobody_serves_ends_nothing() -> None:
    """The failure is logged in the words of Go's client, the watch goes on."""
    config = {"path": "http://127.0.0.1:1/", "timeout": "1s", "method": "PUT"}
    plan = watch_plan({"type": "key", "key": "a", "handler_type": "http", "http_handler_config": config})
    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        await handle(plan, Update(1, PAIR))
    finally:
        remove_sink(monitor)
    refused = r'error="Put \"http://127.0.0.1:1/\": dial tcp 127.0.0.1:1: connect: connection refused"'
    assert refused in monitor.take()


async def test_the_log_tells_of_values_without_an_index(tmp_path: Path) -> None:
    """It says that the handler is skipped, which it is not, as in Consul."""
    plan = watch_plan({"type": "agent_service", "service_id": "web", "args": ["touch", str(tmp_path / "called")]})
    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        await handle(plan, Update("6a3ff40e149cae79", {}))
        told = "Handler only supports index-based  watches but non index-based watch run. Skipping Handler.\n"
        assert monitor.take().endswith(f"[ERROR] agent.watch.watch: {told}")
    finally:
        remove_sink(monitor)
    assert (tmp_path / "called").exists()


async def test_a_handler_that_does_not_start_has_said_nothing() -> None:
    """Consul tells of its output all the same."""
    monitor = Monitor(Level.DEBUG)
    add_sink(monitor)
    try:
        await handle(watch_plan({"type": "key", "key": "a", "args": ["/nosuch"]}), Update(1, None))
        first, second = monitor.take().splitlines()
    finally:
        remove_sink(monitor)
    assert 'error="fork/exec /nosuch: no such file or directory"' in first
    assert second.endswith('[DEBUG] agent: watch handler output: watch_handler=["/nosuch"] output=""')


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A pipe from which each handler takes a character, and waits until there is one."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    both_ends = os.open(path, os.O_RDWR)  # so that it keeps what is written before anybody reads
    yield path
    os.close(both_ends)


def watching(script: str) -> str:
    """A configuration whose watch runs this script."""
    return f'watches = [{{ type = "nodes" args = {json.dumps(["/bin/sh", "-c", script])} }}]'


def test_a_handler_that_runs_at_a_reload_comes_to_its_end(
    make_consul_agent: Callable[..., InProcessAgent], tmp_path: Path, gate: Path
) -> None:
    """What it writes is not left half done; the watch that takes over calls another."""
    told = tmp_path / "told"
    agent = make_consul_agent(config=watching(f"echo begun >> {told}; dd bs=1 count=1 < {gate}; echo done >> {told}"))
    until(lambda: told.exists())
    agent.client.agent.reload()
    until(lambda: read(told).count("begun") == 2)
    gate.write_text("12")
    until(lambda: read(told).count("done") == 2)


def test_a_handler_that_runs_when_the_agent_ends_comes_to_its_end(
    make_consul_agent: Callable[..., InProcessAgent], tmp_path: Path, gate: Path
) -> None:
    """What it writes is not left half done; it may be what restarts the agent."""
    told = tmp_path / "told"
    agent = make_consul_agent(
        config=watching(f"echo begun > {told}; dd bs=1 count=1 < {gate} > /dev/null 2>&1; echo done >> {told}")
    )
    until(lambda: told.exists())
    agent.stop()
    gate.write_text("1")
    until(lambda: read(told) == "begun\ndone\n")
