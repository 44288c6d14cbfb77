"""The HTTPS door: certificates and their reload, who is refused, what is no TLS, and connections that end by halves."""

import asyncio
import os
import socket
import ssl
from contextlib import nullcontext, suppress

import msgspec
import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.front.http1_connection import Connection
from pyconsul.agent.http.front.tls import openssl_name
from pyconsul.agent.http.front.tls_channel import TlsChannel
from pyconsul.agent.http.front.turns import Turns
from pyconsul.agent.http.front.visitors import Visitors
from pyconsul.agent.tls_files import TlsFault
from pyconsul.config import ConfigError
from pyconsul.config.runtime import Address
from tests.http.conftest import Certificates, RunHttps, client_context, connected, running
from tests.insides import only_connection, transport_of, waits_for_its_client
from tests.waiting import comes_true

ASK = b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
PLAIN = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


async def ask_tls(agent: Agent, context: ssl.SSLContext) -> tuple[bytes, str]:
    """The status line of one request over TLS, and the common name of the server's certificate."""
    async with connected(agent, context) as wire:
        wire.send(ASK)
        line = await wire.reader.readline()
        der = wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        name = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return line, str(name)


async def test_tls_answers_and_takes_a_new_certificate_on_reload(
    run_https: RunHttps, certificate: Certificates
) -> None:
    """New connections see the new certificate; files that cannot be used change nothing."""
    new = certificate("new")
    async with run_https() as agent:
        assert await ask_tls(agent, client_context()) == (OK, "server")
        https = msgspec.structs.replace(agent.config.tls.https, cert_file=new[0], key_file=new[1])
        changed = msgspec.structs.replace(agent.config, tls=msgspec.structs.replace(agent.config.tls, https=https))
        await agent.listeners.reload(changed)
        assert await ask_tls(agent, client_context()) == (OK, "new")
        os.unlink(agent.config.tls.https.cert_file)
        with pytest.raises(ConfigError):
            await agent.reload()
        assert (await ask_tls(agent, client_context()))[1] == "new"


async def test_clients_without_a_certificate_are_refused(run_https: RunHttps, certificate: Certificates) -> None:
    """Where ``verify_incoming`` is set; with one that the CA signed all is well."""
    ca, stranger = certificate("ca"), certificate("stranger")
    async with run_https(more=f'verify_incoming = true ca_file = "{ca[0]}"') as agent:
        assert (await ask_tls(agent, client_context(ca)))[0] == OK
        for shown in (None, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                assert (await ask_tls(agent, client_context(shown)))[0] == b"", "a strange client was served"
                raise ConnectionError


async def test_the_lowest_version_of_tls_holds(run_https: RunHttps) -> None:
    """An older client is refused."""
    async with run_https(more='tls_min_version = "TLSv1_3"') as agent:
        context = client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await ask_tls(agent, context)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
async def test_old_versions_of_tls_are_spoken_where_they_are_asked_for(
    version: ssl.TLSVersion, run_https: RunHttps
) -> None:
    """Whatever the machine's OpenSSL thinks of them."""
    async with run_https(more='tls_min_version = "TLSv1_0"') as agent:
        context = client_context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        assert (await ask_tls(agent, context))[0] == OK


@pytest.mark.parametrize(
    ("suite", "taken"),
    [("ECDHE-ECDSA-AES128-SHA", True), ("ECDHE-ECDSA-AES128-SHA256", False), ("ECDHE-ECDSA-AES128-CCM", False)],
)
async def test_suites_below_tls_1_3_are_those_of_go(suite: str, taken: bool, run_https: RunHttps) -> None:
    """Where the configuration names none."""
    async with run_https() as agent:
        context = client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suite)
        if taken:
            assert (await ask_tls(agent, context))[0] == OK
        else:
            with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
                await ask_tls(agent, context)


@pytest.mark.parametrize("sent", [b"", b"GET", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "letters", "part"])
async def test_a_handshake_that_does_not_end_is_cut_off(sent: bytes, run_https: RunHttps) -> None:
    """After ``limits.https_handshake_timeout``, however far it came."""
    async with (
        run_https('limits { https_handshake_timeout = "100ms" }') as agent,
        connected(agent, https=True) as wire,
        asyncio.timeout(10),
    ):
        wire.send(sent)
        assert await wire.rest() == b""


async def test_a_client_that_says_nothing_over_tls_is_dropped(run_https: RunHttps) -> None:
    """The time is for the handshake and the first byte of a request together; a first request ends the hurry."""
    async with run_https('limits { https_handshake_timeout = "2s" }') as agent:
        async with connected(agent, client_context()) as silent, asyncio.timeout(60):
            assert await silent.rest() == b""
        async with connected(agent, client_context()) as waits:
            await waits.get("/v1/kv/a", method="PUT", body=b"x")
            assert (await waits.get("/v1/kv/a?index=999&wait=300ms")).status == 200


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"GET /v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n", PLAIN),
        (b"GET /", PLAIN),
        (b"PUT /v1/kv/a HTTP/1.1\r\n" + b"x" * 9000, PLAIN),
        (b"HEAD / HTTP/1.0\r\n\r\n", PLAIN),
        (b"POST /", PLAIN),
        (b"OPTIONS *", PLAIN),
        (b"DELETE /v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n", b""),
        (b"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", b""),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b""),
        (b"\x17\x03\x03\x00\x05hello", b""),
        (b"\x16\x10\x00\x00\x05hello", b""),
        (bytes(64), b""),
        (b"\x80\x2e\x01\x00\x02" + bytes(44), b"\x15\x03\x01\x00\x02\x02\x46"),
    ],
)
@pytest.mark.parametrize("pieces", [False, True], ids=["whole", "byte by byte"])
async def test_what_is_no_tls_is_told_so_or_dropped(
    sent: bytes, answer: bytes, pieces: bool, run_https: RunHttps
) -> None:
    """Byte for byte as recorded from Consul on its HTTPS port, and the connection ends."""
    async with run_https() as agent, connected(agent, https=True) as wire, asyncio.timeout(10):
        if pieces:
            wire.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(5):
                wire.send(sent[at : at + 1])
                await asyncio.sleep(0)
        else:
            wire.send(sent)
        assert await wire.rest() == answer


async def test_garbage_after_the_handshake_ends_the_connection(run_https: RunHttps) -> None:
    """Records that cannot be decrypted; the agent goes on."""
    async with run_https() as agent:
        async with connected(agent, client_context()) as wire, asyncio.timeout(10):
            await wire.get("/v1/status/leader")
            sock = wire.writer.get_extra_info("socket")
            os.write(sock.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await wire.reader.readexactly(1)
        await comes_true(lambda: not agent.listeners.front.connections)
        assert (await ask_tls(agent, client_context()))[0] == OK


class Above(asyncio.Protocol):
    """A protocol above TLS that notes what is handed up."""

    def __init__(self) -> None:
        self.events: list[bytes | None] = []

    def data_received(self, data: bytes) -> None:
        """Note a piece."""
        self.events.append(data)

    def eof_received(self) -> None:
        """Note the end."""
        self.events.append(None)


@pytest.mark.parametrize(("size", "least"), [(1, 1), (5000, 1), (30_000, 5)])
async def test_what_comes_together_is_handed_up_in_turns(size: int, least: int, certificate: Certificates) -> None:
    """Small records in one piece, much of them over several turns of the loop; the goodbye behind it is seen."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate("server"))
    above = Above()

    def choose(*_: object) -> Above:
        return above

    channel = TlsChannel(server, choose, Visitors(0), Turns(), 0)
    near, far = socket.socketpair()
    near.setblocking(False)
    transport, _ = await asyncio.get_running_loop().connect_accepted_socket(lambda: channel, near)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context().wrap_bio(incoming, outgoing, server_hostname="server")
    far.setblocking(False)
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            channel.data_received(outgoing.read())
            incoming.write(await asyncio.get_running_loop().sock_recv(far, 65536))
    for letter in b"abc":
        client.write(bytes((letter,)) * size)
    with suppress(ssl.SSLWantReadError):
        client.unwrap()
    channel.data_received(outgoing.read())
    await comes_true(lambda: above.events and above.events[-1] is None)
    whole = [event for event in above.events if event is not None]
    assert b"".join(whole) == b"a" * size + b"b" * size + b"c" * size
    assert least <= len(whole) <= least + 1
    transport.close()
    far.close()


async def test_connections_over_the_limit_are_counted_before_their_handshake(run_https: RunHttps) -> None:
    """One that says nothing takes a place; who comes over the limit is told so over TLS."""
    async with run_https("limits { http_max_conns_per_client = 1 }") as agent:
        async with connected(agent, https=True), connected(agent, client_context()) as second:
            assert (await second.answer()).status == 429
            assert await second.rest() == b""
        await comes_true(lambda: not agent.listeners.front.visitors.held)
        assert (await ask_tls(agent, client_context()))[0] == OK


async def test_a_client_that_reads_nothing_stops_being_served_over_tls(run_https: RunHttps) -> None:
    """Encrypted replies that wait to be read are bounded; they come once the client reads again."""
    body = b"x" * 300_000
    async with run_https() as agent, connected(agent, client_context()) as wire:
        await wire.get("/v1/kv/big", method="PUT", body=body)
        wire.pause()
        connection = only_connection(agent, Connection)
        for _ in range(60):
            wire.send(b"GET /v1/kv/big?raw HTTP/1.1\r\nHost: x\r\n\r\n")
        await comes_true(lambda: waits_for_its_client(connection))
        assert transport_of(connection).get_write_buffer_size() < 20 * len(body)
        wire.resume()
        assert [(await wire.answer()).body == body for _ in range(60)] == [True] * 60


def shake_hands(tls: ssl.SSLObject, sock: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
    """The client's side of it."""
    while True:
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))
        else:
            sock.sendall(outgoing.read())
            return


def ask_and_leave(host: str, port: int, context: ssl.SSLContext, asked: bytes) -> bytes:
    """All that the server answers to a client that says goodbye, in TLS but not in TCP, behind its requests."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    with socket.create_connection((host, port), timeout=10) as sock:
        shake_hands(tls, sock, incoming, outgoing)
        tls.write(asked)
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        sock.sendall(outgoing.read())
        while data := sock.recv(65536):
            incoming.write(data)
    found = b""
    with suppress(ssl.SSLZeroReturnError):  # the server's goodbye
        while True:
            found += tls.read(65536)
    return found


async def test_a_client_that_has_said_goodbye_still_gets_its_answers(run_https: RunHttps) -> None:
    """TLS ends in one direction at a time, as TCP does."""
    async with run_https() as agent:
        host, port = agent.listeners.https_address.split(":")
        found = await asyncio.to_thread(ask_and_leave, host, int(port), client_context(), ASK + ASK)
        assert found.count(OK) == 2


@pytest.mark.parametrize(
    ("suite", "name"),
    [
        ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"),
        ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"),
    ],
)
def test_cipher_suites_have_openssl_names(suite: str, name: str) -> None:
    """And OpenSSL knows them."""
    assert openssl_name(suite) == name
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(name)


@pytest.mark.parametrize(
    ("suites", "starts"),
    [
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", False),
        ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", True),
    ],
)
async def test_suites_without_those_of_http2_end_the_start(suites: str, starts: bool, run_https: RunHttps) -> None:
    """Go's servers refuse them: a client of HTTP/2 may offer no others."""
    with nullcontext() if starts else pytest.raises(TlsFault, match="missing an HTTP/2-required AES_128_GCM_SHA256"):
        async with run_https(more=f'tls_cipher_suites = "{suites}"'):
            pass


async def test_a_door_without_a_certificate_opens_all_the_same() -> None:
    """So that ``ports { https = … }`` alone does not keep an agent from starting; handshakes are refused as by Go."""
    async with running(https_addrs=(Address("tcp", "127.0.0.1", 0),)) as agent:
        host, _, port = agent.listeners.https_address.rpartition(":")
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            await asyncio.open_connection(host, int(port), ssl=client_context())
