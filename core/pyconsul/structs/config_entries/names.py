"""Host names and addresses as Go and its DNS library tell them apart."""

import ipaddress

_NAME_BYTES = 255
_LABEL_BYTES = 63


def is_ip(text: str) -> bool:
    """Whether this is an address without a zone."""
    try:
        return "%" not in text and bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def is_domain_name(text: str) -> bool:
    """Whether this fits into a DNS packet: labels of 1 to 63 bytes, 255 in all; any characters, ``\\.`` escaped."""
    if not text:
        return True
    if text == ".":
        return True
    raw = text.encode("utf-8", "surrogateescape")
    size, label, at = 1, 0, 0
    while at < len(raw):
        if raw[at : at + 1] == b".":
            if not 0 < label <= _LABEL_BYTES:
                return False
            size += label + 1
            label = 0
            at += 1
            continue
        if raw[at : at + 1] == b"\\":
            if at + 1 >= len(raw):
                return False
            at += 4 if raw[at + 1 : at + 4].isdigit() and len(raw) >= at + 4 else 2
        else:
            at += 1
        label += 1
    if label:
        size += label + 1
    return label <= _LABEL_BYTES and size <= _NAME_BYTES
