"""Host names and addresses as Go and its DNS library tell them apart."""

import ipaddress
import re

_NAME_BYTES = 256
_LABEL_BYTES = 63
_ESCAPED = re.compile(rb"\\(?:\d{3}|.)", re.DOTALL)


def is_ip(text: str) -> bool:
    """Whether this is an address without a zone."""
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def is_domain_name(text: str) -> bool:
    """Whether Consul's DNS library packs this.

    Labels of 1 to 63 bytes, 256 in all; any characters, ``\\.`` escaped.
    """
    raw = text.encode("utf-8", "surrogateescape")
    if raw in (b"", b"."):
        return bool(raw)
    plain = _ESCAPED.sub(b"x", raw)
    if not plain.endswith(b"."):
        plain = _ESCAPED.sub(b"x", raw + b".")  # a backslash at the end takes the dot
    labels = plain.split(b".")[:-1]
    return (
        all(0 < len(label) <= _LABEL_BYTES for label in labels) and sum(map(len, labels)) + len(labels) <= _NAME_BYTES
    )
