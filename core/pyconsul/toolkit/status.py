"""The tools' status endpoint: ``/health``, ``/status`` (JSON), ``/metrics`` (Prometheus); one request a connection."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from pyconsul.telemetry.prometheus import label_value
from pyconsul.toolkit.errors import RunError

_LIMIT_BYTES: Final = 8192
_PATIENCE: Final = 10.0  # seconds for one request
_PLAIN: Final = "text/plain; charset=utf-8"
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


class Metric(NamedTuple):
    """One metric: its name, ``gauge`` or ``counter``, and a number for every set of labels."""

    name: str
    kind: str
    samples: Sequence[tuple[Mapping[str, str], float]]


def single(name: str, kind: str, value: float) -> Metric:
    """A metric without labels."""
    return Metric(name, kind, [({}, value)])


class Subject(Protocol):
    """What a tool tells of itself, asked anew for every request."""

    def problem(self) -> str:
        """What keeps it from being healthy, "" for nothing."""
        ...

    def state(self) -> Any:
        """Everything, as JSON can hold it."""
        ...

    def metrics(self) -> Iterable[Metric]:
        """The same as numbers."""
        ...


def prometheus(metrics: Iterable[Metric]) -> str:
    """Metrics in Prometheus' text format."""
    lines: list[str] = []
    for metric in metrics:
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines += [f"{metric.name}{_labels(labels)} {value}" for labels, value in metric.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    shown = ",".join(f'{name}="{label_value(value)}"' for name, value in labels.items())
    return f"{{{shown}}}" if shown else ""


def answer(subject: Subject, method: str, target: str) -> tuple[int, str, str]:
    """Status, content type and text for one request."""
    if method not in ("GET", "HEAD"):
        return 405, _PLAIN, "Method Not Allowed\n"
    match target.partition("?")[0]:
        case "/health":
            problem = subject.problem()
            return (503, _PLAIN, f"{problem}\n") if problem else (200, _PLAIN, "ok\n")
        case "/status":
            return 200, "application/json", json.dumps(subject.state(), indent=2) + "\n"
        case "/metrics":
            return 200, "text/plain; version=0.0.4", prometheus(subject.metrics())
        case _:
            return 404, _PLAIN, "Not Found\n"


class StatusServer:
    """Listens while the tool runs; without an address it does nothing."""

    def __init__(self, subject: Subject, address: str, logger: logging.Logger) -> None:
        self._subject = subject
        self._address = address
        self._logger = logger
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
        self._logger.info("Status endpoint on port %d", self.port)

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                writer.write(self._response(head.split("\r\n", 1)[0].split(" ")))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self._logger.debug("Request to the status endpoint failed: %s", error)
        finally:
            writer.close()

    def _response(self, words: Sequence[str]) -> bytes:
        bad = 400, _PLAIN, "Bad Request\n"
        status, kind, text = answer(self._subject, words[0], words[1]) if len(words) == 3 else bad
        body = text.encode("utf-8", "surrogateescape")
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"Connection: close\r\n\r\n" + (body if words[0] != "HEAD" else b"")
