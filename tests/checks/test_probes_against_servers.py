"""Each kind of probe, against little servers of this test and against what cannot answer."""

import asyncio
import contextlib
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.checks.dialing import DialError, split_address
from pyconsul.agent.checks.probes import NotImplementedHere, Result
from pyconsul.telemetry.logging import Level, Monitor
from pyconsul.testing.ports import free_port
from tests.checks.conftest import OK, SECOND, Serve, answering, attempt, probe, silent


class H2Server:
    """A small HTTP/2 server: answers PINGs by itself, gRPC calls with fixed headers and body."""

    def __init__(self, trailers: list[tuple[str, str]], body: bytes) -> None:
        self.trailers = trailers
        self.body = body
        self.requests: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        core = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        core.initiate_connection()
        writer.write(core.data_to_send())
        while data := await reader.read(65536):
            for event in core.receive_data(data):
                if isinstance(event, h2.events.DataReceived):
                    self.requests.append(event.data)
                if isinstance(event, h2.events.StreamEnded):
                    core.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                    core.send_data(event.stream_id, self.body)
                    core.send_headers(event.stream_id, self.trailers, end_stream=True)
            writer.write(core.data_to_send())


TOO_LARGE = (
    "http2: failed reading the frame payload: http2: frame too large, "
    "note that the frame header looked like an HTTP/1.1 header"
)


class DockerEngine:
    """Answers the engine's three calls; ``code`` is the exit code.

    ``refuse`` fails one call with that status, ``says`` is what it answers then; with ``resets`` it resets the
    connection behind the command's output.
    """

    def __init__(
        self, code: int = 0, refuse: int = 0, call: str = "/containers/", says: bytes = b"no", resets: bool = False
    ) -> None:
        self.code = code
        self.refuse = refuse
        self.call = call
        self.says = says
        self.resets = resets

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length")), 0
        )
        await reader.readexactly(length)
        path = head.split(b" ")[1].decode()
        status, body = self._answer(path)
        breaks_off = self.resets and path.endswith("/start")
        size = len(body) + breaks_off
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n\r\n".encode() + body)
        await writer.drain()
        if breaks_off:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    def _answer(self, path: str) -> tuple[int, bytes]:
        if self.refuse and self.call in path:
            return self.refuse, self.says
        if path.startswith("/containers/"):
            return 201, b'{"Id":"e1"}'
        return (200, b"said") if path.endswith("/start") else (200, b'{"ExitCode":%d}' % self.code)


async def test_a_grpc_server_that_never_greets_is_waited_for_until_the_limit(serve: Serve) -> None:
    """Without its settings the connection does not count as one."""
    port = await serve(silent)
    waiting = "received context error while waiting for new LB policy update: context deadline exceeded"
    found = await attempt(GRPC=f"127.0.0.1:{port}", Timeout=SECOND // 20)
    assert found == Result("critical", f"rpc error: code = DeadlineExceeded desc = {waiting}")


async def test_tcp_connects_or_says_why_not(serve: Serve) -> None:
    """A connection is all that is asked for."""
    port = await serve(silent)
    assert await attempt(TCP=f"127.0.0.1:{port}") == Result("passing", f"TCP connect 127.0.0.1:{port}: Success")
    gone = free_port()
    assert await attempt(TCP=f"127.0.0.1:{gone}") == Result(
        "critical", f"dial tcp 127.0.0.1:{gone}: connect: connection refused"
    )


async def test_tcp_with_tls_needs_a_handshake(serve: Serve) -> None:
    """A plain server fails a TLS check."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 hello\r\n")
        await writer.drain()

    port = await serve(plain)
    found = await attempt(TCP=f"127.0.0.1:{port}", TCPUseTLS=True, TLSSkipVerify=True)
    assert found == Result("critical", "tls: first record does not look like a TLS handshake")


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("nowhere", "dial tcp: address nowhere: missing port in address"),
        ("a:b:1", "dial tcp: address a:b:1: too many colons in address"),
        ("[::1:1", "dial tcp: address [::1:1: missing ']' in address"),
        ("[::1]", "dial tcp: address [::1]: missing port in address"),
        ("127.0.0.1:-1", "dial tcp: address -1: invalid port"),
        ("a b:1", "dial tcp: lookup a b: no such host"),
        ("a..b:1", "dial tcp: lookup a..b: no such host"),
        ("1.2.3.4.5:1", "dial tcp: lookup 1.2.3.4.5: no such host"),
    ],
)
async def test_bad_addresses_are_told_in_go_words(address: str, text: str) -> None:
    """A check that can never connect says so each time."""
    assert await attempt(TCP=address) == Result("critical", text)


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_a_dial_error(text: str) -> None:
    """Splitting never fails otherwise."""
    with contextlib.suppress(DialError):
        host, port = split_address(text)
        assert isinstance(host + port, str)


async def test_udp_waits_for_an_answer() -> None:
    """No time limit ends that, as in Consul: silence is no verdict. A refusal is one."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{line.getsockname()[1]}"
        trying = asyncio.create_task(attempt(UDP=address, Timeout=1))
        data, peer = await loop.sock_recvfrom(line, 1)
        assert data == b"" and not trying.done()
        line.sendto(b"hi", peer)
        assert await trying == Result("passing", f"UDP connect {address}: Success")
    refused = await attempt(UDP=address)
    assert refused.status == "critical"
    assert refused.output.endswith(f"->{address}: read: connection refused")


@pytest.mark.parametrize(("code", "status"), [(0, "passing"), (1, "warning"), (2, "critical"), (255, "critical")])
async def test_script_exit_codes_become_statuses(code: int, status: str) -> None:
    """0, 1 and the rest; both streams are the output."""
    args = ["/bin/sh", "-c", f"echo out; echo err >&2; exit {code}"]
    assert await attempt(ScriptArgs=args) == Result(status, "out\nerr\n")


async def test_scripts_that_a_signal_ends_are_critical() -> None:
    """No exit code is no success."""
    assert (await attempt(ScriptArgs=["/bin/sh", "-c", "kill -9 $$"])).status == "critical"


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (["/no/such/file"], "fork/exec /no/such/file: no such file or directory"),
        (["/etc/passwd"], "fork/exec /etc/passwd: permission denied"),
        (["no-such-command"], 'exec: "no-such-command": executable file not found in $PATH'),
        (["a\0b"], 'exec: "a\\x00b": executable file not found in $PATH'),
    ],
)
async def test_scripts_that_do_not_start_are_critical_at_once(args: list[str], text: str) -> None:
    """Thresholds do not help against a missing script."""
    assert await attempt(ScriptArgs=args) == Result("critical", text, direct=True)


async def test_a_script_is_looked_for_as_go_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be run is not there; what cannot be started is named by the place where it was found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    probe = tmp_path / "probe"
    probe.write_text("#!/no/such/interpreter\n")
    assert (await attempt(ScriptArgs=["probe"])).output == 'exec: "probe": executable file not found in $PATH'
    probe.chmod(0o755)
    assert (await attempt(ScriptArgs=["probe"])).output == f"fork/exec {probe}: no such file or directory"
    assert (await attempt(ScriptArgs=["probe", "a\0b"])).output == f"fork/exec {probe}: invalid argument"


async def test_scripts_are_killed_with_their_children(tmp_path: Path, skip_time: Callable[[float], None]) -> None:
    """What a slow script started must not go on; what it said so far is told, be it unread when the time is over."""
    ready, go, pipe = (tmp_path / name for name in ("ready", "go", "pipe"))
    for each in (ready, go, pipe):
        os.mkfifo(each)
    script = f"echo > {ready}; read x < {go}; echo begun; (sleep 60; echo never) > {pipe} & wait"
    trying = asyncio.create_task(attempt(ScriptArgs=["/bin/sh", "-c", script], Timeout=5 * SECOND))
    await asyncio.to_thread(ready.read_bytes)
    for _ in range(9):  # turns of the loop, in which the probe begins to wait
        await asyncio.sleep(0)
    go.write_text("\n")  # from here on the event loop stands still, so that nothing is read
    with pipe.open("rb") as end:
        skip_time(5)
        assert await trying == Result("critical", "Timed out (5s) running check\n\nbegun\n", direct=True)
        assert await asyncio.to_thread(end.read) == b""


async def test_a_script_of_somebody_else_is_critical_when_its_time_is_over_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that went through sudo: the agent may not kill it, and does not start another beside it."""

    def refuse(_group: int, _number: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refuse)
    runs = tmp_path / "runs"
    gates = [tmp_path / "gate1", tmp_path / "gate2"]
    for gate in gates:
        os.mkfifo(gate)
    script = f"echo >> {runs}; read x < {tmp_path}/gate$(wc -l < {runs})"
    script_probe = probe(ScriptArgs=["/bin/sh", "-c", script], Timeout=SECOND // 10)
    assert await script_probe.attempt() == Result("critical", "Timed out (100ms) running check", direct=True)
    again = asyncio.create_task(script_probe.attempt())
    for gate in gates:
        await asyncio.to_thread(gate.write_text, "go\n")
    assert (await again).status in ("passing", "critical")  # in time or not, it ran
    assert runs.read_text() == "\n\n"


async def test_a_script_comes_to_its_end_though_its_check_is_stopped(tmp_path: Path) -> None:
    """It may be the script itself that stops its check; what it says then is still read."""
    ready, go, told = (tmp_path / name for name in ("ready", "go", "told"))
    for each in (ready, go, told):
        os.mkfifo(each)
    script = f"echo > {ready}; read x < {go}; echo more; echo done > {told}"
    trying = asyncio.create_task(attempt(ScriptArgs=["/bin/sh", "-c", script]))
    await asyncio.to_thread(ready.read_bytes)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    await asyncio.to_thread(go.write_text, "\n")
    assert await asyncio.to_thread(told.read_text) == "done\n"


async def test_long_script_output_is_cut_at_the_front() -> None:
    """The last bytes stay."""
    found = await attempt(4, ScriptArgs=[sys.executable, "-c", "print('x' * 99 + 'end')"])
    assert found.output == "Captured 4 of 103 bytes\n...\nend\n"


async def test_os_services_are_windows_business() -> None:
    """The check is refused where Consul refuses it."""
    with pytest.raises(NotImplementedHere, match="not implemented"):
        await attempt(OSService="sshd")


async def test_h2ping_waits_for_the_answer(serve: Serve) -> None:
    """An HTTP/2 server passes, one that speaks something else does not."""
    port = await serve(H2Server(OK, b""))
    found = await attempt(H2PING=f"127.0.0.1:{port}")
    assert found == Result("passing", "HTTP2 ping was successful")
    other = await serve(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    assert (await attempt(H2PING=f"127.0.0.1:{other}")).output.startswith("HTTP2 ping failed: ")
    gone = free_port()
    assert (await attempt(H2PING=f"127.0.0.1:{gone}")).output == (
        f"Failed to dial to 127.0.0.1:{gone}: dial tcp 127.0.0.1:{gone}: connect: connection refused"
    )


@pytest.mark.parametrize(
    ("body", "trailers", "found"),
    [
        (b"\0\0\0\0\2\x08\x01", OK, "gRPC check {a}/svc: success"),
        (b"\0\0\0\0\2\x08\x02", OK, "gRPC {a}/svc serving status: NOT_SERVING"),
        (b"\0\0\0\0\0", OK, "gRPC {a}/svc serving status: UNKNOWN"),
    ],
)
async def test_grpc_asks_the_health_service(
    serve: Serve, body: bytes, trailers: list[tuple[str, str]], found: str
) -> None:
    """SERVING passes; other states and errors are critical in gRPC's words."""
    server = H2Server(trailers, body)
    address = f"127.0.0.1:{await serve(server)}"
    result = await attempt(GRPC=f"{address}/svc")
    assert result == Result("passing" if "success" in found else "critical", found.format(a=address))
    assert server.requests == [b"\0\0\0\0\5\x0a\x03svc"]


@pytest.mark.parametrize(
    ("says", "text"),
    [(b"SSH-2.0-x\r\n", "http2: frame too large"), (b"", "EOF"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", TOO_LARGE)],
)
async def test_who_does_not_speak_http_2_is_told_so(serve: Serve, says: bytes, text: str) -> None:
    """By how their first bytes look to those who wait for a frame."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"SM\r\n\r\n")
        writer.write(says)
        writer.write_eof()
        await reader.read()

    address = f"127.0.0.1:{await serve(other)}"
    assert (await attempt(H2PING=address, H2PingUseTLS=False)).output == f"HTTP2 ping failed: {text}"
    assert (await attempt(GRPC=address)).output.endswith(f'desc = "error reading server preface: {text}"')


def frame(kind: int, stream: int, body: bytes, flags: int = 0) -> bytes:
    """An HTTP/2 frame (RFC 9113, section 4.1)."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


GREETING = frame(4, 0, b"") + frame(4, 0, b"", flags=1)
STATUS_200 = frame(1, 1, b"\x88\x0f\x10\x10application/grpc", flags=4)
DRAINING = "the connection is draining"


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (b"", "error reading from server: EOF"),
        (frame(3, 1, struct.pack(">I", 8)), "stream terminated by RST_STREAM with error code: CANCEL"),
        (frame(7, 0, struct.pack(">II", 0, 0)), DRAINING),
        (
            frame(7, 0, struct.pack(">II", 1, 2)),
            'closing transport due to: connection error: desc = "error reading from server: EOF", '
            "received prior goaway: code: INTERNAL_ERROR",
        ),
        (frame(0, 0, b"x"), "error reading from server: connection error: PROTOCOL_ERROR"),
        (STATUS_200 + frame(0, 1, b"\0\0\0\0\2\x08\x01"), "error reading from server: EOF"),
    ],
)
async def test_grpc_says_how_a_call_was_cut_short(serve: Serve, says: bytes, text: str) -> None:
    """By the end of the connection, of the call alone, or by a goodbye that does or does not know of the call."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.readuntil(b"svc")
        writer.write(says)
        writer.write_eof()
        await reader.read()

    found = await attempt(GRPC=f"127.0.0.1:{await serve(other)}/svc")
    code = "Canceled" if "CANCEL" in text else "Unavailable"
    assert found == Result("critical", f"rpc error: code = {code} desc = {text}")


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (GREETING + frame(7, 0, struct.pack(">II", 0, 0)), DRAINING),
        (
            frame(6, 0, bytes(8)),
            'connection error: desc = "error reading server preface: connection error: PROTOCOL_ERROR"',
        ),
        (b"\0\0\0", 'connection error: desc = "error reading server preface: unexpected EOF"'),
    ],
)
async def test_grpc_says_how_a_greeting_was_cut_short(serve: Serve, says: bytes, text: str) -> None:
    """Or that goodbye was all of it."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"SM\r\n\r\n")
        writer.write(says)
        writer.write_eof()
        await reader.read()

    found = await attempt(GRPC=f"127.0.0.1:{await serve(other)}")
    assert found == Result("critical", f"rpc error: code = Unavailable desc = {text}")


async def test_an_h2ping_that_is_not_answered_is_over_at_its_limit(serve: Serve) -> None:
    """The greeting alone is not enough."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        await reader.read(-1)

    address = f"127.0.0.1:{await serve(other)}"
    found = await attempt(H2PING=address, H2PingUseTLS=False, Timeout=SECOND // 20)
    assert found == Result("critical", "HTTP2 ping failed: context deadline exceeded")


async def test_grpc_says_why_it_cannot_connect() -> None:
    """A refusal is an Unavailable with the dial error inside."""
    address = f"127.0.0.1:{free_port()}"
    assert (await attempt(GRPC=address)).output == (
        "rpc error: code = Unavailable desc = connection error: desc = "
        f'"transport: Error while dialing: dial tcp {address}: connect: connection refused"'
    )


@pytest.mark.parametrize(
    ("engine", "found"),
    [
        (DockerEngine(), Result("passing", "said")),
        (DockerEngine(1), Result("warning", "said")),
        (DockerEngine(7), Result("critical", "said")),
        (DockerEngine(refuse=404), Result("critical", "create exec failed for unknown container box")),
        (DockerEngine(refuse=409), Result("critical", "create exec failed since container box is paused or stopped")),
        (DockerEngine(refuse=500), Result("critical", "create exec failed for container box with status 500: no")),
        (
            DockerEngine(refuse=201, says=b"7"),
            Result(
                "critical",
                "create exec response for container box cannot be parsed: "
                "json: cannot unmarshal number into Go value of type struct { Id string }",
            ),
        ),
        (
            DockerEngine(refuse=404, call="/start"),
            Result("critical", "start exec failed for container box: invalid exec id e1"),
        ),
        (
            DockerEngine(refuse=409, call="/start"),
            Result("critical", "start exec failed since container box is paused or stopped"),
        ),
        (
            DockerEngine(refuse=500, call="/start"),
            Result("critical", "start exec failed for container box with status 500: body: no err: <nil>"),
        ),
        (
            DockerEngine(refuse=404, call="/json"),
            Result("critical", "inspect exec failed for container box: invalid exec id e1"),
        ),
        (
            DockerEngine(refuse=500, call="/json"),
            Result("critical", "inspect exec failed for container box with status 500: no"),
        ),
    ],
)
async def test_docker_checks_run_in_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: DockerEngine, found: Result
) -> None:
    """Exit codes count as for scripts; the engine's refusals are outputs."""
    path = str(tmp_path / "docker.sock")
    server = await asyncio.start_unix_server(engine, path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    assert await attempt(DockerContainerID="box", ScriptArgs=["x"]) == found
    server.close()


async def test_an_engine_may_reset_the_connection_behind_the_output(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some do: what came before counts."""
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{await serve(DockerEngine(resets=True))}")
    assert await attempt(DockerContainerID="box", ScriptArgs=["x"]) == Result("passing", "said")


async def test_an_engine_s_address_names_a_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path alone is none."""
    monkeypatch.setenv("DOCKER_HOST", "/var/run/docker.sock")
    with pytest.raises(NotImplementedHere, match=r"unable to parse docker host `/var/run/docker.sock`"):
        await attempt(DockerContainerID="box", ScriptArgs=["x"])


async def test_the_log_tells_once_where_the_docker_engine_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many checks use it."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/once")
    monitor = Monitor(Level.DEBUG)
    monitor.start()
    for _ in range(2):
        await attempt(DockerContainerID="box", ScriptArgs=["x"])
    monitor.stop()
    assert monitor.take().count(f"[DEBUG] agent: created docker client: host=unix://{tmp_path}/once\n") == 1


async def test_an_absent_docker_engine_is_an_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the socket the check is critical and says where it looked."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    found = await attempt(DockerContainerID="box", ScriptArgs=["x"])
    assert found.status == "critical"
    assert found.output.endswith(f"dial unix {tmp_path}/none: connect: no such file or directory")
