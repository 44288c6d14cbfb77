"""Listeners of the HTTP door: ports, unix sockets, and what ``http_config`` says."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.config.runtime import Address
from pyconsul.telemetry.logging import Level, Monitor
from tests.http.conftest import Wire, connected, running


async def test_a_unix_socket_answers_and_goes(tmp_path: Path) -> None:
    """With the mode of ``unix_sockets``; a socket left behind is replaced, and none is left behind."""
    path = tmp_path / "http.sock"
    path.touch()
    where = (Address("unix", str(path), 0),)
    rules = f'unix_sockets {{ mode = "0640" user = "{os.getuid()}" group = "{os.getgid()}" }}'
    async with running(rules, http_addrs=where) as agent, connected(agent) as wire:
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert (await wire.get("/v1/status/leader")).status == 200
    assert not path.exists()


@pytest.mark.parametrize("kind", ["folder", "link"])
async def test_whatever_can_be_removed_makes_way_for_a_unix_socket(kind: str, tmp_path: Path) -> None:
    """A folder that a mount made too early, if it is empty, and a link to nothing."""
    path = tmp_path / "http.sock"
    if kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    async with running("", http_addrs=(Address("unix", str(path), 0),)) as agent, connected(agent) as wire:
        assert (await wire.get("/v1/status/leader")).status == 200


async def test_a_folder_in_the_place_of_a_unix_socket_stops_the_start(tmp_path: Path) -> None:
    """Where something is in it; it stays."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=f"^error removing socket file: remove {tmp_path}: directory not empty$"):
        async with running("", http_addrs=(Address("unix", str(tmp_path), 0),)):
            raise AssertionError("it started")
    assert (tmp_path / "file").exists()


async def test_clients_of_unix_sockets_are_limited_together(tmp_path: Path) -> None:
    """As if they were one address."""
    where = (Address("unix", str(tmp_path / "http.sock"), 0),)
    limit = "limits { http_max_conns_per_client = 1 }"
    async with running(limit, http_addrs=where) as agent, connected(agent) as first:
        assert (await first.get("/v1/status/leader")).status == 200
        async with connected(agent) as second:
            assert (await second.answer()).status == 429


async def test_clients_of_unix_sockets_have_no_address_to_write_from(tmp_path: Path) -> None:
    """With ``allow_write_http_from`` their writes fail, in Consul's words; they may read."""
    where = (Address("unix", str(tmp_path / "http.sock"), 0),)
    only = 'http_config { allow_write_http_from = ["127.0.0.0/8"] }'
    async with running(only, http_addrs=where) as agent, connected(agent) as wire:
        refused = await wire.get("/v1/kv/a", method="PUT")
        assert refused.status == 500
        assert refused.body == b"unable to parse remote addr: address @: missing port in address"
        assert (await wire.get("/v1/status/leader")).status == 200


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the system keeps IPv4 and IPv6 apart")
async def test_an_ipv4_client_of_the_unspecified_address_is_called_by_its_own() -> None:
    """Whoever may write from 127.0.0.1 may there, too."""
    only = 'http_config { allow_write_http_from = ["127.0.0.0/8"] }'
    async with running(only, http_addrs=(Address("tcp", "::", 0),)) as agent:
        for host, status in (("127.0.0.1", b"200"), ("::1", b"403")):
            reader, writer = await asyncio.open_connection(host, int(agent.http_address.rpartition(":")[2]))
            writer.write(b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            assert (await reader.readline()).split()[1] == status
            writer.close()


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ('user = "nobody-here"', "failed to look up user nobody-here"),
        ('group = "staff"', "invalid group specified: staff"),
        ('mode = "9"', "invalid mode specified"),
    ],
)
async def test_unix_sockets_of_nobody_stop_the_start(rules: str, text: str, tmp_path: Path) -> None:
    """In Consul's words; groups are numbers there."""
    where = (Address("unix", str(tmp_path / "http.sock"), 0),)
    with pytest.raises(OSError, match=text):
        async with running(f"unix_sockets {{ {rules} }}", http_addrs=where):
            raise AssertionError("it started")


async def test_a_port_in_use_is_named(agent: Agent) -> None:
    """And nothing of the second agent stays open."""
    host, _, port = agent.http_address.rpartition(":")
    with pytest.raises(OSError, match=f"listen tcp {host}:{port}: bind: address already in use"):
        async with running(http_addrs=(Address("tcp", host, int(port)),)):
            raise AssertionError("it started")


CONFIGURED = """
http_config {
  response_headers { "X-Foo" = "bar" }
  block_endpoints = ["/v1/agent/self", "/v1/kv/a"]
  allow_write_http_from = ["192.0.2.0/24"]
}
translate_wan_addrs = true
enable_debug = false
"""


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/v1/agent/self", 403, "foo translate"),
        ("GET", "/v1/kv/abc", 403, "foo translate"),
        ("GET", "/v1/kv/b", 404, "foo translate"),
        ("PUT", "/v1/kv/b", 403, "foo translate"),
        ("DELETE", "/v1/status/leader", 405, "foo translate"),
        ("OPTIONS", "/v1/kv/b", 200, "foo translate"),
        ("GET", "/v1/none", 404, "foo"),
        ("GET", "/none", 404, "foo"),
        ("GET", "/robots.txt", 200, "foo"),
        ("GET", "/ui", 307, ""),
        ("GET", "/debug/pprof/", 404, ""),
        ("GET", "//v1/kv/b", 307, ""),
        ("GET", "/v1/status/leader?a=%zz", 500, "foo translate"),
    ],
)
async def test_configured_headers_and_doors(method: str, path: str, status: int, headers: str) -> None:
    """What is blocked, who may write, and which answers have the configured headers, as recorded from Consul."""
    async with running(CONFIGURED) as agent, connected(agent) as wire:
        answer = await wire.get(path, method=method)
        assert answer.status == status
        assert (answer.headers.get("x-foo") == "bar") is ("foo" in headers)
        assert (answer.headers.get("x-consul-translate-addresses") == "true") is ("translate" in headers)


@pytest.mark.parametrize(("method", "kind"), [("GET", "text/html; charset=utf-8"), ("POST", None)])
async def test_the_way_to_the_ui_is_a_page_for_those_who_ask_for_one(method: str, kind: str | None, wire: Wire) -> None:
    """Others get the header alone."""
    answer = await wire.get("/ui", method=method)
    assert (answer.status, answer.headers["location"], answer.headers.get("content-type")) == (307, "/ui/", kind)
    assert bool(answer.body) is bool(kind)


async def test_configured_headers_come_before_all_but_the_type() -> None:
    """An answer without a type of its own has the configured one."""
    configured = 'http_config { response_headers { "Vary" = "Origin", "Content-Type" = "foo/bar" } }'
    async with running(configured) as agent, connected(agent) as wire:
        answer = await wire.get("/v1/catalog/nodes")
        assert (answer.headers["vary"], answer.headers["content-type"]) == ("Origin", "application/json")
        answer = await wire.get("/v1/kv/none")
        assert (answer.status, answer.headers["vary"], answer.headers["content-type"]) == (404, "Origin", "foo/bar")


async def test_configured_headers_are_spelt_as_by_go() -> None:
    """So that none comes twice; what is no header, or frames the answer, is left out."""
    configured = """http_config { response_headers {
        "x-consul-index" = "7" "x-own" = "a" "bad name" = "b" "date" = "never" "content-length" = "1" } }"""
    async with running(configured) as agent, connected(agent) as wire:
        wire.send(b"GET /v1/kv/none HTTP/1.1\r\nHost: x\r\n\r\n")
        head = (await wire.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        names = [line.partition(":")[0] for line in head[1:-2]]
        assert len(set(map(str.lower, names))) == len(names)
        assert "X-Own: a" in head and "X-Consul-Index: 1" in head and "bad name" not in names


@pytest.mark.parametrize(
    "path", ["/v1/kv/a?token=s3cret", "/v1/kv/a?x=1&%74oken=s3cret", "/v1/status/leader?a=%zz&token=s3cret"]
)
async def test_no_token_reaches_the_log(path: str, wire: Wire) -> None:
    """Whatever goes wrong with the request, and however the parameter is spelt."""
    monitor = Monitor(Level.TRACE)
    monitor.start()
    try:
        await wire.get(path, "X-Consul-Token: s3cret", "Authorization: Bearer s3cret")
        text = monitor.take()
    finally:
        monitor.stop()
    assert "agent.http" in text and "s3cret" not in text


async def test_log_lines_of_requests_have_consuls_form(wire: Wire) -> None:
    """Errors, the warning about tokens in queries, and the line at the end."""
    monitor = Monitor(Level.DEBUG)
    monitor.start()
    try:
        await wire.get("/v1/kv/a?token=x")
        await wire.get("/v1/kv/a", method="POST")
        await wire.get('/v1/kv/a%20%62"?index=x')
        text = monitor.take()
    finally:
        monitor.stop()
    assert "[WARN]  agent.http: This request used the token query parameter which is deprecated" in text
    assert "[DEBUG] agent.http: Request finished: method=GET url=/v1/kv/a?token=<hidden> from=127.0.0.1:" in text
    assert "[ERROR] agent.http: Request error: method=POST url=/v1/kv/a from=127.0.0.1:" in text
    assert 'error="method POST not allowed"' in text
    # The path stands as it was sent. What a read option gets for an answer is no error to Consul's log.
    assert 'GET url="/v1/kv/a%20b%22?index=x" from' in text and "Invalid index" not in text


async def test_the_log_tells_of_questions_to_another_datacenter(wire: Wire) -> None:
    """With the datacenter and the RPC method that has no way there."""
    monitor = Monitor(Level.WARN)
    monitor.start()
    try:
        await wire.get("/v1/catalog/nodes?dc=other")
        text = monitor.take()
    finally:
        monitor.stop()
    what = "RPC request for DC is currently failing as no path was found: datacenter=other method=Catalog.ListNodes"
    assert f"[WARN]  agent.server.rpc: {what}\n" in text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", 'Failed setting up socket: failed setting ownership to .* on "": chown : no such file or directory'),
        ("/x" * 100, "listen unix /x.*: bind: invalid argument"),
    ],
)
async def test_paths_that_no_socket_can_have_stop_the_start(path: str, text: str) -> None:
    """An empty one would be a name that nobody knows."""
    with pytest.raises(OSError, match=text):
        async with running("", http_addrs=(Address("unix", path, 0),)):
            pass


@pytest.mark.parametrize(("mode", "shown"), [("0_7", 0), ("40000000000", 4294967295)])
async def test_modes_that_are_no_octal_number_of_32_bits_are_refused(mode: str, shown: int, tmp_path: Path) -> None:
    """Consul names what its reader made of them."""
    where = (Address("unix", str(tmp_path / "http.sock"), 0),)
    with pytest.raises(OSError, match=f"invalid mode specified: {shown}$"):
        async with running(f'unix_sockets {{ mode = "{mode}" }}', http_addrs=where):
            raise AssertionError("it started")


async def test_the_mode_of_a_socket_is_permissions_alone(tmp_path: Path) -> None:
    """Go keeps the bits above them elsewhere, so a sticky bit is not taken over."""
    path = tmp_path / "http.sock"
    async with running('unix_sockets { mode = "1640" }', http_addrs=(Address("unix", str(path), 0),)):
        assert path.stat().st_mode & 0o7777 == 0o640
