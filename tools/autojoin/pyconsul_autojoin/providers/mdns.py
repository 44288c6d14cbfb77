"""mDNS: services in the local network (RFC 6762, RFC 6763), over the sockets and packets of zeroconf.

zeroconf's own browser takes only names such as ``_x._tcp.local.``; go-discover asks for any, so we ask by ourselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import missing_extra

DEFAULT_TIMEOUT: Final = 5.0
TYPE_A: Final = 1
TYPE_PTR: Final = 12
TYPE_AAAA: Final = 28
TYPE_SRV: Final = 33
CLASS_IN: Final = 1
QUERY: Final = 0
ASK_AGAIN: Final = (1.0, 3.0)  # seconds from the start; RFC 6762, section 5.2: a second at least between, doubling


@dataclass
class Records:
    """What answers have said so far. Names are compared without letter case."""

    instances: dict[str, None] = field(default_factory=dict)  # in the order they were heard of
    places: dict[str, tuple[str, int]] = field(default_factory=dict)
    v4: dict[str, str] = field(default_factory=dict)
    v6: dict[str, str] = field(default_factory=dict)

    def missing(self) -> list[tuple[str, int]]:
        """Name and type of what must still be asked before each instance has an address."""
        wanted: list[tuple[str, int]] = []
        for instance in self.instances:
            place = self.places.get(instance)
            if place is None:
                wanted.append((instance, TYPE_SRV))
            elif place[0] not in self.v4 and place[0] not in self.v6:
                wanted += [(place[0], TYPE_A), (place[0], TYPE_AAAA)]
        return wanted

    def addresses(self, with_v4: bool, with_v6: bool) -> list[str]:
        """``address:port`` of each instance, IPv6 preferred."""
        found: list[str] = []
        for instance in self.instances:
            host, port = self.places.get(instance, ("", 0))
            if with_v6 and host in self.v6:
                found.append(f"[{self.v6[host]}]:{port}")
            elif with_v4 and host in self.v4:
                found.append(f"{self.v4[host]}:{port}")
        return found


@dataclass
class Mdns:
    """Answers to a multicast question, as long as the time-out."""

    interfaces: Sequence[str] | None = None  # addresses of the interfaces to ask on; all where None

    title = "mDNS"
    parameters = (
        Parameter("service", "Name of the service, such as _consul._tcp.", required=True),
        Parameter("domain", "Domain of the service.", default="local"),
        Parameter("timeout", "How long answers are collected.", default="5s"),
        Parameter("v6", "Whether IPv6 addresses are taken, and preferred.", default="true"),
        Parameter("v4", "Whether IPv4 addresses are taken.", default="true"),
    )
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """``address:port`` of each instance that answered in time, in the order of the answers."""
        service = ask.get("service").strip(".")
        if not service:
            raise ask.error("Service record not provided (parameter service).  Please specify a service record")
        name = f"{service}.{ask.get('domain', default='local').strip('.')}.".lower()
        timeout = ask.seconds("timeout", DEFAULT_TIMEOUT)
        with_v4, with_v6 = ask.truth("v4", True), ask.truth("v6", True)
        try:
            library: Any = await asyncio.to_thread(importlib.import_module, "zeroconf.asyncio")
        except ImportError as error:
            raise missing_extra(ask, "mdns", error) from error
        records = await self._heard(ask, library, name, timeout)
        return records.addresses(with_v4, with_v6)

    async def _heard(self, ask: Lookup, library: Any, name: str, timeout: float) -> Records:
        import zeroconf

        parts: Any = zeroconf
        sockets = self._sockets(ask, library, parts)
        records = Records()
        listener = _listener(parts, records, name)
        core = sockets.zeroconf
        core.async_add_listener(listener, None)
        try:
            await core.async_wait_for_start()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await _question(parts, core, name, records, listener.news)
        except (OSError, parts.Error) as error:
            raise ask.error(f"cannot ask: {error}") from error
        finally:
            core.async_remove_listener(listener)
            await sockets.async_close()
        return records

    def _sockets(self, ask: Lookup, library: Any, parts: Any) -> Any:
        """Sockets on the wanted interfaces; by IPv4 alone where IPv6 is switched off."""
        if self.interfaces is not None:
            choices: list[dict[str, Any]] = [{"interfaces": list(self.interfaces)}]
        else:
            versions = (parts.IPVersion.All, parts.IPVersion.V4Only)
            choices = [{"interfaces": parts.InterfaceChoice.All, "ip_version": each} for each in versions]
        fault: Exception | None = None
        for choice in choices:
            try:
                return library.AsyncZeroconf(**choice)
            except (OSError, RuntimeError) as error:
                fault = error
        raise ask.error(f"failed to bind to any multicast udp port: {fault}") from fault


async def _question(parts: Any, core: Any, name: str, records: Records, news: asyncio.Event) -> None:
    """Ask for the service and for what its answers leave open, until cancelled."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    asked: set[tuple[str, int]] = set()
    for moment in (*ASK_AGAIN, None):  # after the last question answers are waited for until the end
        _send(parts, core, [(name, TYPE_PTR)])
        until = None if moment is None else began + moment
        while until is None or loop.time() < until:
            news.clear()
            open_questions = [each for each in records.missing() if each not in asked]
            if open_questions:
                _send(parts, core, open_questions)
                asked.update(open_questions)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await news.wait()


def _send(parts: Any, core: Any, questions: Sequence[tuple[str, int]]) -> None:
    packet = parts.DNSOutgoing(QUERY)
    for name, kind in questions:
        packet.add_question(parts.DNSQuestion(name, kind, CLASS_IN))
    core.async_send(packet)


def _listener(parts: Any, records: Records, name: str) -> Any:
    """A listener that fills ``records``; made here, for its base class is zeroconf's."""

    class Listener(parts.RecordUpdateListener):
        def __init__(self) -> None:
            self.news = asyncio.Event()

        def async_update_records(self, _core: Any, _now: float, updates: Sequence[Any]) -> None:
            for update in updates:
                take(records, name, update.new)
            self.news.set()

    return Listener()


def take(records: Records, service: str, record: Any) -> None:
    """Note what one record says; those of other services are only kept as far as they may be of use."""
    name = record.name.lower()
    if record.type == TYPE_PTR and name == service:
        records.instances.setdefault(record.alias.lower())
    elif record.type == TYPE_SRV:
        records.places[name] = (record.server.lower(), record.port)
    elif record.type == TYPE_A:
        records.v4.setdefault(name, str(ipaddress.ip_address(record.address)))
    elif record.type == TYPE_AAAA:
        records.v6.setdefault(name, str(ipaddress.ip_address(record.address)))
