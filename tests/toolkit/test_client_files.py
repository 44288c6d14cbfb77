"""Certificates and authorities that no client can be made of, told by what is wrong with them."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pyconsul.sdk.settings import TLS
from pyconsul.sdk.tls import context
from pyconsul.toolkit.clientset import check
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.stanzas import Consul, Nomad, Tls, Vault
from tests.certificates import self_signed


def complaint(tls: Tls) -> str:
    """What is said of it, "" when it will do."""
    try:
        check(Consul(tls=tls), Vault(), None, logging.getLogger("tests_client_files"))
    except RunError as error:
        return str(error).removeprefix("runner: runner: client set: consul")
    return ""


def test_a_key_that_is_none_is_told_from_a_certificate_that_is_none(tmp_path: Path) -> None:
    """Both files are looked at, and a key of its own may be left out where the certificate's file has it."""
    certificate, key = self_signed("a")
    good, both, bad = tmp_path / "good", tmp_path / "both", tmp_path / "bad"
    good.write_bytes(certificate)
    both.write_bytes(certificate + key)
    bad.write_text("nothing")
    assert complaint(Tls(True, cert=str(both))) == ""
    assert complaint(Tls(True, cert=str(good), key=str(bad))) == ": tls: failed to find any PEM data in key input"
    assert complaint(Tls(True, cert=str(bad), key=str(both))).endswith("any PEM data in certificate input")


def test_one_file_may_hold_certificate_and_key(tmp_path: Path) -> None:
    """The client that is made of it shows both; a key without a certificate is left alone."""
    certificate, key = self_signed("a")
    both = tmp_path / "both"
    both.write_bytes(certificate + key)
    assert complaint(Tls(True, cert=str(both))) == ""
    context(Tls(True, cert=str(both)).for_client())
    assert Tls(True, key=str(both)).for_client() == TLS()


def test_all_files_of_a_directory_are_authorities(tmp_path: Path) -> None:
    """One that is none is told by its name."""
    (tmp_path / "a.pem").write_bytes(self_signed("a")[0])
    assert complaint(Tls(True, ca_path=str(tmp_path))) == ""
    bad = tmp_path / "b.pem"
    bad.write_text("nothing")
    wanted = f" configuring TLS failed: Error loading CA Path: Couldn't parse PEM in: {bad}"
    assert complaint(Tls(True, ca_path=str(tmp_path))) == wanted


def test_authorities_may_be_named_in_any_letters() -> None:
    """As they are in the bundles of systems and browsers, between one certificate and the next."""
    named = "".join(f"# Főtanúsítvány {n}\n{self_signed(str(n))[0].decode()}" for n in range(2))
    assert complaint(Tls(True, ca_cert_bytes=named)) == ""


@pytest.mark.parametrize("text", ["nothing", "nichts für ungut"])
def test_a_text_that_holds_no_authority_is_told(text: str) -> None:
    """Whatever letters it is made of."""
    assert complaint(Tls(True, ca_cert_bytes=text)).endswith("Error appending CA: Couldn't parse PEM")


def test_files_of_nomad_and_of_tokens_are_tried_as_well() -> None:
    """Before anything is watched."""
    logger = logging.getLogger("tests_client_files")
    with pytest.raises(RunError, match=r"client set: nomad: open none: no such file or directory$"):
        check(Consul(), Vault(), Nomad(tls=Tls(True, cert="none")), logger)
    with pytest.raises(RunError, match=r"client set: consul: .*open none: no such file or directory$"):
        check(Consul(token_file="none"), Vault(), None, logger)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"CONSUL_CACERT": "none"}, "Error loading CA File: open none: no such file or directory"),
        ({"CONSUL_CACERT": __file__}, f"Error loading CA File: Couldn't parse PEM in: {__file__}"),
        ({"CONSUL_CAPATH": "none"}, "lstat none: no such file or directory"),
        ({"CONSUL_CLIENT_CERT": "none"}, "both client cert and client key must be provided"),
        ({"CONSUL_CLIENT_CERT": "none", "CONSUL_CLIENT_KEY": "none"}, "open none: no such file or directory"),
        ({"CONSUL_TLS_SERVER_NAME": "a:b:c"}, "address a:b:c: too many colons in address"),
    ],
)
def test_files_that_the_environment_names_are_tried(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str
) -> None:
    """Whatever the scheme is, at once; where the stanza or flags speak of TLS, the environment does not count."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert complaint(Tls()) == f": {wanted}"
    assert complaint(Tls(True)) == ""
