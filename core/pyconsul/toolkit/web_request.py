"""Requests as Go's HTTP client makes them: what it sends, what it refuses, where a redirection leads. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from pyconsul.lang import gourl
from pyconsul.lang.goproxy import Proxy
from pyconsul.lang.gourl import Url
from pyconsul.lang.strconv import from_bytes, quote, to_bytes
from pyconsul.primitives.dialing import DialError

MAX_REDIRECTS: Final = 10
MAX_PORT: Final = 65535
Headers = Mapping[str, list[str]]  # names as they are written; only those in Go's spelling mean something here

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_HOST: Final = re.compile(r"[!$%&'()*+,\-.:;=\[\]_~0-9A-Za-z]*")
_THIS_MACHINE: Final = "127.0.0.1"  # where Go dials for a URL with a port alone
_PORTS: Final = {"http": 80, "https": 443}
_OF_THE_CLIENT: Final = ("Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer")
_WITH_LENGTH: Final = ("POST", "PUT", "PATCH")  # who send one even for no body
_SECRET: Final = (
    "authorization",
    "www-authenticate",
    "cookie",
    "cookie2",
    "proxy-authorization",
    "proxy-authenticate",
)
_OF_THE_BODY: Final = ("content-encoding", "content-language", "content-location", "content-type")


class RequestError(Exception):
    """A request that Go's client does not even send; the text is its."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request, or one hop of it. ``secret`` headers stay behind once a redirection left the first host."""

    method: str = "GET"
    url: Url
    headers: Headers = msgspec.field(default_factory=dict[str, list[str]])
    host: str = ""  # for the Host header, where that is not the URL's
    body: bytes = b""

    @property
    def shown(self) -> str:
        """The URL as the errors of Go's client tell it: written anew, the password hidden."""
        text, user = self.url.text(), self.url.user
        if user is None or user.password is None:
            return text
        return text.replace(f"{user.text()}@", f"{user.name}:***@", 1)

    def address(self) -> tuple[str, int]:
        """Host and port to connect to. Raises DialError."""
        port = self.url.port()
        if port and int(port) > MAX_PORT:
            raise DialError(f"dial tcp: address {port}: invalid port")
        return _ascii(self.url.hostname()) or _THIS_MACHINE, int(port or _PORTS[self.url.scheme])

    def authority(self) -> str:
        """Whom the request is for, as the Host header tells it."""
        host = self.host or self.url.host
        return _ascii(re.sub(r"%[^\]]*\]", "]", host)) if _HOST.fullmatch(_ascii(host)) else ""

    def path(self) -> str:
        """Path and query."""
        query = f"?{self.url.query}" if self.url.query or self.url.force_query else ""
        return (self.url.escaped_path() or "/") + query

    def fields(self, agent: str = "Go-http-client/1.1") -> list[tuple[str, str]]:
        """The headers but Host and Connection, in Go's order; ``agent`` is the client's name for itself."""
        fields = [("User-Agent", name) for name in self.headers.get("User-Agent", [agent])[:1] if name]
        if self.body or self.method in _WITH_LENGTH:
            fields.append(("Content-Length", str(len(self.body))))
        headers = dict(self.headers)
        if self.url.user is not None and not first(headers, "Authorization"):
            headers["Authorization"] = [self.url.basic_authorization()]
        for name in sorted(headers):
            if name not in _OF_THE_CLIENT:
                fields += [(name, _one_line(value)) for value in headers[name]]
        if self.unzips:
            fields.append(("Accept-Encoding", "gzip"))
        return fields

    def head(self, proxy: Proxy | None = None) -> bytes:
        """The request line and headers of HTTP/1.1; those of plain HTTP tell a ``proxy`` where to send it."""
        start = "" if proxy is None or self.url.scheme == "https" else f"http://{_ascii(self.url.host)}"
        target = self.authority() if self.method == "CONNECT" and not self.url.path else self.path()
        lines = [f"{self.method} {start}{target} HTTP/1.1", f"Host: {self.authority()}"]
        lines += [f"{name}: {value}" for name, value in self.fields()]
        if first(self.headers, "Connection").lower() != "close" and not self._switches():
            lines.append("Connection: close")
        if start and proxy is not None:
            lines += proxy.headers
        return to_bytes("\r\n".join(lines)) + b"\r\n\r\n"

    @property
    def unzips(self) -> bool:
        """Whether the client asks for a compressed answer on its own account, and unpacks that."""
        wants = any(first(self.headers, name) for name in ("Accept-Encoding", "Range"))
        return not wants and self.method != "HEAD"

    def _switches(self) -> bool:
        upgrade = first(self.headers, "Upgrade")
        return bool(upgrade) and "upgrade" in first(self.headers, "Connection").lower()

    def redirected(self, status: int, location: str, start: Request, *, with_body: bool) -> Request:
        """The request that follows an answer with a ``location``; ``start`` is the first one of all.

        Raises gourl.UrlError.
        """
        there = gourl.parse(location, strict_colons=False)
        url = _with_plain_port(gourl.resolve(self.url, there))
        keeps = status in (307, 308) or self.method in ("GET", "HEAD")
        headers = {
            name: values
            for name, values in start.headers.items()
            if not (name.lower() in _SECRET and not _is_below(url.hostname(), start.url.hostname()))
            and (with_body or name.lower() not in _OF_THE_BODY)
        }
        if referer := self._referer(url, first(headers, "Referer")):
            headers["Referer"] = [referer]
        return Request(
            method=self.method if keeps else "GET",
            url=url,
            headers=headers,
            host="" if there.scheme else self.host,
            body=start.body if with_body else b"",
        )

    def _referer(self, there: Url, given: str) -> str:
        if self.url.scheme == "https" and there.scheme == "http":
            return ""
        return given or msgspec.structs.replace(self.url, user=None).text()


def request_of(method: str, url: str, headers: Headers | None = None, body: bytes = b"") -> Request:
    """The request for a URL as people write it. Raises RequestError with Go's sentence."""
    if not is_token(method):
        raise RequestError(f"net/http: invalid method {quote(method)}")
    try:
        parts = target(url)
    except gourl.UrlError as error:
        raise RequestError(str(error)) from None
    headers = headers or {}
    return Request(method=method, url=parts, headers=headers, host=first(headers, "Host"), body=body)


def first(headers: Headers, name: str) -> str:
    """The first value of a header, spelt as Go spells it, or ""."""
    values = headers.get(name)
    return values[0] if values else ""


def is_token(text: str) -> bool:
    """Whether it can be a method or the name of a header."""
    return _TOKEN.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Whether it can be the value of a header."""
    return _CONTROL.search(text) is None


def canonical(name: str) -> str:
    """A header's name as Go spells it."""
    return "-".join(map(str.capitalize, name.split("-"))) if is_token(name) else name


def told(method: str, url: str, fault: str) -> str:
    """How Go's client begins its errors: ``Get "http://…": ``."""
    verb = method[:1] + method[1:].lower() if method.isascii() else method
    return f"{verb} {quote(url)}: {fault}"


def target(url: str) -> Url:
    """The parts of a URL, without a port that is empty. Raises UrlError."""
    # Consul's go.mod asks for Go 1.23, in which the last colon of a host begins the port.
    return _with_plain_port(gourl.parse(url, strict_colons=False))


def _with_plain_port(url: Url) -> Url:
    return msgspec.structs.replace(url, host=url.host.removesuffix(":"))


def sending_fault(request: Request) -> str:
    """Why Go's client would not send a request, or ""."""
    url = request.url
    if url.scheme not in _PORTS:
        return f"unsupported protocol scheme {quote(url.scheme)}"
    for name, values in request.headers.items():
        if not is_token(name):
            return f"net/http: invalid header field name {quote(name)}"
        if not all(map(is_value, values)):
            return f"net/http: invalid header field value for {quote(name)}"
    return "" if url.host else "http: no Host in request URL"


def _is_below(host: str, parent: str) -> bool:
    """Whether a host is ``parent`` or a name below it, so that it may see its secrets."""
    host, parent = host.lower(), parent.lower()
    return host == parent or (host.endswith(f".{parent}") and ":" not in host)


def _one_line(value: str) -> str:
    return value.strip(" \t\r\n")


def _ascii(host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return from_bytes(to_bytes(host))
