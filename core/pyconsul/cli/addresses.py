"""Addresses of services as the command line takes them: names, IP addresses, ports."""

from __future__ import annotations

import ipaddress

from pyconsul.lang.goflags import ValueRefused, to_int

_MOST_COLONS = 7
_MOST_DOTS = 3


class AddressError(ValueError):
    """An address that cannot be right; the text is Consul's."""


def host_and_port(text: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[v6]:port``. Raises AddressError."""
    host, port = split(text)
    try:
        return host, to_int(port, base=10)
    except ValueRefused as e:
        raise AddressError(str(e).replace("ParseInt", "Atoi", 1)) from e


def split(text: str) -> tuple[str, str]:
    """Go's ``net.SplitHostPort``. Raises AddressError."""
    colon = text.rfind(":")
    if colon < 0:
        raise AddressError(f"address {text}: missing port in address")
    if text.startswith("["):
        end = text.find("]")
        if end < 0:
            raise AddressError(f"address {text}: missing ']' in address")
        if end + 1 != colon:
            what = "too many colons" if text[end + 1 : end + 2] == ":" else "missing port"
            raise AddressError(f"address {text}: {what} in address")
        host = text[1:end]
    else:
        host = text[:colon]
        if ":" in host:
            raise AddressError(f"address {text}: too many colons in address")
    for bracket in "[]":
        if bracket in host:
            raise AddressError(f"address {text}: unexpected '{bracket}' in address")
    return host, text[colon + 1 :]


def check_service_address(text: str, *, port_allowed: bool) -> None:
    """Refuse what looks like a mistyped IP address, and a port where none belongs. Raises AddressError."""
    if not text:
        return
    try:
        host, port = split(text)
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
    """Whether a host that is no IP address was probably meant as one."""
    if ".." in host or ":::" in host or host.count("::") > 1 or host.count(":") > _MOST_COLONS:
        return True
    numbers = [part for part in host.split(".") if part.isascii() and part.isdigit()]
    return host.count(".") > _MOST_DOTS and len(numbers) > 2
