"""How long it takes from a secret to its rights is sampled whenever somebody asks, as Consul does."""

from collections.abc import AsyncIterator

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.structs.errors import AclNotFound
from pyconsul.telemetry.metrics import current
from tests.door import DoorClient, leading_agent

pytestmark = pytest.mark.usefixtures("still_sink")

HCL = 'acl { enabled = true default_policy = "deny" tokens { initial_management = "root" agent_recovery = "own" } }'


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    """A dev agent with ACLs whose server leads."""
    async with leading_agent(HCL) as made:
        yield made


def resolved() -> int:
    """How many samples this process has in the present interval."""
    row = current().interval().samples.get(("consul.acl.ResolveToken", ()))
    return 0 if row is None else row.count


async def test_every_request_resolves_its_token(agent: Agent) -> None:
    """Also one whose rights are known from the request before."""
    door = DoorClient(agent, token="root")
    before = resolved()
    assert (await door.put("kv/a", b"1")).status == 200
    assert (await door.get("kv/a")).status == 200
    assert resolved() == before + 2


async def test_a_secret_of_nobody_is_sampled(agent: Agent) -> None:
    """It takes its time, too."""
    before = resolved()
    with pytest.raises(AclNotFound):
        agent.server.acl.authorizer("nobody's")
    assert resolved() == before + 1


async def test_tokens_of_the_agent_itself_are_not_sampled(agent: Agent) -> None:
    """They stand in no table; nothing is looked up for them."""
    before = resolved()
    agent.server.acl.authorizer("own")
    assert resolved() == before
