"""Sends metrics to statsd, DogStatsD (UDP, or a Unix socket) and statsite (TCP), in batches."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from pyconsul.primitives.dialing import dial_text
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger
from pyconsul.telemetry.push import DogStatsdLines, Lines, StatsdLines
from pyconsul.telemetry.routines import Routine

if TYPE_CHECKING:
    from pyconsul.config.sections import Telemetry

__all__ = ["MetricPush", "Target", "targets_of"]

log = logger("agent.telemetry")

PACKET_BYTES: Final = 1400  # of lines in one UDP packet, as go-metrics cuts them
PUSH_EVERY: Final = 1.0  # seconds
RETRY_AFTER: Final = 10.0  # seconds until a server that could not be reached is tried again


class Connection(Protocol):
    """A way to a metrics server."""

    @property
    def is_full(self) -> bool:
        """Whether what was passed on waits, so that more would only wait with it."""
        ...

    def send(self, lines: list[bytes]) -> None:
        """Pass lines on. Raises OSError when the way is gone."""
        ...

    def close(self) -> None:
        """Give the way up."""
        ...


class Datagrams:
    """Lines in UDP packets; nobody tells whether they arrive."""

    is_full = False

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def send(self, lines: list[bytes]) -> None:
        """One packet for as many lines as fit."""
        for packet in packets(lines):
            self._transport.sendto(packet)

    def close(self) -> None:
        """Close the socket."""
        self._transport.close()


class UnixPackets:
    """Lines in packets of a Unix socket. A socket of our own: uvloop has no such transports."""

    is_full = False

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def send(self, lines: list[bytes]) -> None:
        """One packet for as many lines as fit; those for which there is no room are lost, as by UDP."""
        with contextlib.suppress(BlockingIOError):
            for packet in packets(lines):
                self._socket.send(packet)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Stream:
    """Lines on a TCP connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    @property
    def is_full(self) -> bool:
        """While the peer reads slowly, or not at all."""
        return self._writer.transport.get_write_buffer_size() > 0

    def send(self, lines: list[bytes]) -> None:
        """All lines at once. Raises OSError once the peer is gone."""
        if self._writer.is_closing():
            raise ConnectionResetError("connection closed")
        self._writer.write(b"".join(lines))

    def close(self) -> None:
        """Close the connection; closing it properly would wait for a peer that does not read."""
        if self.is_full:
            self._writer.transport.abort()
        else:
            self._writer.close()


class Target:
    """One metrics server: what waits for it, and the way to it. ``kind``: ``statsd``, ``dogstatsd`` or ``statsite``."""

    def __init__(self, kind: str, address: str, lines: Lines) -> None:
        self.kind = kind
        self.address = address
        self.lines = lines
        self._connection: Connection | None = None
        self._retry_at = 0.0

    async def push(self) -> None:
        """Send what waits, connecting first if need be; a server that is not there is tried again later."""
        now = asyncio.get_running_loop().time()
        if self._connection is None and now < self._retry_at:
            return
        try:
            if self._connection is None:
                self._connection = await self._connect()
            if not self._connection.is_full and (lines := self.lines.take()):  # lines know how many may wait
                self._connection.send(lines)
        except (OSError, ValueError) as error:
            log.error(f"Error connecting to {self.kind}", address=self.address, error=self._told(error))
            self._retry_at = now + RETRY_AFTER
            self.close()

    def close(self) -> None:
        """Give the connection up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _told(self, error: Exception) -> str:
        if not isinstance(error, OSError) or isinstance(error, socket.gaierror) or not error.errno:
            return str(error)
        return dial_text("tcp" if self.kind == "statsite" else "udp", self.address, error)

    async def _connect(self) -> Connection:
        if self.address.startswith("unix://"):
            return UnixPackets(self.address.removeprefix("unix://"))
        host, port = _host_and_port(self.address)
        if self.kind == "statsite":
            _, writer = await asyncio.open_connection(host, port)
            return Stream(writer)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(host, port)
        )
        return Datagrams(transport)


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise ValueError(f"missing port in address {address}")
    return host.strip("[]") or "localhost", int(port)


def packets(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines put together, whole, to packets of at most 1400 bytes; a longer line goes alone."""
    packet = b""
    for line in lines:
        if packet and len(packet) + len(line) > PACKET_BYTES:
            yield packet
            packet = b""
        packet += line
    if packet:
        yield packet


def targets_of(telemetry: Telemetry, host: str) -> list[Target]:
    """The servers that the configuration names. Circonus is not built: a warning says so."""
    found: list[Target] = []
    if telemetry.statsd_address:
        found.append(Target("statsd", telemetry.statsd_address, StatsdLines()))
    if telemetry.dogstatsd_addr:
        lines = DogStatsdLines(telemetry.dogstatsd_tags, host)
        found.append(Target("dogstatsd", telemetry.dogstatsd_addr, lines))
    if telemetry.statsite_address:
        found.append(Target("statsite", telemetry.statsite_address, StatsdLines()))
    if telemetry.circonus_api_token or telemetry.circonus_submission_url:
        log.warn("Circonus is not supported: its telemetry settings have no effect and no metrics are sent there")
    return found


class MetricPush:
    """Feeds all targets from ``start`` to ``stop``, each by itself: it may take a minute to find one out of reach.

    ``every`` is the seconds between two batches.
    """

    def __init__(self, every: float = PUSH_EVERY) -> None:
        self._every = every
        self._fed: list[tuple[Target, Routine]] = []

    def start(self, targets: list[Target]) -> None:
        """Begin to send. Without targets nothing is done and nothing is gathered."""
        for target in targets:
            metrics.current().push.append(target.lines)
            feeding = Routine(f"push metrics to {target.kind}", partial(self._feed, target), log)
            feeding.start()
            self._fed.append((target, feeding))

    def stop(self) -> None:
        """Send no more."""
        for target, feeding in self._fed:
            feeding.stop()
            metrics.current().push.remove(target.lines)
            target.close()
        self._fed.clear()

    async def _feed(self, target: Target) -> None:
        while True:
            await asyncio.sleep(self._every)
            metrics.current().flush()
            await target.push()
