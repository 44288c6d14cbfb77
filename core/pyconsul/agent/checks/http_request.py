"""Which requests Go's client would send for an HTTP check, and what it says of those that it would not."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

from pyconsul.agent.checks.dialing import MAX_PORT, is_domain, no_such_host
from pyconsul.lang.strconv import quote

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL_OF_URL: Final = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_USER: Final = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_NO_HOST: Final = re.compile(r"[ \\^`{|}]")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}")
_PATH: Final = "/%!$&'()*+,;=:@[]~"  # stands in a path as it is


def verb(method: str) -> str:
    """The method as Go's client begins its errors: ``Get``."""
    return method[:1].upper() + method[1:].lower()


def escaped(url: str) -> str:
    """A URL whose path can be sent: what must not stand in one is percent-encoded."""
    start, slash, rest = url.partition("://")
    end = min((at for mark in "?#" if (at := rest.find(mark)) >= 0), default=len(rest))
    host, slash_of_path, path = rest[:end].partition("/")
    return f"{start}{slash}{host}{slash_of_path}{percent_encoded(path, safe=_PATH)}{rest[end:]}"


def request_fault(method: str, url: str, header: Mapping[str, list[str]]) -> str:
    """What Go's client says about a request that it does not even try, or ""."""
    if not _TOKEN.fullmatch(method):
        return f'net/http: invalid method "{method}"'
    if fault := _url_fault(url):
        return f"parse {quote(url)}: {fault}"
    shown = f'{verb(method)} "{url.removesuffix("//") if url.endswith("://") else url}"'
    for name, values in header.items():
        if not _TOKEN.fullmatch(name):
            return f'{shown}: net/http: invalid header field name "{name}"'
        if any(_CONTROL.search(value) for value in values):
            return f'{shown}: net/http: invalid header field value for "{name}"'
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        return f'{shown}: unsupported protocol scheme "{scheme}"'
    fault = _host_fault(urlsplit(url).hostname or "", urlsplit(url).netloc.rpartition(":")[2])
    return f"{shown}: {fault}" if fault else ""


def _host_fault(host: str, port: str) -> str:
    if not host:
        return "http: no Host in request URL"
    if port.isdigit() and int(port) > MAX_PORT:
        return f"dial tcp: address {port}: invalid port"
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "" if is_domain(host) or not host.isascii() else f"dial tcp: {no_such_host(host)}"
    return ""


def _url_fault(url: str) -> str:
    """Why Go's parser would not take a URL, or ""."""
    if _CONTROL_OF_URL.search(url):
        return "net/url: invalid control character in URL"
    start = re.split("[?#]", url, maxsplit=1)[0]
    scheme, colon, rest = start.partition(":")
    if not colon or not _SCHEME.fullmatch(scheme):
        if url.startswith(":"):
            return "missing protocol scheme"
        return "first path segment in URL cannot contain colon" if ":" in start.partition("/")[0] else ""
    if not rest.startswith("//"):
        return ""
    authority, _, path = rest[2:].partition("/")
    return _authority_fault(authority) or _escape_fault(path)


def _authority_fault(authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if at and not _USER.fullmatch(user):
        return "net/url: invalid userinfo"
    if host.startswith("["):
        name, bracket, port = host.rpartition("]")
        if not bracket:
            return "missing ']' in host"
    else:
        name, colon, port = host.rpartition(":")
        name, port = (name, f":{port}") if colon else (host, "")
    if port and not (port.startswith(":") and (port == ":" or (port[1:].isascii() and port[1:].isdigit()))):
        return f'invalid port "{port}" after host'
    if "%" in name and not host.startswith("["):
        return f'invalid URL escape "{name[name.index("%") :][:3]}"'
    strange = _NO_HOST.search(name)
    return f'invalid character "{strange[0]}" in host name' if strange else ""


def _escape_fault(path: str) -> str:
    bad = _BAD_ESCAPE.search(path)
    return f'invalid URL escape "{bad[0]}"' if bad else ""
