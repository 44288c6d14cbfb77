"""A connection of checks and of requests to others: read, write, TLS on demand, errors in Go's words.

TLS runs over buffers here and not in asyncio's transports, because those lose what the errors tell: what the peer said
first, and how a connection broke.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Final, Self, TypeVar

from pyconsul.primitives import dialing
from pyconsul.primitives.certificates import refusal
from pyconsul.primitives.dialing import DialError, broken_text, dial_text
from pyconsul.primitives.handshakes import NO_TLS, handshake_text

Value = TypeVar("Value")

_READ_BYTES: Final = 1 << 16
_RECORD_HEAD: Final = 5  # bytes: kind, version, length (RFC 8446, section 5.1)
_ALERT, _HANDSHAKE = 21, 22


class Trust:
    """Whom to trust. ``make`` makes a context that verifies peers, or takes anybody for False."""

    def __init__(self, make: Callable[[bool], ssl.SSLContext]) -> None:
        self._make = make

    @cached_property  # the system's authorities take 20 ms to read, and who meets no TLS needs none
    def context(self) -> ssl.SSLContext:
        """For connections."""
        return self._make(True)

    def of_anyone(self) -> ssl.SSLContext:
        """For a look at who was refused."""
        return self._make(False)


class HandshakeError(DialError):
    """There is a connection, but no TLS; the text is Go's. ``first`` is what the peer said first."""

    def __init__(self, text: str, first: bytes = b"") -> None:
        super().__init__(text)
        self.first = first


class BrokenLink(Exception):
    """A connection that broke; the text is Go's."""


class Link:
    """One connection; who opens it closes it."""

    def __init__(self, sock: socket.socket, ends: str) -> None:
        self._socket = sock
        self._ends = ends
        self._loop = asyncio.get_running_loop()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._heard = b""  # while shaking hands
        self._is_secure = False

    @classmethod
    async def to(cls, host: str, port: int, *, shown: str = "", patience: float = math.inf) -> Self:
        """A connection to a host; ``shown`` and ``patience`` are as for ``dialing.connect``. Raises DialError."""
        return cls(*await dialing.connect_async(host, port, patience, shown=shown))

    @classmethod
    async def to_unix(cls, path: str) -> Self:
        """A connection to a Unix socket. Raises DialError."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await asyncio.get_running_loop().sock_connect(sock, path)
        except OSError as error:
            sock.close()
            raise DialError(dial_text("unix", path, error)) from None
        except BaseException:
            sock.close()
            raise
        return cls(sock, f"unix @->{path}")

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """Shake hands with who must be called ``name``. Raises HandshakeError, ssl.SSLCertVerificationError."""
        try:
            self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name.removesuffix(".") or None)
            await self._step(self._tls.do_handshake)
            self._is_secure, self._heard = True, b""
        except ssl.SSLCertVerificationError:
            raise
        except (ssl.SSLError, ValueError) as error:
            raise HandshakeError(self._handshake_text(error), self._heard[:_RECORD_HEAD]) from None
        except OSError as error:
            raise HandshakeError(broken_text(self._ends, error)) from None

    def _handshake_text(self, error: ssl.SSLError | ValueError) -> str:
        if not isinstance(error, ssl.SSLError):
            return f"tls: {error}"
        if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return "EOF" if _is_whole(self._heard) else "unexpected EOF"
        if self._heard and self._heard[0] not in (_ALERT, _HANDSHAKE):
            return NO_TLS
        if error.reason == "UNSUPPORTED_PROTOCOL":
            return f"tls: server selected unsupported protocol version {self._heard[9:11].hex().lstrip('0')}"
        return handshake_text(error)

    @property
    def protocol(self) -> str:
        """What both ends agreed to speak (ALPN), "" without such an agreement."""
        return (self._tls and self._tls.selected_alpn_protocol()) or ""

    def certificate(self) -> bytes:
        """What the peer showed (DER)."""
        return (self._tls and self._tls.getpeercert(binary_form=True)) or b""

    async def read(self) -> bytes:
        """What has come, at least a byte; b"" at the end. Raises BrokenLink."""
        try:
            if self._tls is None:
                return await self._loop.sock_recv(self._socket, _READ_BYTES)
            return await self._step(self._tls.read, _READ_BYTES)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as error:
            raise BrokenLink(handshake_text(error)) from None
        except OSError as error:
            raise BrokenLink(broken_text(self._ends, error)) from None

    async def write(self, data: bytes) -> None:
        """Send it all. Raises BrokenLink."""
        try:
            if self._tls is None:
                await self._loop.sock_sendall(self._socket, data)
            else:
                await self._step(self._tls.write, data)
        except OSError as error:
            raise BrokenLink(broken_text(self._ends, error).replace("read", "write")) from None

    async def _step(self, action: Callable[..., Value], *args: object) -> Value:
        """What TLS does next, with as many bytes from the peer as that takes."""
        while True:
            try:
                done = action(*args)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._loop.sock_recv(self._socket, _READ_BYTES)
                if not self._is_secure:
                    self._heard += data
                if data:
                    self._incoming.write(data)
                else:
                    self._incoming.write_eof()
            except ssl.SSLError:
                with suppress(OSError):  # the peer may want to know why, and may be gone
                    await self._flush()
                raise
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        if data := self._outgoing.read():
            await self._loop.sock_sendall(self._socket, data)

    def close(self) -> None:
        """End the connection; TLS says goodbye if that takes no waiting."""
        if self._tls is not None:
            with suppress(OSError, ValueError):
                self._tls.unwrap()
            with suppress(OSError):
                self._socket.send(self._outgoing.read())
        self._socket.close()


def _is_whole(records: bytes) -> bool:
    """Whether what came ends with a record's end."""
    while len(records) >= _RECORD_HEAD:
        size = _RECORD_HEAD + int.from_bytes(records[3:5])
        if len(records) < size:
            return False
        records = records[size:]
    return not records


async def open_link(
    host: str, port: int, *, shown: str = "", trust: Trust | None = None, name: str = "", patience: float = math.inf
) -> Link:
    """A connection to a host within so many seconds, with TLS where ``trust`` is given, to who is called ``name``.

    Raises DialError, and its kind HandshakeError.
    """
    deadline = asyncio.get_running_loop().time() + patience
    link = await Link.to(host, port, shown=shown, patience=patience)
    try:
        if trust is not None:
            async with asyncio.timeout_at(deadline):
                await secure(link, host, port, trust, name)
    except TimeoutError:
        link.close()
        raise HandshakeError("context deadline exceeded") from None
    except BaseException:
        link.close()
        raise
    return link


async def secure(link: Link, host: str, port: int, trust: Trust, name: str) -> None:
    """Shake hands over a connection to ``host`` with who must be called ``name``. Raises HandshakeError."""
    if trust.context.check_hostname and not name:
        raise HandshakeError("tls: either ServerName or InsecureSkipVerify must be specified in the tls.Config")
    try:
        await link.secure(trust.context, name)
    except ssl.SSLCertVerificationError as error:
        raise HandshakeError(refusal(error, await _shown(host, port, trust, name), name)) from None


async def _shown(host: str, port: int, trust: Trust, name: str) -> bytes:
    """The certificate of a peer, whoever signed it; b"" where it shows none."""
    with suppress(DialError):
        link = await Link.to(host, port)
        try:
            await link.secure(trust.of_anyone(), name)
            return link.certificate()
        finally:
            link.close()
    return b""
