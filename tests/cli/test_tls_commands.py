"""``consul tls``: an authority and certificates that hold for TLS."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cli.conftest import Run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def certificate(path: Path) -> x509.Certificate:
    """The certificate in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_an_authority_is_two_files(folder: Path, run: Run) -> None:
    """The certificate is public, the key is its owner's, and neither is overwritten."""
    result = run("tls", "ca", "create")
    assert result.out == "==> Saved consul-agent-ca.pem\n==> Saved consul-agent-ca-key.pem\n"
    assert (folder / "consul-agent-ca-key.pem").stat().st_mode & 0o777 == 0o600
    assert (folder / "consul-agent-ca-key.pem").read_bytes().startswith(b"-----BEGIN EC PRIVATE KEY-----\n")
    again = run("tls", "ca", "create")
    assert (again.code, again.err) == (1, "consul-agent-ca.pem already exists.\n")


def test_files_that_cannot_be_written_are_named(folder: Path, run: Run) -> None:
    """Here a part of the name is a file."""
    (folder / "file").write_text("")
    result = run("tls", "ca", "create", "-domain=file/x")
    assert (result.code, result.out) == (1, "")
    assert result.err == "mkdir file: not a directory\n"


def test_an_authority_may_only_sign_for_its_domains(folder: Path, run: Run) -> None:
    """Name constraints go into the authority, and a name outside of them is refused."""
    run("tls", "ca", "create", "-domain=a.test", "-name-constraint", "-additional-name-constraint=b.test")
    made = certificate(folder / "a.test-agent-ca.pem")
    limits = made.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert [tree.value for tree in limits.value.permitted_subtrees or []] == ["b.test", "a.test", "localhost"]
    assert run("tls", "cert", "create", "-server", "-domain=a.test").code == 0
    refused = run("tls", "cert", "create", "-server", "-domain=a.test", "-additional-dnsname=c.test")
    assert 'DNS name "c.test" is not permitted by any constraint' in refused.err


@pytest.mark.parametrize(
    ("flag", "shown"),
    [
        ("-additional-dnsname=a b.a.test", '"a b.a.test"'),
        ("-additional-dnsname=x.a.test.", '"x.a.test."'),
        ("-additional-dnsname=.a.test", '".a.test"'),
        ("-dc=", '"server..a.test"'),
    ],
)
def test_an_authority_of_domains_signs_for_names_alone(flag: str, shown: str, folder: Path, run: Run) -> None:
    """Labels of printable characters, and none of them empty."""
    run("tls", "ca", "create", "-domain=a.test", "-name-constraint")
    result = run("tls", "cert", "create", "-server", "-domain=a.test", flag)
    unsigned = "x509: a root or intermediate certificate is not authorized to sign for this name"
    assert result.err == f"{unsigned}: x509: cannot parse dnsName {shown}\n"


def test_names_of_an_authority_can_be_given(folder: Path, run: Run) -> None:
    """Common name, cluster id and days appear in the certificate."""
    run("tls", "ca", "create", "-common-name=mine", "-cluster-id=abc", "-days=30")
    made = certificate(folder / "consul-agent-ca.pem")
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "mine"
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://abc.consul"]
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days == 30


@pytest.mark.parametrize(
    ("kind", "names", "usages"),
    [
        ("server", ["server.dc1.consul", "localhost"], ["server", "client"]),
        ("client", ["client.dc1.consul", "localhost"], ["client", "server"]),
        ("cli", ["cli.dc1.consul", "localhost"], []),
    ],
)
def test_each_kind_has_its_names_and_usages(
    kind: str, names: list[str], usages: list[str], folder: Path, run: Run
) -> None:
    """Servers and clients may be both ends of a connection; certificates for people have no usage."""
    run("tls", "ca", "create")
    result = run("tls", "cert", "create", f"-{kind}")
    assert result.out.endswith(f"==> Saved dc1-{kind}-consul-0.pem\n==> Saved dc1-{kind}-consul-0-key.pem\n")
    made = certificate(folder / f"dc1-{kind}-consul-0.pem")
    found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName) == names
    oids = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
    found_usages = [list(one.value) for one in made.extensions if isinstance(one.value, x509.ExtendedKeyUsage)]
    assert found_usages == ([[oids[usage] for usage in usages]] if usages else [])


def test_more_names_and_addresses_can_be_given(folder: Path, run: Run) -> None:
    """They stand beside those that every server has."""
    run("tls", "ca", "create")
    words = ["-node=n1", "-additional-dnsname=web.test", "-additional-ipaddress=10.0.0.1"]
    run("tls", "cert", "create", "-server", *words)
    names = certificate(folder / "dc1-server-consul-0.pem").extensions
    found = names.get_extension_for_class(x509.SubjectAlternativeName).value
    assert found.get_values_for_type(x509.DNSName)[:2] == ["web.test", "n1.server.dc1.consul"]
    assert ipaddress.ip_address("10.0.0.1") in found.get_values_for_type(x509.IPAddress)


def test_fewer_days_than_none_make_an_authority_that_has_ended(folder: Path, run: Run) -> None:
    """As one wants for trying out what happens then; nothing is signed with it."""
    assert run("tls", "ca", "create", "-days=-1").code == 0
    made = x509.load_pem_x509_certificate((folder / "consul-agent-ca.pem").read_bytes())
    assert made.not_valid_after_utc < datetime.now(UTC)
    refused = run("tls", "cert", "create", "-client")
    assert "x509: certificate has expired or is not yet valid: current time" in refused.err


def test_an_authority_cannot_hold_for_ever(folder: Path, run: Run) -> None:
    """Certificates count years in four digits."""
    result = run("tls", "ca", "create", "-days=99999999")
    text = "error generating CA certificate: asn1: structure error: cannot represent time as GeneralizedTime"
    assert (result.code, result.err, list(folder.iterdir())) == (1, f"{text}\n", [])


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_authorities_of_others_may_have_other_keys(kind: str, folder: Path, run: Run) -> None:
    """And none of the extensions that ours have."""
    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "theirs")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    signed = made.sign(key, None if kind == "ed25519" else hashes.SHA256())
    (folder / "ca.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    result = run("tls", "cert", "create", "-cli", "-days=1", "-ca=ca.pem", "-key=key.pem")
    assert (result.code, result.err) == (0, "")
    certificate(folder / "dc1-cli-consul-0.pem").verify_directly_issued_by(signed)


def test_numbers_go_on(folder: Path, run: Run) -> None:
    """Each certificate takes the next free number."""
    run("tls", "ca", "create")
    run("tls", "cert", "create", "-client")
    assert "dc1-client-consul-1.pem" in run("tls", "cert", "create", "-client").out


def test_a_certificate_is_accepted_by_openssl(folder: Path, run: Run) -> None:
    """Python's TLS loads the pair and trusts it under the authority."""
    run("tls", "ca", "create")
    run("tls", "cert", "create", "-server")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain("dc1-server-consul-0.pem", "dc1-server-consul-0-key.pem")
    client = ssl.create_default_context(cafile="consul-agent-ca.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname="server.dc1.consul")
    theirs = server.wrap_bio(there, back, server_side=True)
    for _ in range(4):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert ours.getpeercert()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Please provide either -server, -client, or -cli"),
        (["-server", "-cli"], "Please provide either -server, -client, or -cli"),
        (["-client", "-node=n"], "-node requires -server"),
        (["-client", "-ca="], "Please provide the ca"),
        (["-client", "-ca=none.pem"], "Error reading CA: open none.pem: no such file or directory"),
        (["-client", "-key=none.pem"], "Error reading CA key: open none.pem: no such file or directory"),
        (["-client", "-additional-ipaddress=nope"], "failed to parse certificate"),
        (
            ["-client", "-key=other-agent-ca-key.pem"],
            "failed to create certificate: x509: provided PrivateKey doesn't match parent's PublicKey",
        ),
        (["-client", "-additional-ipaddress=fe80::1%eth0"], "failed to parse certificate"),
        (
            ["-client", "-additional-dnsname=é.x"],
            'failed to create certificate: x509: "é.x" cannot be encoded as an IA5String\n',
        ),
        (["-client", "-key=consul-agent-ca.pem"], "unknown PEM block type for signing key: CERTIFICATE"),
        (["-client", "-key=bad-key.pem"], "failed to parse private key"),
        (["-client", "-key=empty.pem"], "no PEM-encoded data found"),
        (["-client", "-ca=empty.pem"], "failed to parse CA: no PEM-encoded data found"),
        (["-client", "-ca=bad.pem"], "failed to parse CA: x509: malformed certificate"),
        (
            ["-client", "-days=99999999"],
            "failed to create certificate: asn1: structure error: cannot represent time as GeneralizedTime",
        ),
        (["-client", "-ca=consul-agent-ca-key.pem"], "failed to parse CA: first PEM-block should be CERTIFICATE type"),
    ],
)
def test_what_cannot_be_signed_is_refused(words: list[str], sentence: str, folder: Path, run: Run) -> None:
    """Each mistake has its sentence, and no file appears."""
    run("tls", "ca", "create")
    run("tls", "ca", "create", "-domain=other")
    for name, label in (("bad.pem", "CERTIFICATE"), ("bad-key.pem", "EC PRIVATE KEY")):
        (folder / name).write_text(f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n")
    (folder / "empty.pem").touch()
    result = run("tls", "cert", "create", *words)
    assert result.code == 1
    assert result.err.startswith(sentence)
    assert not list(folder.glob("dc1-*"))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["-days=99999999"], "asn1: structure error: cannot represent time as GeneralizedTime"),
        (["-domain=é", "-name-constraint"], 'x509: "é" cannot be encoded as an IA5String'),
        (["-name-constraint", "-additional-name-constraint=*.y"], "DNSName name constraints must not contain"),
    ],
)
def test_an_authority_that_cannot_be_is_refused(words: list[str], reason: str, folder: Path, run: Run) -> None:
    """No file appears."""
    result = run("tls", "ca", "create", *words)
    assert result.code == 1
    assert result.err.startswith(f"error generating CA certificate: {reason}")
    assert not list(folder.iterdir())


def test_names_may_be_long_and_of_any_letters(folder: Path, run: Run) -> None:
    """A common name has no limit, and the host of the cluster's URI is escaped."""
    long = "x" * 70
    assert run("tls", "ca", "create", f"-common-name={long}", "-cluster-id=é b").err == ""
    made = certificate(folder / "consul-agent-ca.pem").extensions
    uris = made.get_extension_for_class(x509.SubjectAlternativeName).value
    assert uris.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://%C3%A9%20b.consul"]
    result = run("tls", "cert", "create", "-server", f"-dc={long}")
    assert (result.code, result.err) == (0, "")
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
        f"{long}-server-consul-0.pem", f"{long}-server-consul-0-key.pem"
    )
