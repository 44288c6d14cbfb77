"""The status endpoint: ``/health``, ``/status`` (JSON), ``/metrics`` (Prometheus); one request a connection."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Final

from pyconsul.toolkit.errors import RunError
from pyconsul_snapshot_agent.lines import logger
from pyconsul_snapshot_agent.stats import Stats, prometheus

_LIMIT_BYTES: Final = 8192
_PATIENCE: Final = 10.0  # seconds for one request
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


class StatusServer:
    """Listens while the tool runs; without an address it does nothing."""

    def __init__(self, stats: Stats, address: str) -> None:
        self._stats = stats
        self._address = address
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port in use, 0 for none."""
        return self._server.sockets[0].getsockname()[1] if self._server is not None else 0

    async def start(self) -> None:
        """Listen. Raises RunError."""
        if not self._address:
            return
        host, _, port = self._address.rpartition(":")
        try:
            self._server = await asyncio.start_server(
                self._serve, host.strip("[]") or "127.0.0.1", int(port), limit=_LIMIT_BYTES
            )
        except (OSError, ValueError, OverflowError) as error:
            raise RunError(f"status endpoint {self._address}: {error}") from None
        logger.info("Status endpoint on port %d", self.port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                words = head.split("\r\n", 1)[0].split(" ")
                status, kind, text = answer(self._stats, words[0], words[1]) if len(words) == 3 else _BAD
                body = text.encode()
                writer.write(
                    f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                )
                writer.write(body if words[0] != "HEAD" else b"")
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            logger.debug("Request to the status endpoint failed: %s", error)
        finally:
            writer.close()


_PLAIN: Final = "text/plain; charset=utf-8"
_BAD: Final = (400, _PLAIN, "Bad Request\n")


def answer(stats: Stats, method: str, target: str) -> tuple[int, str, str]:
    """Status, content type and text for one request."""
    if method not in ("GET", "HEAD"):
        return 405, _PLAIN, "Method Not Allowed\n"
    match target.partition("?")[0]:
        case "/health":
            return (503, _PLAIN, f"{stats.problem}\n") if stats.problem else (200, _PLAIN, "ok\n")
        case "/status":
            return 200, "application/json", json.dumps(asdict(stats), indent=2) + "\n"
        case "/metrics":
            return 200, "text/plain; version=0.0.4", prometheus(stats)
        case _:
            return 404, _PLAIN, "Not Found\n"
