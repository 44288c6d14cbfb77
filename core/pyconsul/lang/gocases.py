"""Letter cases as Go's ``strings.ToUpper`` and ``strings.ToLower`` change them: character by character."""

from __future__ import annotations


def upper(text: str) -> str:
    """Upper case: ``ß`` stays, which Python makes two letters of."""
    return text.upper() if text.isascii() else "".join(simple_case(c, c.upper()) for c in text)


def lower(text: str) -> str:
    """Lower case; that of a letter does not depend on its neighbours, as it does in Python for a final sigma."""
    return text.lower() if text.isascii() else "".join(simple_case(c, c.lower()) for c in text)


def simple_case(char: str, mapped: str) -> str:
    """Go maps character to character: where Python gives several, the character stays; a byte that is none is lost."""
    if "\udc80" <= char <= "\udcff":
        return "\ufffd"
    if len(mapped) == 1:
        return mapped
    return "i" if char == "\u0130" else char
