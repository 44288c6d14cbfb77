"""Type ``kubernetes``: what the API server is asked, and what its answers are worth."""

import json
from typing import Any

import pytest

from pyconsul.acl.methods.kubernetes import KubernetesMethod
from pyconsul.acl.methods.kubernetes_api import server_url
from pyconsul.acl.methods.protocol import MethodError
from tests.acl_methods.conftest import Issuer, Signer

HOST = "https://k8s.test:6443"
REVIEW = f"{HOST}/apis/authentication.k8s.io/v1/tokenreviews"
ACCOUNT = f"{HOST}/api/v1/namespaces/shop/serviceaccounts/web"
NOW = 1_800_000_000.0
QUESTION = "post tokenreviews.authentication.k8s.io"
QUESTION_ONLY = f"information ({QUESTION})"
NOT_VALID = "lookup failed: service account jwt not valid"
LOOKUP = "annotation lookup failed: "


@pytest.fixture(name="authority", scope="session")
def authority_fixture() -> str:
    """A certificate of an authority, made for these tests."""
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "k8s")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + datetime.timedelta(days=9999))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture(name="method")
def method_fixture(issuer: Issuer, signer: Signer, authority: str) -> KubernetesMethod:
    """An auth method whose cluster knows one service account."""
    issuer.says(REVIEW, reviewed("system:serviceaccount:shop:web"))
    issuer.says(ACCOUNT, {"metadata": {"annotations": {"consul.hashicorp.com/service-name": "storefront"}}})
    return KubernetesMethod({"Host": HOST, "CACert": authority, "ServiceAccountJWT": signer.token()}, issuer.fetch)


def reviewed(user: str, **status: Any) -> dict[str, Any]:
    """The API server's answer to a review."""
    return {"status": {"authenticated": True, "user": {"username": user, "uid": "u-1"}} | status}


async def test_the_api_server_says_whose_a_token_is(method: Any, issuer: Issuer, signer: Signer) -> None:
    """Its annotation names the service; both questions carry our own token, the review also the one in question."""
    bearer = signer.token(sub="web")
    found = await method.identity(bearer, NOW)
    assert found.variables == {
        "serviceaccount.namespace": "shop",
        "serviceaccount.name": "storefront",
        "serviceaccount.uid": "u-1",
    }
    review, account = issuer.asked
    assert json.loads(review.body)["spec"] == {"token": bearer}
    assert review.headers["Authorization"] == account.headers["Authorization"] != f"Bearer {bearer}"


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (reviewed("x", error="no such token"), "200 OK", "lookup failed: no such token"),
        (reviewed("x", authenticated=False), "200 OK", "lookup failed: service account jwt not valid"),
        ({}, "200 OK", "lookup failed: service account jwt not valid"),
        (reviewed("admin"), "200 OK", "lookup failed: unexpected username format"),
        (reviewed("system:node:a:b"), "200 OK", "lookup failed: username returned is not a service account"),
        ({"kind": "Status", "status": "Failure", "message": "Unauthorized"}, "401 Unauthorized", "Unauthorized"),
        ({"kind": "Status", "status": "Failure", "message": "no"}, "200 OK", "no"),
        ({"message": "x"}, "403 Forbidden", f"unknown ({QUESTION})"),
        (b"gone", "410 Gone", f"the server responded with the status code 410 but did not return more {QUESTION_ONLY}"),
        (b"nf", "404 Not Found", f"the server could not find the requested resource ({QUESTION})"),
        (b"{", "200 OK", "couldn't get version/kind; json parse error: unexpected end of JSON input"),
        (b"", "200 OK", "0-length response with status code: 200 and content type: application/json"),
        (reviewed("system:serviceaccount:shop:web") | {"kind": "Pod"}, "200 OK", NOT_VALID),
        (reviewed("system:serviceaccount:shop:"), "200 OK", f"{LOOKUP}resource name may not be empty"),
        (
            reviewed("system:serviceaccount::web"),
            "200 OK",
            f"{LOOKUP}an empty namespace may not be set when a resource",
        ),
        (
            reviewed("system:serviceaccount:..:web"),
            "200 OK",
            f"{LOOKUP}invalid namespace \"..\": [may not be '..']",
        ),
        (
            reviewed("system:serviceaccount:shop:a/%"),
            "200 OK",
            f"{LOOKUP}invalid resource name \"a/%\": [may not contain '/' may not contain '%']",
        ),
    ],
)
async def test_others_are_refused(
    answer: Any, status: str, text: str, method: Any, issuer: Issuer, signer: Signer
) -> None:
    """Users that are no service accounts, tokens that the API server does not know, and its own refusals."""
    issuer.says(REVIEW, answer, status)
    with pytest.raises(MethodError) as caught:
        await method.identity(signer.token(), NOW)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("403 Forbidden", "<html> no"),
        ("502 Bad Gateway", 'an error on the server ("<html> no") has prevented the request from succeeding'),
        ("503 X", "the server is currently unable to handle the request"),
        ("200 OK", "serializer for text/html; charset=utf-8 doesn't exist"),
    ],
)
async def test_a_proxy_in_between_is_quoted(
    status: str, text: str, method: Any, issuer: Issuer, signer: Signer
) -> None:
    """As by the Go client."""
    issuer.says(REVIEW, b"<html> no\n", status, "text/html; charset=utf-8")
    with pytest.raises(MethodError) as caught:
        await method.identity(signer.token(), NOW)
    assert str(caught.value) == (text if status == "200 OK" else f"{text} ({QUESTION})")


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("k8s.test:6443", "https://k8s.test:6443"),
        ("https://k8s.test/a%20b/?x=y", "https://k8s.test/a%20b"),
        ("http://k8s.test", "http://k8s.test"),
    ],
)
def test_the_api_server_is_a_url_or_a_host(host: str, base: str) -> None:
    """A query means nothing."""
    assert server_url(host) == base


@pytest.mark.parametrize("host", ["https://", "://x", "https://x:y", "/x", "https://a b"])
def test_what_is_neither_is_refused(host: str, issuer: Issuer, signer: Signer, authority: str) -> None:
    """When the auth method is written."""
    with pytest.raises(MethodError) as caught:
        KubernetesMethod({"Host": host, "CACert": authority, "ServiceAccountJWT": signer.token()}, issuer.fetch)
    assert str(caught.value) == f'host must be a URL or a host:port pair: "{host}"'


def test_an_authority_may_have_line_ends_of_windows(issuer: Issuer, signer: Signer, authority: str) -> None:
    """But must begin a line."""
    config = {"Host": HOST, "CACert": authority.replace("\n", "\r\n"), "ServiceAccountJWT": signer.token()}
    KubernetesMethod(config, issuer.fetch)
    with pytest.raises(MethodError, match="does not contain any valid"):
        KubernetesMethod(config | {"CACert": f" {authority}"}, issuer.fetch)


async def test_what_is_no_token_is_not_even_asked_about(method: Any, issuer: Issuer) -> None:
    """No request goes out for garbage."""
    with pytest.raises(MethodError, match="failed to parse and validate JWT: "):
        await method.identity("garbage", NOW)
    assert issuer.asked == []


_BROKEN = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
_CUT = "-----BEGIN CERTIFICATE-----\n...-----END CERTIFICATE-----\n"  # no base64: Go finds no block there


def test_a_configuration_is_checked_in_its_order(issuer: Issuer, authority: str) -> None:
    """Host, certificate, token."""
    config: dict[str, str] = {}
    for name, value, text in (
        ("Host", HOST, "Config.Host is required"),
        ("CACert", "junk", "Config.CACert is required"),
        ("CACert", _BROKEN, "error parsing kubernetes ca cert: data does not contain any valid"),
        ("CACert", _CUT, "error parsing kubernetes ca cert: x509: malformed certificate"),
        ("CACert", authority, "error parsing kubernetes ca cert: data does not contain any valid RSA or ECDSA"),
        ("ServiceAccountJWT", "x", "Config.ServiceAccountJWT is required"),
        ("ServiceAccountJWT", "x", "Config.ServiceAccountJWT is not a valid JWT: go-jose/go-jose: compact JWS"),
    ):
        with pytest.raises(MethodError) as caught:
            KubernetesMethod(config, issuer.fetch)
        assert str(caught.value).startswith(text)
        config[name] = value


def test_what_is_no_text_is_shown_as_go_prints_it(issuer: Issuer) -> None:
    """A structure in place of a text appears in the refusal in Go's form of it."""
    with pytest.raises(MethodError) as caught:
        KubernetesMethod({"CACert": [{"b": [1.0, None, "x"], "a": True}]}, issuer.fetch)
    shown = "[map[a:true b:[1 <nil> x]]]"
    assert f"expected type 'string', got unconvertible type '[]interface {{}}', value: '{shown}'" in str(caught.value)
