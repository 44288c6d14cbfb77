"""The status endpoint: ``/health``, ``/status`` (JSON) and ``/metrics`` (Prometheus) on a small HTTP server."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any, Final

from pyconsul.toolkit.errors import RunError
from pyconsul_template.runner import Runner

logger = logging.getLogger("pyconsul_template.status")

LIMIT_BYTES: Final = 8192
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


def state_of(runner: Runner) -> dict[str, Any]:
    """What the tool is doing: every template, and what is waited for."""
    return {
        "Ready": all(t.is_rendered for t in runner.templates),
        "Dependencies": len(runner.dependencies),
        "Missing": sorted({name for t in runner.templates for name in t.missing}),
        "ChildPid": runner.child.pid if runner.child is not None else 0,
        "Templates": [
            {
                "Source": t.config.label,
                "Destination": t.config.destination,
                "Rendered": t.is_rendered,
                "Renders": t.renders,
                "LastRender": t.rendered_at or None,
                "Error": t.last_error,
                "Missing": sorted(t.missing),
            }
            for t in runner.templates
        ],
    }


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def metrics_of(runner: Runner) -> str:
    """The same as numbers for Prometheus."""
    lines = [
        "# TYPE consul_template_dependencies gauge",
        f"consul_template_dependencies {len(runner.dependencies)}",
        "# TYPE consul_template_missing_dependencies gauge",
        f"consul_template_missing_dependencies {len({n for t in runner.templates for n in t.missing})}",
        "# TYPE consul_template_commands_exec_running gauge",
        f"consul_template_commands_exec_running {int(runner.child is not None and runner.child.is_running)}",
        "# TYPE consul_template_renders_total counter",
    ]
    rows = [(f'{{destination="{_label(t.config.destination)}"}}', t) for t in runner.templates]
    lines += [f"consul_template_renders_total{label} {t.renders}" for label, t in rows]
    lines.append("# TYPE consul_template_last_render_timestamp_seconds gauge")
    lines += [f"consul_template_last_render_timestamp_seconds{label} {t.rendered_at:.3f}" for label, t in rows]
    lines.append("# TYPE consul_template_failed gauge")
    lines += [f"consul_template_failed{label} {int(bool(t.last_error))}" for label, t in rows]
    return "\n".join(lines) + "\n"


class StatusServer:
    """Answers GET requests, one a connection."""

    def __init__(self, runner: Runner, address: str) -> None:
        self.runner = runner
        self.address = address
        self.started = time.time()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.sockets[0].getsockname()[1] if self._server is not None else 0

    async def start(self) -> None:
        """Listen. Raises RunError."""
        host, _, port = self.address.rpartition(":")
        try:
            self._server = await asyncio.start_server(
                self._serve, host.strip("[]") or "127.0.0.1", int(port), limit=LIMIT_BYTES
            )
        except (OSError, ValueError, OverflowError) as error:
            raise RunError(f"status endpoint {self.address}: {error}") from None
        logger.info("status endpoint on port %d", self.port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                words = head.split("\r\n", 1)[0].split(" ")
                writer.write(self._answer(*words) if len(words) == 3 else _response(400, "text/plain", "Bad Request\n"))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            logger.debug("request to the status endpoint failed: %s", error)
        finally:
            writer.close()

    def _answer(self, method: str, target: str, _version: str) -> bytes:
        if method not in ("GET", "HEAD"):
            return _response(405, "text/plain", "Method Not Allowed\n")
        path = target.partition("?")[0]
        if path == "/health":
            ready = bool(state_of(self.runner)["Ready"])
            return _response(200 if ready else 503, "text/plain", "ok\n" if ready else "waiting for data\n")
        if path == "/status":
            return _response(200, "application/json", json.dumps(state_of(self.runner), indent=2) + "\n")
        if path == "/metrics":
            return _response(200, "text/plain; version=0.0.4", metrics_of(self.runner))
        return _response(404, "text/plain", "Not Found\n")


def _response(status: int, kind: str, text: str) -> bytes:
    body = text.encode("utf-8", "surrogateescape")
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Connection: close\r\n\r\n" + body
