"""Encrypting archives before they leave this machine, and decrypting them again, as streams.

A sealed archive is ``MAGIC``, the first 8 bytes of SHA-256 of the key (which key is it?), 16 random bytes (salt),
then frames of 64 KiB of plain text, each AES-256-GCM with its 16-byte tag; the last frame may be shorter, and empty.
The key of the frames is HKDF-SHA256(key, salt, header), so that no two archives share one; the nonce is the
frame's number (11 bytes) and a byte that is 1 for the last frame only, so that frames can neither be swapped nor
dropped, not even from the end (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
"""

from __future__ import annotations

import binascii
import hashlib
import os
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec

from pyconsul.primitives.system_errors import system_text
from pyconsul_snapshot_agent.archive import Pieces

MAGIC: Final = b"pyconsul-sealed-snapshot-1\n"
FRAME_BYTES: Final = 64 * 1024
_TAG_BYTES: Final = 16
_HEADER_BYTES: Final = len(MAGIC) + 8 + 16


class SealError(Exception):
    """A key that cannot be used, or sealed bytes that no key here opens."""


class Keys(msgspec.Struct, frozen=True):
    """The keys of a key file: the first one seals, each of them opens."""

    secrets: Sequence[bytes] = ()

    def __repr__(self) -> str:
        return f"Keys({len(self.secrets)})"

    @classmethod
    def from_text(cls, text: str) -> Keys:
        """One key a line: 32 bytes in base64, as ``consul keygen`` prints them; # begins a comment.

        Raises SealError.
        """
        found: list[bytes] = []
        for number, line in enumerate(text.splitlines(), 1):
            line = line.partition("#")[0].strip()
            if not line:
                continue
            try:
                key = b64decode(line, validate=True)
            except (binascii.Error, ValueError):
                raise SealError(f"line {number} of the key file is not base64") from None
            if len(key) != 32:
                raise SealError(f"line {number} of the key file holds {len(key)} bytes, a key has 32")
            found.append(key)
        if not found:
            raise SealError("the key file holds no key")
        return cls(tuple(found))

    @classmethod
    def from_file(cls, path: str) -> Keys:
        """The keys of a file. Raises SealError."""
        try:
            with open(path, encoding="ascii") as file:
                return cls.from_text(file.read())
        except OSError as error:
            raise SealError(f"key file {path}: {system_text(error)}") from None
        except UnicodeDecodeError:
            raise SealError(f"key file {path} is not text") from None


def seal(pieces: Iterable[bytes], keys: Keys) -> Iterator[bytes]:
    """The sealed form of ``pieces``."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    header = MAGIC + _key_id(keys.secrets[0]) + os.urandom(16)
    cipher = AESGCM(_frame_key(keys.secrets[0], header))
    yield header
    source = Pieces(pieces)
    frame, number = source.read(FRAME_BYTES), 0
    while True:
        following = source.read(FRAME_BYTES) if len(frame) == FRAME_BYTES else b""
        yield cipher.encrypt(_nonce(number, is_last=not following), frame, header)
        if not following:
            return
        frame, number = following, number + 1


def unseal(pieces: Iterable[bytes], keys: Keys) -> Iterator[bytes]:
    """The plain form of ``pieces``, which pass as they are when they are not sealed. Raises SealError."""
    source = Pieces(pieces)
    header = source.read(len(MAGIC))
    if header != MAGIC:
        yield from chain([header], _rest(source))
        return
    header += source.read(_HEADER_BYTES - len(MAGIC))
    if len(header) != _HEADER_BYTES:
        raise SealError("the sealed archive is cut off")
    yield from _opened(source, header, keys)


def is_sealed(head: bytes) -> bool:
    """Whether an archive that begins like this is sealed."""
    return head.startswith(MAGIC)


def _opened(source: Pieces, header: bytes, keys: Keys) -> Iterator[bytes]:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    wanted = header[len(MAGIC) : len(MAGIC) + 8]
    key = next((secret for secret in keys.secrets if _key_id(secret) == wanted), None)
    if key is None:
        known = "no key is configured" if not keys.secrets else "the key file does not hold its key"
        raise SealError(f"the archive is encrypted and {known} ({wanted.hex()})")
    cipher = AESGCM(_frame_key(key, header))
    size = FRAME_BYTES + _TAG_BYTES
    frame, number = source.read(size), 0
    while True:
        following = source.read(size) if len(frame) == size else b""
        try:
            yield cipher.decrypt(_nonce(number, is_last=not following), frame, header)
        except (InvalidTag, ValueError):
            raise SealError("the sealed archive is damaged or cut off") from None
        if not following:
            return
        frame, number = following, number + 1


def _rest(source: Pieces) -> Iterator[bytes]:
    while piece := source.read(FRAME_BYTES):
        yield piece


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()[:8]


def _frame_key(key: bytes, header: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=header[-16:], info=header).derive(key)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
