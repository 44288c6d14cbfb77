"""Streams in gzip's form, packed piece by piece."""

from __future__ import annotations

import zlib
from typing import Any, Final, Self

_GZIP: Final = 31  # zlib's window bits for gzip's framing
_FAST: Final = 1
_STORED: Final = 0  # for what is packed already; clients see gzip as from Consul, and nobody packs it again
_PACKED_ALREADY: Final = "application/x-gzip"


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
