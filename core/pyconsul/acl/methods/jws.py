"""Signed JSON web tokens: their three parts, and whether a key made their signature (RFC 7515).

The signature itself is cryptography's business; what is refused, and in which words, is go-jose's.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from pyconsul.acl.methods import jose_json
from pyconsul.acl.methods.jose_header import header_in
from pyconsul.acl.methods.protocol import MethodError
from pyconsul.lang import gopem
from pyconsul.lang.gojson_syntax import TOO_DEEP
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import godecode

ALGORITHMS: Final = frozenset(f"{kind}{size}" for kind in ("RS", "ES", "PS") for size in (256, 384, 512))
_INTEGERS: Final = {"256": 32, "384": 48, "512": 66}  # bytes of each half of an elliptic signature
_SPACE: Final = re.compile(
    "[\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]"
)  # Go's unicode.IsSpace
_NO_KEY: Final = "data does not contain any valid RSA, ECDSA, or ED25519 public keys"
_URL_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class SignedToken(msgspec.Struct, frozen=True):
    """A token that nobody has checked yet.

    ``signed`` are the bytes that the signature is for, None where go-jose could not tell them or would not verify any.
    """

    header: Mapping[str, Any]
    payload: bytes
    signature: bytes
    signed: bytes | None

    @property
    def algorithm(self) -> str:
        """How it says it is signed, "" if it does not."""
        return str(self.header.get("alg", ""))

    @property
    def key_id(self) -> str:
        """The key it says it is signed with, "" for none."""
        return str(self.header.get("kid", ""))

    def claims(self) -> dict[str, Any]:
        """What it claims, no name twice. Raises MethodError unless it is a JSON object."""
        return _object(jose_json.value_without_twins(self.payload))


def claims_in(payload: bytes) -> dict[str, Any]:
    """The claims of a token's second part, of two of a name the last. Raises MethodError unless it is a JSON object."""
    return _object(jose_json.value(payload))


def _object(found: Any) -> dict[str, Any]:
    if found is None:
        return {}
    if not is_dict(found):
        raise MethodError(godecode.wrong_value(found, "jwt.Claims"))
    return {str(key): value for key, value in found.items()}


def parse(raw: str) -> SignedToken:
    """Take a token apart, in compact or JSON form (RFC 7515, section 7); white space in it and padding are nothing.

    Raises MethodError with go-jose's text.
    """
    raw = _SPACE.sub("", raw)
    if raw.startswith("{"):
        return _of_json(raw)
    if raw.count(".") != 2:
        raise MethodError("go-jose/go-jose: compact JWS format must have three parts")
    protected, payload, signature = (decoded(part) for part in raw.split("."))
    return _token(protected, {}, payload, signature)


def _of_json(text: str) -> SignedToken:
    """A token in JSON, flattened or with a list of one signature; one with several is signed by nobody."""
    whole = jose_json.value_without_twins(text.encode("utf-8", "surrogateescape"))
    payload = _bytes_member(whole, "payload")
    rows: Any = whole.get("signatures") or []
    if not is_list(rows):
        raise MethodError(godecode.wrong_value(rows, "[]jose.rawSignatureInfo"))
    if payload is None:
        raise MethodError("go-jose/go-jose: missing payload in JWS message")
    tokens = [_of_signature(row, payload) for row in rows or [whole]]
    return tokens[0] if len(tokens) == 1 else msgspec.structs.replace(tokens[0], signed=None)


def _of_signature(row: Any, payload: bytes) -> SignedToken:
    if not is_dict(row):
        raise MethodError(godecode.wrong_value(row, "jose.rawSignatureInfo"))
    try:
        header = header_in(json.dumps(row.get("header")).encode())
    except RecursionError:
        raise MethodError(TOO_DEEP) from None
    if header.get("nonce"):
        raise MethodError("go-jose/go-jose: Nonce parameter included in unprotected header")
    return _token(_bytes_member(row, "protected"), header, payload, _bytes_member(row, "signature") or b"")


def _bytes_member(row: Mapping[str, Any], name: str) -> bytes | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise MethodError(godecode.wrong_value(value, "string"))
    return None if value is None else decoded(value)


def _token(protected: bytes | None, unprotected: Mapping[str, Any], payload: bytes, signature: bytes) -> SignedToken:
    header = {**unprotected, **(header_in(protected) if protected else {})}
    signed = None
    if protected != b"" and _is_understood(header.get("crit", [])):
        text = payload if header.get("b64") is False else _encoded(payload)
        signed = _encoded(protected or b"") + b"." + text
    return SignedToken(header, payload, signature, signed)


def _is_understood(critical: Any) -> bool:
    """Whether go-jose knows all extensions that a header calls critical: there is one (RFC 7797)."""
    return is_list(critical) and all(name == "b64" for name in critical)


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def decoded(part: str) -> bytes:
    """One part of a token. Raises MethodError with Go's text."""
    part = part.rstrip("=")
    bad = next((at for at, char in enumerate(part) if char not in _URL_SAFE), -1)
    if bad < 0 and len(part) % 4 == 1:
        bad = len(part) - 1
    if bad >= 0:
        raise MethodError(f"illegal base64 data at input byte {bad}")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def is_signed_by(token: SignedToken, keys: Iterable[Any]) -> bool:
    """Whether one of these public keys made the signature; an algorithm that does not fit a key is no."""
    signed = token.signed
    return signed is not None and any(_fits(token.algorithm, key, signed, token.signature) for key in keys)


def _fits(algorithm: str, key: Any, signed: bytes, signature: bytes) -> bool:
    """Whether a key made a signature; "none" and shared secrets are no algorithms here."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

    kind, size = algorithm[:2], algorithm[2:]
    made = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}.get(size)
    try:
        if isinstance(key, ed25519.Ed25519PublicKey) and algorithm == "EdDSA":
            key.verify(signature, signed)
        elif made is None:
            return False
        elif isinstance(key, rsa.RSAPublicKey) and kind == "RS":
            key.verify(signature, signed, padding.PKCS1v15(), made())
        elif isinstance(key, rsa.RSAPublicKey) and kind == "PS":
            # Any length of the salt will do, as in Go.
            key.verify(signature, signed, padding.PSS(padding.MGF1(made()), padding.PSS.AUTO), made())
        elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ES" and len(signature) == 2 * _INTEGERS[size]:
            r, s = (int.from_bytes(half) for half in (signature[: _INTEGERS[size]], signature[_INTEGERS[size] :]))
            key.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(made()))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def public_key(pem: str) -> Any:
    """The key in a PEM block, or that of the certificate in one, whatever its label says. Raises MethodError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    block = gopem.first(pem.encode("utf-8", "surrogateescape"))
    if block is None:
        raise MethodError(_NO_KEY)
    key: Any
    try:
        key = load_pem_public_key(_as_public_key(block.content))
    except ValueError:
        try:
            key = x509.load_der_x509_certificate(block.content).public_key()
        except ValueError:
            raise MethodError(_NO_KEY) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise MethodError(_NO_KEY)
    return key


def _as_public_key(der: bytes) -> bytes:
    """In PEM, since keys in DER may be of PKCS #1, too, which Go does not take here."""
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"
