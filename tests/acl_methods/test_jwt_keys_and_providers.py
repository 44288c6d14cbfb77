"""Type ``jwt``: which keys make signatures, and providers that do not tell theirs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pyconsul.acl.methods.jwt_method import JwtMethod
from pyconsul.acl.methods.protocol import MethodError
from tests.acl_methods.conftest import NOW, Issuer, Signer
from tests.certificates import self_signed

ISSUER = "https://issuer.test"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
JWKS = f"{ISSUER}/jwks"
KINDS = "RSA, ECDSA, or ED25519"
NO_KEY = f"error parsing public key JWTValidationPubKeys[0]: data does not contain any valid {KINDS} public keys"


async def refusal(made: JwtMethod, bearer: str) -> str:
    """Why a token is refused."""
    with pytest.raises(MethodError) as caught:
        await made.identity(bearer, NOW)
    return str(caught.value)


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256", "RS512", "PS256", "PS384"])
async def test_a_signature_is_believed_for_the_algorithm_of_its_key(algorithm: str, issuer: Issuer) -> None:
    """One changed octet is none."""
    private = ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else rsa.generate_private_key(65537, 2048)
    signer = Signer(private, algorithm, "k")
    made = JwtMethod({"JWTValidationPubKeys": [signer.pem]}, issuer.fetch)
    bearer = signer.token()
    await made.identity(bearer, NOW)
    head, payload, signature = bearer.split(".")
    other = "A" if signature[9] != "A" else "B"
    why = await refusal(made, f"{head}.{payload}.{signature[:9]}{other}{signature[10:]}")
    assert why == "no known key successfully validated the token signature"


def test_a_certificate_is_as_good_as_its_key(issuer: Issuer) -> None:
    """A key of a kind that signs no tokens is none, nor is a block of anything else."""
    certificate, _ = self_signed("issuer.test")
    JwtMethod({"JWTValidationPubKeys": [certificate.decode()]}, issuer.fetch)
    odd = dsa.generate_private_key(1024).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for pem in (odd.decode(), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"):
        with pytest.raises(MethodError) as caught:
            JwtMethod({"JWTValidationPubKeys": [pem]}, issuer.fetch)
        assert str(caught.value) == NO_KEY


async def test_a_provider_s_token_needs_an_algorithm_of_the_method(issuer: Issuer, signer: Signer) -> None:
    """RS256 where it names none."""
    issuer.says(DISCOVERY, {"issuer": ISSUER, "jwks_uri": JWKS})
    issuer.says(JWKS, {"keys": [signer.jwk]})
    why = await refusal(JwtMethod({"OIDCDiscoveryURL": ISSUER}, issuer.fetch), signer.token(iss=ISSUER))
    text = 'oidc: id token signed with unsupported algorithm, expected ["RS256"] got "ES256"'
    assert why == f"error validating signature: {text}"
    settings = {"OIDCDiscoveryURL": ISSUER, "JWTSupportedAlgs": ["RS256", "ES256"]}
    await JwtMethod(settings, issuer.fetch).identity(signer.token(iss=ISSUER), NOW)


@pytest.mark.parametrize(
    ("document", "status", "text"),
    [
        (b"no", "503 Service Unavailable", "503 Service Unavailable: no"),
        (b"<", "200 OK", "oidc: failed to decode provider discovery object: got Content-Type = application/json"),
        (
            {"issuer": "https://evil.test"},
            "200 OK",
            f'oidc: issuer did not match the issuer returned by provider, expected "{ISSUER}" got "https://evil.test"',
        ),
        ([], "200 OK", f'oidc: issuer did not match the issuer returned by provider, expected "{ISSUER}" got ""'),
    ],
)
async def test_a_provider_that_cannot_be_discovered_is_told(
    document: Any, status: str, text: str, issuer: Issuer, rsa_signer: Signer
) -> None:
    """In go-oidc's words."""
    issuer.says(DISCOVERY, document, status)
    why = await refusal(JwtMethod({"OIDCDiscoveryURL": ISSUER}, issuer.fetch), rsa_signer.token(iss=ISSUER))
    assert why.startswith(f"error validating signature: {text}")


@pytest.mark.parametrize(
    ("document", "status", "text"),
    [
        (b"gone", "410 Gone", "oidc: get keys failed: 410 Gone gone"),
        ({"keys": {"a": 1}}, "200 OK", "oidc: failed to decode keys: "),
        (None, "", f'oidc: get keys failed Get "{JWKS}": dial tcp: connection refused'),
    ],
)
async def test_keys_of_a_provider_that_cannot_be_had_are_told(
    document: Any, status: str, text: str, issuer: Issuer, rsa_signer: Signer
) -> None:
    """Once for a login."""
    issuer.says(DISCOVERY, {"issuer": ISSUER, "jwks_uri": JWKS})
    if status:
        issuer.says(JWKS, document, status)
    why = await refusal(JwtMethod({"OIDCDiscoveryURL": ISSUER}, issuer.fetch), rsa_signer.token(iss=ISSUER))
    assert why.startswith(f"error validating signature: failed to verify signature: fetching keys {text}")


async def test_keys_are_looked_for_when_a_method_is_written(issuer: Issuer, rsa_signer: Signer) -> None:
    """Those of a provider only by its discovery document; keys that the method holds are looked for nowhere."""
    await JwtMethod({"JWTValidationPubKeys": [rsa_signer.pem]}, issuer.fetch).check()
    assert issuer.asked == []
    issuer.says(DISCOVERY, {"issuer": ISSUER, "jwks_uri": JWKS})
    await JwtMethod({"OIDCDiscoveryURL": ISSUER}, issuer.fetch).check()
    assert [ask.url for ask in issuer.asked] == [DISCOVERY]
    with pytest.raises(MethodError, match=r"error checking JWKSURL: fetching keys oidc: get keys failed"):
        await JwtMethod({"JWKSURL": JWKS}, issuer.fetch).check()


async def test_a_provider_s_token_needs_a_header(issuer: Issuer) -> None:
    """Its claims alone are looked at first."""
    claims = base64.urlsafe_b64encode(json.dumps({"iss": ISSUER, "exp": NOW + 60}).encode()).decode().rstrip("=")
    why = await refusal(JwtMethod({"OIDCDiscoveryURL": ISSUER}, issuer.fetch), f"e30=x.{claims}.AAAA")
    assert why.startswith("error validating signature: oidc: malformed jwt: ")
