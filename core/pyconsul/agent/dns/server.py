"""The doors: UDP and TCP sockets in front of the DNS core, and the driver that asks the catalog for it."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any, Final, cast

import msgspec

from pyconsul.agent.dns.cache import AnswerCache, cache_key
from pyconsul.agent.dns.core import ARPA, DnsCore, Forward
from pyconsul.agent.dns.lookup import Ask, Endless, RecordSet, Unnamed
from pyconsul.agent.dns.message import Message, Query, Unanswerable, parse
from pyconsul.agent.dns.plan import Plan
from pyconsul.agent.dns.records import INTERNET, type_name
from pyconsul.agent.dns.recursor import Recursors, address_text, question_text
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.config.runtime import Address
from pyconsul.memdb import WatchSet
from pyconsul.primitives.dialing import errno_text
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.listening import client_host, listen_tcp
from pyconsul.primitives.multierror import multi_error
from pyconsul.server.blocking import REPLY_WATCH
from pyconsul.structs.errors import ConsulError
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import Level, logger

Rpc = Callable[[str, Any], Awaitable[Any]]
Client = tuple[str | Any, int]  # the address of who asks; asyncio's type for it is this wide

Notes = tuple[Callable[[float], None], Callable[[float], None]]
_NOTES: dict[tuple[str, int, bool], Notes] = {}  # by node, type and direction of the question; 65,536 types at most

_MOST_PENDING = 4096  # dropped like what a full socket does not take
# As the DNS library that Consul stands on has them.
_TCP_QUERIES = 128  # in one connection
_TCP_FIRST = 2.0  # seconds until a connection must have asked
_TCP_IDLE = 8.0  # seconds between its questions; and ours for reading an answer
_log = logger("agent.dns")
_agent_log = logger("agent")
_BACKLOG: Final = 100  # as asyncio has it
_ENDLESS: Final = "Infinite recursion detected for name, won't perform any CNAME resolution."


class DnsServer:
    """Answers DNS on any number of addresses, from what ``rpc`` says of the catalog.

    Of more than ``most_pending`` questions by UDP that wait for the catalog or a recursor the newest are dropped. A
    connection may be ``idle`` so many seconds between its questions, and take as many to read an answer.
    """

    def __init__(
        self,
        settings: DnsSettings,
        rpc: Rpc,
        dice: random.Random | None = None,
        *,
        most_pending: int = _MOST_PENDING,
        idle: float = _TCP_IDLE,
    ) -> None:
        self._rpc = rpc
        self._idle = idle
        self._dice = dice or random.Random()
        self._udp: list[asyncio.DatagramTransport] = []
        self._tcp: list[asyncio.Server] = []
        self._most_pending = most_pending
        self._pending: set[asyncio.Task[None]] = set()  # questions by UDP
        self._conversations: set[asyncio.Task[None]] = set()  # connections by TCP, idle ones too
        self.core = DnsCore(settings, self._dice)
        self.cache = AnswerCache(self.core)
        self._keeping = True
        self._recursors = Recursors(settings, self._dice)

    def keep_answers(self, *, on: bool) -> None:
        """Keep answers from now on, or none; those that are kept go."""
        self._keeping = on
        self.cache.clear()

    def reload(self, settings: DnsSettings) -> None:
        """Answer by these settings from now on."""
        self.cache.clear()
        if bool(settings.recursors) != bool(self.core.settings.recursors):
            for _ in (*self._udp, *self._tcp):  # as Consul does, which has a server for each
                _log.debug("recursor enabled" if settings.recursors else "recursor disabled")
        self.core = DnsCore(settings, self._dice)
        self.cache = AnswerCache(self.core)
        self._recursors = Recursors(settings, self._dice)

    def use_token(self, token: str) -> None:
        """Answer from now on what the holder of this token may see."""
        if token != self.core.settings.token:
            self.reload(msgspec.structs.replace(self.core.settings, token=token))

    async def start(self, addresses: Iterable[Address]) -> None:
        """Listen. Raises OSError naming all addresses that cannot be had; what listens goes on until ``stop``."""
        faults: list[str] = []
        for where in sorted(addresses, key=lambda each: each.network != "udp"):  # in Consul's order of errors
            if self.core.settings.recursors:
                _log.debug("recursor enabled")
            try:
                await self._listen(where)
            except OSError as error:
                faults.append(f"listen {where.network} {where}: bind: {errno_text(error)}")
            else:
                _agent_log.info("Started DNS server", address=where, network=where.network)
        if faults:
            raise OSError(multi_error(faults))

    async def _listen(self, where: Address) -> None:
        if where.network == "tcp":
            listening = listen_tcp(where.host, where.port, _BACKLOG)
            self._tcp.append(await asyncio.start_server(self._admit, sock=listening, backlog=_BACKLOG))
            return
        sock = socket.socket(socket.AF_INET6 if ":" in where.host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.bind((where.host, where.port))
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(lambda: UdpDoor(self), sock=sock)
        except BaseException:
            sock.close()
            raise
        self._udp.append(transport)

    async def stop(self) -> None:
        """Close all sockets and drop what is being answered."""
        for transport in self._udp:
            _tell_stop(transport.get_extra_info("sockname"), "udp")
            transport.close()
        for server in self._tcp:
            _tell_stop(server.sockets[0].getsockname(), "tcp")
            server.close()
        tasks = [*self._pending, *self._conversations]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for server in self._tcp:
            await server.wait_closed()
        self._udp.clear()
        self._tcp.clear()
        self.cache.clear()

    @property
    def udp_addresses(self) -> list[tuple[str, int]]:
        """Where UDP is answered."""
        return [transport.get_extra_info("sockname")[:2] for transport in self._udp]

    @property
    def tcp_addresses(self) -> list[tuple[str, int]]:
        """Where TCP is answered."""
        return [sock.getsockname()[:2] for server in self._tcp for sock in server.sockets]

    @property
    def connections(self) -> int:
        """How many connections by TCP are open."""
        return len(self._conversations)

    def at_once(self, packet: bytes, client: Client, *, tcp: bool) -> bytes | None:
        """The answer to a packet that was seen before; None where it takes a look-up."""
        kept = self.cache.find((packet[2:], tcp))
        if kept is None or kept.plan is None or _is_told(kept.plan):
            return None
        began = time.perf_counter()
        reply = kept.plan.packet(packet[:2], self._dice)
        self._served(kept.query, kept.zone, began, client, tcp=tcp)
        return reply

    async def answer(self, packet: bytes, client: Client, *, tcp: bool) -> bytes | None:
        """The answer to any packet; None for one that gets none."""
        try:
            query = parse(packet)
        except Unanswerable as bad:
            return bad.reply
        began = time.perf_counter()
        try:
            return await self._answer(query, client, tcp=tcp)
        except Exception as error:  # a fault of ours: the client shall not wait for nothing
            _log.error("failed to answer", name=query.name, type=type_name(query.type), error=repr(error))
            return self.core.failure(query)
        finally:
            self._served(query, self.core.zone_of(query), began, client, tcp=tcp)

    async def _answer(self, query: Query, client: Client, *, tcp: bool) -> bytes:
        core = self.core
        packet = query.packet
        kept = self.cache.find(cache_key(query, tcp=tcp))
        if kept is not None:
            if kept.plan is not None and not _is_told(kept.plan):
                return kept.plan.packet(packet[:2], self._dice)
            return _packet(core, query, kept.found, tcp=tcp)
        watch = WatchSet()
        token = REPLY_WATCH.set(watch)
        try:
            found = await self._look_up(core, query, client_host(str(client[0])))
        except BaseException:
            watch.close()
            raise
        finally:
            REPLY_WATCH.reset(token)
        if isinstance(found, Forward):
            watch.close()
            return await self._recursors.forward(query, _client_text(client), tcp=tcp) or core.failure(query)
        if found.invalid:
            _log.warn("QName invalid", qname=found.invalid)
        if core is self.core and self._keeping:
            self.cache.keep(query, found, watch, tcp=tcp)
        else:
            watch.close()
        return _packet(core, query, found, tcp=tcp)

    def _served(self, query: Query, zone: str, began: float, client: Client, *, tcp: bool) -> None:
        """Count a question of ours and its time; one of others is only logged, what is refused not even that."""
        taken = time.perf_counter() - began
        if zone not in ("", "."):
            for note in self._notes(query.type, reverse=zone == ARPA):
                note(taken * 1000)
        if zone and _log.enabled(Level.DEBUG):
            network = "tcp" if tcp else "udp"
            _log.debug(
                "request served from client",
                **_question(query, zone, network),
                latency=format_duration(int(taken * 1e9)),
                client=_client_text(client),
                client_network=network,
            )

    def _notes(self, qtype: int, *, reverse: bool) -> Notes:
        """Where the milliseconds of such a question are noted."""
        node = self.core.settings.node_name
        key = (node, qtype, reverse)
        found = _NOTES.get(key)
        if found is None:
            kind = "PTR" if reverse else type_name(qtype)
            found = (
                metrics.timing("dns.ptr_query" if reverse else "dns.domain_query", (("node", node),)).add,
                metrics.timing("dns.query", (("node", node), ("type", kind))).add,
            )
            _NOTES[key] = found
        return found

    async def _look_up(self, core: DnsCore, query: Query, source_ip: str) -> RecordSet | Forward:
        """Run a look-up, doing for it what it asks for."""
        step = core.look_up(query, source_ip)
        try:
            wanted = next(step)
            while True:
                if isinstance(wanted, Ask):
                    try:
                        reply = await self._rpc(wanted.method, wanted.request)
                    except ConsulError as failure:
                        _log.debug("rpc failed", method=wanted.method, error=failure.text)
                        wanted = step.throw(failure)
                        continue
                elif isinstance(wanted, Endless):
                    reply = _log.error(_ENDLESS, name=wanted.name)
                elif isinstance(wanted, Unnamed):
                    reply = _log.warn("Skipping invalid node for NS records", node=wanted.node)
                else:
                    reply = await self._recursors.addresses(wanted.name)
                wanted = step.send(reply)
        except StopIteration as done:
            return cast("RecordSet | Forward", done.value)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine beside the sockets, unless too many are under way."""
        if len(self._pending) >= self._most_pending:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin a conversation, in a task of our own: asyncio takes the end of one of its own for a failure."""

        def over(task: asyncio.Task[None]) -> None:
            self._conversations.discard(task)
            writer.close()

        task = asyncio.get_running_loop().create_task(self._serve_tcp(reader, writer))
        self._conversations.add(task)
        task.add_done_callback(over)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions of one connection, one after the other."""
        with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            await self._converse(reader, writer)  # until the client leaves, or has nothing more to ask

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client: Client = writer.get_extra_info("peername")[:2]
        patience = _TCP_FIRST
        for _ in range(_TCP_QUERIES):
            async with asyncio.timeout(patience):
                size = int.from_bytes(await reader.readexactly(2), "big")
                packet = await reader.readexactly(size)
            patience = self._idle
            reply = self.at_once(packet, client, tcp=True)
            if reply is None:
                reply = await self.answer(packet, client, tcp=True)
            if reply is not None:
                writer.write(len(reply).to_bytes(2, "big") + reply)
                await self._read_by_client(writer)

    async def _read_by_client(self, writer: asyncio.StreamWriter) -> None:
        """Return once little of the answers is left to be read. Raises TimeoutError; then the connection is cut."""
        try:
            async with asyncio.timeout(self._idle):
                await writer.drain()
        except TimeoutError:
            writer.transport.abort()  # closing would wait for what nobody reads
            raise


def _packet(core: DnsCore, query: Query, found: RecordSet, *, tcp: bool) -> bytes:
    on_cut = partial(_tell_cut, tcp=tcp) if _log.enabled(Level.DEBUG) else None
    return core.packet(query, found, tcp=tcp, now=int(time.time()), on_cut=on_cut)


def _is_told(plan: Plan) -> bool:
    """Whether packets of this plan are to be told of, and so are made one by one."""
    return plan.cut and _log.enabled(Level.DEBUG)


def _question(query: Query, zone: str, network: str) -> dict[str, str]:
    """A question as the log tells it: in parts where it is about our own names, as one about those of others."""
    if zone not in (ARPA, "."):
        qclass = "IN" if query.qclass == INTERNET else f"CLASS{query.qclass}"
        return {"name": query.name, "type": type_name(query.type), "class": qclass}
    return {"question": question_text(query)} | ({"network": network} if zone == "." else {})


def _tell_cut(message: Message, *, tcp: bool) -> None:
    whole = cast("Message", message.whole)
    _log.debug(
        "DNS response too large, truncated",
        protocol="tcp" if tcp else "udp",
        question=[question_text(message.query)],
        records=f"{len(message.answer)}/{len(whole.answer)}",
        size=f"{message.size()}/{whole.size()}",
    )


def _client_text(client: Client) -> str:
    return address_text(client_host(str(client[0])), client[1])


def _tell_stop(where: tuple[str, int], network: str) -> None:
    _log.info("Stopping server", protocol="DNS", address=address_text(where[0], where[1]), network=network)


class UdpDoor(asyncio.DatagramProtocol):
    """One UDP socket: known questions are answered on the spot, others by a task of their own."""

    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Client) -> None:
        """Answer a packet."""
        reply = self._server.at_once(data, addr, tcp=False)
        if reply is None:
            self._server.spawn(self._answer(data, addr))
        elif self._transport is not None:
            self._transport.sendto(reply, addr)

    async def _answer(self, data: bytes, addr: Client) -> None:
        reply = await self._server.answer(data, addr, tcp=False)
        if reply is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(reply, addr)
