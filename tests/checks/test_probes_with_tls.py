"""Probes over TLS: whom they trust, and what they say of whom they do not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest

from pyconsul.agent.checks.probes import ProbeSettings, Result, probe_of
from pyconsul.agent.checks.tls import check_tls
from pyconsul.config.loading import load
from pyconsul.primitives.tls import client_context
from pyconsul.structs.checks import CheckType
from pyconsul.structs.health import PASSING
from tests.certificates import self_signed
from tests.checks.conftest import attempt

SECOND = 1_000_000_000


NAMES = ("127.0.0.1", "checks.test")


def written(folder: Path, names: Sequence[str] = NAMES) -> Path:
    """A certificate for 127.0.0.1 and ``checks.test``, with its key, in one file."""
    path = folder / "server.pem"
    path.write_bytes(b"".join(self_signed("checks.test", *names, ca=False)))
    return path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's certificate and key."""
    return written(tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def port(certificate: Path) -> AsyncIterator[int]:
    """A TLS server that answers HTTP requests with 200."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"HTTP" in await reader.read(65536):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def trusting(trusted: Path | None = None, **fields: Any) -> Result:
    """One attempt; ``trusted`` is a certificate authority of the agent."""

    def context_of(verify: bool, protocols: tuple[str, ...]) -> ssl.SSLContext:
        return client_context(ca_file=str(trusted or ""), verify=verify, protocols=protocols)

    return await attempt(tls=context_of, **fields)


UNKNOWN = "tls: failed to verify certificate: x509: certificate signed by unknown authority"


async def test_https_trusts_known_authorities_only(port: int, certificate: Path) -> None:
    """Unless the check skips verification."""
    url = f"https://127.0.0.1:{port}/"
    assert await trusting(HTTP=url) == Result("critical", f'Get "{url}": {UNKNOWN}')
    fine = Result("passing", f"HTTP GET {url}: 200 OK Output: hi")
    assert await trusting(HTTP=url, TLSSkipVerify=True) == fine
    assert await trusting(certificate, HTTP=url) == fine


async def test_an_agent_may_show_its_own_certificate_in_checks(certificate: Path) -> None:
    """With ``enable_agent_tls_for_checks``, and it trusts the authorities that it trusts as an agent."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate)
    context.load_cert_chain(certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["http/1.1"])
    seen: list[Any] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append(writer.get_extra_info("peercert")["subject"])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    files = "".join(f'{key} = "{certificate}"\n' for key in ("ca_file", "cert_file", "key_file"))
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    kind = CheckType(Interval=SECOND, HTTP=f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    found: list[str] = []
    for switch in ("true", "false"):
        hcl = f"enable_agent_tls_for_checks = {switch}\ntls {{ internal_rpc {{ {files} }} }}"
        trust = check_tls(load({"dev": True, "bind": "127.0.0.1", "hcl": [hcl]}, {}).runtime)
        probe = probe_of("http", ProbeSettings("c", kind, 4096, trust))
        found.append((await probe.attempt()).status)
    server.close()
    assert (found, seen) == (["passing", "critical"], [((("commonName", "checks.test"),),)])


async def test_a_server_name_can_be_given(port: int, certificate: Path) -> None:
    """The certificate must then be for that name."""
    url = f"https://127.0.0.1:{port}/"
    assert (await trusting(certificate, HTTP=url, TLSServerName="checks.test")).status == "passing"
    assert (await trusting(certificate, HTTP=url, TLSServerName="other.test")).status == "critical"


@pytest.mark.parametrize("trusts", [True, False])
async def test_wrong_names_are_told_before_unknown_signers(port: int, certificate: Path, trusts: bool) -> None:
    """As Go looks at a certificate."""
    address = f"127.0.0.1:{port}"
    found = await trusting(certificate if trusts else None, TCP=address, TCPUseTLS=True, TLSServerName="other.test")
    assert found == Result(
        "critical",
        "tls: failed to verify certificate: x509: certificate is valid for checks.test, not other.test",
    )


async def test_a_name_may_end_with_a_dot(port: int, certificate: Path) -> None:
    """It is the same name."""
    found = await trusting(certificate, TCP=f"127.0.0.1:{port}", TCPUseTLS=True, TLSServerName="checks.test.")
    assert found.status == "passing"


async def test_a_common_name_alone_is_no_name(tmp_path: Path) -> None:
    """Go reads the names for hosts only."""
    path = written(tmp_path, names=())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    found = await trusting(path, TCP=address, TCPUseTLS=True, TLSServerName="checks.test")
    server.close()
    assert found.output == (
        "tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead"
    )


async def test_https_handshakes_have_ten_seconds(skip_time: Callable[[float], None]) -> None:
    """However long the check may take."""
    gone = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        skip_time(10)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    found = await trusting(HTTP=url, Timeout=60 * SECOND)
    await gone.wait()
    server.close()
    assert found.output == f'Get "{url}": net/http: TLS handshake timeout'


async def test_tcp_with_tls_shakes_hands(port: int, certificate: Path) -> None:
    """The output says that it was TLS."""
    address = f"127.0.0.1:{port}"
    fine = Result("passing", f"TCP+TLS connect {address}: Success")
    assert await trusting(certificate, TCP=address, TCPUseTLS=True) == fine
    assert await trusting(TCP=address, TCPUseTLS=True, TLSSkipVerify=True) == fine
    assert await trusting(TCP=address, TCPUseTLS=True) == Result("critical", UNKNOWN)


async def test_h2ping_speaks_tls_unless_told_otherwise(port: int) -> None:
    """A server whose certificate is unknown cannot be pinged."""
    address = f"127.0.0.1:{port}"
    found = await trusting(H2PING=address, H2PingUseTLS=True)
    assert found == Result("critical", f"Failed to dial to {address}: {UNKNOWN}")


class Http2Only:
    """Speaks HTTP/2 and nothing else; refuses to look at the first ``refusals`` requests."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        core = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        core.initiate_connection()
        writer.write(core.data_to_send())
        while data := await reader.read(65536):
            for event in core.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.answer(core, event.stream_id or 0)
            writer.write(core.data_to_send())
        writer.close()

    def answer(self, core: h2.connection.H2Connection, stream: int) -> None:
        """Refuse, or say hello."""
        if self.refusals:
            self.refusals -= 1
            core.reset_stream(stream, h2.errors.ErrorCodes.REFUSED_STREAM)
        else:
            core.send_headers(stream, [(":status", "200")])
            core.send_data(stream, b"hello", end_stream=True)


@pytest.mark.parametrize("refusals", [0, 2])
async def test_https_speaks_http2_with_who_wants_it(refusals: int, certificate: Path) -> None:
    """And asks again where the server says that it did not look at the request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2"])
    async with await asyncio.start_server(Http2Only(refusals), "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await trusting(certificate, HTTP=url) == (PASSING, f"HTTP GET {url}: 200 OK Output: hello", False)
