"""Public keys out of a JSON web key set as go-jose reads it: one key that is none spoils the set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconsul.acl.methods import jws
from pyconsul.acl.methods.protocol import MethodError
from pyconsul.primitives import base64_text
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import godecode

Row = Mapping[str, Any]


def keys_of_set(found: Any) -> list[tuple[str, Any]]:
    """The public keys of a set by their IDs; shared secrets give none. Raises MethodError in Go's words."""
    if found is not None and not is_dict(found):
        raise MethodError(godecode.wrong_value(found, "jose.JSONWebKeySet"))
    _, rows = godecode.take(found or {}, "keys")
    if rows is not None and not is_list(rows):
        raise MethodError(godecode.wrong_value(rows, "jose.JSONWebKeySet"))
    keys = [(str(row.get("kid", "")), _public_key(row)) for row in map(_row, rows or ())]
    return [(key_id, key) for key_id, key in keys if key is not None]


def _row(row: Any) -> Row:
    if row is not None and not is_dict(row):
        raise MethodError(godecode.wrong_value(row, "jose.rawJSONWebKey"))
    return row or {}


def _public_key(row: Row) -> Any:
    _check_certificates(row)
    match row.get("kty"):
        case "RSA":
            return _rsa_key(row)
        case "EC":
            return _curve_key(row)
        case "OKP":
            return _edwards_key(row)
        case "oct":
            if row.get("k") is None:
                raise _fault("invalid OCT (symmetric) key, missing k value")
            return None
        case kind:
            raise _fault(f"unknown json web key type '{kind or ''}'")


def _check_certificates(row: Row) -> None:
    for chain in row.get("x5c") or ():
        try:
            base64_text.decode(str(chain).encode("utf-8", "surrogateescape"))
        except ValueError as error:
            raise _fault(f"failed to unmarshal x5c field: {error}") from None


def _rsa_key(row: Row) -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    n, e = _member(row, "n"), _member(row, "e")
    if row.get("d") is not None:
        missing = next((name for name in "nedpq" if row.get(name) is None), "")
        if missing:
            raise _fault(f"invalid RSA private key, missing {missing.upper()} value(s)")
    if n is None or e is None:
        raise _fault("invalid RSA key, missing n/e values")
    try:
        return rsa.RSAPublicNumbers(int.from_bytes(e), int.from_bytes(n)).public_key()
    except ValueError:  # Go takes any numbers, which make no signature good
        return None


def _curve_key(row: Row) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ec

    curves: dict[Any, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
    x, y, curve = _member(row, "x"), _member(row, "y"), curves.get(row.get("crv"))
    if curve is None:
        raise _fault(f"unsupported elliptic curve '{row.get('crv', '')}'")
    if x is None or y is None:
        raise _fault("invalid EC key, missing x/y values")
    for name, value in (("x", x), ("y", y)):
        if len(value) != (curve.key_size + 7) // 8:
            raise _fault(f"invalid EC public key, wrong length for {name}")
    try:
        return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()
    except ValueError:
        raise _fault("invalid EC key, X/Y are not on declared curve") from None


def _edwards_key(row: Row) -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519

    x = _member(row, "x")
    if row.get("crv") != "Ed25519" or x is None:
        raise _fault(f"unknown curve {row.get('crv', '')}'")
    return ed25519.Ed25519PublicKey.from_public_bytes(x[:32].ljust(32, b"\0"))


def _member(row: Row, name: str) -> bytes | None:
    """A number or point of a key; None where it is not there. Raises MethodError for what is no base64."""
    text = row.get(name)
    if text is None:
        return None
    if not isinstance(text, str):
        raise MethodError(godecode.wrong_value(text, "string"))
    return jws.decoded(text)


def _fault(text: str) -> MethodError:
    return MethodError(f"go-jose/go-jose: {text}")
