"""What a JSON web token claims: when it holds, for whom, and what of it is taken over (RFC 7519)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final

import msgspec

from pyconsul.acl.methods.protocol import MethodError
from pyconsul.lang.goprint import printed
from pyconsul.lang.strconv import quote
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import godecode

LEEWAY: Final = 150.0  # seconds, where a token says only when it begins or only when it ends
_INT64: Final = 2.0**63
CLOCK_SKEW: Final = 60.0  # seconds
_REFUSED: Final = "error validating claims: go-jose/go-jose/jwt: "


def leeway_of(nanoseconds: int, default: float) -> float:
    """Seconds of a configured leeway: 0 is the default, a negative one none."""
    return default if nanoseconds == 0 else max(nanoseconds / 1e9, 0.0)


class Times(msgspec.Struct, frozen=True):
    """When a token was issued (0 where it does not say so), and when it holds; seconds since 1970."""

    issued: float
    begins: float
    ends: float

    def check(self, now: float, clock_skew: float) -> None:
        """Refuse a token before its time and after it. Raises MethodError."""
        if now + clock_skew < self.begins:
            raise MethodError(_REFUSED + "validation failed, token not valid yet (nbf)")
        if now - clock_skew > self.ends:
            raise MethodError(_REFUSED + "validation failed, token is expired (exp)")
        if now + clock_skew < self.issued:
            raise MethodError(_REFUSED + "validation field, token issued in the future (iat)")


def check_types(claims: Mapping[str, Any], *, null_audiences: bool = False) -> None:
    """Refuse registered claims (RFC 7519, section 4.1) that are not of their types. Raises MethodError.

    ``null_audiences`` lets null stand in the list of audiences, as go-oidc does and go-jose does not.
    """
    for name in ("iat", "nbf", "exp"):
        if not _is_number(claims.get(name, 0)):
            raise MethodError("go-jose/go-jose/jwt: expected number value to unmarshal NumericDate")
    for name in ("iss", "sub", "jti"):
        if not isinstance(claims.get(name, ""), str | None):
            told = godecode.wrong_value(claims[name], "string")
            raise MethodError(told.replace("Go value", f"Go struct field Claims.{name}"))
    audience = claims.get("aud", "")
    several = audience if is_list(audience) else ["" if audience is None else audience]
    if not all(isinstance(one, str) or (one is None and null_audiences) for one in several):
        raise MethodError("go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        return False
    try:
        return value is None or isfinite(value)
    except OverflowError:  # more than a float can hold
        return False


def times_of(claims: Mapping[str, Any], *, expiration: float, not_before: float) -> Times:
    """The times of a token; what it leaves out is so many seconds from the others. Raises MethodError without any."""
    issued, begins, ends = (_seconds(claims, name) for name in ("iat", "nbf", "exp"))
    if not (issued or begins or ends):
        raise MethodError("no issue time, notbefore, or expiration time encoded in token")
    ends = ends or int(max(issued, begins)) + int(expiration)
    return Times(issued, begins or issued or int(ends) - int(not_before), ends)


def check_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    """Refuse a token of another issuer; "" binds to none. Raises MethodError."""
    if issuer and claims.get("iss") != issuer:
        raise MethodError(_REFUSED + "validation failed, invalid issuer claim (iss)")


def check_audience(claims: Mapping[str, Any], bound: Sequence[str], *, strict: bool) -> None:
    """Refuse a token that is for others; ``strict``: also one for anybody where none is bound. Raises MethodError."""
    audience = claims.get("aud")
    named: list[Any] = audience if is_list(audience) else [audience] if isinstance(audience, str) else []
    if strict and not bound and named:
        raise MethodError("error validating claims: audience claim found in JWT but no audiences are bound")
    if bound and not set(bound) & {one for one in named if isinstance(one, str)}:
        raise MethodError("error validating claims: aud claim does not match any bound audience")


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = float(claims.get(name) or 0)
    # A time that no int64 holds becomes the least of them in Go: such a token ended long ago.
    return value if -_INT64 <= value < _INT64 else -_INT64


def values_of(claims: Mapping[str, Any], mappings: Mapping[str, str]) -> dict[str, str]:
    """Single claims under the names they are mapped to; absent ones are left out. Raises MethodError."""
    found: dict[str, str] = {}
    for source, target in mappings.items():
        raw = _claim(claims, source)
        if raw is None:
            continue
        text = _text(raw)
        if text is None:
            raise MethodError(f"error converting claim '{source}' to string from unknown type {_go_type(raw)}")
        found[target] = text
    return found


def lists_of(claims: Mapping[str, Any], mappings: Mapping[str, str]) -> dict[str, list[str]]:
    """Lists of claims under the names they are mapped to; a single one is a list of one. Raises MethodError."""
    found: dict[str, list[str]] = {}
    for source, target in mappings.items():
        raw = _claim(claims, source)
        if raw is None:
            continue
        if isinstance(raw, dict):
            raise MethodError(f"{quote(source)} list claim could not be converted to string list")
        texts: list[str] = []
        for item in raw if is_list(raw) else [raw]:
            text = _text(item)
            if text is None:
                raise MethodError(f"value {printed(item)} in {quote(source)} list claim could not be parsed as string")
            texts += [text] if text else []
        found[target] = texts
    return found


def _claim(claims: Mapping[str, Any], source: str) -> Any:
    """A claim by name, or by JSON pointer (RFC 6901) where the source begins with a slash; None where there is none."""
    if not source.startswith("/"):
        return claims.get(source)
    at: Any = claims
    for part in source[1:].split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if is_dict(at):
            at = at.get(key)
        elif is_list(at) and key.isdecimal() and int(key) < len(at):
            at = at[int(key)]
        else:
            return None
    return at


def _text(raw: Any) -> str | None:
    match raw:
        case str():
            return raw
        case bool():
            return "true" if raw else "false"
        case int() | float():
            number = float(raw)  # as which Go reads it, and cuts it off to an int64
            return str(int(number if -_INT64 <= number < _INT64 else -_INT64))
        case _:
            return None


def _go_type(raw: object) -> str:
    shown: dict[type, str] = {dict: "map[string]interface {}", list: "[]interface {}"}
    return shown.get(type(raw), type(raw).__name__)
