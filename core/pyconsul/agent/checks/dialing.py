"""Outgoing connections with the errors that Go's net package words: checks show them, people grep for them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import re
import socket
import ssl
from pathlib import Path
from typing import Final

__all__ = ["MAX_PORT", "DialError", "dial", "dial_text", "is_domain", "no_such_host", "resolve", "split_address"]

MAX_PORT: Final = 65535
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_ERRNO_TEXTS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by peer",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EPIPE: "broken pipe",
    errno.EACCES: "permission denied",
    errno.ENOENT: "no such file or directory",
}


class DialError(Exception):
    """No connection; the text is Go's, ``dial tcp …`` included. ``timed_out`` tells a timeout from a refusal."""

    def __init__(self, text: str, *, timed_out: bool = False) -> None:
        super().__init__(text)
        self.timed_out = timed_out


def errno_text(error: OSError) -> str:
    """What Go calls a system error."""
    number = error.errno or 0
    return _ERRNO_TEXTS.get(number) or os.strerror(number).lower()


def dial_text(network: str, address: str, error: OSError) -> str:
    """Go's sentence for a failed connect."""
    return f"dial {network} {address}: connect: {errno_text(error)}"


def split_address(address: str, network: str = "tcp") -> tuple[str, str]:
    """Host and port of ``host:port`` or ``[v6]:port``. Raises DialError with Go's sentence."""
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket:
            raise DialError(f"dial {network}: address {address}: missing ']' in address")
        if not rest.startswith(":"):
            raise DialError(f"dial {network}: address {address}: missing port in address")
        return host, rest[1:]
    host, colon, port = address.rpartition(":")
    if not colon:
        raise DialError(f"dial {network}: address {address}: missing port in address")
    if ":" in host:
        raise DialError(f"dial {network}: address {address}: too many colons in address")
    return host, port


def no_such_host(host: str) -> str:
    """Go's sentence for a name that nobody knows; it tells the first nameserver, where that could be asked at all."""
    return f"lookup {host} on {_nameserver()}: no such host" if is_domain(host) else f"lookup {host}: no such host"


def is_domain(name: str) -> bool:
    """Whether Go would ask for a name: up to 255 bytes of labels, not digits alone."""
    labels = name.removesuffix(".").split(".")
    return len(name) <= 255 and all(map(_LABEL.fullmatch, labels)) and not name.replace(".", "").isdigit()


def _nameserver() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/etc/resolv.conf").read_text().splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                return f"[{words[1]}]:53" if ":" in words[1] else f"{words[1]}:53"
    return "127.0.0.1:53"


async def resolve(address: str, network: str = "tcp") -> list[tuple[str, int]]:
    """IP addresses and port of ``host:port``; an empty host is this machine. Raises DialError."""
    host, port_text = split_address(address, network)
    port = _port(port_text, network)
    try:
        ipaddress.ip_address(host.partition("%")[0] or "127.0.0.1")
    except ValueError:
        pass
    else:
        return [(host or "127.0.0.1", port)]
    if not is_domain(host):
        raise DialError(f"dial {network}: {no_such_host(host)}")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise DialError(f"dial {network}: {no_such_host(host)}") from None
    addresses = [str(each[4][0]) for each in found]
    # Go tries IPv4 and IPv6 in the resolver's order, each address once.
    return [(each, port) for each in dict.fromkeys(addresses)]


def _port(text: str, network: str) -> int:
    """The number of a port; an empty one is 0. Raises DialError."""
    if _NUMBER.fullmatch(text):
        if not 0 <= int(text) <= MAX_PORT:
            raise DialError(f"dial {network}: address {text}: invalid port")
        return int(text)
    try:
        return socket.getservbyname(text, network) if text else 0
    except OSError:
        raise DialError(f"dial {network}: lookup {network}/{text}: unknown port") from None


async def dial(
    address: str, context: ssl.SSLContext | None = None, server_name: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection to ``host:port``, with TLS where a context is given. Raises DialError.

    The first address that answers wins; of several failures the first is told.
    """
    first: DialError | None = None
    for host, port in await resolve(address):
        try:
            if context is None:
                return await asyncio.open_connection(host, port)
            name = server_name or split_address(address)[0]
            return await asyncio.open_connection(host, port, ssl=context, server_hostname=name)
        except ssl.SSLError as error:
            raise DialError(tls_text(error)) from None
        except OSError as error:
            shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            if not split_address(address)[0]:
                shown = address
            first = first or DialError(dial_text("tcp", shown, error))
    raise first or DialError(f"dial tcp: {address}: no addresses")


def tls_text(error: ssl.SSLError) -> str:
    """Go's sentence for what most often goes wrong in a handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if "self-signed" in str(error) or "unable to get" in str(error):
            return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "tls: first record does not look like a TLS handshake"
    return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
