"""Signed JSON web tokens: their three parts, and whether a key made their signature (RFC 7515).

The signature itself is PyJWT's and cryptography's business; what is refused, and in which words, is go-jose's.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from pyconsul.acl.methods.protocol import MethodError
from pyconsul.structs import godecode

ALGORITHMS: Final = frozenset(f"{kind}{size}" for kind in ("RS", "ES", "PS") for size in (256, 384, 512))
_WITH_KEYS: Final = (*sorted(ALGORITHMS), "EdDSA")  # never "none", never a shared secret
_NO_KEY: Final = "data does not contain any valid RSA, ECDSA, or ED25519 public keys"
_URL_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token that nobody has checked yet."""

    raw: str
    header: Mapping[str, Any]
    payload: bytes

    @property
    def algorithm(self) -> str:
        """How it says it is signed."""
        return str(self.header.get("alg", ""))

    @property
    def key_id(self) -> str:
        """The key it says it is signed with, "" for none."""
        return str(self.header.get("kid") or "")

    def claims(self) -> dict[str, Any]:
        """What it claims. Raises MethodError unless it is a JSON object."""
        return claims_in(self.payload)


def claims_in(payload: bytes) -> dict[str, Any]:
    """The claims of a token's second part. Raises MethodError unless it is a JSON object."""
    found = json_value(payload)
    if not isinstance(found, dict):
        raise MethodError(godecode.wrong_value(found, "jwt.Claims"))
    return {str(key): value for key, value in found.items()}


def json_value(data: bytes) -> Any:
    """JSON without anything behind it. Raises MethodError in Go's words."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            godecode.parse(data)
        except ValueError as error:
            cut = str(error) in ("EOF", "unexpected EOF")
            raise MethodError("unexpected end of JSON input" if cut else str(error)) from None
        raise MethodError("invalid character after top-level value") from None


def parse(raw: str) -> SignedToken:
    """Take a token apart; white space in it and padding are nothing. Raises MethodError with go-jose's text."""
    raw = ".".join(part.rstrip("=") for part in "".join(raw.split()).split("."))
    if raw.count(".") != 2:
        raise MethodError("go-jose/go-jose: compact JWS format must have three parts")
    protected, payload, _ = (decoded(part) for part in raw.split("."))
    header = json_value(protected or b"{}")  # no header at all is one that says nothing
    if not isinstance(header, dict):
        raise MethodError("json: cannot unmarshal into Go value of type jose.rawHeader")
    return SignedToken(raw, header, payload)


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
    import jwt  # 20 ms, and only logins need it

    verifier = jwt.PyJWS()
    for key in keys:
        try:
            verifier.decode(token.raw, key, algorithms=list(_WITH_KEYS))
        except (jwt.PyJWTError, TypeError, ValueError):
            continue
        return True
    return False


def public_key(pem: str) -> Any:
    """The key in a PEM block, or that of the certificate in one. Raises MethodError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = pem.encode("utf-8", "surrogateescape")
    key: Any
    try:
        key = load_pem_public_key(data)
    except ValueError:
        try:
            key = x509.load_pem_x509_certificate(data).public_key()
        except ValueError:
            raise MethodError(_NO_KEY) from None
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        raise MethodError(_NO_KEY)
    return key


def keys_of_set(found: Any) -> list[tuple[str, Any]]:
    """The public keys of a JSON web key set by their IDs; those of kinds that we do not know are left out.

    Raises MethodError for what is no key set.
    """
    import jwt

    rows: Any = found.get("keys") or [] if isinstance(found, dict) else None
    if not isinstance(rows, list):
        raise MethodError(godecode.wrong_value(found, "jose.JSONWebKeySet"))
    keys: list[tuple[str, Any]] = []
    for row in rows:
        try:
            keys.append((str(row.get("kid", "")), jwt.PyJWK.from_dict(row).key))
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError):
            continue
    return keys
