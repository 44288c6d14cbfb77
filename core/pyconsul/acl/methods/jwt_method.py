"""Type ``jwt``: tokens signed by keys that stand in the configuration, at a JWKS URL, or at an OIDC provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TypeVar

import msgspec

from pyconsul.acl.methods import claims as claims_of
from pyconsul.acl.methods import jose_json, jws
from pyconsul.acl.methods.jose_keys import keys_of_set
from pyconsul.acl.methods.protocol import Answer, Ask, Fetch, Identity, MethodError
from pyconsul.acl.methods.settings import nanoseconds, read_settings, text, text_map, texts
from pyconsul.lang.strconv import quote
from pyconsul.primitives.untyped import is_dict

T = TypeVar("T")

_KINDS: Final = {
    "JWTSupportedAlgs": texts,
    "BoundAudiences": texts,
    "ClaimMappings": text_map,
    "ListClaimMappings": text_map,
    "OIDCDiscoveryURL": text,
    "OIDCDiscoveryCACert": text,
    "JWKSURL": text,
    "JWKSCACert": text,
    "JWTValidationPubKeys": texts,
    "BoundIssuer": text,
    "ExpirationLeeway": nanoseconds,
    "NotBeforeLeeway": nanoseconds,
    "ClockSkewLeeway": nanoseconds,
}
_UNSIGNED: Final = "failed to verify id token signature"
_NO_KEY_FITS: Final = "no known key successfully validated the token signature"
_LAST_SECOND: Final = 253_402_300_799.0  # of the year 9999
_ZERO_TIME = "0001-01-01 00:00:00 +0000 UTC"
_OIDC_LEEWAY: Final = 300.0  # seconds before ``nbf`` that an OIDC token is let in


class JwtFields(msgspec.Struct, frozen=True):
    """What selectors see: mapped claims, single ones as ``value.x`` and lists as ``list.x``."""

    bexpr_names: ClassVar[dict[str, tuple[str, ...]]] = {"values": ("value",), "lists": ("list",)}

    values: dict[str, str]
    lists: dict[str, list[str]]


class _KeySet(msgspec.Struct):
    """The keys behind a URL; asked for again when none of them made a signature, as keys are rotated."""

    url: str
    ca: str
    fetch: Fetch
    keys: list[tuple[str, Any]] = msgspec.field(default_factory=list[tuple[str, Any]])

    async def check(self, token: jws.SignedToken) -> None:
        """Raise MethodError unless one of the keys made the signature."""
        if self._fits(token):
            return
        try:
            self.keys = await self._fetched()
        except MethodError as error:
            raise MethodError(f"fetching keys {error}") from None
        if not self._fits(token):
            raise MethodError(_UNSIGNED)

    async def reachable(self) -> None:
        """Raise MethodError unless keys can be had."""
        try:
            self.keys = await self._fetched()
        except MethodError as error:
            raise MethodError(f"fetching keys {error}") from None

    def _fits(self, token: jws.SignedToken) -> bool:
        wanted = token.key_id
        return jws.is_signed_by(token, (key for key_id, key in self.keys if not wanted or key_id == wanted))

    async def _fetched(self) -> list[tuple[str, Any]]:
        try:
            answer = await self.fetch(Ask(self.url, ca=self.ca, follow=True))
        except MethodError as error:
            what = "can't create request:" if str(error).startswith("parse ") else "get keys failed"
            raise MethodError(f"oidc: {what} {error}") from None
        if not answer.ok:
            raise MethodError(f"oidc: get keys failed: {answer.status} {_shown(answer)}")
        try:
            return _document(answer, keys_of_set)
        except MethodError as error:
            raise MethodError(f"oidc: failed to decode keys: {error} {_shown(answer)}") from None


class JwtMethod:
    """One auth method of type jwt."""

    def __init__(self, config: Mapping[str, Any], fetch: Fetch) -> None:
        self._settings = settings = read_settings(config, _KINDS)
        self._fetch = fetch
        self._values: dict[str, str] = settings.get("ClaimMappings", {})
        self._lists: dict[str, str] = settings.get("ListClaimMappings", {})
        self._audiences: list[str] = settings.get("BoundAudiences", [])
        self._algorithms: list[str] = settings.get("JWTSupportedAlgs", [])
        self._discovery: str = settings.get("OIDCDiscoveryURL", "")
        self._jwks: str = settings.get("JWKSURL", "")
        self._check_sources()
        self._static = [self._static_key(at, pem) for at, pem in enumerate(settings.get("JWTValidationPubKeys", []))]
        self._remote: _KeySet | None = None
        if self._jwks:
            self._remote = _KeySet(self._jwks, settings.get("JWKSCACert", ""), fetch)

    def _check_sources(self) -> None:
        """Refuse all but one source of keys, and what does not go with it. Raises MethodError."""
        sources = ("JWTValidationPubKeys", "JWKSURL", "OIDCDiscoveryURL")
        if sum(bool(self._settings.get(name)) for name in sources) != 1:
            raise MethodError(
                "exactly one of 'JWTValidationPubKeys', 'JWKSURL', or 'OIDCDiscoveryURL' must be set for type \"jwt\""
            )
        for ca, url in (("JWKSCACert", "JWKSURL"), ("OIDCDiscoveryCACert", "OIDCDiscoveryURL")):
            if self._settings.get(ca) and not self._settings.get(url):
                raise MethodError(f"'{ca}' should not be set unless '{url}' is set")
            _check_ca(ca, self._settings.get(ca, ""))
        for name in self._algorithms:
            if name not in jws.ALGORITHMS:
                raise MethodError(f"Invalid supported algorithm: {name}")
        for kind, mappings in (("ClaimMappings", self._values), ("ListClaimMappings", self._lists)):
            targets = list(mappings.values())
            if twice := next((target for target in targets if targets.count(target) > 1), ""):
                raise MethodError(f"{kind} contains multiple mappings for key {quote(twice)}")

    def _static_key(self, at: int, pem: str) -> Any:
        try:
            return jws.public_key(pem)
        except MethodError as error:
            raise MethodError(f"error parsing public key JWTValidationPubKeys[{at}]: {error}") from None

    def blank(self) -> Identity:
        """Every mapped name, empty."""
        return self._identity(dict.fromkeys(self._values.values(), ""), {name: [] for name in self._lists.values()})

    def _identity(self, values: dict[str, str], lists: dict[str, list[str]]) -> Identity:
        # Names may be made of a claim that is not there; selectors see that it is not: it equals nothing, not even "".
        variables = {f"value.{name}": values.get(name, "") for name in self._values.values()}
        return Identity(JwtFields(values, lists), variables)

    async def check(self) -> None:
        """Whether the keys can be had."""
        if self._jwks and self._remote is not None:
            try:
                await self._remote.reachable()
            except MethodError as error:
                raise MethodError(f"error checking JWKSURL: {error}") from None
        if self._discovery:
            try:
                await self._provider_keys()
            except MethodError as error:
                raise MethodError(f"error checking OIDCDiscoveryURL: {error}") from None

    async def identity(self, bearer: str, now: float) -> Identity:
        """The mapped claims of a token that is signed, meant for us, and within its time."""
        if not bearer:
            raise MethodError("missing jwt")
        claims = await (self._oidc_claims(bearer, now) if self._discovery else self._claims(bearer, now))
        return self._identity(claims_of.values_of(claims, self._values), claims_of.lists_of(claims, self._lists))

    async def _claims(self, bearer: str, now: float) -> dict[str, Any]:
        token = await self._signed(bearer)
        claims = self._readable(token)
        read = self._settings.get
        times = claims_of.times_of(
            claims,
            expiration=claims_of.leeway_of(read("ExpirationLeeway", 0), claims_of.LEEWAY),
            not_before=claims_of.leeway_of(read("NotBeforeLeeway", 0), claims_of.LEEWAY),
        )
        claims_of.check_issuer(claims, read("BoundIssuer", ""))
        times.check(now, claims_of.leeway_of(read("ClockSkewLeeway", 0), claims_of.CLOCK_SKEW))
        claims_of.check_audience(claims, self._audiences, strict=True)
        return claims

    def _readable(self, token: jws.SignedToken) -> dict[str, Any]:
        """The claims, the registered ones of their types. Raises MethodError.

        Consul reads claims while it tries its keys: with keys of its own, what is unreadable fits none of them.
        """
        try:
            claims = token.claims() if self._remote is None else jws.claims_in(token.payload)
            claims_of.check_types(claims)
        except MethodError as error:
            text = _NO_KEY_FITS if self._remote is None else f"failed to unmarshal claims: {error}"
            raise MethodError(text) from None
        return claims

    async def _signed(self, bearer: str) -> jws.SignedToken:
        if self._remote is not None:
            try:
                token = _parsed_for_oidc(bearer)
                await self._remote.check(token)
            except MethodError as error:
                raise MethodError(f"error verifying token: {error}") from None
            return token
        try:
            token = jws.parse(bearer)
        except MethodError as error:
            raise MethodError(f"error parsing token: {error}") from None
        if not jws.is_signed_by(token, self._static):
            raise MethodError(_NO_KEY_FITS)
        return token

    # OpenID Connect discovery

    async def _oidc_claims(self, bearer: str, now: float) -> dict[str, Any]:
        try:
            claims = _unsigned_claims(bearer)
            self._check_oidc(claims, now)
            token = _parsed_for_oidc(bearer)
            self._check_algorithm(token)
            keys = await self._provider_keys()
            try:
                await keys.check(token)
            except MethodError as error:
                raise MethodError(f"failed to verify signature: {error}") from None
        except MethodError as error:
            raise MethodError(f"error validating signature: {error}") from None
        claims_of.check_audience(claims, self._audiences, strict=False)
        return claims

    def _check_oidc(self, claims: Mapping[str, Any], now: float) -> None:
        """What an OIDC token must be before anybody looks for its key (OpenID Connect Core, 3.1.3.7)."""
        issuer = str(claims.get("iss", ""))
        if issuer != self._discovery:
            raise MethodError(
                f"oidc: id token issued by a different provider, expected {quote(self._discovery)} got {quote(issuer)}"
            )
        ends, begins = claims.get("exp"), float(claims.get("nbf") or 0)
        if ends is None or ends < now:
            shown = _ZERO_TIME if ends is None else _go_time(ends)
            raise MethodError(f"oidc: token is expired (Token Expiry: {shown})")
        if now + _OIDC_LEEWAY < begins:
            raise MethodError(
                f"oidc: current time {_go_time(now)} before the nbf (not before) time: {_go_time(begins)}"
            )

    def _check_algorithm(self, token: jws.SignedToken) -> None:
        supported = self._algorithms or ["RS256"]
        if token.algorithm not in supported:
            shown = " ".join(quote(name) for name in supported)
            raise MethodError(
                f"oidc: id token signed with unsupported algorithm, expected [{shown}] got {quote(token.algorithm)}"
            )

    async def _provider_keys(self) -> _KeySet:
        """The key set that the provider's discovery document names."""
        if self._remote is None:
            ca = self._settings.get("OIDCDiscoveryCACert", "")
            answer = await self._fetch(
                Ask(self._discovery.rstrip("/") + "/.well-known/openid-configuration", ca=ca, follow=True)
            )
            self._remote = _KeySet(_keys_url(answer, self._discovery), ca, self._fetch)
        return self._remote


def _keys_url(answer: Answer, issuer: str) -> str:
    if not answer.ok:
        raise MethodError(f"{answer.status}: {_shown(answer)}")
    try:
        document = _document(answer, _read_discovery)
    except MethodError as error:
        raise MethodError(f"oidc: failed to decode provider discovery object: {error}") from None
    named, url = str(document.get("issuer", "")), str(document.get("jwks_uri", ""))
    if named != issuer:
        raise MethodError(
            f"oidc: issuer did not match the issuer returned by provider, expected {quote(issuer)} got {quote(named)}"
        )
    return url


def _read_discovery(found: Any) -> dict[str, Any]:
    return found if is_dict(found) else {}


def _document(answer: Answer, read: Callable[[Any], T]) -> T:
    """What the JSON of an answer says. Raises MethodError in go-oidc's words."""
    try:
        return read(jose_json.value(answer.body))
    except MethodError as error:
        kind = answer.content_type
        if kind.partition(";")[0].strip() == "application/json":
            text = f"got Content-Type = application/json, but could not unmarshal as JSON: {error}"
        else:
            text = f"expected Content-Type = application/json, got {quote(kind)}: {error}"
        raise MethodError(text) from None


def _unsigned_claims(bearer: str) -> dict[str, Any]:
    """The claims of a token whose signature comes later, as go-oidc reads it. Raises MethodError."""
    parts = bearer.split(".")
    if len(parts) < 2:
        raise MethodError(f"oidc: malformed jwt: oidc: malformed jwt, expected 3 parts got {len(parts)}")
    try:
        payload = jws.decoded(parts[1])
    except MethodError as error:
        raise MethodError(f"oidc: malformed jwt: oidc: malformed jwt payload: {error}") from None
    try:
        claims = jws.claims_in(payload)
        claims_of.check_types(claims, null_audiences=True)
    except MethodError as error:
        raise MethodError(f"oidc: failed to unmarshal claims: {error}") from None
    return claims


def _go_time(seconds: float) -> str:
    """A time as Go prints it; one beyond the year 9999 is told as its end."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def _parsed_for_oidc(bearer: str) -> jws.SignedToken:
    try:
        return jws.parse(bearer)
    except MethodError as error:
        raise MethodError(f"oidc: malformed jwt: {error}") from None


def _check_ca(name: str, pem: str) -> None:
    from cryptography import x509

    if not pem:
        return
    try:
        x509.load_pem_x509_certificates(pem.encode("utf-8", "surrogateescape"))
    except ValueError:
        raise MethodError(f"error checking {name}: could not parse CA PEM value successfully") from None


def _shown(answer: Answer) -> str:
    return answer.body[:4096].decode("utf-8", "replace")


def open_method(name: str, config: Mapping[str, Any], fetch: Fetch) -> JwtMethod:
    """The validator of one auth method. Raises MethodError."""
    del name
    return JwtMethod(config, fetch)
