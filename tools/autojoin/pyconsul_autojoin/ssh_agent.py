"""Signatures from an SSH agent (draft-miller-ssh-agent), for clouds that know users by their SSH keys."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import struct
from typing import Final

import msgspec

__all__ = ["Key", "SshAgent", "SshAgentError"]

TIMEOUT: Final = 10.0
MESSAGE_LIMIT_BYTES: Final = 256 * 1024  # what OpenSSH's own client takes
REQUEST_IDENTITIES: Final = 11
IDENTITIES_ANSWER: Final = 12
SIGN_REQUEST: Final = 13
SIGN_RESPONSE: Final = 14
RSA_SHA2_256: Final = 2


class SshAgentError(Exception):
    """The agent is not there, does not have the key, or does not answer as it should."""


class Key(msgspec.Struct, frozen=True):
    """A public key that the agent holds the private half of."""

    blob: bytes

    @property
    def md5(self) -> str:
        """The old fingerprint: sixteen bytes in hexadecimal with colons."""
        return hashlib.md5(self.blob, usedforsecurity=False).digest().hex(":")

    def is_called(self, fingerprint: str) -> bool:
        """Whether this is its fingerprint: MD5 with or without colons, or SHA256 in base64, with or without prefix."""
        bare = fingerprint.removeprefix("MD5:").removeprefix("SHA256:")
        sha256 = base64.b64encode(hashlib.sha256(self.blob).digest()).rstrip(b"=").decode()
        return bare.replace(":", "").lower() == self.md5.replace(":", "") or bare == sha256


class _Reader:
    """Strings with a length before them."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self) -> int:
        """The next 32-bit number."""
        return int.from_bytes(self._take(4), "big")

    def string(self) -> bytes:
        """The next string."""
        return self._take(self.number())

    def _take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise SshAgentError("the SSH agent's answer is cut off")
        self._at += size
        return self._data[self._at - size : self._at]


class SshAgent:
    """The agent behind a Unix socket; every question is a connection of its own. Methods raise SshAgentError."""

    def __init__(self, socket: str) -> None:
        self._socket = socket

    async def key(self, fingerprint: str) -> Key:
        """The key with that fingerprint."""
        answer = _Reader(await self._ask(bytes([REQUEST_IDENTITIES]), IDENTITIES_ANSWER))
        keys: list[Key] = []
        for _ in range(answer.number()):
            keys.append(Key(answer.string()))
            answer.string()  # its comment
        for key in keys:
            if key.is_called(fingerprint):
                return key
        raise SshAgentError(f"No key in the SSH Agent matches fingerprint: {fingerprint}")

    async def sign(self, key: Key, data: bytes) -> tuple[str, bytes]:
        """The name of the signature's format, and the signature in it; RSA with SHA-256 where the agent can."""
        body = _string(key.blob) + _string(data) + struct.pack(">I", RSA_SHA2_256)
        answer = _Reader(await self._ask(bytes([SIGN_REQUEST]) + body, SIGN_RESPONSE))
        signature = _Reader(answer.string())
        return signature.string().decode("ascii", "replace"), signature.string()

    async def _ask(self, message: bytes, wanted: int) -> bytes:
        try:
            async with asyncio.timeout(TIMEOUT):
                reader, writer = await asyncio.open_unix_connection(self._socket)
                try:
                    writer.write(_string(message))
                    await writer.drain()
                    size = int.from_bytes(await reader.readexactly(4), "big")
                    if not 1 <= size <= MESSAGE_LIMIT_BYTES:
                        raise SshAgentError(f"the SSH agent's answer has an impossible size: {size}")
                    answer = await reader.readexactly(size)
                finally:
                    writer.close()
        except TimeoutError:
            raise SshAgentError(f"no answer from the SSH agent within {TIMEOUT:g}s") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise SshAgentError(f"unable to dial SSH agent: {error}") from error
        if answer[0] != wanted:
            raise SshAgentError("the SSH agent refuses")
        return answer[1:]


def _string(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data
