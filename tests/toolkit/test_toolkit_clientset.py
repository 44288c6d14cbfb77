# ruff: noqa: E501 - one row a case reads best
"""Settings that no client can be made of end a tool before it watches anything."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.clientset import check
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.stanzas import Consul, Nomad, Tls, Vault
from pyconsul.toolkit.vault_environment import VaultEnvironment

LOGGER = logging.getLogger("tests_clientset")


def complaint(**given: Any) -> str:
    """What is said about the settings, "" when they will do."""
    try:
        check(given.get("consul", Consul()), given.get("vault", Vault()), given.get("nomad", Nomad()), LOGGER)
    except RunError as error:
        return str(error).removeprefix("runner: runner: client set: ")
    return ""


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"consul": Consul(address="ftp://x")}, "consul: Unknown protocol scheme: ftp"),
        ({"vault": Vault(address="://x")}, 'vault: parse "://x": missing protocol scheme'),
        ({"vault": Vault(address="%zz")}, 'vault: parse "%zz": invalid URL escape "%zz"'),
        ({"nomad": Nomad(address="%zz")}, 'nomad: invalid address \'%zz\': parse "%zz": invalid URL escape "%zz"'),
        ({}, ""),
    ],
)
def test_addresses_are_tried(given: dict[str, Any], wanted: str) -> None:
    """In the words of the servers' own clients."""
    assert complaint(**given) == wanted


@pytest.mark.parametrize(
    ("tls", "wanted"),
    [
        (Tls(enabled=True, ca_cert="none"), "consul configuring TLS failed: Error loading CA File: open none: no such file or directory"),
        (Tls(enabled=True, ca_path="none"), "consul configuring TLS failed: lstat none: no such file or directory"),
        (Tls(enabled=True, ca_cert_bytes="none"), "consul configuring TLS failed: Error appending CA: Couldn't parse PEM"),
        (Tls(enabled=True, cert="none"), "consul: open none: no such file or directory"),
        (Tls(enabled=True, cert="/"), "consul: read /: is a directory"),
        (Tls(enabled=True, ca_cert="/"), "consul configuring TLS failed: Error loading CA File: read /: is a directory"),
        (Tls(enabled=True, cert=__file__), "consul: tls: failed to find any PEM data in certificate input"),
        (Tls(enabled=False, ca_cert="none"), ""),
    ],
)  # fmt: skip
def test_files_of_certificates_are_tried(tls: Tls, wanted: str) -> None:
    """Only where TLS is on."""
    assert complaint(consul=Consul(tls=tls)) == wanted


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("VAULT_MAX_RETRIES", "x", 'error encountered setting up default configuration: strconv.ParseUint: parsing "x": invalid syntax'),
        ("VAULT_CLIENT_TIMEOUT", "x", 'error encountered setting up default configuration: could not parse "VAULT_CLIENT_TIMEOUT"'),
        ("VAULT_SKIP_VERIFY", "x", "error encountered setting up default configuration: could not parse VAULT_SKIP_VERIFY"),
        ("VAULT_HEADERS", "x", "could not unmarshal environment-supplied headers"),
        ("VAULT_HEADERS", '{"A":1}', "environment-supplied headers include non-string values"),
        ("VAULT_HEADERS", '{"X-Vault-Token":"t"}', "failed to setup Headers[X-Vault-Token]: Header starting by 'X-Vault-' are for internal usage only"),
        ("VAULT_AGENT_ADDR", "%zz", 'parse "%zz": invalid URL escape "%zz"'),
    ],
)  # fmt: skip
def test_variables_of_vaults_client_are_tried(name: str, value: str, wanted: str) -> None:
    """Also where the stanza says all that is needed."""
    vault = Vault(address="http://v:1", token="t", variables=VaultEnvironment.of({name: value}))
    assert complaint(vault=vault) == f"vault: {wanted}"


def test_a_file_that_holds_no_certificate_is_told(tmp_path: Path) -> None:
    """With its name."""
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    wanted = f"vault configuring TLS failed: Error loading CA File: Couldn't parse PEM in: {file}"
    assert complaint(vault=Vault(tls=Tls(enabled=True, ca_cert=str(file)))) == wanted


def test_verification_that_is_off_is_worth_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing else is said."""
    assert complaint(consul=Consul(tls=Tls(enabled=True, verify=False))) == ""
    assert caplog.messages == ["disabling consul SSL verification"]
