"""Questions that others must answer: forwarded whole, or asked for the addresses behind a name."""

import asyncio
import random
import struct
import time
from ipaddress import ip_address
from typing import Any

from pyconsul.agent.dns.message import HEADER, QR, RD, Query
from pyconsul.agent.dns.names import BadName, read_name, wire
from pyconsul.agent.dns.records import Rcode, Record, Type
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.primitives.dialing import dial_text, errno_text
from pyconsul.primitives.durations import format_duration
from pyconsul.telemetry.logging import logger

_FIXED = struct.Struct(">HHIH")
_NAMED = (Type.CNAME, Type.NS, Type.PTR)
_POINTING_BACK = (Type.SOA, Type.MX)  # names inside of their data may point into the packet that they came in
_log = logger("agent.dns")


class RecursorFailed(Exception):
    """No usable answer came in time."""


class Recursors:
    """The recursors of an agent, asked one after the other until one answers."""

    def __init__(self, settings: DnsSettings, dice: random.Random) -> None:
        self._settings = settings
        self._dice = dice

    def order(self) -> list[tuple[str, int]]:
        """The recursors in the order of the configured strategy."""
        addresses = list(self._settings.recursors)
        if self._settings.recursor_strategy == "random":
            self._dice.shuffle(addresses)
        return addresses

    async def forward(self, query: Query, client: str, *, tcp: bool) -> bytes | None:
        """The first answer that is no error (NXDOMAIN is none), as it came; None where there is none.

        ``client`` is the address that asks, for the log.
        """
        question = question_text(query)
        for where in self.order():
            began = time.perf_counter()
            try:
                reply = await self._exchange(query.forwarded(), where, tcp=tcp)
            except RecursorFailed as failure:
                _log.error("recurse failed", error=str(failure))
                continue
            rcode = reply[3] & 0x0F
            rtt = _since(began)
            if rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):  # both are news of the name; all else may be the recursor's
                _log.debug("recurse succeeded for question", question=question, rtt=rtt, recursor=address_text(*where))
                return reply
            _log.debug(
                "recurse failed for question",
                question=question,
                rtt=rtt,
                recursor=address_text(*where),
                rcode=_rcode_text(rcode),
            )
        network = "tcp" if tcp else "udp"
        _log.error(
            "all resolvers failed for question from client", question=question, client=client, client_network=network
        )
        return None

    async def addresses(self, name: str) -> list[Record]:
        """The answer records of an A question about ``name``; none where every recursor fails."""
        number = self._dice.getrandbits(16)
        try:
            question = wire(name) + struct.pack(">HH", Type.A, 1)
        except BadName:
            return []
        packet = HEADER.pack(number, RD, 1, 0, 0, 0) + question
        for where in self.order():
            began = time.perf_counter()
            try:
                found = read_answers(await self._exchange(packet, where, tcp=False))
            except (RecursorFailed, BadName, struct.error, ValueError) as failure:
                _log.error("cname recurse failed for name", name=name, error=str(failure))
            else:
                _log.debug("cname recurse RTT for name", name=name, rtt=_since(began))
                return found
        _log.error("all resolvers failed for name", name=name)
        return []

    async def _exchange(self, packet: bytes, where: tuple[str, int], *, tcp: bool) -> bytes:
        exchange = _exchange_tcp if tcp else _exchange_udp
        return await exchange(packet, where, asyncio.get_running_loop().time() + self._settings.recursor_timeout)


def question_text(query: Query) -> str:
    """A question as Go prints it, with the numbers of its type and class."""
    return f"{{{query.name} {query.type} {query.qclass}}}"


def address_text(host: str, port: int) -> str:
    """``host:port``, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _since(began: float) -> str:
    """The time that passed, as Go writes it."""
    return format_duration(int((time.perf_counter() - began) * 1e9))


def _rcode_text(rcode: int) -> str:
    return Rcode(rcode).name if rcode in set(Rcode) else str(rcode)


def _read_failure(network: str, transport: Any, where: tuple[str, int], error: OSError) -> RecursorFailed:
    """Go's sentence for an answer that did not come."""
    reason = "i/o timeout" if isinstance(error, TimeoutError) else f"read: {errno_text(error)}"
    local = address_text(*transport.get_extra_info("sockname")[:2])
    return RecursorFailed(f"read {network} {local}->{address_text(*where)}: {reason}")


def is_reply_to(packet: bytes, reply: bytes) -> bool:
    """Whether ``reply`` answers ``packet``: its number, its question, and that it is an answer at all."""
    if len(reply) < 12 or reply[:2] != packet[:2] or not reply[2] & (QR >> 8):
        return False
    if reply[4:6] == b"\0\0":  # some errors come without the question
        return True
    try:
        asked, _ = read_name(packet, 12)
        answered, _ = read_name(reply, 12)
    except BadName:
        return False
    return asked.lower() == answered.lower()


def read_answers(reply: bytes) -> list[Record]:
    """The answer section of a reply, without SOA and MX records. Raises BadName or struct.error for a malformed one."""
    questions, answers = struct.unpack_from(">HH", reply, 4)
    at = 12
    for _ in range(questions):
        at = read_name(reply, at)[1] + 4
    found: list[Record] = []
    for _ in range(answers):
        name, at = read_name(reply, at)
        rtype, rclass, ttl, size = _FIXED.unpack_from(reply, at)
        at += 10
        if at + size > len(reply):
            raise BadName("record data runs out of the packet")
        if rtype in _NAMED:
            found.append(Record(name, rtype, ttl, (read_name(reply, at)[0],), rclass))
        elif rtype in (Type.A, Type.AAAA):
            found.append(Record(name, rtype, ttl, (ip_address(reply[at : at + size]).packed,), rclass))
        elif rtype not in _POINTING_BACK:
            found.append(Record(name, rtype, ttl, (reply[at : at + size],), rclass))
        at += size
    return found


class _OneReply(asyncio.DatagramProtocol):
    """Sends one packet and waits for what answers it; anything else that comes in is ignored."""

    def __init__(self, packet: bytes, done: "asyncio.Future[bytes]") -> None:
        self._packet = packet
        self._done = done

    def connection_made(self, transport: Any) -> None:
        transport.sendto(self._packet)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._done.done() and is_reply_to(self._packet, data):
            self._done.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._done.done():
            self._done.set_exception(exc)


async def _exchange_udp(packet: bytes, where: tuple[str, int], deadline: float) -> bytes:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: _OneReply(packet, done), remote_addr=where)
    except OSError as error:
        raise RecursorFailed(dial_text("udp", address_text(*where), error)) from error
    try:
        async with asyncio.timeout_at(deadline):
            return await done
    except OSError as error:
        raise _read_failure("udp", transport, where, error) from error
    finally:
        transport.close()


async def _exchange_tcp(packet: bytes, where: tuple[str, int], deadline: float) -> bytes:
    reader, writer = await _connect(where, deadline)
    try:
        async with asyncio.timeout_at(deadline):
            writer.write(len(packet).to_bytes(2, "big") + packet)
            size = int.from_bytes(await reader.readexactly(2), "big")
            reply = await reader.readexactly(size)
    except asyncio.IncompleteReadError as error:
        raise RecursorFailed("unexpected EOF" if error.partial else "EOF") from error
    except OSError as error:
        raise _read_failure("tcp", writer, where, error) from error
    finally:
        writer.close()
    if not is_reply_to(packet, reply):
        raise RecursorFailed("answer to another question")
    return reply


async def _connect(where: tuple[str, int], deadline: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout_at(deadline):
            return await asyncio.open_connection(*where)
    except TimeoutError as error:
        raise RecursorFailed(f"dial tcp {address_text(*where)}: i/o timeout") from error
    except OSError as error:
        raise RecursorFailed(dial_text("tcp", address_text(*where), error)) from error
