"""Certificate files are read before an agent starts; what is wrong with them is told in Consul's words."""

import ssl
from pathlib import Path

import msgspec
import pytest

from pyconsul.agent.tls_files import TlsFault, check_tls_files, read_tls_files
from pyconsul.config import load
from tests.http.conftest import write_certificate

PAIR = 'cert_file = "own.pem" key_file = "own-key.pem"'


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory holds two pairs, a file without PEM, a directory of authorities and an empty one."""
    monkeypatch.chdir(tmp_path)
    write_certificate(tmp_path, "own")
    write_certificate(tmp_path, "other")
    Path("garbage.pem").write_text("garbage\n")
    Path("unfit.pem").write_text("-----BEGIN DH PARAMETERS-----\nMAo=\n-----END DH PARAMETERS-----\n")
    Path("broken-key.pem").write_text("-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----\n")
    Path("both.pem").write_text(Path("own-key.pem").read_text() + Path("own.pem").read_text())
    Path("empty").mkdir()
    Path("authorities/deeper").mkdir(parents=True)
    write_certificate(Path("authorities"), "one")
    write_certificate(Path("authorities/deeper"), "two")
    for key in Path("authorities").rglob("*-key.pem"):
        key.unlink()


def check(tls: str) -> None:
    """Check the files of ``tls { … }``."""
    check_tls_files(
        load({"dev": True, "bind": "127.0.0.1", "hcl": [f"ports {{ grpc_tls = -1 }} tls {{ {tls} }}"]}, {}).runtime
    )


@pytest.mark.parametrize(
    ("tls", "fault"),
    [
        (
            'https { cert_file = "nope.pem" key_file = "own-key.pem" }',
            "Failed to load cert/key pair: open nope.pem: no such file or directory",
        ),
        (
            'grpc { cert_file = "own.pem" key_file = "empty" }',
            "Failed to load cert/key pair: read empty: is a directory",
        ),
        (
            'https { cert_file = "own.pem" key_file = "other-key.pem" }',
            "Failed to load cert/key pair: tls: private key does not match public key",
        ),
        (
            'https { cert_file = "garbage.pem" key_file = "own-key.pem" }',
            "Failed to load cert/key pair: tls: failed to find any PEM data in certificate input",
        ),
        (
            'https { cert_file = "own-key.pem" key_file = "own.pem" }',
            "Failed to load cert/key pair: tls: failed to find certificate PEM data in certificate input, "
            "but did find a private key; PEM inputs may have been switched",
        ),
        (
            'https { cert_file = "unfit.pem" key_file = "own-key.pem" }',
            'Failed to load cert/key pair: tls: failed to find "CERTIFICATE" PEM block in certificate input '
            "after skipping PEM blocks of the following types: [DH PARAMETERS]",
        ),
        (
            'https { cert_file = "own.pem" key_file = "garbage.pem" }',
            "Failed to load cert/key pair: tls: failed to find any PEM data in key input",
        ),
        (
            'https { cert_file = "own.pem" key_file = "own.pem" }',
            "Failed to load cert/key pair: tls: found a certificate rather than a key in the PEM for the private key",
        ),
        (
            'https { cert_file = "own.pem" key_file = "unfit.pem" }',
            'Failed to load cert/key pair: tls: failed to find PEM block with type ending in "PRIVATE KEY" in key '
            "input after skipping PEM blocks of the following types: [DH PARAMETERS]",
        ),
        (
            'https { cert_file = "own.pem" key_file = "broken-key.pem" }',
            "Failed to load cert/key pair: tls: failed to parse private key",
        ),
        ('https { ca_file = "nope.pem" }', "Error loading from nope.pem: open nope.pem: no such file or directory"),
        ('https { ca_file = "garbage.pem" }', "failed to parse PEM garbage.pem"),
        ('https { ca_path = "nope" }', "lstat nope: no such file or directory"),
        ('https { ca_path = "empty" }', "Error loading from CAPath: no CAs found"),
        ("https { verify_incoming = true }", "VerifyIncoming set but no CA certificates were provided"),
        (
            'https { verify_incoming = true ca_file = "own.pem" cert_file = "own.pem" }',
            "VerifyIncoming requires either a Cert and Key pair in the configuration file, or "
            "auto_encrypt/auto_config be enabled",
        ),
        ("defaults { verify_outgoing = true }", "VerifyOutgoing set but no CA certificates were provided"),
    ],
)
def test_an_unusable_file_is_refused(tls: str, fault: str) -> None:
    """Whichever protocol names it, used here or not."""
    with pytest.raises(TlsFault) as refused:
        check(tls)
    assert str(refused.value) == fault


@pytest.mark.parametrize(
    "tls",
    [
        f"https {{ {PAIR} }}",
        'https { cert_file = "both.pem" key_file = "both.pem" }',
        'https { cert_file = "own.pem" }',
        'https { key_file = "nope.pem" }',
        f'defaults {{ {PAIR} verify_incoming = true verify_outgoing = true ca_path = "authorities" }}',
    ],
)
def test_what_can_be_used_is_taken(tls: str) -> None:
    """A certificate without a key, or a key alone, counts as none and is not even read."""
    check(tls)


def test_authorities_are_all_files_below_a_directory() -> None:
    """Whatever their names; OpenSSL alone would want hashes."""
    config = load({"dev": True, "bind": "127.0.0.1", "hcl": ['tls { https { ca_path = "authorities" } }']}, {})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    read_tls_files(config.runtime.tls.https).load_into(context)
    assert len(context.get_ca_certs()) == 2


def test_a_client_may_be_certified_later() -> None:
    """With auto_encrypt the servers send a certificate, so ``verify_incoming`` needs none at the start."""
    https = load({"dev": True, "bind": "127.0.0.1"}, {}).runtime.tls.https
    verifying = msgspec.structs.replace(https, verify_incoming=True, ca_file="own.pem")
    assert read_tls_files(verifying, certified_later=True).cert_file == ""


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_an_authority_may_be_named_in_any_letters(encoding: str) -> None:
    """As bundles do in a comment above each of them."""
    Path("bundle.pem").write_bytes("# für alle\n".encode(encoding) + Path("own.pem").read_bytes())
    config = load({"dev": True, "bind": "127.0.0.1", "hcl": ['tls { https { ca_file = "bundle.pem" } }']}, {})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    read_tls_files(config.runtime.tls.https).load_into(context)
    assert len(context.get_ca_certs()) == 1
