"""How often mDNS is asked."""

from __future__ import annotations

import asyncio

from pyconsul_autojoin.providers.mdns import Mdns
from tests.autojoin.conftest import Asks
from tests.autojoin.test_mdns_provider import LOOPBACK, Responder, a_socket, multicast
from tests.waiting import comes_true

__all__ = ["multicast"]  # applies here as well


async def test_the_first_two_questions_are_a_second_apart(ask: Asks) -> None:
    """At least (RFC 6762, section 5.2)."""
    name, loop = "_nobody-asks._tcp", asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(lambda: Responder({}), sock=a_socket())
    assert await Mdns((LOOPBACK,)).addresses(ask(f"provider=mdns timeout=300ms service={name}")) == []
    await comes_true(lambda: bool(heard.asked))
    assert [each for each in heard.asked if name in each[0]] == [(f"{name}.local.", "PTR")]
    transport.close()
    await heard.closed.wait()
