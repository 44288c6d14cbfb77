"""Proving that an archive is whole: gzip, tar, and the digests that the archive lists of its own members.

Streams: nothing is kept in memory but ``meta.json`` and ``SHA256SUMS``. The state itself is opaque here; its
digest was made by the server that took the snapshot.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any, Final, cast

import msgspec

CHUNK_BYTES: Final = 256 * 1024
_META, _STATE, _SUMS = "meta.json", "state.bin", "SHA256SUMS"
_SMALL_BYTES: Final = 16 * 1024 * 1024  # more than any honest meta.json or SHA256SUMS


class ArchiveError(Exception):
    """The bytes are not a whole snapshot archive; the text says what is wrong."""


class Summary(msgspec.Struct, frozen=True):
    """What an archive says of itself. ``state_bytes`` is the size of the state before compression."""

    index: int
    term: int
    state_bytes: int


class Pieces:
    """Bytes that come in pieces, read like a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces: Iterator[bytes] = iter(pieces)
        self._piece = b""
        self._at = 0  # in the piece; cutting it anew for each small read would copy the rest of it each time

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, fewer only at the end; all that is left for a negative size."""
        parts: list[bytes] = []
        left = size
        while left:
            if self._at == len(self._piece):
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._piece, self._at = piece, 0
                continue
            end = len(self._piece) if left < 0 else min(len(self._piece), self._at + left)
            part = self._piece[self._at : end]
            parts.append(part)
            self._at = end
            left -= len(part) if left > 0 else 0
        return parts[0] if len(parts) == 1 else b"".join(parts)


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """A file from where it stands to its end, in pieces."""
    while piece := file.read(CHUNK_BYTES):
        yield piece


def verify(pieces: Iterable[bytes]) -> Summary:
    """Read a whole archive and check it. Raises ArchiveError, and whatever reading the pieces raises."""
    source = Pieces(pieces)
    contents = _Contents()
    try:
        with gzip.GzipFile(fileobj=cast("IO[bytes]", source), mode="rb") as plain:
            with tarfile.open(fileobj=plain, mode="r|") as tar:
                for member in tar:
                    contents.take(member, tar.extractfile(member))
            while plain.read(CHUNK_BYTES):  # to the end, where gzip's own checksum stands
                pass
    # tarfile lets the ValueErrors of int() through for some fields that are no numbers.
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise ArchiveError(f"not a snapshot archive: {error or type(error).__name__}") from error
    return contents.summary()


class _Contents(msgspec.Struct):
    """What was found so far."""

    small: dict[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    digests: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    state_bytes: int = 0

    def take(self, member: tarfile.TarInfo, data: IO[bytes] | None) -> None:
        """Hash one member. Raises ArchiveError for one that does not belong."""
        if data is None or member.name not in (_META, _STATE, _SUMS) or member.name in self.digests:
            raise ArchiveError(f"unexpected file {json.dumps(member.name)} in the archive")
        digest = hashlib.sha256()
        if member.name == _STATE:
            self.state_bytes = member.size
            for piece in chunks(data):
                digest.update(piece)
        else:
            if member.size > _SMALL_BYTES:
                raise ArchiveError(f"file {json.dumps(member.name)} in the archive is too large")
            self.small[member.name] = data.read()
            digest.update(self.small[member.name])
        self.digests[member.name] = digest.hexdigest()

    def summary(self) -> Summary:
        """Compare the digests and read the meta data. Raises ArchiveError."""
        listed: dict[str, str] = {}
        for line in self.small.get(_SUMS, b"").decode("utf-8", "replace").splitlines():
            digest, _, name = line.partition("  ")
            listed[name] = digest
        for name in (_META, _STATE):
            if name not in self.digests:
                raise ArchiveError(f"file {json.dumps(name)} is missing from the archive")
            if name not in listed:
                raise ArchiveError(f"the archive lists no digest of {json.dumps(name)}")
            if listed[name] != self.digests[name]:
                raise ArchiveError(f"the digest of {json.dumps(name)} does not match")
        return _summary(self.small[_META], self.state_bytes)


def _summary(meta: bytes, state_bytes: int) -> Summary:
    try:
        fields: dict[str, Any] = json.loads(meta)
        found = Summary(int(fields["Index"]), int(fields["Term"]), state_bytes)
        size = int(fields.get("Size") or 0)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ArchiveError(f"the archive's meta data cannot be read: {error}") from error
    if size and size != state_bytes:
        raise ArchiveError(f"the state has {state_bytes} bytes, the meta data says {size}")
    return found
