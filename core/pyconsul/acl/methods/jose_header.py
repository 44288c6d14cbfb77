"""The JOSE header of a signed token (RFC 7515, section 4): what go-jose makes of its members, and what it refuses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from pyconsul.acl.methods import jose_json
from pyconsul.acl.methods.protocol import MethodError
from pyconsul.lang.gojson_syntax import raw_members
from pyconsul.lang.strconv import from_bytes, quote
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import godecode

__all__ = ["header_in"]

_NOT_PUBLIC: Final = "go-jose/go-jose: invalid embedded jwk, must be public key"
_SECRETS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})  # members of private keys
_KEY_TYPES: Final = frozenset({"EC", "RSA", "OKP", "oct"})


def header_in(data: bytes) -> dict[str, Any]:
    """The members of a header that are not null. Raises MethodError in go-jose's words."""
    outer = jose_json.value(data)
    if outer is None:
        return {}
    if not isinstance(outer, dict):
        raise MethodError(godecode.wrong_value(outer, "jose.rawHeader"))
    found: dict[str, Any] = {}
    for name, raw in raw_members(data):
        if name in found:
            raise MethodError(f"json: duplicate key '{name}' in object")
        found[name] = raw
    return {name: _member(name, raw) for name, raw in found.items() if raw != b"null"}


def _member(name: str, raw: bytes) -> Any:
    """One member as what it must be."""
    what, check = _MEMBERS.get(name, ("value", None))
    try:
        value = jose_json.value_without_twins(raw)
        if check is not None:
            check(value)
    except MethodError as error:
        raise MethodError(f"failed to unmarshal {what}: {error}: {quote(from_bytes(raw))}") from None
    if name == "jwk" and (value["kty"] == "oct" or "d" in value):
        raise MethodError(_NOT_PUBLIC)
    return value


def _text(value: Any) -> None:
    if not isinstance(value, str):
        raise MethodError(godecode.wrong_value(value, "string"))


def _certificates(value: Any) -> None:
    """A list of certificates in base64."""
    from cryptography import x509

    if not is_list(value):
        raise MethodError(godecode.wrong_value(value, "[]string"))
    for text in value:
        _text("" if text is None else text)
        try:
            x509.load_der_x509_certificate(base64.b64decode(text or "", validate=True))
        except binascii.Error:
            raise MethodError("illegal base64 data at input byte 0") from None
        except ValueError:
            raise MethodError("x509: malformed certificate") from None


def _key(value: Any) -> None:
    """A JSON web key of a kind that go-jose knows."""
    import jwt  # 20 ms, and hardly any token carries a key

    if not is_dict(value):
        raise MethodError(godecode.wrong_value(value, "jose.rawJSONWebKey"))
    kind, curve = value.get("kty") or "", value.get("crv") or ""
    if kind not in _KEY_TYPES:
        raise MethodError(f"go-jose/go-jose: unknown json web key type '{kind}'")
    if kind == "EC" and curve not in ("P-256", "P-384", "P-521"):
        raise MethodError(f"go-jose/go-jose: unsupported elliptic curve '{curve}'")
    if kind == "oct":
        return
    try:
        jwt.PyJWK.from_dict({name: member for name, member in value.items() if name not in _SECRETS})
    except (jwt.PyJWTError, TypeError, ValueError):
        raise MethodError(f"go-jose/go-jose: invalid {kind} key") from None


# Members that go-jose looks at while it reads a header: what its errors call them, and what they must be.
_MEMBERS: Final[Mapping[str, tuple[str, Callable[[Any], None]]]] = {
    "alg": ("algorithm", _text),
    "kid": ("key ID", _text),
    "nonce": ("nonce", _text),
    "x5c": ("x5c header", _certificates),
    "jwk": ("JWK", _key),
}
