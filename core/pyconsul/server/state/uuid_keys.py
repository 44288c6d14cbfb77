"""Keys made of UUIDs, and what Consul's indexes say of a text that is none."""

from __future__ import annotations

from typing import Final

from pyconsul.structs.errors import InternalError

_HEX: Final = frozenset("0123456789abcdefABCDEF")


def uuid_key(text: str, what: str) -> str:
    """The key of an ID. Raises InternalError for what is no UUID, in the words of the index of ``what``."""
    if fault := _fault(text, "Input", "Invalid"):
        raise InternalError(f"failed {what} lookup: index error: {fault}")
    return text.lower()


def link_key(text: str, what: str) -> str:
    """``uuid_key`` for indexes of links, binding rules and tokens' accessors, which have words of their own."""
    if fault := _fault(text, "UUID", "invalid"):
        raise InternalError(f"failed {what} lookup: index error: {fault}")
    return text.lower()


def node_id_key(text: str) -> str:
    """The key of a node's ID, whose index takes parts of one too. Raises InternalError for what is no UUID."""
    if fault := _digits_fault(text, "UUID", "invalid"):
        raise InternalError(f"node lookup by ID failed: index error: {fault}")
    return text.lower()


def _fault(text: str, subject: str, invalid: str) -> str:
    if len(text.encode("utf-8", "surrogateescape")) != 36:
        return "UUID must be 36 characters"
    return _digits_fault(text, subject, invalid)


def _digits_fault(text: str, subject: str, invalid: str) -> str:
    digits = text.replace("-", "")
    if len(text) - len(digits) > 4:
        return f'UUID should have maximum of 4 "-"; got {len(text) - len(digits)}'
    if len(digits) % 2:
        return f"{subject} (without hyphens) must be even length"
    bad = next((char for char in digits if char not in _HEX), "")
    return f"{invalid} UUID: encoding/hex: invalid byte: U+{ord(bad):04X} '{bad}'" if bad else ""
