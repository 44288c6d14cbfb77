"""Bytes beyond UTF-8, which Python's text keeps as lone surrogates (PEP 383), on their way out: as they came."""

from __future__ import annotations

import codecs
from typing import Final

__all__ = ["AS_IT_CAME", "as_bytes"]

AS_IT_CAME: Final = "pyconsul.as_it_came"
"""The name of the handler of encoding errors that does this; other surrogates become U+FFFD, as in Go."""


def as_bytes(text: str) -> bytes:
    """The text as UTF-8, whatever is in it."""
    return text.encode("utf-8", AS_IT_CAME)


def _as_it_came(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return b"".join(map(_byte, error.object[error.start : error.end])), error.end


def _byte(surrogate: str) -> bytes:
    stray = ord(surrogate) - 0xDC00
    return bytes((stray,)) if 0x80 <= stray <= 0xFF else b"\xef\xbf\xbd"


codecs.register_error(AS_IT_CAME, _as_it_came)
