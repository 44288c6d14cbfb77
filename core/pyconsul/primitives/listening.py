"""Sockets that take connections, with Go's idea of addresses."""

from __future__ import annotations

import socket


def listen_tcp(host: str, port: int, backlog: int) -> socket.socket:
    """A socket on that IP address; ``::`` takes both kinds of clients. Raises OSError."""
    if ":" not in host:
        return socket.create_server((host, port), backlog=backlog)
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=socket.AF_INET6, backlog=backlog, dualstack_ipv6=both)


def client_host(host: str) -> str:
    """A client's IP address as Go tells it: plain IPv4 also where a socket of both kinds calls it ``::ffff:…``."""
    return host.removeprefix("::ffff:") if "." in host else host
