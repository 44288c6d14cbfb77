"""What daemons read at their start: keys that a password locks, files that are no text."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pyconsul.sdk import errors, tls
from pyconsul.sdk.settings import TLS
from pyconsul.toolkit import clientset
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.stanzas import Consul, Tls, Vault
from tests.sdk.conftest import write_certificate


@pytest.fixture(name="locked")
def locked_pair(tmp_path: Path) -> tuple[str, str]:
    """A certificate and a key that nobody can use without a password."""
    certificate, key = tmp_path / "c.pem", tmp_path / "locked.pem"
    write_certificate(certificate, datetime.now(UTC))
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    key.write_bytes(locked)
    return str(certificate), str(key)


def test_a_tool_refuses_a_locked_key(locked: tuple[str, str]) -> None:
    """In Go's words; nobody sits at a daemon's terminal to type the password."""
    consul = Consul(tls=Tls(enabled=True, cert=locked[0], key=locked[1]))
    with pytest.raises(RunError, match=r"client set: consul: tls: failed to parse private key$"):
        clientset.check(consul, Vault(), None, logging.getLogger("locked"))


def test_a_client_refuses_a_locked_key(locked: tuple[str, str]) -> None:
    """Without asking the terminal, whoever starts the program."""
    with pytest.raises(errors.ConfigError, match="PEM lib"):
        tls.context(TLS(cert_file=locked[0], key_file=locked[1]))


def test_a_token_file_that_is_no_text_stops_no_tool(tmp_path: Path) -> None:
    """Many a tool that reads it asks Vault for nothing."""
    (tmp_path / ".vault-token").write_bytes(b"\xff\xfe\n")
    assert Vault.of({}, {"HOME": str(tmp_path)}).token == "\udcff\udcfe"
