"""Outgoing connections of checks and joins, to ``host:port`` as people write it; errors are Go's."""

from __future__ import annotations

import math
import re
import socket
from typing import Final

from pyconsul.primitives.dialing import DialError, addresses_async
from pyconsul.primitives.host_ports import AddressError, split_host_port
from pyconsul.primitives.links import Link, Trust, open_link

__all__ = ["DialError", "dial", "resolve", "split_address"]

_MAX_PORT: Final = 65535
_THIS_MACHINE: Final = "127.0.0.1"
_NUMBER: Final = re.compile(r"[+-]?[0-9]+")


def split_address(address: str, network: str = "tcp") -> tuple[str, str]:
    """Host and port of ``host:port`` or ``[v6]:port``. Raises DialError with Go's sentence."""
    try:
        return split_host_port(address)
    except AddressError as error:
        raise DialError(f"dial {network}: {error}") from None


async def resolve(address: str, network: str = "tcp") -> list[tuple[str, int]]:
    """IP addresses and port of ``host:port``; an empty host is this machine. Raises DialError."""
    host, port_text = split_address(address, network)
    port = _port(port_text, network)
    return [(each, port) for each in await addresses_async(host or _THIS_MACHINE, port, network)]


def _port(text: str, network: str) -> int:
    """The number of a port; an empty one is 0. Raises DialError."""
    if _NUMBER.fullmatch(text):
        if not 0 <= int(text) <= _MAX_PORT:
            raise DialError(f"dial {network}: address {text}: invalid port")
        return int(text)
    try:
        return socket.getservbyname(text, network) if text else 0
    except OSError:
        raise DialError(f"dial {network}: lookup {network}/{text}: unknown port") from None


async def dial(address: str, trust: Trust | None = None, server_name: str = "", patience: float = math.inf) -> Link:
    """A TCP connection to ``host:port`` within so many seconds, with TLS where ``trust`` is given.

    Raises DialError.
    """
    host, port_text = split_address(address)
    port = _port(port_text, "tcp")
    return await open_link(
        host or _THIS_MACHINE,
        port,
        shown="" if host else address,
        trust=trust,
        name=server_name or host,
        patience=patience,
    )
