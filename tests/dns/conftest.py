"""A server in memory with a DNS door in front, and questions in the notation of ``dig``."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import msgspec
import pytest

from pyconsul.agent.dns.server import DnsServer
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.raft.archive import Server as RaftServer
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.catalog import NodeService, RegisterRequest, ServiceAddress, Weights
from pyconsul.structs.health import HealthCheck


class World:
    """A catalog to fill, and a name server to ask."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.door = DnsServer(DnsSettings(node_name="srv1"), self.rpc, random.Random(7))
        self.calls: list[str] = []
        self.fault: Exception | None = None

    async def rpc(self, method: str, ask: Any) -> Any:
        """What the door asks of the server. Raises ``fault`` while there is one."""
        self.calls.append(method)
        if self.fault is not None:
            raise self.fault
        return await self.server.call(method, ask)

    def configure(self, **settings: Any) -> None:
        """Change some settings of the door."""
        self.door.reload(msgspec.structs.replace(self.door.core.settings, **settings))

    async def node(self, name: str, address: str, meta: dict[str, str] | None = None, **more: Any) -> None:
        """Put a node."""
        await self.server.call(
            "Catalog.Register", RegisterRequest(Datacenter="dc1", Node=name, Address=address, NodeMeta=meta, **more)
        )

    async def service(
        self,
        node: str,
        at: str,
        name: str,
        port: int = 80,
        *,
        id: str = "",
        address: str = "",
        tags: tuple[str, ...] = (),
        status: str = "",
        weights: tuple[int, int] | None = None,
        tagged: dict[str, tuple[str, int]] | None = None,
        meta: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        """Put an instance on a node, with a check of ``status`` if one is given."""
        service = NodeService(
            ID=id or name,
            Service=name,
            Port=port,
            Address=address,
            Tags=list(tags),
            Weights=Weights(Passing=weights[0], Warning=weights[1]) if weights else None,
            TaggedAddresses={tag: ServiceAddress(Address=a, Port=p) for tag, (a, p) in (tagged or {}).items()},
            **more,
        )
        check = HealthCheck(Node=node, CheckID=f"c-{service.ID}", Name="c", Status=status, ServiceID=service.ID)
        request = RegisterRequest(
            Datacenter="dc1", Node=node, Address=at, NodeMeta=meta, Service=service, Check=check if status else None
        )
        await self.server.call("Catalog.Register", request)

    async def packet(self, packet: bytes, *, tcp: bool = False, source: str = "192.0.2.9") -> bytes | None:
        """The door's answer to a packet."""
        reply = self.door.at_once(packet, (source, 5353), tcp=tcp)
        return reply if reply is not None else await self.door.answer(packet, (source, 5353), tcp=tcp)

    async def ask(
        self, name: str, rtype: str = "A", *, tcp: bool = False, edns: int | None = None, source: str = "192.0.2.9"
    ) -> Answer:
        """Ask a question."""
        query = dns.message.make_query(name, rtype)
        if edns is not None:
            query.use_edns(0, payload=edns)
        wire = await self.packet(query.to_wire(), tcp=tcp, source=source)
        assert wire is not None
        return Answer(wire)


class Answer:
    """An answer as text."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        self.message = dns.message.from_wire(wire)
        self.rcode = dns.rcode.to_text(self.message.rcode())
        self.flags = dns.flags.to_text(self.message.flags)

    @property
    def answer(self) -> list[str]:
        """The answer section, sorted."""
        return _texts(self.message.answer)

    @property
    def authority(self) -> list[str]:
        """The authority section, sorted."""
        return _texts(self.message.authority)

    @property
    def additional(self) -> list[str]:
        """The additional section without OPT, sorted."""
        return _texts(self.message.additional)


def _texts(section: list[Any]) -> list[str]:
    return sorted(
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {data.to_text()}"
        for rrset in section
        for data in rrset
    )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A leader without any node in its catalog but itself."""
    config = ServerConfig(datacenter="dc1", node_name="srv1", node_id="11111111-2222-3333-4444-555555555555")
    server = Server(config, lambda fsm: MemoryVoter(fsm, RaftServer(config.node_id, "127.0.0.1:8300")))
    await server.start()
    world = World(server)
    yield world
    await world.door.stop()
    await server.stop()
