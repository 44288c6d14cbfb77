"""Names are answered with the rights of the agent's DNS token, its default one, or the anonymous one."""

from __future__ import annotations

import dns.message
import dns.rcode
import pytest

from pyconsul.structs.acl import ANONYMOUS_ACCESSOR, ANONYMOUS_SECRET, ACLToken
from pyconsul.structs.catalog import NodeService, RegisterRequest
from tests.agent.conftest import Api
from tests.rdata import rdata_of

ANONYMOUS = ACLToken(AccessorID=ANONYMOUS_ACCESSOR, SecretID=ANONYMOUS_SECRET)
SEES_WEB = 'service "web" { policy = "read" } node_prefix "" { policy = "read" }'
SEES_DB = 'service "db" { policy = "read" } node "db-1" { policy = "read" }'


async def found(api: Api, name: str) -> str:
    """The addresses of a name, or why there are none; a kept answer is as good as a new one."""
    packet = dns.message.make_query(f"{name}.consul.", "A").to_wire()
    door, client = api.agent.dns, ("127.0.0.1", 1)
    reply = door.at_once(packet, client, tcp=False) or await door.answer(packet, client, tcp=False)
    assert reply is not None
    answer = dns.message.from_wire(reply)
    return " ".join(map(str, rdata_of(answer.answer))) or dns.rcode.to_text(answer.rcode())


@pytest.fixture(autouse=True)
async def catalog(api: Api) -> None:
    """Two nodes with a service each."""
    for node, address, service in (("web-1", "10.0.0.1", "web"), ("db-1", "10.0.0.2", "db")):
        ask = RegisterRequest(
            Node=node, Address=address, Service=NodeService(ID=service, Service=service), Token="root", Datacenter="dc1"
        )
        await api.agent.rpc("Catalog.Register", ask)


async def test_what_may_not_be_seen_does_not_exist(api: Api) -> None:
    """Neither services nor nodes; what it takes is the right to both."""
    assert [await found(api, name) for name in ("web.service", "web-1.node")] == ["NXDOMAIN", "NXDOMAIN"]
    api.agent.tokens.update("default", api.grant(SEES_DB))
    assert await found(api, "db.service") == "10.0.0.2"
    assert await found(api, "db-1.node") == "10.0.0.2"
    assert [await found(api, name) for name in ("web.service", "web-1.node")] == ["NXDOMAIN", "NXDOMAIN"]


async def test_a_kept_answer_goes_when_rights_change(api: Api) -> None:
    """Both ways."""
    assert await found(api, "web.service") == "NXDOMAIN"
    api.grant(SEES_WEB, ANONYMOUS)
    assert await found(api, "web.service") == "10.0.0.1"
    api.grant("", ANONYMOUS)
    assert await found(api, "web.service") == "NXDOMAIN"


async def test_the_dns_token_wins_over_the_default_one(api: Api) -> None:
    """And kept answers go with the token that they were for."""
    api.agent.tokens.update("default", api.grant(SEES_DB))
    assert await found(api, "db.service") == "10.0.0.2"
    api.agent.tokens.update("dns", api.grant(SEES_WEB))
    assert [await found(api, name) for name in ("web.service", "db.service")] == ["10.0.0.1", "NXDOMAIN"]
    api.agent.tokens.update("dns", "")
    assert [await found(api, name) for name in ("web.service", "db.service")] == ["NXDOMAIN", "10.0.0.2"]


async def test_a_token_that_nobody_knows_is_a_failure(api: Api) -> None:
    """Until it is known."""
    api.agent.tokens.update("dns", "later")
    assert await found(api, "web.service") == "SERVFAIL"
    api.grant(SEES_WEB, ACLToken(AccessorID="a", SecretID="later"))
    assert await found(api, "web.service") == "10.0.0.1"
