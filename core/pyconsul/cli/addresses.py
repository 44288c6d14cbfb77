"""Addresses of services as the command line takes them: names, IP addresses, ports."""

from __future__ import annotations

import ipaddress

from pyconsul.lang.goflags import ValueRefused, to_int
from pyconsul.primitives.host_ports import AddressError, split_host_port

__all__ = ["AddressError", "check_service_address", "host_and_port"]

_MOST_COLONS = 7
_MOST_DOTS = 3


def host_and_port(text: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[v6]:port``. Raises AddressError."""
    host, port = split_host_port(text)
    try:
        return host, to_int(port, base=10)
    except ValueRefused as e:
        raise AddressError(str(e).replace("ParseInt", "Atoi", 1)) from e


def check_service_address(text: str, *, port_allowed: bool) -> None:
    """Refuse what looks like a mistyped IP address, and a port where none belongs. Raises AddressError."""
    if not text:
        return
    try:
        host, port = split_host_port(text)
    except AddressError:  # no port: all of it is the host
        host, port = text, ""
    if not _is_ip(host):
        if _looks_like_ip(host):
            raise AddressError(f"malformed IP address: {host}")
        if not host.strip():
            raise AddressError("address cannot be empty")
    if port and not port_allowed:
        raise AddressError("address should not contain port")


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _looks_like_ip(host: str) -> bool:
    """Whether a host that is no IP address was probably meant as one, by the guesses of Consul's command."""
    if ".." in host or ":::" in host or host.count("::") > 1 or host.count(":") > _MOST_COLONS:
        return True
    numbers = [part for part in host.split(".") if part.isascii() and part.isdigit()]
    return host.count(".") > _MOST_DOTS and len(numbers) > 2
