"""Both clients and agents behind TLS: whom they trust, and what they say of whom they do not."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pyconsul.sdk import Retry, errors, tls
from pyconsul.sdk.settings import TLS
from tests.sdk.conftest import MakeClient, StubAgent, the_key, write_certificate

pytestmark = pytest.mark.filterwarnings("error")


def test_tls_with_the_right_authority_works(make_client: MakeClient, tls_stub: StubAgent, certificate: Path) -> None:
    """Also with a client certificate, and more than once over the same connection."""
    file = str(certificate)
    client = make_client(tls_stub.address, tls=TLS(ca_file=file, cert_file=file, key_file=file))
    for _ in range(2):
        assert client(lambda c: c.kv.get("a")).Key == "a"
    assert len(tls_stub.connections) == 1


def test_an_unknown_authority_is_refused(make_client: MakeClient, tls_stub: StubAgent) -> None:
    """Verification is on unless it is switched off."""
    client = make_client(tls_stub.address, retry=Retry.NEVER)
    text = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    with pytest.raises(errors.TransportError, match=text):
        client(lambda c: c.kv.get("a"))


def test_https_to_a_plain_agent_is_explained(make_client: MakeClient) -> None:
    """In Go's words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            sock, _ = listener.accept()
            with sock:
                sock.recv(65536)
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=refuse, daemon=True).start()
        client = make_client(f"https://127.0.0.1:{listener.getsockname()[1]}", retry=Retry.NEVER)
        with pytest.raises(errors.TransportError, match="http: server gave HTTP response to HTTPS client"):
            client(lambda c: c.kv.get("a"))


def test_verification_can_be_switched_off(make_client: MakeClient, tls_stub: StubAgent) -> None:
    """CONSUL_HTTP_SSL_VERIFY=false."""
    client = make_client(tls_stub.address, tls=TLS(verify=False))
    assert client(lambda c: c.kv.get("a")).Key == "a"


def test_the_server_name_is_checked(make_client: MakeClient, tls_stub: StubAgent, certificate: Path) -> None:
    """The name of the settings counts, not the address."""
    good = make_client(tls_stub.address, tls=TLS(ca_file=str(certificate), server_name="agent.test"))
    assert good(lambda c: c.kv.get("a")).Key == "a"
    bad = make_client(tls_stub.address, tls=TLS(ca_file=str(certificate), server_name="other.test"), retry=Retry.NEVER)
    with pytest.raises(errors.TransportError) as caught:
        bad(lambda c: c.kv.get("a"))
    text = "tls: failed to verify certificate: x509: certificate is valid for agent.test, not other.test"
    assert caught.value.reason == text


def test_an_expired_certificate_is_told_with_its_time(
    make_client: MakeClient, tls_stub: StubAgent, tmp_path: Path
) -> None:
    """The request is not sent, though the agent is asked for its certificate once more."""
    start = datetime(2020, 1, 1, tzinfo=UTC)
    file = write_certificate(tmp_path / "old.pem", start)
    assert tls_stub.tls
    tls_stub.tls.load_cert_chain(file)
    client = make_client(tls_stub.address, tls=TLS(ca_file=str(file)), retry=Retry.NEVER)
    with pytest.raises(errors.TransportError, match=r"current time \S+ is after 2020-01-02T00:00:00Z$") as caught:
        client(lambda c: c.kv.get("a"))
    assert not caught.value.sent
    assert not tls_stub.asked


def test_tls_works_over_a_unix_socket(make_client: MakeClient, unix_stub: StubAgent, certificate: Path) -> None:
    """Where TLS is asked for by CONSUL_HTTP_SSL; the name is then that of the settings."""
    unix_stub.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    unix_stub.tls.load_cert_chain(certificate)
    unix_stub.answer = the_key
    trust = TLS(ca_file=str(certificate), server_name="agent.test")
    client = make_client(f"unix://{unix_stub.listener.getsockname()}", scheme="https", tls=trust)
    assert client(lambda c: c.kv.get("a")).Key == "a"


def test_names_count_that_are_meant_for_hosts() -> None:
    """A common name alone is no name, as for Go."""
    assert not tls.context(TLS()).hostname_checks_common_name


def test_half_a_key_pair_is_refused(make_client: MakeClient, tls_stub: StubAgent) -> None:
    """With the sentence of Consul's client."""
    client = make_client(tls_stub.address, tls=TLS(cert_file="only.pem"))
    with pytest.raises(errors.ConfigError, match="both client cert and client key must be provided"):
        client(lambda c: c.kv.get("a"))


def test_a_directory_of_authorities_works(make_client: MakeClient, tls_stub: StubAgent, certificate: Path) -> None:
    """Every PEM file in it counts, whatever its name."""
    client = make_client(tls_stub.address, tls=TLS(ca_path=str(certificate.parent)))
    assert client(lambda c: c.kv.get("a")).Key == "a"


def test_of_authorities_the_first_source_counts_alone(certificate: Path) -> None:
    """A file before PEM, PEM before a directory, as for Consul's client."""
    file, pem = str(certificate), certificate.read_text()
    for given in (TLS(ca_file=file, ca_pem="none", ca_path="/proc/none"), TLS(ca_pem=pem, ca_path="/proc/none")):
        assert len(tls.context(given).get_ca_certs(binary_form=True)) == 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [("a.test", "a.test"), ("a.test:8501", "a.test"), ("[::1]:8501", "::1"), ("::1", "::1"), ("", "agent.test")],
)
def test_a_port_of_the_server_name_is_cut_off(name: str, meant: str) -> None:
    """Addresses keep their colons."""
    assert tls.server_name(TLS(server_name=name), "agent.test") == meant


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (TLS(ca_file="/proc/none.pem"), "/proc/none.pem: no such file or directory"),
        (TLS(ca_file="/proc/version"), "/proc/version: "),
        (TLS(cert_file="/proc/none.pem", key_file="/proc/key.pem"), "/proc/none.pem with /proc/key.pem: no such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(settings: TLS, text: str) -> None:
    """OpenSSL tells no names."""
    with pytest.raises(errors.ConfigError, match=f"^Error loading TLS files: {text}"):
        tls.context(settings)
