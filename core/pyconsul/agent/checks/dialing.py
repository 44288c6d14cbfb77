"""Outgoing connections of checks and joins, to ``host:port`` as people write it; errors are Go's."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from typing import Final

from pyconsul.primitives.dialing import (
    DialError,
    addresses_async,
    broken_text,
    connect_async,
    dial_text,
    errno_text,
    is_domain,
    no_such_host,
)

__all__ = [
    "MAX_PORT",
    "DialError",
    "dial",
    "dial_text",
    "errno_text",
    "is_domain",
    "no_such_host",
    "resolve",
    "split_address",
]

MAX_PORT: Final = 65535
_THIS_MACHINE: Final = "127.0.0.1"
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")


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


async def resolve(address: str, network: str = "tcp") -> list[tuple[str, int]]:
    """IP addresses and port of ``host:port``; an empty host is this machine. Raises DialError."""
    host, port_text = split_address(address, network)
    port = _port(port_text, network)
    return [(each, port) for each in await addresses_async(host or _THIS_MACHINE, port, network)]


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
    """A TCP connection to ``host:port``, with TLS where a context is given. Raises DialError."""
    host, port_text = split_address(address)
    sock, link = await connect_async(host or _THIS_MACHINE, _port(port_text, "tcp"), shown="" if host else address)
    if context is None:
        return await asyncio.open_connection(sock=sock)
    try:
        return await asyncio.open_connection(sock=sock, ssl=context, server_hostname=server_name or host)
    except ssl.SSLError as error:
        raise DialError(tls_text(error)) from None
    except OSError as error:
        raise DialError(broken_text(link, error) if error.errno else str(error) or "EOF") from None


def tls_text(error: ssl.SSLError) -> str:
    """Go's sentence for what most often goes wrong in a handshake."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if "self-signed" in str(error) or "unable to get" in str(error):
            return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "tls: first record does not look like a TLS handshake"
    return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"
