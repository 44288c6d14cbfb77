"""How the API server of a Kubernetes cluster is addressed, and what its answers mean, in its Go client's words."""

from __future__ import annotations

import contextlib
from typing import Any, Final
from urllib.parse import quote as escape

import msgspec

from pyconsul.acl.methods.protocol import Answer, MethodError
from pyconsul.lang import gourl
from pyconsul.lang.strconv import quote
from pyconsul.primitives.untyped import is_dict
from pyconsul.structs import godecode

_JSON: Final = "application/json"
_LONGEST_TEXT: Final = 2048  # bytes of an answer that is no JSON which are shown
_FAULTS: Final = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}
_TELLING: Final = (403, 406, 415)  # statuses whose text is the server's


class Resource(msgspec.Struct, frozen=True):
    """What is asked for: kind and version of the answer, and how faults call the question."""

    version: str
    kind: str
    question: str


def server_url(host: str) -> str:
    """The start of all URLs, from a URL or ``host:port``. Raises MethodError."""
    url = gourl.Url()
    with contextlib.suppress(gourl.UrlError):
        url = gourl.parse(host, strict_colons=False)
    if not url.scheme or not url.host:
        try:
            url = gourl.parse(f"https://{host}", strict_colons=False)
        except gourl.UrlError as error:
            raise MethodError(str(error)) from None
        if url.path not in ("", "/"):
            raise MethodError(f"host must be a URL or a host:port pair: {quote(host)}")
    return f"{url.scheme}://{url.host}{url.escaped_path().rstrip('/')}"


def account_path(namespace: str, name: str) -> str:
    """The path of a service account. Raises MethodError for names that cannot be part of one."""
    if fault := _segment_fault(namespace):
        raise MethodError(f"invalid namespace {quote(namespace)}: {fault}")
    if not name:
        raise MethodError("resource name may not be empty")
    if fault := _segment_fault(name):
        raise MethodError(f"invalid resource name {quote(name)}: {fault}")
    if not namespace:
        raise MethodError("an empty namespace may not be set when a resource name is provided")
    return f"/api/v1/namespaces/{escape(namespace)}/serviceaccounts/{escape(name)}"


def _segment_fault(text: str) -> str:
    if text in (".", ".."):
        return f"[may not be '{text}']"
    faults = [f"may not contain '{char}'" for char in "/%" if char in text]
    return f"[{' '.join(faults)}]" if faults else ""


def document(answer: Answer, resource: Resource) -> dict[str, Any]:
    """The object of that kind in an answer, empty for one of another kind. Raises MethodError for a refusal."""
    media = answer.content_type.partition(";")[0].strip().lower() or _JSON
    code = int(answer.status[:3])
    if not 200 <= code <= 206:
        raise MethodError(_refusal(answer, media) or _fault(answer, code, media, resource))
    if media != _JSON:
        raise MethodError(f"serializer for {answer.content_type} doesn't exist")
    if not answer.body:
        raise MethodError(f"0-length response with status code: {code} and content type: {_JSON}")
    try:
        found = godecode.parse_whole(answer.body)
    except ValueError as error:
        raise MethodError(f"couldn't get version/kind; json parse error: {error}") from None
    if found is not None and not is_dict(found):
        raise MethodError(f"couldn't get version/kind; json parse error: {godecode.wrong_value(found, 'struct')}")
    return _of_kind(found or {}, resource)


def _of_kind(found: dict[str, Any], resource: Resource) -> dict[str, Any]:
    version, kind = found.get("apiVersion") or resource.version, found.get("kind") or resource.kind
    if kind == "Status" and found.get("status") != "Success":
        raise MethodError(str(found.get("message", "")))
    return found if (version, kind) == (resource.version, resource.kind) else {}


def _refusal(answer: Answer, media: str) -> str:
    """The server's own words, where it has any."""
    if media != _JSON:
        return ""
    try:
        found = godecode.parse_whole(answer.body)
    except ValueError:
        return ""
    told = is_dict(found) and found.get("kind") == "Status" and found.get("status") == "Failure"
    return str(found.get("message", "")) if told else ""


def _fault(answer: Answer, code: int, media: str, resource: Resource) -> str:
    text = "unknown"
    if media.startswith("text/") or not answer.content_type:
        text = answer.body[:_LONGEST_TEXT].decode("utf-8", "replace").strip()
    fault = _FAULTS.get(code, f"the server responded with the status code {code} but did not return more information")
    if code in _TELLING:
        fault = text
    elif code >= 500 and code not in _FAULTS:
        fault = f"an error on the server ({quote(text)}) has prevented the request from succeeding"
    return f"{fault} ({resource.question})"
