"""What stands in a token's header, and how it is written, as go-jose judges it."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from pyconsul.acl.methods import jws
from pyconsul.acl.methods.protocol import MethodError
from tests.acl_methods.conftest import Signer


def part(data: bytes | str) -> str:
    """One part of a token."""
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(signer: Signer, header: str, payload: str = "{}", *, salt: int | None = None, plain: bool = False) -> str:
    """A token with this header, signed by an RSA key; ``plain``: the payload was signed as it is."""
    text = f"{part(header)}.{payload if plain else part(payload)}".encode()
    pads: Any = padding.PKCS1v15() if salt is None else padding.PSS(padding.MGF1(hashes.SHA256()), salt)
    return f"{part(header)}.{part(payload)}.{part(signer.private.sign(text, pads, hashes.SHA256()))}"


def is_believed(signer: Signer, token: str) -> bool:
    """Whether the signer's key fits the token."""
    return jws.is_signed_by(jws.parse(token), [signer.private.public_key()])


@pytest.mark.parametrize(
    "members",
    [
        '"kid":null',
        '"kid":"\\ud800"',
        '"Kid":5',
        '"crit":null',
        '"crit":[]',
        '"crit":["b64"],"b64":true',
        '"b64":"x"',
        '"typ":5',
        '"jku":5',
        '"x5c":[]',
        '"jwk":null',
        '"x":' + "[" * 3000 + "]" * 3000,
    ],
)
def test_members_that_say_nothing_are_no_fault(members: str, rsa_signer: Signer) -> None:
    """Null is as good as absent, names count letter for letter, and what is not looked at may be anything."""
    assert is_believed(rsa_signer, signed(rsa_signer, f'{{"alg":"RS256",{members}}}'))


@pytest.mark.parametrize(
    "header",
    [
        "null",
        "{}",
        '{"alg":null}',
        '{"alg":"none"}',
        '{"alg":"rs256"}',
        '{"alg":"HS256"}',
        '{"alg":"ES256"}',
        '{"alg":"RS256","crit":["exp"]}',
        '{"alg":"RS256","crit":"b64"}',
        '{"alg":"RS256","crit":[null]}',
        '{"alg":"RS256","b64":false}',
    ],
)
def test_no_key_fits_what_cannot_be_verified(header: str, rsa_signer: Signer) -> None:
    """Other algorithms, unknown extensions, a payload that was signed in another form."""
    assert not is_believed(rsa_signer, signed(rsa_signer, header))


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("5", "json: cannot unmarshal number into Go value of type jose.rawHeader"),
        ('{"kid":"a","kid":"b"}', "json: duplicate key 'kid' in object"),
        ('{"kid":5}', 'failed to unmarshal key ID: json: cannot unmarshal number into Go value of type string: "5"'),
        (
            '{"alg":[]}',
            'failed to unmarshal algorithm: json: cannot unmarshal array into Go value of type string: "[]"',
        ),
        ('{"nonce":1}', 'failed to unmarshal nonce: json: cannot unmarshal number into Go value of type string: "1"'),
        (
            '{"x":{"a":1,"a":2}}',
            "failed to unmarshal value: json: duplicate key 'a' in object: " + r'"{\"a\":1,\"a\":2}"',
        ),
        (
            '{"x":1e400}',
            'failed to unmarshal value: json: cannot unmarshal number 1e400 into Go value of type float64: "1e400"',
        ),
        ('{"x5c":["!"]}', r'failed to unmarshal x5c header: illegal base64 data at input byte 0: "[\"!\"]"'),
        ('{"x5c":["AAAA"]}', r'failed to unmarshal x5c header: x509: malformed certificate: "[\"AAAA\"]"'),
        ('{"jwk":{}}', "failed to unmarshal JWK: go-jose/go-jose: unknown json web key type '': \"{}\""),
        ('{"jwk":{"kty":"oct","k":"AA"}}', "go-jose/go-jose: invalid embedded jwk, must be public key"),
        ("{} x", "invalid character 'x' after top-level value"),
    ],
)
def test_members_of_other_types_are_refused(header: str, text: str) -> None:
    """In go-jose's words, with the member as it was written."""
    with pytest.raises(MethodError) as caught:
        jws.parse(f"{part(header)}.{part('{}')}.")
    assert str(caught.value) == text


def test_a_private_key_stands_in_no_header(rsa_signer: Signer) -> None:
    """The public one may."""
    public = {name: value for name, value in rsa_signer.jwk.items() if name in ("kty", "n", "e")}
    assert is_believed(rsa_signer, signed(rsa_signer, json.dumps({"alg": "RS256", "jwk": public})))
    with pytest.raises(MethodError, match="invalid embedded jwk, must be public key"):
        jws.parse(f"{part(json.dumps({'jwk': {**public, 'd': 'AQAB'}}))}..")


@pytest.mark.parametrize("salt", [0, 32, 222])
def test_a_probabilistic_signature_has_a_salt_of_any_length(salt: int, rsa_signer: Signer) -> None:
    """Go finds it out."""
    assert is_believed(rsa_signer, signed(rsa_signer, '{"alg":"PS256"}', salt=salt))


def test_a_payload_may_be_signed_as_it_is(rsa_signer: Signer) -> None:
    """RFC 7797."""
    assert is_believed(rsa_signer, signed(rsa_signer, '{"alg":"RS256","b64":false,"crit":["b64"]}', plain=True))


def test_tokens_come_in_json_too(rsa_signer: Signer) -> None:
    """RFC 7515, section 7.2: flattened or with a list; several signatures are nobody's."""
    protected, payload, signature = signed(rsa_signer, '{"alg":"RS256"}').split(".")
    one = {"protected": protected, "signature": signature}
    assert is_believed(rsa_signer, json.dumps({"payload": payload, **one}))
    assert is_believed(rsa_signer, json.dumps({"payload": payload, "signatures": [one]}))
    assert not is_believed(rsa_signer, json.dumps({"payload": payload, "signatures": [one, one]}))
    assert not is_believed(
        rsa_signer, json.dumps({"payload": payload, "header": {"alg": "RS256"}, **one, "protected": ""})
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "unexpected end of JSON input"),
        ("{}", "go-jose/go-jose: missing payload in JWS message"),
        ('{"payload":5}', "json: cannot unmarshal number into Go value of type string"),
        ('{"payload":"!"}', "illegal base64 data at input byte 0"),
        ('{"payload":"","header":{"nonce":"x"}}', "go-jose/go-jose: Nonce parameter included in unprotected header"),
        ("\x1fa..", "illegal base64 data at input byte 0"),
    ],
)
def test_broken_json_is_told(text: str, why: str) -> None:
    """In go-jose's words."""
    with pytest.raises(MethodError) as caught:
        jws.parse(text)
    assert str(caught.value) == why


@pytest.mark.parametrize("claims", ['{"sub":"a","sub":"b"}', '{"o":{"a":1,"a":1}}', '{"n":1e400}', "[]"])
def test_claims_are_an_object_without_twins(claims: str, rsa_signer: Signer) -> None:
    """Two readers that choose different ones of two claims would see different tokens."""
    with pytest.raises(MethodError):
        jws.parse(signed(rsa_signer, '{"alg":"RS256"}', claims)).claims()


def test_null_claims_nothing(rsa_signer: Signer) -> None:
    """And bytes that are no text are replaced."""
    assert jws.parse(signed(rsa_signer, '{"alg":"RS256"}', "null")).claims() == {}
    payload = part(b'{"sub":"\xff"}')
    token = f"{part('{}')}.{payload}."
    assert jws.parse(token).claims() == {"sub": "\ufffd"}
