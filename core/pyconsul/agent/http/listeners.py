"""The sockets of the HTTP door: TCP, TLS and unix."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from pyconsul.agent.http.server import Connection, HttpFront, close_all
from pyconsul.config.runtime import Address
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent

log = logger("agent")


class Listeners:
    """All listening sockets of an agent's HTTP API, and the connections that came through them."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._servers: list[asyncio.Server] = []
        self._paths: list[str] = []
        self.front = HttpFront(agent, agent.door)
        self.http_address = ""
        self.https_address = ""

    async def start(self) -> None:
        """Open all sockets. Raises OSError naming the address that cannot be had."""
        config = self._agent.config
        for where in config.http_addrs:
            bound = await self._listen(where, None)
            self.http_address = self.http_address or bound
            log.info("Starting server", address=str(where), network=where.network, protocol="http")
        for where in config.https_addrs:
            bound = await self._listen(where, tls_context(self._agent))
            self.https_address = self.https_address or bound
            log.info("Starting server", address=str(where), network=where.network, protocol="https")

    async def stop(self) -> None:
        """Close all sockets and connections."""
        for server in self._servers:
            server.close()
        close_all(self.front)
        self._servers.clear()
        for path in self._paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._paths.clear()

    async def _listen(self, where: Address, tls: ssl.SSLContext | None) -> str:
        loop = asyncio.get_running_loop()
        if where.network == "unix":
            return await self._listen_unix(where.host)
        try:
            server = await loop.create_server(
                lambda: Connection(self.front), where.host, where.port, ssl=tls, reuse_address=True, backlog=1024
            )
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise OSError(error.errno, f"listen tcp {where}: bind: {reason}") from error
        self._servers.append(server)
        host, port = server.sockets[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def _listen_unix(self, path: str) -> str:
        _clear_way(path)
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: Connection(self.front), path, backlog=1024)
        self._servers.append(server)
        self._paths.append(path)
        self._set_owner(path)
        return f"unix://{path}"

    def _set_owner(self, path: str) -> None:
        rules = self._agent.config.unix_sockets
        if rules.mode:
            Path(path).chmod(int(rules.mode, 8))
        if rules.user or rules.group:
            uid = int(rules.user) if rules.user.isdigit() else -1
            gid = int(rules.group) if rules.group.isdigit() else -1
            os.chown(path, uid, gid)


def _clear_way(path: str) -> None:
    """Remove the socket that an agent left behind."""
    if os.path.exists(path):
        log.warn("Replacing socket", path=path)
        os.unlink(path)


def tls_context(agent: Agent) -> ssl.SSLContext:
    """The server side TLS of the HTTPS door. Raises OSError or ssl.SSLError for files that cannot be used."""
    tls = agent.config.tls.https
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.cert_file, tls.key_file or None)
    if tls.ca_file or tls.ca_path:
        context.load_verify_locations(tls.ca_file or None, tls.ca_path or None)
    if tls.verify_incoming:
        context.verify_mode = ssl.CERT_REQUIRED
    return context
