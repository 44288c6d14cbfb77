"""The sockets of the HTTP door: TCP, TLS and unix."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import pwd
import socket
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pyconsul.agent.http.front.http1_connection import Connection
from pyconsul.agent.http.front.http_front import HttpFront
from pyconsul.agent.http.front.tls import refuse_suites_without_http2, server_context
from pyconsul.agent.http.front.tls_channel import TlsChannel
from pyconsul.agent.http.front.visitors import Visitor
from pyconsul.config.runtime import Address
from pyconsul.lang.strconv import NumberSyntaxError, parse_uint
from pyconsul.primitives.dialing import errno_text
from pyconsul.primitives.listening import listen_tcp
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.config.runtime import RuntimeConfig
    from pyconsul.config.sections import UnixSockets

log = logger("agent")

_BACKLOG: Final = 1024
_MOST_UINT32: Final = (1 << 32) - 1
_PERMISSIONS: Final = 0o777  # of a mode; Go keeps sticky and setuid bits elsewhere than in these numbers
_LAST_WORDS: Final = 1.0  # seconds that what is being answered has when the doors close, as in Consul


class _Listener(msgspec.Struct):
    """One listening socket. ``server`` is changed for another, over the same socket, when TLS settings change."""

    sock: socket.socket
    server: asyncio.Server
    tls: bool


class Listeners:
    """All listening sockets of an agent's HTTP API, and the connections that came through them."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._listeners: list[_Listener] = []
        self._paths: list[str] = []
        self.front = HttpFront(agent, agent.door)
        self.http_address = ""
        self.https_address = ""

    async def start(self) -> None:
        """Open all sockets. Raises OSError for an address or a file that cannot be had, TlsFault for odd settings."""
        config = self._agent.config
        for where in config.http_addrs:
            bound = await self._listen(where, None)
            self.http_address = self.http_address or bound
            log.info("Starting server", address=str(where), network=where.network, protocol="http")
        if config.https_addrs:
            refuse_suites_without_http2(config.tls.https)
        if config.https_addrs and not (config.tls.https.cert_file and config.tls.https.key_file):
            log.warn("HTTPS has no certificate, so every handshake fails: set tls.https.cert_file and key_file")
        for where in config.https_addrs:
            bound = await self._listen(where, server_context(config.tls.https))
            self.https_address = self.https_address or bound
            log.info("Starting server", address=str(where), network=where.network, protocol="https")

    async def stop(self) -> None:
        """Close all sockets and connections."""
        for listener in self._listeners:
            network = "unix" if listener.sock.family == socket.AF_UNIX else "tcp"
            protocol = "https" if listener.tls else "http"
            log.info("Stopping server", address=_shown(listener.sock), network=network, protocol=protocol)
            listener.server.close()
            listener.sock.close()
        self._listeners.clear()
        await self.front.close(_LAST_WORDS)
        for path in self._paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._paths.clear()

    async def reload(self, config: RuntimeConfig) -> None:
        """Take over limits and TLS settings for new connections; those that are open keep theirs.

        Raises OSError for files that cannot be used.
        """
        self.front.visitors.limit = config.limits.http_max_conns_per_client
        for listener in self._listeners:
            if listener.tls:
                before = listener.server
                listener.server = await self._serve(listener.sock, server_context(config.tls.https))
                before.close()

    async def _listen(self, where: Address, tls: ssl.SSLContext | None) -> str:
        if where.network == "unix":
            _make_way(where.host)
        try:
            sock = (
                self._unix_socket(where.host)
                if where.network == "unix"
                else listen_tcp(where.host, where.port, _BACKLOG)
            )
        except OSError as error:
            text = f"listen {where.network} {where}: bind: {errno_text(error)}"
            raise OSError(error.errno, text) from error
        try:
            if where.network == "unix":
                _set_owner(where.host, self._agent.config.unix_sockets)
            server = await self._serve(sock, tls)
        except BaseException:
            sock.close()
            raise
        self._listeners.append(_Listener(sock, server, tls is not None))
        return f"unix://{where.host}" if where.network == "unix" else _shown(sock)

    async def _serve(self, sock: socket.socket, tls: ssl.SSLContext | None) -> asyncio.Server:
        """Take connections from a listening socket, which stays ours."""
        loop = asyncio.get_running_loop()
        protocol = partial(Connection, self.front) if tls is None else self._over_tls(tls)
        if sock.family == socket.AF_UNIX:
            return await loop.create_unix_server(protocol, sock=sock.dup(), backlog=_BACKLOG)
        return await loop.create_server(protocol, sock=sock.dup(), backlog=_BACKLOG)

    def _over_tls(self, context: ssl.SSLContext) -> Callable[[], TlsChannel]:
        """What makes the protocol of a connection to an HTTPS port."""
        front = self.front
        patience = self._agent.config.limits.https_handshake_timeout / 1e9

        def choose(visitor: Visitor, alpn: str) -> asyncio.Protocol:
            if alpn == "h2" and visitor.admitted:
                from pyconsul.agent.http.front.http2_connection import Http2Connection  # with h2, 12 ms

                return Http2Connection(front, visitor)
            return Connection(front, visitor)

        return lambda: TlsChannel(context, choose, front.visitors, front.turns, patience)

    def _unix_socket(self, path: str) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.bind(path)
        except OSError as error:
            sock.close()
            raise error if error.errno else OSError(errno.EINVAL, str(error)) from None  # too long: Python's own check
        self._paths.append(path)
        return sock


def _make_way(path: str) -> None:
    """Take away what an agent left behind in the place of its socket, or a mount that came too early: an empty folder.

    Raises OSError in Consul's words.
    """
    if os.path.exists(path):
        log.warn("Replacing socket", path=path)
    is_folder = os.path.isdir(path) and not os.path.islink(path)
    try:
        (os.rmdir if is_folder else os.unlink)(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OSError(f"error removing socket file: remove {path}: {errno_text(error)}") from error


def _shown(sock: socket.socket) -> str:
    """Where a socket listens, as ``host:port`` or a path."""
    where = sock.getsockname()
    if isinstance(where, str):
        return where
    host, port = where[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _set_owner(path: str, rules: UnixSockets) -> None:
    """Give the socket to the user and group, with the mode, of ``unix_sockets``. Raises OSError with Consul's text."""
    start = "Failed setting up socket: "
    uid, gid = os.getuid(), os.getgid()
    if rules.user:
        try:
            uid = int(rules.user) if rules.user.isdecimal() else pwd.getpwnam(rules.user).pw_uid
        except KeyError as error:
            text = f"failed to look up user {rules.user}: user: unknown user {rules.user}"
            raise OSError(start + text) from error
    if rules.group:
        if not rules.group.isdecimal():
            raise OSError(f"{start}invalid group specified: {rules.group}")
        gid = int(rules.group)
    try:
        os.chown(path, uid, gid)
    except OSError as error:
        reason = f"chown {path}: {errno_text(error)}"
        raise OSError(f'{start}failed setting ownership to {uid}:{gid} on "{path}": {reason}') from error
    if rules.mode:
        try:
            mode = parse_uint(rules.mode, base=8, bits=32)
        except NumberSyntaxError as error:
            # Consul shows what Go's reader made of it, not what was written.
            shown = _MOST_UINT32 if str(error).endswith("out of range") else 0
            raise OSError(f"{start}invalid mode specified: {shown}") from error
        Path(path).chmod(mode & _PERMISSIONS)
