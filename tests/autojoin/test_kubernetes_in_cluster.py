"""Pods found from inside a cluster: service account, the API server's own authority, HTTPS."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers.k8s import Kubernetes
from tests.autojoin.conftest import Asks, Cloud, Clouds, Reply, Seen


def a_certificate(name: str, signer: tuple[x509.Certificate, Any] | None = None) -> tuple[x509.Certificate, Any]:
    """A certificate for 127.0.0.1 and its key; without a signer an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, issuer_key = (signer[0].subject, signer[1]) if signer else (subject, key)
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return made, key


def pem(certificate: x509.Certificate) -> bytes:
    """The certificate in PEM."""
    return certificate.public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def authority() -> tuple[x509.Certificate, Any]:
    """The cluster's own authority, which no system trusts."""
    return a_certificate("kubernetes")


@pytest.fixture(scope="module")
def tls(authority: tuple[x509.Certificate, Any], tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """What the API server listens with."""
    certificate, key = a_certificate("kube-apiserver", authority)
    path = tmp_path_factory.mktemp("apiserver") / "both.pem"
    path.write_bytes(pem(certificate) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def account(authority: tuple[x509.Certificate, Any], tmp_path: Path) -> Path:
    """The files a pod finds."""
    (tmp_path / "token").write_text("p0d-t0ken")
    (tmp_path / "ca.crt").write_bytes(pem(authority[0]))
    return tmp_path


def a_pod(ip: str = "10.2.0.1", **status: str) -> Any:
    """A running pod, as the API server shows it."""
    return {
        "metadata": {"name": "consul"},
        "spec": {"containers": []},
        "status": {"phase": "Running", "podIP": ip, **status},
    }


def a_list(*pods: Any, following: str = "") -> Any:
    """One page of pods."""
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": following}, "items": list(pods)}


async def found(ask: Asks, there: Cloud, account: Path, more: str = "") -> list[str]:
    """What a look-up in a pod beside this server gives: no kubeconfig anywhere."""
    host, _, port = there.host.partition(":")
    inside = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port, "KUBECONFIG": str(account / "none")}
    return await Kubernetes(account).addresses(ask(f"provider=k8s {more}", **inside))


async def test_the_service_account_is_used(cloud: Clouds, ask: Asks, tls: ssl.SSLContext, account: Path) -> None:
    """Its token is sent, the server is checked against its authority, and pages are followed."""

    def answer(seen: Seen) -> object:
        return a_list(a_pod("10.2.0.2")) if seen.query.get("continue") == "c2" else a_list(a_pod(), following="c2")

    there = await cloud(answer, tls)
    selectors = 'namespace=infra label_selector="app=consul" field_selector="spec.nodeName=n"'
    assert await found(ask, there, account, selectors) == ["10.2.0.1", "10.2.0.2"]
    assert {each.path for each in there.seen} == {"/api/v1/namespaces/infra/pods"}
    assert {each.headers["Authorization"] for each in there.seen} == {"Bearer p0d-t0ken"}
    assert {(s.query["labelSelector"], s.query["fieldSelector"]) for s in there.seen} == {
        ("app=consul", "spec.nodeName=n")
    }


async def test_a_kubeconfig_that_is_not_there_is_no_hindrance(
    cloud: Clouds, ask: Asks, tls: ssl.SSLContext, account: Path
) -> None:
    """As in go-discover, the service account steps in also where the file was given by name."""
    there = await cloud(lambda _: a_list(a_pod()), tls)
    assert await found(ask, there, account, f'kubeconfig="{account}/none"') == ["10.2.0.1"]


async def test_the_namespace_is_default_unless_given(
    cloud: Clouds, ask: Asks, tls: ssl.SSLContext, account: Path
) -> None:
    """As in the original, not that of the pod."""
    there = await cloud(lambda _: a_list(), tls)
    assert await found(ask, there, account) == []
    assert [each.path for each in there.seen] == ["/api/v1/namespaces/default/pods"]


async def test_hosts_are_taken_and_pods_without_address_are_not(
    cloud: Clouds, ask: Asks, tls: ssl.SSLContext, account: Path
) -> None:
    """host_network takes the node's address; what has none yet is left out."""
    there = await cloud(lambda _: a_list(a_pod(hostIP="192.168.0.9"), a_pod("")), tls)
    assert await found(ask, there, account) == ["10.2.0.1"]
    assert await found(ask, there, account, "host_network=true") == ["192.168.0.9"]


@pytest.mark.parametrize(("status", "words"), [(401, "401 Unauthorized"), (403, "403 Forbidden")])
async def test_a_refusal_is_told(
    cloud: Clouds, ask: Asks, tls: ssl.SSLContext, account: Path, status: int, words: str
) -> None:
    """A service account without the right to list pods is an error, not no pods."""
    there = await cloud(lambda _: Reply({"kind": "Status", "message": "no"}, status), tls)
    with pytest.raises(DiscoverError, match=f"error listing pods: {words}"):
        await found(ask, there, account)


async def test_another_authority_is_refused(cloud: Clouds, ask: Asks, tls: ssl.SSLContext, account: Path) -> None:
    """A server that our authority did not sign never sees the token."""
    (account / "ca.crt").write_bytes(pem(a_certificate("kubernetes")[0]))
    there = await cloud(lambda _: a_list(a_pod()), tls)
    with pytest.raises(DiscoverError, match=r"error listing pods: .*certificate verify failed"):
        await found(ask, there, account)
    assert there.seen == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("token", None, "Service token file does not exist"),
        ("token", "", "Token file exists but empty"),
        ("ca.crt", None, "Service certification file does not exist"),
        ("ca.crt", "no certificate", "error reading .*ca.crt"),
    ],
)
async def test_what_is_wrong_with_the_account_is_told(
    cloud: Clouds, ask: Asks, tls: ssl.SSLContext, account: Path, name: str, text: str | None, fault: str
) -> None:
    """Each file by its own error."""
    (account / name).unlink()
    if text is not None:
        (account / name).write_text(text)
    there = await cloud(lambda _: a_list(a_pod()), tls)
    with pytest.raises(DiscoverError, match=fault):
        await found(ask, there, account)
