"""Which requests Go's client would send for an HTTP check, and what it says of those that it would not."""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final

import msgspec

from pyconsul.agent.checks.dialing import MAX_PORT, is_domain, no_such_host
from pyconsul.lang import gourl
from pyconsul.lang.strconv import quote, to_bytes

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_THIS_MACHINE: Final = "127.0.0.1"  # where Go dials for a URL with a port alone


def verb(method: str) -> str:
    """The method as Go's client begins its errors: ``Get``."""
    return method[:1].upper() + method[1:].lower()


def target(url: str) -> gourl.Url:
    """The parts of a check's URL, without a port that is empty. Raises UrlError."""
    # Consul's go.mod asks for Go 1.23, in which the last colon of a host begins the port.
    parts = gourl.parse(url, strict_colons=False)
    return msgspec.structs.replace(parts, host=parts.host.removesuffix(":"))


def shown(url: gourl.Url) -> str:
    """A URL as the errors of Go's client tell it: written anew, the password hidden."""
    if url.user is None or url.user.password is None:
        return url.text()
    return url.text().replace(f"{url.user.text()}@", f"{url.user.name}:***@", 1)


def sent(url: gourl.Url) -> str:
    """A URL that can be asked: what must not stand in a path is escaped, and the user goes in a header."""
    host = url.host if url.hostname() else f"{_THIS_MACHINE}{url.host}"
    query = f"?{url.query}" if url.query or url.force_query else ""
    return f"{url.scheme}://{host.replace('%', '%25')}{url.escaped_path()}{query}"


def credentials(url: gourl.Url) -> str:
    """The value of the Authorization header for the user in a URL, or ""."""
    if url.user is None:
        return ""
    pair = to_bytes(f"{url.user.name}:{url.user.password or ''}")
    return f"Basic {b64encode(pair).decode()}"


def request_fault(method: str, url: str, header: Mapping[str, list[str]]) -> str:
    """What Go's client says about a request that it does not even try, or ""."""
    if not _TOKEN.fullmatch(method):
        return f"net/http: invalid method {quote(method)}"
    try:
        parts = target(url)
    except gourl.UrlError as error:
        return str(error)
    fault = _sending_fault(parts, header)
    return f"{verb(method)} {quote(shown(parts))}: {fault}" if fault else ""


def _sending_fault(url: gourl.Url, header: Mapping[str, list[str]]) -> str:
    if url.scheme not in ("http", "https"):
        return f"unsupported protocol scheme {quote(url.scheme)}"
    for name, values in header.items():
        if not _TOKEN.fullmatch(name):
            return f"net/http: invalid header field name {quote(name)}"
        if any(_CONTROL.search(value) for value in values):
            return f"net/http: invalid header field value for {quote(name)}"
    if not url.host:
        return "http: no Host in request URL"
    return _dialing_fault(url.hostname(), url.port())


def _dialing_fault(host: str, port: str) -> str:
    if port and int(port) > MAX_PORT:
        return f"dial tcp: address {port}: invalid port"
    try:
        ipaddress.ip_address(host.partition("%")[0] or _THIS_MACHINE)
    except ValueError:
        return "" if is_domain(host) or not host.isascii() else f"dial tcp: {no_such_host(host)}"
    return ""
