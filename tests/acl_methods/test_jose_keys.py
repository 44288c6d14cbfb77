"""Key sets of issuers: what go-jose takes is taken, and one bad key spoils the set, in its words."""

from typing import Any

import pytest

from pyconsul.acl.methods.jose_keys import keys_of_set
from pyconsul.acl.methods.protocol import MethodError
from tests.acl_methods.conftest import Signer

SECRET = {"kty": "oct", "k": "AAAA"}


def test_keys_have_their_ids(signer: Signer, rsa_signer: Signer) -> None:
    """In order; a shared secret is no public key; Go finds the list in any letter case."""
    rows = [signer.jwk, SECRET, rsa_signer.jwk | {"kid": ""}, {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "e"}]
    assert [key_id for key_id, _ in keys_of_set({"Keys": rows})] == ["k1", "", "e"]
    assert keys_of_set(None) == keys_of_set({}) == keys_of_set({"keys": None}) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"kty": "FOO"}, "go-jose/go-jose: unknown json web key type 'FOO'"),
        ({"kty": "RSA"}, "go-jose/go-jose: invalid RSA key, missing n/e values"),
        (
            {"kty": "RSA", "n": "AQ", "e": "AQ", "d": "AQ"},
            "go-jose/go-jose: invalid RSA private key, missing P value(s)",
        ),
        ({"crv": "P-9"}, "go-jose/go-jose: unsupported elliptic curve 'P-9'"),
        ({"x": None}, "go-jose/go-jose: invalid EC key, missing x/y values"),
        ({"x": "AAAA"}, "go-jose/go-jose: invalid EC public key, wrong length for x"),
        ({"x": "A" * 43}, "go-jose/go-jose: invalid EC key, X/Y are not on declared curve"),
        ({"y": "!!"}, "illegal base64 data at input byte 0"),
        ({"x": 7}, "json: cannot unmarshal number into Go value of type string"),
        ({"x5c": ["%"]}, "go-jose/go-jose: failed to unmarshal x5c field: illegal base64 data at input byte 0"),
        ({"kty": "oct"}, "go-jose/go-jose: invalid OCT (symmetric) key, missing k value"),
        ({"kty": "OKP"}, "go-jose/go-jose: unknown curve P-256'"),
    ],
)
def test_one_bad_key_spoils_the_set(change: Any, text: str, signer: Signer) -> None:
    """Whatever the others are worth."""
    with pytest.raises(MethodError) as caught:
        keys_of_set({"keys": [signer.jwk, signer.jwk | change]})
    assert str(caught.value) == text


@pytest.mark.parametrize("found", [[], "x", {"keys": {}}, {"keys": [7]}])
def test_what_is_no_key_set_is_refused(found: Any) -> None:
    """By the name of Go's type."""
    with pytest.raises(MethodError, match="into Go value of type jose"):
        keys_of_set(found)
