"""Type ``kubernetes``: tokens of service accounts, which a cluster's API server is asked about (TokenReview)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pyconsul.acl.methods import jws
from pyconsul.acl.methods.kubernetes_api import Resource, account_path, document, server_url
from pyconsul.acl.methods.protocol import Answer, Ask, Fetch, Identity, MethodError
from pyconsul.acl.methods.settings import read_settings, text
from pyconsul.lang import gopem
from pyconsul.primitives.untyped import is_dict

_KINDS: Final = {"Host": text, "CACert": text, "ServiceAccountJWT": text}
_NAME_ANNOTATION: Final = "consul.hashicorp.com/service-name"
_PREFIX: Final = "serviceaccount."
_REVIEW: Final = Resource("authentication.k8s.io/v1", "TokenReview", "post tokenreviews.authentication.k8s.io")
_NO_CERTIFICATES: Final = "data does not contain any valid RSA or ECDSA certificates"


class ServiceAccount(msgspec.Struct, frozen=True):
    """Who the token belongs to; ``name`` is that of its annotation where it has one."""

    namespace: str = ""
    name: str = ""
    uid: str = ""


class KubernetesFields(msgspec.Struct, frozen=True):
    """What selectors see."""

    serviceaccount: ServiceAccount = ServiceAccount()


class KubernetesMethod:
    """One auth method of type kubernetes."""

    def __init__(self, config: Mapping[str, Any], fetch: Fetch) -> None:
        settings = read_settings(config, _KINDS)
        self._fetch = fetch
        self._host: str = settings.get("Host", "")
        self._base = ""
        self._ca: str = settings.get("CACert", "")
        self._own_token: str = settings.get("ServiceAccountJWT", "")
        self._check_settings()

    def _check_settings(self) -> None:
        if not self._host:
            raise MethodError("Config.Host is required")
        if not self._ca:
            raise MethodError("Config.CACert is required")
        _check_certificates(self._ca)
        if not self._own_token:
            raise MethodError("Config.ServiceAccountJWT is required")
        try:
            jws.parse(self._own_token)
        except MethodError as error:
            raise MethodError(f"Config.ServiceAccountJWT is not a valid JWT: {error}") from None
        self._base = server_url(self._host)

    def blank(self) -> Identity:
        """Every name, empty."""
        return _identity(ServiceAccount())

    async def check(self) -> None:
        """Nothing: the API server may come up later."""

    async def identity(self, bearer: str, now: float) -> Identity:
        """The service account that the API server finds behind a token."""
        del now
        try:
            jws.parse(bearer)
        except MethodError as error:
            raise MethodError(f"failed to parse and validate JWT: {error}") from None
        namespace, name, uid = _account(await self._review(bearer))
        return _identity(ServiceAccount(namespace, await self._shown_name(namespace, name), uid))

    async def _review(self, bearer: str) -> dict[str, Any]:
        review: dict[str, Any] = {  # with the empty members that Go's client writes
            "kind": "TokenReview",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"creationTimestamp": None},
            "spec": {"token": bearer},
            "status": {"user": {}},
        }
        body = json.dumps(review, separators=(",", ":")).encode()
        answer = await self._ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body)
        status = _object(document(answer, _REVIEW).get("status"))
        if status.get("error"):
            raise MethodError(f"lookup failed: {status['error']}")
        if status.get("authenticated") is not True:
            raise MethodError("lookup failed: service account jwt not valid")
        return status

    async def _shown_name(self, namespace: str, name: str) -> str:
        """The name that the account's annotation gives it, else its own."""
        try:
            answer = await self._ask("GET", account_path(namespace, name))
            account = document(answer, Resource("v1", "ServiceAccount", f"get serviceaccounts {name}"))
        except MethodError as error:
            raise MethodError(f"annotation lookup failed: {error}") from None
        annotations = _object(_object(account.get("metadata")).get("annotations"))
        return str(annotations.get(_NAME_ANNOTATION, name))

    async def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        headers = {"Authorization": f"Bearer {self._own_token}", "Accept": "application/json, */*"}
        if body:
            headers["Content-Type"] = "application/json"
        return await self._fetch(Ask(self._base + path, method, headers, body, ca=self._ca, follow=True))


def _account(status: Mapping[str, Any]) -> tuple[str, str, str]:
    """Namespace, name and UID of the service account in a review. Raises MethodError for other users."""
    user = _object(status.get("user"))
    parts = str(user.get("username", "")).split(":")
    if len(parts) != 4:
        raise MethodError("lookup failed: unexpected username format")
    if parts[:2] != ["system", "serviceaccount"]:
        raise MethodError("lookup failed: username returned is not a service account")
    return parts[2], parts[3], str(user.get("uid", ""))


def _identity(account: ServiceAccount) -> Identity:
    variables = {_PREFIX + name: value for name, value in msgspec.structs.asdict(account).items()}
    return Identity(KubernetesFields(account), variables)


def _object(value: Any) -> dict[str, Any]:
    return value if is_dict(value) else {}


def _check_certificates(pem: str) -> None:
    from cryptography import x509

    certificates = [b.content for b in gopem.blocks(pem.encode("utf-8", "surrogateescape")) if b.kind == "CERTIFICATE"]
    if not certificates:
        raise MethodError(f"error parsing kubernetes ca cert: {_NO_CERTIFICATES}")
    try:
        for certificate in certificates:
            x509.load_der_x509_certificate(certificate)
    except ValueError:
        raise MethodError("error parsing kubernetes ca cert: x509: malformed certificate") from None


def open_method(name: str, config: Mapping[str, Any], fetch: Fetch) -> KubernetesMethod:
    """The validator of one auth method. Raises MethodError."""
    del name
    return KubernetesMethod(config, fetch)
