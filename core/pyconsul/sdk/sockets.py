"""The blocking transport: plain sockets under ``http1.py``, a pool of kept connections, safe to share by threads.

Not ``http.client``: importing that costs 14 ms and more (it brings email and ssl), a fifth of a whole ``kv get``.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

from pyconsul.primitives import dialing
from pyconsul.primitives.dialing import Connected, DialError
from pyconsul.sdk import http1
from pyconsul.sdk.encode import Encoder, Wire
from pyconsul.sdk.errors import ClientClosed, TransportError
from pyconsul.sdk.http1 import AnswerParser, ProtocolError
from pyconsul.sdk.proxies import proxy_of
from pyconsul.sdk.request import Answer
from pyconsul.sdk.settings import Settings
from pyconsul.sdk.threads import raise_if_stopped

if TYPE_CHECKING:
    import ssl

    from pyconsul.lang.goproxy import Proxy


class Stream:
    """An answer whose body is read piece by piece. A context manager; leaving it closes the connection."""

    def __init__(self, transport: Transport, wire: Wire, sock: socket.socket, parser: AnswerParser) -> None:
        self._transport = transport
        self._wire = wire
        self._socket = sock
        self._parser = parser

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._parser.status

    @property
    def headers(self) -> dict[str, str]:
        """The headers, names in lower case."""
        return self._parser.headers

    def __iter__(self) -> Iterator[bytes]:
        """The pieces of the body as they come, none of them empty. Raises TransportError."""
        while True:
            piece = self._parser.take_body()
            if piece:
                yield piece
            if self._parser.is_complete:
                return
            if not piece:
                self._transport.receive(self._wire, self._socket, self._parser)

    def lines(self) -> Iterator[str]:
        """The body line by line, without the line ends; a last line without one counts, too, even a cut one.

        Raises TransportError.
        """
        rest = b""
        failure: TransportError | None = None
        try:
            for piece in self:
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    yield line.decode("utf-8", "replace")
        except TransportError as error:
            failure = error
        if rest:
            yield rest.decode("utf-8", "replace")
        if failure is not None:
            raise failure

    def read(self) -> Answer:
        """The rest of the body, as a whole answer."""
        return Answer(self.status, self.headers, b"".join(self))

    def close(self) -> None:
        """Close the connection; a body that was read to its end leaves it for the next request."""
        if self._parser.is_complete and self._parser.keep_alive:
            self._transport.keep(self._socket)
        else:
            self._transport.drop(self._socket)

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Transport:
    """Sends requests over kept connections; one exchange uses one connection, any number run side by side."""

    def __init__(self, encoder: Encoder, settings: Settings) -> None:
        self._encoder = encoder
        self._endpoint = encoder.endpoint
        self._settings = settings
        self._idle: list[socket.socket] = []
        self._busy: dict[socket.socket, int] = {}
        self._links: dict[socket.socket, str] = {}
        self._lock = threading.Lock()
        self._tls: ssl.SSLContext | None = None
        self._process = os.getpid()
        self._proxy = proxy_of(self._endpoint)
        self._is_closed = False

    def send(self, wire: Wire) -> Answer:
        """One exchange, the whole body in memory. Raises TransportError."""
        with self.open(wire) as stream:
            return stream.read()

    def open(self, wire: Wire) -> Stream:
        """Send the request and read the head of the answer; the caller closes the stream. Raises TransportError."""
        head = http1.request_head(wire, self._endpoint, self._proxy)
        while True:
            self._raise_if_over()
            sock, is_reused = self._connection(wire)
            parser = AnswerParser(wire.method)
            try:
                sock.settimeout(wire.silence)
                self._write(sock, head, wire, parser)
                while not parser.has_head:
                    self._receive(sock, parser)
                return Stream(self, wire, sock, parser)
            except (OSError, ProtocolError) as error:
                link = self.drop(sock)
                self._raise_if_over()
                if is_reused and http1.was_closed_before(wire, parser, error):
                    continue
                raise http1.failure(self._encoder, wire, error, link, in_body=parser.has_head) from error
            except BaseException:
                self.drop(sock)
                raise

    def receive(self, wire: Wire, sock: socket.socket, parser: AnswerParser) -> None:
        """Read more of an answer. Raises TransportError."""
        try:
            self._receive(sock, parser)
        except (OSError, ProtocolError) as error:
            link = self.drop(sock)
            self._raise_if_over()
            raise http1.failure(self._encoder, wire, error, link, in_body=parser.has_head) from error

    def keep(self, sock: socket.socket) -> None:
        """Leave a connection for the next request."""
        with self._lock:
            self._busy.pop(sock, None)
            self._idle.append(sock)

    def drop(self, sock: socket.socket) -> str:
        """Close a connection; returns its ends as errors name them."""
        with self._lock:
            self._busy.pop(sock, None)
            link = self._links.pop(sock, "")
        _close(sock)
        return link

    def interrupt(self, thread: int) -> None:
        """Make the exchange of another thread fail at once."""
        with self._lock:
            victims = [sock for sock, owner in self._busy.items() if owner == thread]
            for sock in victims:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections for good; exchanges that are going on fail with ClientClosed."""
        self._is_closed = True
        self._leave_to_parent()
        with self._lock:
            open_ones = [*self._idle, *self._busy]
            self._idle.clear()
            self._busy.clear()
            self._links.clear()
        for sock in open_ones:
            _close(sock)

    def _connection(self, wire: Wire) -> tuple[socket.socket, bool]:
        """A connection, and whether it was used before."""
        self._leave_to_parent()
        while True:
            with self._lock:
                sock = self._idle.pop() if self._idle else None
            if sock is None:
                return self._own(self._connect(wire)), False
            if _is_quiet(sock):
                return self._own(sock), True
            self.drop(sock)

    def _leave_to_parent(self) -> None:
        """In a forked process begin anew: its parent goes on using the connections, and may have held the lock."""
        if self._process == os.getpid():
            return
        self._process = os.getpid()
        self._lock = threading.Lock()
        for sock in (*self._idle, *self._busy):
            sock.close()
        self._idle, self._busy, self._links = [], {}, {}

    def _own(self, sock: socket.socket) -> socket.socket:
        with self._lock:
            self._busy[sock] = threading.get_ident()
        if self._is_closed:  # meanwhile, by another thread
            self.drop(sock)
            raise ClientClosed
        return sock

    def _raise_if_over(self) -> None:
        """Raise ClientClosed, or Interrupted where this is background work that has been stopped."""
        raise_if_stopped()
        if self._is_closed:
            raise ClientClosed

    def _connect(self, wire: Wire) -> socket.socket:
        context = self._context()
        link = ""
        try:
            sock, link = self._dial()
            sock = self._wrapped(sock, context)
        except (OSError, DialError) as error:
            raise http1.failure(self._encoder, wire, error, link, connecting=True) from error
        with self._lock:
            self._links[sock] = link
        return sock

    def _dial(self) -> Connected:
        endpoint = self._endpoint
        http1.require_reachable(endpoint)
        patience = self._settings.connect_timeout
        if self._proxy is not None:
            return self._through(self._proxy, patience)
        if not endpoint.unix_path:
            return dialing.connect(endpoint.host, endpoint.port, patience, shown=endpoint.hostless)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(patience)
            sock.connect(endpoint.unix_name)
        except BaseException:
            sock.close()
            raise
        return sock, endpoint.unix_link

    def _through(self, proxy: Proxy, patience: float) -> Connected:
        """A connection by way of the proxy; for TLS it leads to the agent itself. Raises DialError."""
        with proxy.dialed():
            sock, link = dialing.connect(proxy.host, proxy.port, patience)
        if not self._endpoint.is_secure:
            return sock, link
        from pyconsul.lang.goproxy import Tunnel

        tunnel = Tunnel(proxy, self._endpoint.authority)
        try:
            sock.settimeout(patience)
            sock.sendall(tunnel.request)
            while not tunnel.feed(sock.recv(http1.CHUNK_BYTES)):
                pass
        except BaseException:
            sock.close()
            raise
        return sock, link

    def _wrapped(self, sock: socket.socket, context: ssl.SSLContext | None) -> socket.socket:
        if context is None:
            return sock
        from pyconsul.sdk import tls

        try:
            sock.settimeout(self._settings.connect_timeout)  # for itself: connecting had its own
            return context.wrap_socket(sock, server_hostname=tls.server_name(self._settings.tls, self._endpoint.host))
        except OSError as error:
            sock.close()
            raise tls.explained(error, self._settings, self._endpoint) from error
        except BaseException:
            sock.close()
            raise

    def _context(self) -> ssl.SSLContext | None:
        """The TLS context, where the address asks for one. Raises ConfigError."""
        if self._endpoint.is_secure and self._tls is None:
            from pyconsul.sdk import tls

            self._tls = tls.context(self._settings.tls)
        return self._tls

    def _write(self, sock: socket.socket, head: bytes, wire: Wire, parser: AnswerParser) -> None:
        """Send the request; where that fails, what the agent said before it closed the connection tells more."""
        try:
            self._put(sock, head, wire)
        except TimeoutError:
            raise
        except OSError as error:
            try:
                while not parser.has_head:
                    self._receive(sock, parser)
            except ProtocolError:
                if parser.has_begun:
                    raise
                raise error from None

    def _put(self, sock: socket.socket, head: bytes, wire: Wire) -> None:
        body = wire.body
        if body is None or isinstance(body, bytes):
            data = memoryview(head + (body or b""))
            for start in range(0, len(data), http1.CHUNK_BYTES):  # its timeout is for one call, not for one packet
                sock.sendall(data[start : start + http1.CHUNK_BYTES])
            return
        sock.sendall(head)
        while piece := body.read(http1.CHUNK_BYTES):
            sock.sendall(http1.chunk(piece))
        sock.sendall(http1.LAST_CHUNK)

    def _receive(self, sock: socket.socket, parser: AnswerParser) -> None:
        data = sock.recv(http1.CHUNK_BYTES)
        if data:
            parser.feed(data)
        else:
            parser.feed_end()


def _close(sock: socket.socket) -> None:
    """Close a connection, and wake a thread that reads from it, which closing alone does not."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def _is_quiet(sock: socket.socket) -> bool:
    """Whether a kept connection is still open: nothing, not even its end, waits to be read."""
    try:
        sock.setblocking(False)
        sock.recv(1)
    except (BlockingIOError, InterruptedError):
        return True
    except OSError as error:
        return "Want" in type(error).__name__  # SSLWantReadError: TLS has nothing to read either
    return False
