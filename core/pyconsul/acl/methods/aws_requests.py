"""The bearer token of ``aws-iam``: a signed STS request, and maybe a signed IAM request in its headers.

Whoever logs in signs the requests and we send them, so that AWS says who signed. Nothing is sent anywhere but to AWS
or to the endpoint of the configuration, and nothing but the two questions that are meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult, parse_qs, urlsplit, urlunsplit

import msgspec

from pyconsul.acl.methods.protocol import Ask, MethodError
from pyconsul.lang import gourl
from pyconsul.lang.strconv import quote
from pyconsul.primitives import base64_text
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import godecode

SERVER_ID_HEADER: Final = "X-Consul-IAM-ServerID"
_ENTITY_HEADER: Final = "X-Consul-IAM-GetEntity-{}"
_STS_HEADERS: Final = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Content-Sha256", "Credential", "Date", "Security-Token", "Signature", "Signedheaders")
)
_SIGNED: Final = re.compile(r".*SignedHeaders=([^,]+)")

Headers = Mapping[str, Sequence[str]]


class SignedRequest(msgspec.Struct, frozen=True):
    """One request as it was signed."""

    method: str
    url: SplitResult
    headers: Headers
    body: str

    def to(self, endpoint: str, retries: int) -> Ask:
        """The request, sent to an endpoint of ours or, where that is "", to where it was signed for.

        Host header, path and query stay as they were signed.
        """
        target = urlsplit(endpoint) if endpoint else self.url
        path = (target.path.rstrip("/") if endpoint else "") + (self.url.path or "/")
        url = urlunsplit((target.scheme, target.netloc, path, self.url.query, ""))
        headers = {name: ",".join(values) for name, values in self.headers.items() if name.lower() != "host"}
        return Ask(url, self.method, headers, self.body.encode(), host=self.url.netloc, retries=retries)

    def require_server_id(self, value: str) -> None:
        """Raise MethodError unless the request was signed for this very Consul."""
        given = ",".join(_values(self.headers, SERVER_ID_HEADER))
        if not given:
            raise MethodError(f"missing header {quote(SERVER_ID_HEADER)}")
        if given != value:
            raise MethodError(f"expected {quote(value)} but got {quote(given)}")
        authorization = self.headers.get("Authorization")
        if authorization is None:
            raise MethodError("missing Authorization header")
        signed = _SIGNED.match(",".join(authorization))
        if signed is None:
            raise MethodError("server id header wasn't signed")
        if SERVER_ID_HEADER.lower() not in signed[1].split(";"):
            raise MethodError("header wasn't signed")


def identity_request(bearer: str, endpoint: str, allowed_headers: Sequence[str]) -> SignedRequest:
    """The STS request in a bearer token. Raises MethodError for any other."""
    try:
        request = _unpacked(bearer)
    except MethodError as error:
        raise MethodError(f"invalid token: {error}") from None
    if request.method != "POST":
        raise MethodError("iam_http_request_method must be POST")
    if not endpoint and not _is_amazon(request.url, ("sts.", "sts-fips.")):
        raise MethodError(f"invalid STS hostname: {quote(request.url.hostname or '')}")
    try:
        _action(request.body, {"Action": ("GetCallerIdentity",), "Version": ()})
    except MethodError as error:
        raise MethodError(f"iam_request_body error: {error}") from None
    for name in map(_canonical, request.headers):
        if name.startswith("X-Amz-") and name not in _STS_HEADERS and name not in allowed_headers:
            raise MethodError(f"invalid request header: {name}")
    return request


def entity_request(identity: SignedRequest, endpoint: str) -> tuple[SignedRequest, str]:
    """The IAM request in the headers of the STS request, and its action. Raises MethodError for any other."""
    method, url, headers, body = (_single(identity.headers, _ENTITY_HEADER.format(name)) for name in _ENTITY_PARTS)
    request = SignedRequest(method, _url(url), _headers(headers), body)
    if not endpoint and not _is_amazon(request.url, ("iam.", "iam-fips.")):
        raise MethodError(f"invalid IAM hostname: {quote(request.url.hostname or '')}")
    name = _ENTITY_HEADER.format("Body")
    allowed: dict[str, tuple[str, ...]] = {
        "Action": ("GetRole", "GetUser"),
        "RoleName": (),
        "UserName": (),
        "Version": (),
    }
    try:
        fields = _action(body, allowed)
    except MethodError as error:
        raise MethodError(f"iam_request_headers[{name}] error: {error}") from None
    action = fields["Action"][0]
    wanted, other = ("UserName", "RoleName") if action == "GetUser" else ("RoleName", "UserName")
    if wanted not in fields or other in fields:
        raise MethodError(f"iam_request_headers[{quote(name)}] error: invalid request body {quote(body)}")
    return request, action


_ENTITY_PARTS: Final = ("Method", "URL", "Headers", "Body")


class _Bearer(msgspec.Struct):
    """A bearer token as it is written: all but the method in base64."""

    go_type: ClassVar = ""

    iam_http_request_method: str = ""
    iam_request_url: str = ""
    iam_request_headers: str = ""
    iam_request_body: str = ""


def _unpacked(bearer: str) -> SignedRequest:
    """Raises MethodError with Go's text."""
    try:
        given = godecode.into(godecode.parse_whole(bearer.encode("utf-8", "surrogateescape")), _Bearer, strict=False)
        url, headers = _decoded(given.iam_request_url), _headers(_decoded(given.iam_request_headers))
        return SignedRequest(given.iam_http_request_method, _url(url), headers, _decoded(given.iam_request_body))
    except ValueError as error:
        raise MethodError(str(error)) from None


def _decoded(text: str) -> str:
    return base64_text.decode(text.encode("utf-8", "surrogateescape")).decode()


def _headers(text: str) -> Headers:
    """Headers from JSON: lists of values by name. Raises MethodError."""
    try:
        found: Any = godecode.parse_whole(text.encode())
    except ValueError as error:
        raise MethodError(str(error)) from None
    if found is None:
        return {}
    if not is_dict(found):
        raise MethodError("json: cannot unmarshal into Go value of type http.Header")
    for values in found.values():
        if not is_list(values) or not all(isinstance(value, str) and _is_one_line(value) for value in values):
            raise MethodError("json: cannot unmarshal into Go value of type []string")
    return {str(name): values for name, values in found.items()}


def _is_one_line(value: str) -> bool:
    return not any(char in value for char in "\r\n\0")


def _url(text: str) -> SplitResult:
    try:
        read = gourl.parse(text, strict_colons=False)
        url = urlsplit(text)
    except ValueError as error:
        raise MethodError(str(error)) from None
    if not read.scheme or not read.host:
        raise MethodError(f"url is invalid: {quote(text)}")
    return url


def check_endpoint(name: str, text: str) -> None:
    """Raise MethodError unless a configured endpoint is a URL."""
    try:
        _url(text)
    except MethodError as error:
        raise MethodError(f"{name} is invalid: {error}") from None


def _is_amazon(url: SplitResult, services: tuple[str, ...]) -> bool:
    host = url.hostname or ""
    return url.scheme == "https" and host.endswith(".amazonaws.com") and host.startswith(services)


def _action(body: str, allowed: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """The fields of a form, each once and with an allowed value (any where none is named). Raises MethodError."""
    fields = parse_qs(body, keep_blank_values=True)
    if not fields.get("Action", [""])[0]:
        raise MethodError('missing field "Action"')
    for name, values in fields.items():
        if name not in allowed:
            raise MethodError(f"unexpected field {quote(name)}")
        if allowed[name] and (len(values) != 1 or values[0] not in allowed[name]):
            raise MethodError(f"unexpected value {name}=[{' '.join(values)}]")
    return fields


def _single(headers: Headers, name: str) -> str:
    values = _values(headers, name)
    if not values:
        raise MethodError(f"missing header {quote(name)}")
    if len(values) != 1:
        raise MethodError(f"invalid value for header {quote(name)} (expected 1 item)")
    return values[0]


def _values(headers: Headers, name: str) -> Sequence[str]:
    return next((values for given, values in headers.items() if given.lower() == name.lower()), ())


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
