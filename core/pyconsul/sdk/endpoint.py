"""Where an agent listens: an address taken apart, and told again as Consul's own client does. No I/O."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

import msgspec

from pyconsul.primitives.dialing import joined
from pyconsul.primitives.host_ports import AddressError, split_host_port
from pyconsul.sdk.errors import ConfigError

DEFAULT_ADDRESS: Final = "127.0.0.1:8500"
_MAX_PORT: Final = 65535
_THIS_MACHINE: Final = "127.0.0.1"  # what Go dials for an address that is a port alone
_NO_HOST: Final = "http: no Host in request URL"
_PATH: Final = "/$&+,:;=@"  # what Go leaves as it is in a path, beside letters, digits and -_.~ …
_HOST: Final = "!$&'()*+,;=:[]<>\""  # … and in a host
_DNS_NAME: Final = re.compile(r"[A-Za-z0-9.-]*")
_HOST_HEADER: Final = re.compile(r"[!$%&'()*+,\-.:;=\[\]_~0-9A-Za-z]*")
_ZONE: Final = re.compile(r"%[^\]]*\]")


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An address taken apart. ``unix_path`` is "" for TCP; ``host`` is then a name or an IP without brackets.

    ``prefix`` stands before the path of every request, for agents behind a proxy; it is escaped and kept as given.
    ``written`` is host and port as they stood in the address, or "" where they are to be made of the two.
    ``is_hostless`` tells that no host was written. ``fault`` is why nobody can be reached at such an address, in the
    words of Go's client; "" for one that can be tried.
    """

    scheme: str
    host: str
    port: int
    unix_path: str = ""
    prefix: str = ""
    written: str = ""
    is_hostless: bool = False
    fault: str = ""

    def target(self, path: str) -> str:
        """What is asked for ``path``. As in Consul's client, where two slashes begin it the first part is lost."""
        whole = self.prefix + path
        if not whole.startswith("//") or whole.startswith("///"):
            return whole
        _, slash, rest = whole[2:].partition("/")
        return slash + rest

    @property
    def is_secure(self) -> bool:
        """True for https."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """``host:port`` as errors of connecting name it."""
        return self.hostless or joined(self.host, self.port)

    @property
    def hostless(self) -> str:
        """What errors of connecting name where the address is a port alone; else ""."""
        return f":{self.port}" if self.is_hostless else ""

    @property
    def unix_name(self) -> str:
        """What to connect a unix socket to; an ``@`` in front stands for Linux's abstract names, as in Go."""
        return "\0" + self.unix_path[1:] if self.unix_path.startswith("@") else self.unix_path

    @property
    def unix_link(self) -> str:
        """A connection to the unix socket as errors of reading and writing name it."""
        return f"unix @->{self.unix_path}"

    @property
    def shown(self) -> str:
        """Host and port as they were written: without a port where none was."""
        return self.written if self.written or self.fault else self.authority

    @property
    def host_header(self) -> str:
        """The Host header; empty, as with Go, for what cannot stand there, such as a relative path of a socket."""
        name, port = _name_and_port(self.shown)
        host = _ascii(name) + port
        return _ZONE.sub("]", host) if _HOST_HEADER.fullmatch(host) else ""

    @property
    def url(self) -> str:
        """Scheme and host as Consul's client prints them in its errors."""
        return f"{self.scheme}://{quote(self.shown, safe=_HOST, errors='surrogateescape')}"


def endpoint_of(address: str, scheme: str = "http") -> Endpoint:
    """Take an address apart; ``scheme`` "https" asks for TLS whatever the address says.

    Raises ConfigError for an unknown scheme; other faults show when it is used.
    """
    before, separator, rest = address.partition("://")
    kind, where = (before, rest) if separator else ("", address)
    if kind == "unix":
        fault = "" if where else _NO_HOST
        secure = "https" if scheme == "https" else "http"
        return Endpoint(scheme=secure, host="", port=0, unix_path=where, written=_host_of(where), fault=fault)
    if kind not in ("http", "https") and separator:
        raise ConfigError(f"Unknown protocol scheme: {kind}")
    is_secure = "https" in (kind, scheme)  # http:// never takes back a wish for TLS
    authority, slash, path = where.partition("/") if kind else (where, "", "")
    written = _host_of(authority) or ("" if kind else DEFAULT_ADDRESS)
    host, port, fault = _dialled(written, 443 if is_secure else 80)
    return Endpoint(
        scheme="https" if is_secure else "http",
        host=host or _THIS_MACHINE,
        port=port,
        prefix=quote(slash + path, safe=_PATH, errors="surrogateescape"),
        written=written,
        is_hostless=not host,
        fault=fault if written else _NO_HOST,
    )


def _host_of(text: str) -> str:
    """What stands for the host: Consul's client takes a path for one, and writes ``localhost`` instead."""
    return "localhost" if text.startswith("/") else text


def _dialled(authority: str, default_port: int) -> tuple[str, int, str]:
    """Host, port and what is wrong with them, as Go's client takes apart what stands in a URL."""
    name, port = _name_and_port(authority)
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    try:
        host, port = split_host_port(joined(_ascii(name), port[1:] or default_port))
    except AddressError as error:
        return name, 0, f"dial tcp: {error}"
    if int(port[:6]) > _MAX_PORT:
        return host, 0, f"dial tcp: address {port}: invalid port"
    return host, int(port), ""


def _name_and_port(authority: str) -> tuple[str, str]:
    """What stands in front of the last colon, and from there on, where only digits follow it."""
    name, colon, port = authority.rpartition(":")
    is_port = colon and (not port or (port.isascii() and port.isdigit()))
    return (name, colon + port) if is_port else (authority, "")


def _ascii(name: str) -> str:
    """A name as DNS spells it (RFC 3490); as it is where it has no such spelling."""
    if name.isascii():
        return name
    try:
        spelled = name.encode("idna").decode()
    except UnicodeError:
        return name
    return spelled if _DNS_NAME.fullmatch(spelled) else name
