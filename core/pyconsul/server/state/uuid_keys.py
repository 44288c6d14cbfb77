"""Keys made of UUIDs, and what Consul's indexes say of a text that is none."""

from __future__ import annotations

from pyconsul.primitives.ids import hex_fault
from pyconsul.structs.errors import InternalError


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
    if len(_bytes(text)) != 36:
        return "UUID must be 36 characters"
    return _digits_fault(text, subject, invalid)


def _digits_fault(text: str, subject: str, invalid: str) -> str:
    data = _bytes(text)
    digits = data.replace(b"-", b"")
    dashes = len(data) - len(digits)
    if dashes > 4:
        return f'UUID should have maximum of 4 "-"; got {dashes}'
    if len(digits) % 2:
        return f"{subject} (without hyphens) must be even length"
    fault = hex_fault(digits)
    return f"{invalid} UUID: {fault}" if fault else ""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
