"""Base64 as Go decodes it: line breaks are skipped, and an error says at which byte the text goes wrong."""

from __future__ import annotations

import binascii
from typing import Final

_ALPHABET: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_PADDING: Final = ord("=")


class IllegalBase64(binascii.Error):
    """The text is no base64; ``partial`` is what its whole groups before the error decode to."""

    def __init__(self, position: int, partial: bytes) -> None:
        super().__init__(f"illegal base64 data at input byte {position}")
        self.partial = partial


def decode(text: bytes) -> bytes:
    """Decode standard base64 with padding. Raises IllegalBase64."""
    places = [at for at, char in enumerate(text) if char not in b"\r\n"]
    body = text.translate(None, b"\r\n")
    stray = next((i for i, char in enumerate(body) if char not in _ALPHABET), None)
    if stray is None:
        whole = len(body) - len(body) % 4
        if whole == len(body):
            return binascii.a2b_base64(body)
        # Go counts an unfinished group back from the end of the text.
        raise IllegalBase64(len(text) - len(body) % 4, binascii.a2b_base64(body[:whole]))
    start = stray - stray % 4
    if body[stray] != _PADDING or stray % 4 < 2:
        raise IllegalBase64(places[stray], binascii.a2b_base64(body[:start]))
    return _padded(text, body, places, stray)


def _padded(text: bytes, body: bytes, places: list[int], first: int) -> bytes:
    """A text whose ``first`` padding byte stands where one may stand: what follows must end the text."""
    end = first + 1
    if first % 4 == 2:
        before = binascii.a2b_base64(body[: first - 2])
        if end == len(body):
            raise IllegalBase64(len(text), before)
        if body[end] != _PADDING:
            raise IllegalBase64(places[end] - 1, before)
        end += 1
    whole = binascii.a2b_base64(body[:end])
    if end < len(body):
        raise IllegalBase64(places[end], whole)
    return whole
