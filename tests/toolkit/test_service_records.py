"""Service records, asked of a little name server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import dns.asyncresolver
import dns.message
import dns.rcode
import dns.rrset
import pytest

from pyconsul.toolkit.service_records import service_address

RECORDS = ("20 100 1 later.example.", "10 0 8200 first.example.", "30 5 2 last.example.")


class NameServer(asyncio.DatagramProtocol):
    """Knows the records of one service."""

    def connection_made(self, transport: Any) -> None:
        """Keep it for answers."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        name = question.question[0].name
        if name.to_text() == "_http._tcp.vault.example.":
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "SRV", *RECORDS))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


@pytest.fixture
async def resolver() -> AsyncGenerator[dns.asyncresolver.Resolver]:
    """Asks the little name server."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    asked = dns.asyncresolver.Resolver(configure=False)
    asked.nameservers, asked.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    yield asked
    transport.close()


async def test_the_record_of_the_lowest_priority_counts(resolver: dns.asyncresolver.Resolver) -> None:
    """With its port."""
    assert await service_address("vault.example", resolver) == "first.example:8200"


async def test_a_name_without_records_is_nowhere(resolver: dns.asyncresolver.Resolver) -> None:
    """No error: the name itself is asked then."""
    assert await service_address("other.example", resolver) == ""
