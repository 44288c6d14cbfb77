"""Which proxy a request goes through, by the environment, as in Go, and how to ask for a tunnel.

``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``, or in lower case (golang.org/x/net/http/httpproxy). No I/O.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import msgspec

from pyconsul.lang import gourl
from pyconsul.lang.gourl import Url, UrlError
from pyconsul.lang.strconv import to_bytes
from pyconsul.primitives.dialing import DialError

__all__ = ["Proxy", "Tunnel", "TunnelError", "proxy_for"]

_DEFAULT_PORT: Final = 80
_MAX_PORT: Final = 65535
_MAX_HEAD_BYTES: Final = 1 << 16  # of what a proxy answers, so that one which talks on without end is given up


class Proxy(msgspec.Struct, frozen=True):
    """Where it listens. ``authorization``: the value of Proxy-Authorization, "" for none.

    ``fault``: why it cannot be used, "" for one that can.
    """

    host: str
    port: int
    authorization: str = ""
    fault: str = ""

    @property
    def headers(self) -> list[str]:
        """The lines that a request to it carries."""
        return [f"Proxy-Authorization: {self.authorization}"] if self.authorization else []

    @contextmanager
    def dialed(self) -> Generator[None]:
        """Tell of a failure to connect to it, inside, as Go does.

        Raises DialError, at once if it cannot be used.
        """
        try:
            if self.fault:
                raise DialError(self.fault)
            yield
        except DialError as error:
            raise DialError(f"proxyconnect tcp: {error}") from None


def proxy_for(scheme: str, host: str, port: int, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy for a URL; None where it is reached directly: this machine always, others by ``NO_PROXY``."""
    names = ("HTTPS_PROXY", "https_proxy") if scheme == "https" else ("HTTP_PROXY", "http_proxy")
    url = _parsed(_first(environ, *names))
    if url is None or _is_direct(host.lower(), port, _first(environ, "NO_PROXY", "no_proxy")):
        return None
    return Proxy(url.hostname(), int(url.port() or _DEFAULT_PORT), url.basic_authorization(), _fault(url))


def _fault(url: Url) -> str:
    if url.scheme != "http":
        return f"proxies of the scheme {url.scheme!r} cannot be used, only http ones"
    return f"dial tcp: address {url.port()}: invalid port" if int(url.port() or 0) > _MAX_PORT else ""


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((environ[name] for name in names if environ.get(name)), "")


def _parsed(text: str) -> Url | None:
    """The URL of a proxy, which may be written without its scheme; one that is none does not count."""
    if not text:
        return None
    with suppress(UrlError):
        url = gourl.parse(text)
        if url.scheme and url.host:
            return url
    with suppress(UrlError):
        return gourl.parse(f"http://{text}")
    return None


def _is_direct(host: str, port: int, no_proxy: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    exceptions = [entry.strip().lower() for entry in no_proxy.split(",")]
    return "*" in exceptions or any(_fits(entry, host, address, port) for entry in exceptions if entry)


def _fits(entry: str, host: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, port: int) -> bool:
    """Whether one entry of ``NO_PROXY`` means a host: an address, a network, a domain with all below it."""
    if "/" in entry:
        with suppress(ValueError):
            network = ipaddress.ip_network(entry, strict=False)
            return address is not None and address.version == network.version and address in network
    name, wanted = _host_and_port(entry)
    if not name or wanted not in ("", str(port)):
        return False
    if (other := _address(name)) is not None:
        return other == address
    if address is not None:
        return False
    domain = name[1:] if name.startswith("*.") else name
    return host.endswith(domain if domain.startswith(".") else f".{domain}") or host == domain


def _host_and_port(entry: str) -> tuple[str, str]:
    if entry.startswith("[") and "]:" in entry:  # brackets without a port make no address of it, as in Go
        name, _, port = entry[1:].partition("]:")
        return name, port
    name, colon, port = entry.rpartition(":")
    return (name, port) if colon and ":" not in name else (entry, "")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with suppress(ValueError):
        found = ipaddress.ip_address(text)
        return getattr(found, "ipv4_mapped", None) or found
    return None


class TunnelError(DialError):
    """The proxy passes nothing on; the text is Go's."""


class Tunnel:
    """Asks a proxy to pass a connection on to ``authority``, ``host:port`` (RFC 9110, section 9.3.6)."""

    def __init__(self, proxy: Proxy, authority: str) -> None:
        head = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", "User-Agent: Go-http-client/1.1"]
        self.request: Final = to_bytes("\r\n".join([*head, *proxy.headers, "", ""]))
        self._said = bytearray()

    def feed(self, data: bytes) -> bool:
        """Take what the proxy says, b"" for its end; True once the connection leads through.

        Raises TunnelError.
        """
        if not data:
            raise TunnelError("unexpected EOF" if self._said else "EOF")
        self._said += data
        head, end, _ = bytes(self._said).partition(b"\r\n\r\n")
        if not end:
            if len(head) > _MAX_HEAD_BYTES:
                raise TunnelError("malformed HTTP response: its head is too long")
            return False
        version, _, status = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        code, blank, reason = status.partition(" ")
        if not version.startswith("HTTP/1.") or not (len(code) == 3 and code.isdecimal()):
            raise TunnelError("malformed HTTP response")
        if code != "200":
            raise TunnelError(reason if blank else "unknown status code")
        return True
