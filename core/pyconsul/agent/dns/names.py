r"""Domain names: wire form and the presentation form (``a\.b.node.dc1.consul.``) in which the catalog is asked.

A name is kept as ASCII text that ends with a dot; octets that would confuse a reader are escaped as zone files do it
(``\.`` or ``\032``). Comparing and cutting names then is plain text work.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

MAX_NAME = 255  # octets on the wire
MAX_LABEL = 63
_MAX_POINTERS = 126  # a name of 255 octets has room for no more
# What makes a name of a node, service or tag one that DNS cannot find. The backslash passes: Consul's own expression
# means to escape the hyphen and lets it in.
UNFIT = re.compile(r"[^A-Za-z0-9\\-]")
_SPECIAL = frozenset(b".' @;()\"\\")

IPAddress = IPv4Address | IPv6Address


class BadName(ValueError):
    """Not a name: it runs out of the packet, is too long, or has pointers that lead nowhere."""


def _escape(octet: int) -> str:
    if octet in _SPECIAL:
        return "\\" + chr(octet)
    return chr(octet) if 0x20 <= octet <= 0x7E else f"\\{octet:03d}"


_PLAIN = [_escape(octet) for octet in range(256)]


def read_name(packet: bytes, at: int) -> tuple[str, int]:
    """The name that starts at offset ``at``, and the offset behind it. Raises ``BadName``."""
    parts: list[str] = []
    behind = -1
    budget = MAX_NAME
    pointers = 0
    end = len(packet)
    while True:
        if at >= end:
            raise BadName("name runs out of the packet")
        size = packet[at]
        at += 1
        if size == 0:
            break
        if size >= 0xC0:
            if at >= end:
                raise BadName("pointer runs out of the packet")
            pointers += 1
            if pointers > _MAX_POINTERS:
                raise BadName("too many compression pointers")
            if behind < 0:
                behind = at + 1
            at = (size & 0x3F) << 8 | packet[at]
            continue
        if size > MAX_LABEL:
            raise BadName("reserved label type")
        if at + size > end:
            raise BadName("label runs out of the packet")
        budget -= size + 1
        if budget <= 0:
            raise BadName("name too long")
        label = packet[at : at + size]
        if label.isalnum():
            parts.append(label.decode("ascii"))
        else:
            parts.append("".join([_PLAIN[octet] for octet in label]))
        at += size
    return ".".join(parts) + ".", at if behind < 0 else behind


@lru_cache(maxsize=8192)
def suffixes(name: str) -> tuple[tuple[str, bytes], ...]:
    """Each label of ``name`` as (the text from it on, its octets with their length in front).

    Raises ``BadName`` for text that cannot go on the wire.
    """
    if name in ("", "."):
        return ()
    found: list[tuple[str, bytes]] = []
    rest = name
    total = 1
    while rest:
        raw, used = _take_label(rest)
        if not raw or len(raw) > MAX_LABEL:
            raise BadName(f"label of {len(raw)} octets in {name!r}")
        total += len(raw) + 1
        found.append((rest, bytes((len(raw),)) + raw))
        rest = rest[used:]
    if total > MAX_NAME:
        raise BadName(f"name of {total} octets: {name!r}")
    return tuple(found)


def _take_label(text: str) -> tuple[bytes, int]:
    """The octets of the first label, and how much text it took with its dot."""
    dot = text.find(".")
    if dot >= 0 and "\\" not in text[:dot]:
        return text[:dot].encode("utf-8", "surrogateescape"), dot + 1
    raw = bytearray()
    at = 0
    while at < len(text) and text[at] != ".":
        if text[at] == "\\" and at + 1 < len(text):
            digits = text[at + 1 : at + 4]
            if len(digits) == 3 and digits.isascii() and digits.isdigit():
                raw.append(int(digits) & 0xFF)
                at += 4
                continue
            at += 1
        raw += text[at].encode("utf-8", "surrogateescape")
        at += 1
    return bytes(raw), at + 1


@lru_cache(maxsize=8192)
def wire(name: str) -> bytes:
    """``name`` without compression. Raises ``BadName``."""
    return b"".join([octets for _, octets in suffixes(name)]) + b"\0"


def labels(name: str) -> list[str]:
    r"""The labels of a name in text form; an escaped dot does not cut."""
    if "\\" not in name:
        text = name.removesuffix(".")
        return text.split(".") if text else []
    found: list[str] = []
    start = at = 0
    while at < len(name):
        if name[at] == "\\":
            at += 4 if name[at + 1 : at + 4].isdigit() else 2
        elif name[at] == ".":
            found.append(name[start:at])
            start = at = at + 1
        else:
            at += 1
    if start < len(name):
        found.append(name[start:])
    return found


def fqdn(name: str) -> str:
    """``name`` with a dot at its end."""
    return name if name.endswith(".") else name + "."


def parse_ip(text: str) -> IPAddress | None:
    """An address as Go reads one: no zone, IPv4 in IPv6 is IPv4. None for anything else."""
    if "%" in text:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def reverse_name(address: str) -> str:
    """The name under ``arpa.`` that asks for an address, "" for what is none."""
    found = parse_ip(address)
    return "" if found is None else found.reverse_pointer + "."


def address_of_reverse(name: str) -> str:
    """The address that a full name under ``arpa.`` asks for, in Go's form; "" where it spells none."""
    parts = labels(name)
    family, count = (parts[-2], len(parts) - 2) if len(parts) > 2 and parts[-1] == "arpa" else ("", 0)
    octets = parts[:count][::-1]
    if family == "in-addr" and count == 4:
        found = parse_ip(".".join(octets))
    elif family == "ip6" and count == 32:
        found = parse_ip(":".join("".join(octets[i : i + 4]) for i in range(0, 32, 4)))
    else:
        found = None
    return "" if found is None else str(found)
