"""Addresses with a port, taken apart as Go's ``net.SplitHostPort`` does it."""

from __future__ import annotations


class AddressError(ValueError):
    """A text that is no ``host:port``; the sentence is Go's."""


def split_host_port(text: str) -> tuple[str, str]:
    """Host and port, both as text, of ``host:port`` or ``[v6]:port``. Raises AddressError."""
    colon = text.rfind(":")
    if colon < 0:
        raise _fault(text, "missing port")
    if text.startswith("["):
        end = text.find("]")
        if end < 0:
            raise _fault(text, "missing ']'")
        if end + 1 != colon:
            raise _fault(text, "too many colons" if text[end + 1 : end + 2] == ":" else "missing port")
        host, opened, closed = text[1:end], 1, end + 1
    else:
        host, opened, closed = text[:colon], 0, 0
        if ":" in host:
            raise _fault(text, "too many colons")
    if "[" in text[opened:]:
        raise _fault(text, "unexpected '['")
    if "]" in text[closed:]:
        raise _fault(text, "unexpected ']'")
    return host, text[colon + 1 :]


def _fault(text: str, what: str) -> AddressError:
    return AddressError(f"address {text}: {what} in address" if text else f"{what} in address")
