"""Whom a TLS client believes: the same certificates as Go's clients, on every version of Python."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pyconsul.primitives.tls import client_context, trust_as_go_does

HOST = "web.example"
PEM = serialization.Encoding.PEM


class Party:
    """A certificate and its key. It has no key identifiers, as many that people made by hand."""

    def __init__(self, name: str, signer: Party | None = None, *, ca: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        by = signer or self
        start = datetime.now(UTC) - timedelta(hours=1)
        self.certificate = (
            x509.CertificateBuilder(by.name, self.name, self.key.public_key(), 1 + ca)
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(by.key, hashes.SHA256())
        )

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(PEM).decode()

    def identity(self, folder: Path) -> Path:
        """A file with certificate and key."""
        key = self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = folder / "identity.pem"
        file.write_bytes(self.pem.encode() + key)
        return file


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Have two sides agree, in memory. Raises SSLError where one of them does not believe the other."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=HOST),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while sides:
        for side in tuple(sides):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            sides.remove(side)


@pytest.fixture
def root() -> Party:
    """An authority that signed itself."""
    return Party("root")


@pytest.fixture
def issuer(root: Party) -> Party:
    """An authority below the root."""
    return Party("issuer", root)


@pytest.fixture
def server(issuer: Party, tmp_path: Path) -> ssl.SSLContext:
    """A server that shows its own certificate and nothing of who signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Party(HOST, issuer, ca=False).identity(tmp_path))
    return context


def test_an_authority_needs_no_root_above_it(server: ssl.SSLContext, issuer: Party) -> None:
    """What is given is trusted, whoever signed it; nor do certificates need key identifiers."""
    shake_hands(client_context(ca_pem=issuer.pem), server)


def test_a_server_believes_clients_by_the_same_rule(server: ssl.SSLContext, issuer: Party, tmp_path: Path) -> None:
    """An authority below a root is enough to verify those whom it signed."""
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(cadata=issuer.pem)
    trust_as_go_does(server)
    client = client_context(ca_pem=issuer.pem)
    client.load_cert_chain(Party("client", issuer, ca=False).identity(tmp_path))
    shake_hands(client, server)


@pytest.mark.parametrize("believed", ["root", "other"])
def test_a_stranger_is_not_believed(server: ssl.SSLContext, root: Party, believed: str) -> None:
    """Nobody shows the way from the server's certificate to this authority."""
    authority = root if believed == "root" else Party("other")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(client_context(ca_pem=authority.pem), server)


def test_who_verifies_nothing_believes_anybody(server: ssl.SSLContext) -> None:
    """Neither names nor authorities count."""
    shake_hands(client_context(verify=False), server)


def test_what_stands_around_an_authority_is_in_any_letters(server: ssl.SSLContext, issuer: Party) -> None:
    """Bundles name each certificate above it."""
    shake_hands(client_context(ca_pem=f"# Főtanúsítvány\n{issuer.pem}für alle\n"), server)
