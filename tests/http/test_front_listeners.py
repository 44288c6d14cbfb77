"""Listeners of the HTTP door: TLS with its reload, unix sockets, and what ``http_config`` and ``limits`` say."""

import asyncio
import datetime
import os
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.tls import openssl_name
from pyconsul.config import ConfigError
from pyconsul.config.runtime import Address
from pyconsul.telemetry.logging import Level, Monitor


def write_certificate(folder: Path, name: str) -> tuple[str, str]:
    """A self-signed certificate for localhost and its key; returns their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}-key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pkcs8 = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    return str(paths[0]), str(paths[1])


def tls_configuration(certificate: str, key: str, more: str = "") -> str:
    """HCL of an agent with that certificate for HTTPS."""
    return f'tls {{ https {{ cert_file = "{certificate}" key_file = "{key}" {more} }} }}'


HTTPS = {"https_addrs": (Address("tcp", "127.0.0.1", 0),)}


def client_context(certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
    """A client that trusts anybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(*certificate)
    return context


async def ask_tls(agent: Agent, context: ssl.SSLContext) -> tuple[bytes, str]:
    """The status line of one request over TLS, and the common name of the server's certificate."""
    host, port = agent.listeners.https_address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        writer.write(b"GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n")
        line = await reader.readline()
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        name = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return line, str(name)
    finally:
        writer.close()


async def test_tls_answers_and_takes_a_new_certificate_on_reload(tmp_path: Path, run_agent: Callable[..., Any]) -> None:
    """New connections see the new certificate; files that cannot be used change nothing."""
    old, new = write_certificate(tmp_path, "old"), write_certificate(tmp_path, "new")
    async with run_agent(tls_configuration(*old), **HTTPS) as agent:
        assert await ask_tls(agent, client_context()) == (b"HTTP/1.1 200 OK\r\n", "old")
        https = msgspec.structs.replace(agent.config.tls.https, cert_file=new[0], key_file=new[1])
        changed = msgspec.structs.replace(agent.config, tls=msgspec.structs.replace(agent.config.tls, https=https))
        await agent.listeners.reload(changed)
        assert await ask_tls(agent, client_context()) == (b"HTTP/1.1 200 OK\r\n", "new")
        os.unlink(old[0])
        with pytest.raises(ConfigError):
            await agent.reload()
        assert (await ask_tls(agent, client_context()))[1] == "new"


async def test_clients_without_a_certificate_are_refused(tmp_path: Path, run_agent: Callable[..., Any]) -> None:
    """Where ``verify_incoming`` is set; with one that the CA signed all is well."""
    server, stranger = write_certificate(tmp_path, "server"), write_certificate(tmp_path, "stranger")
    more = f'verify_incoming = true ca_file = "{server[0]}"'
    async with run_agent(tls_configuration(*server, more), **HTTPS) as agent:
        assert (await ask_tls(agent, client_context(server)))[0] == b"HTTP/1.1 200 OK\r\n"
        for certificate in (None, stranger):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                assert (await ask_tls(agent, client_context(certificate)))[0] == b"", "a strange client was served"
                raise ConnectionError


async def test_the_lowest_version_of_tls_holds(tmp_path: Path, run_agent: Callable[..., Any]) -> None:
    """An older client is refused."""
    more = 'tls_min_version = "TLSv1_3"'
    async with run_agent(tls_configuration(*write_certificate(tmp_path, "server"), more), **HTTPS) as agent:
        context = client_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await ask_tls(agent, context)


@pytest.mark.parametrize(("timeout", "shakes_hands"), [("100ms", False), ("1s", True)])
async def test_a_client_that_says_nothing_over_tls_is_dropped(
    timeout: str, shakes_hands: bool, tmp_path: Path, run_agent: Callable[..., Any]
) -> None:
    """``limits.https_handshake_timeout`` is for the handshake and the first byte of a request."""
    limits = f'limits {{ https_handshake_timeout = "{timeout}" }}'
    async with run_agent(tls_configuration(*write_certificate(tmp_path, "server")) + limits, **HTTPS) as agent:
        host, port = agent.listeners.https_address.split(":")
        context = client_context() if shakes_hands else None
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


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


async def test_a_unix_socket_answers_and_goes(
    tmp_path: Path, run_agent: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    """With the mode of ``unix_sockets``; a socket left behind is replaced, and none is left behind."""
    path = tmp_path / "http.sock"
    path.touch()
    where = (Address("unix", str(path), 0),)
    rules = f'unix_sockets {{ mode = "0640" user = "{os.getuid()}" group = "{os.getgid()}" }}'
    async with run_agent(rules, http_addrs=where) as agent, connect(agent) as wire:
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert (await wire.get("/v1/status/leader")).status == 200
    assert not path.exists()


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ('user = "nobody-here"', "failed to look up user nobody-here"),
        ('group = "staff"', "invalid group specified: staff"),
        ('mode = "9"', "invalid mode specified"),
    ],
)
async def test_unix_sockets_of_nobody_stop_the_start(
    rules: str, text: str, tmp_path: Path, run_agent: Callable[..., Any]
) -> None:
    """In Consul's words; groups are numbers there."""
    where = (Address("unix", str(tmp_path / "http.sock"), 0),)
    with pytest.raises(OSError, match=text):
        async with run_agent(f"unix_sockets {{ {rules} }}", http_addrs=where):
            raise AssertionError("it started")


async def test_a_port_in_use_is_named(agent: Agent, run_agent: Callable[..., Any]) -> None:
    """And nothing of the second agent stays open."""
    host, _, port = agent.http_address.rpartition(":")
    with pytest.raises(OSError, match=f"listen tcp {host}:{port}: bind: address already in use"):
        async with run_agent(http_addrs=(Address("tcp", host, int(port)),)):
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
async def test_configured_headers_and_doors(
    method: str, path: str, status: int, headers: str, run_agent: Callable[..., Any], connect: Callable[..., Any]
) -> None:
    """What is blocked, who may write, and which answers have the configured headers, as recorded from Consul."""
    async with run_agent(CONFIGURED) as agent, connect(agent) as wire:
        answer = await wire.get(path, method=method)
        assert answer.status == status
        assert (answer.headers.get("x-foo") == "bar") is ("foo" in headers)
        assert (answer.headers.get("x-consul-translate-addresses") == "true") is ("translate" in headers)


@pytest.mark.parametrize(
    "path", ["/v1/kv/a?token=s3cret", "/v1/kv/a?x=1&%74oken=s3cret", "/v1/status/leader?a=%zz&token=s3cret"]
)
async def test_no_token_reaches_the_log(path: str, wire: Any) -> None:
    """Whatever goes wrong with the request, and however the parameter is spelt."""
    monitor = Monitor(Level.TRACE)
    monitor.start()
    try:
        await wire.get(path, "X-Consul-Token: s3cret", "Authorization: Bearer s3cret")
        text = monitor.take()
    finally:
        monitor.stop()
    assert "agent.http" in text and "s3cret" not in text


async def test_log_lines_of_requests_have_consuls_form(wire: Any) -> None:
    """Errors, the warning about tokens in queries, and the line at the end."""
    monitor = Monitor(Level.DEBUG)
    monitor.start()
    try:
        await wire.get("/v1/kv/a?token=x")
        await wire.get("/v1/kv/a", method="POST")
        text = monitor.take()
    finally:
        monitor.stop()
    assert "[WARN]  agent.http: This request used the token query parameter which is deprecated" in text
    assert "[DEBUG] agent.http: Request finished: method=GET url=/v1/kv/a?token=<hidden> from=127.0.0.1:" in text
    assert "[ERROR] agent.http: Request error: method=POST url=/v1/kv/a from=127.0.0.1:" in text
    assert 'error="method POST not allowed"' in text
