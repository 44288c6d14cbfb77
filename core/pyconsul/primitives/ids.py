"""IDs in UUID form, with the error texts of HashiCorp's parser. Go counts and names bytes here, not letters."""

from __future__ import annotations

from typing import Final

_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
_DASHES: Final = (8, 13, 18, 23)


def uuid_fault(text: str) -> str:
    """What is wrong with ``text`` as a UUID, "" for a good one."""
    data = text.encode("utf-8", "surrogateescape")
    if len(data) != 36:
        return "uuid string is wrong length"
    if any(data[at] != ord("-") for at in _DASHES):
        return "uuid is improperly formatted"
    return hex_fault(data[:8] + data[9:13] + data[14:18] + data[19:23] + data[24:])


def hex_fault(digits: bytes) -> str:
    """What ``encoding/hex`` says of the first byte that is no digit, "" where all are."""
    bad = next((chr(byte) for byte in digits if byte not in _DIGITS), "")
    if not bad:
        return ""
    shown = f" '{bad}'" if bad.isprintable() else ""
    return f"encoding/hex: invalid byte: U+{ord(bad):04X}{shown}"
