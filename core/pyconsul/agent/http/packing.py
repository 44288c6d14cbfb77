"""Replies in gzip's form: whether a client takes it, whole bodies, and streams piece by piece."""

from __future__ import annotations

import re
import zlib
from typing import Any, Final, Self

FROM_BYTES: Final = 1400  # smaller replies go as they are (spec/limits)
_NAMES_GZIP: Final = re.compile(r"(?:^|,)\s*+gzip\s*+((?:;[^,]*+)?)(?:,|$)", re.IGNORECASE)
_GZIP: Final = 31  # zlib's window bits for gzip's framing
_FAST: Final = 1
_STORED: Final = 0  # for what is packed already; clients see gzip as from Consul, and nobody packs it again
_PACKED_ALREADY: Final = "application/x-gzip"


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding header names gzip with a weight above 0; ``*`` names nothing, as in Consul."""
    found = _NAMES_GZIP.search(accepted)
    return found is not None and _weight(found[1].split(";")[1:]) > 0


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.strip().partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0
    return 1


def packed(body: bytes) -> bytes:
    """The body in gzip's form."""
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


class PackedStream:
    """What ``inner`` yields, in gzip's form. Each piece can be read whole as soon as it has come."""

    def __init__(self, inner: Any, content_type: str) -> None:
        self._inner = inner
        level = _STORED if content_type == _PACKED_ALREADY else _FAST
        self._packer = zlib.compressobj(level, zlib.DEFLATED, _GZIP)
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        try:
            piece = await anext(self._inner)
        except StopAsyncIteration:
            self._ended = True
            return self._packer.flush()
        return self._packer.compress(piece) + self._packer.flush(zlib.Z_SYNC_FLUSH)

    async def aclose(self) -> None:
        """Close what lies below, also if nobody ever read it."""
        await self._inner.aclose()
