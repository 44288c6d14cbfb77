"""Anti-entropy against a catalog that can be slow, absent or unwilling."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from pyconsul.agent.local.rows import LocalCheck, LocalService
from pyconsul.agent.local.schedule import SERVER_UP_INTERVAL
from pyconsul.agent.local.state import LocalState, NodeFacts
from pyconsul.agent.local.sync import Syncer
from pyconsul.agent.local.tokens import Tokens
from pyconsul.structs.catalog import (
    DeregisterRequest,
    HealthCheck,
    IndexedHealthChecks,
    IndexedNodeServiceList,
    NodeService,
    NodeServiceList,
    RegisterRequest,
)
from pyconsul.structs.errors import AclNotFound, NoLeader, PermissionDenied
from pyconsul.telemetry import logging, metrics
from tests.waiting import comes_true

FACTS = NodeFacts(datacenter="dc1", node="here", node_id="id", address="1.1.1.1", tagged_addresses={}, meta={})


class FakeCatalog:
    """Notes what it is told; fails with ``error`` while one is set, waits for ``gate`` before each answer."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.reads = 0
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Condition()

    async def __call__(self, method: str, ask: Any) -> Any:
        """One RPC."""
        async with self.arrived:
            self.told.append(ask) if "egister" in method else None
            self.reads += method == "Catalog.NodeServiceList"
            self.arrived.notify_all()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        if method == "Catalog.NodeServiceList":
            return IndexedNodeServiceList(NodeServices=NodeServiceList())
        return IndexedHealthChecks() if method == "Health.NodeChecks" else None

    async def until(self, count: int) -> None:
        """Return when so many writes have arrived."""
        async with asyncio.timeout(60), self.arrived:
            await self.arrived.wait_for(lambda: len(self.told) >= count)


@pytest.fixture
async def catalog() -> FakeCatalog:
    """The other side."""
    return FakeCatalog()


@pytest.fixture
async def syncer(catalog: FakeCatalog) -> AsyncIterator[Syncer]:
    """A syncer with an empty state, not started."""
    state = LocalState(FACTS, on_change=lambda: made.wake(), stagger=lambda t: t)
    made = Syncer(state, catalog, Tokens(default="def", agent="age", config_file_service_registration="conf"))
    yield made
    catalog.gate.set()
    await made.stop()


def a_service(service_id: str = "web", **fields: Any) -> LocalService:
    """A service row."""
    return LocalService(Service=NodeService(ID=service_id, Service=service_id), **fields)


def a_check(check_id: str, service: str = "", token: str = "") -> LocalCheck:
    """A check row."""
    return LocalCheck(Check=HealthCheck(Node="here", CheckID=check_id, ServiceID=service), Token=token)


async def test_a_service_goes_with_its_checks_in_one_request(syncer: Syncer, catalog: FakeCatalog) -> None:
    """The first request brings the node, later ones leave it alone; one check stands alone, several in a list."""
    syncer.state.add_service(a_service(), [a_check("a", "web"), a_check("b", "web")])
    assert await syncer.changes_sent() == []
    node, service = catalog.told
    assert isinstance(node, RegisterRequest) and node.Service is None and not node.SkipNodeUpdate
    assert service.SkipNodeUpdate and [c.CheckID for c in service.Checks] == ["a", "b"]
    syncer.state.add_service(a_service("one"), [a_check("c", "one")])
    await syncer.changes_sent()
    assert catalog.told[2].Check.CheckID == "c" and catalog.told[2].Checks is None


async def test_a_check_with_another_token_goes_alone(syncer: Syncer, catalog: FakeCatalog) -> None:
    """Each row is sent with its own token; the service rides along."""
    syncer.state.add_service(a_service(Token="svc"), [a_check("a", "web", "svc"), a_check("b", "web", "own")])
    await syncer.changes_sent()
    service, check = catalog.told[1:]
    assert (service.Token, service.Check.CheckID) == ("svc", "a")
    assert (check.Token, check.Check.CheckID, check.Service.ID) == ("own", "b", "web")


async def test_tokens_have_an_order(syncer: Syncer, catalog: FakeCatalog) -> None:
    """The row's own, that of configuration files, the default; the node's is the agent's."""
    syncer.state.add_service(a_service("api"))
    syncer.state.add_service(a_service("file", from_config=True))
    await syncer.changes_sent()
    assert [ask.Token for ask in catalog.told] == ["age", "def", "conf"]


async def test_removals_are_told_with_the_agents_token(syncer: Syncer, catalog: FakeCatalog) -> None:
    """Services and checks by ID."""
    syncer.state.add_service(a_service(), [a_check("a")])
    await syncer.changes_sent()
    catalog.told.clear()
    syncer.state.remove_service("web")
    syncer.state.remove_check("a")
    await syncer.changes_sent()
    service, check = catalog.told
    assert isinstance(service, DeregisterRequest)
    assert (service.ServiceID, service.Token, check.CheckID) == ("web", "age", "a")
    assert not syncer.state.gone_services and not syncer.state.gone_checks


async def test_whoever_debugs_is_told_what_is_in_sync(syncer: Syncer, catalog: FakeCatalog) -> None:
    """The node, services and checks, each time that changes are sent; not what was just sent, nor what failed."""
    syncer.state.add_service(a_service(), [a_check("a", "web")])
    await syncer.changes_sent()
    syncer.state.add_service(a_service("new"))
    lines = logging.Monitor(logging.Level.DEBUG)
    lines.start()
    await syncer.changes_sent()
    lines.stop()
    told = [line.partition(" ")[2] for line in lines.take().splitlines()]
    assert told == [
        "[DEBUG] agent: Node info in sync",
        "[DEBUG] agent: Service in sync: service=web",
        "[INFO]  agent: Synced service: service=new",
        "[DEBUG] agent: Check in sync: check=a",
    ]


async def test_what_failed_is_sent_again(syncer: Syncer, catalog: FakeCatalog) -> None:
    """A catalog without a leader loses nothing."""
    syncer.state.add_service(a_service())
    catalog.error = NoLeader()
    assert [type(error) for error in await syncer.changes_sent()] == [NoLeader]
    assert not syncer.state.node_in_sync
    catalog.error = None
    assert await syncer.changes_sent() == []
    assert not syncer.state.dirty_services


@pytest.mark.parametrize("error", [PermissionDenied(), AclNotFound()])
async def test_what_is_forbidden_is_not_repeated(syncer: Syncer, catalog: FakeCatalog, error: Exception) -> None:
    """Permission denied counts as settled until the next full sync; so does a token that nobody knows."""
    syncer.state.add_service(a_service(), [a_check("a", "web"), a_check("b")])
    catalog.error = error
    assert await syncer.changes_sent() == []
    assert not syncer.state.dirty_services and not syncer.state.dirty_checks


async def test_a_forbidden_removal_is_tried_with_the_next_changes(syncer: Syncer, catalog: FakeCatalog) -> None:
    """The catalog still has it, and the agent may get a better token."""
    syncer.state.add_service(a_service(), [a_check("a")])
    await syncer.changes_sent()
    syncer.state.remove_service("web")
    syncer.state.remove_check("a")
    catalog.error = PermissionDenied()
    assert await syncer.changes_sent() == []
    catalog.told.clear()
    catalog.error = None
    assert await syncer.changes_sent() == []
    assert [type(ask) for ask in catalog.told] == [DeregisterRequest, DeregisterRequest]
    assert not syncer.state.gone_services and not syncer.state.gone_checks


async def test_a_forbidden_registration_is_logged_and_counted(
    catalog: FakeCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the token's public ID, never its secret."""
    state = LocalState(FACTS, on_change=lambda: None, stagger=lambda t: t)
    blocked = Syncer(state, catalog, Tokens(default="s3cret"), accessor_of=lambda token: f"id of {len(token)}")
    state.node_in_sync = True
    state.add_service(a_service())
    catalog.error = PermissionDenied()
    lines = logging.Monitor(logging.Level.WARN)
    lines.start()
    counted: list[str] = []
    monkeypatch.setattr(metrics, "incr", counted.append)
    await blocked.changes_sent()
    lines.stop()
    assert counted == ["acl.blocked.service.registration"]
    assert 'Service registration blocked by ACLs: service=web accessorID="id of 6"' in lines.take()


async def test_callers_share_a_pass(syncer: Syncer, catalog: FakeCatalog) -> None:
    """Whoever comes while a pass runs waits for one more, however many they are."""
    syncer.state.node_in_sync = True
    syncer.state.add_service(a_service("s0"))
    catalog.gate.clear()
    first = asyncio.ensure_future(syncer.changes_sent())
    await catalog.until(1)
    others: list[asyncio.Task[Any]] = []
    for number in range(1, 20):
        syncer.state.add_service(a_service(f"s{number}"))
        others.append(asyncio.ensure_future(syncer.changes_sent()))
    catalog.gate.set()
    await asyncio.gather(first, *others)
    assert len(catalog.told) == 20 and not syncer.state.dirty_services


async def test_registrations_of_a_pass_go_out_together(syncer: Syncer, catalog: FakeCatalog) -> None:
    """All are on their way before the first is answered: a server can write them at once."""
    syncer.state.node_in_sync = True
    for number in range(10):
        syncer.state.add_service(a_service(f"s{number}"))
    catalog.gate.clear()
    sending = asyncio.ensure_future(syncer.changes_sent())
    await catalog.until(10)
    catalog.gate.set()
    assert await sending == []


async def test_a_pass_sends_what_was_there_when_it_began(syncer: Syncer, catalog: FakeCatalog) -> None:
    """A status that changes while the node's facts are sent goes in the pass after it, a mere output waits."""
    for check_id in ("a", "b"):
        row = a_check(check_id)
        syncer.state.add_check(msgspec.structs.replace(row, Check=msgspec.structs.replace(row.Check, Status="passing")))
    catalog.gate.clear()
    sending = asyncio.ensure_future(syncer.changes_sent())
    await catalog.until(1)
    syncer.state.update_check("a", "critical", "down", 0.0)
    syncer.state.update_check("b", "passing", "fine", 0.0)
    catalog.gate.set()
    assert await sending == []
    assert {(each.Check.CheckID, each.Check.Status, each.Check.Output) for each in catalog.told[1:]} == {
        ("a", "passing", ""),
        ("b", "passing", ""),
    }
    assert await syncer.changes_sent() == []
    assert [(each.Check.CheckID, each.Check.Status) for each in catalog.told[3:]] == [("a", "critical")]
    assert list(syncer.state.deferred) == ["b"]


async def test_a_started_syncer_compares_and_then_follows(syncer: Syncer, catalog: FakeCatalog) -> None:
    """A change after the start is sent without anybody asking."""
    syncer.start()
    await catalog.until(1)
    syncer.state.add_check(a_check("a"))
    await catalog.until(2)
    assert catalog.reads >= 1 and catalog.told[1].Check.CheckID == "a"


async def test_a_new_server_or_token_does_not_wait_for_the_next_comparison(
    syncer: Syncer, catalog: FakeCatalog, skip_time: Callable[[float], None]
) -> None:
    """That would be a minute off, or two."""
    time = asyncio.get_running_loop().time
    syncer.start()
    for compared in (1, 2):
        await comes_true(lambda: catalog.reads == compared and syncer.schedule.wake_at > time())  # noqa: B023
        skip_time(SERVER_UP_INTERVAL)
    syncer.full_soon()
    skip_time(SERVER_UP_INTERVAL)
    await comes_true(lambda: catalog.reads == 3)


async def test_a_pause_holds_the_loop_back(syncer: Syncer, catalog: FakeCatalog) -> None:
    """Changes during a pause go out after it, together."""
    syncer.start()
    await catalog.until(1)
    syncer.pause()
    syncer.state.add_service(a_service())
    syncer.state.remove_service("web")
    waiting = asyncio.create_task(syncer.not_paused())
    syncer.state.add_service(a_service("other"))
    assert not waiting.done()
    syncer.resume()
    await waiting
    await catalog.until(3)
    assert {getattr(ask, "ServiceID", None) or ask.Service.ID for ask in catalog.told[1:3]} == {"web", "other"}


async def test_a_fault_of_ours_does_not_end_anti_entropy(
    syncer: Syncer, catalog: FakeCatalog, skip_time: Callable[[float], None]
) -> None:
    """What was not foreseen is in the log, and after a pause the catalog is told all the same."""
    syncer.state.add_service(a_service())
    lines = logging.Monitor(logging.Level.ERROR)
    lines.start()
    catalog.error = KeyError("an odd row")
    syncer.start()
    await comes_true(lambda: catalog.reads == 1 and not catalog.told)
    await comes_true(lambda: lines.dropped or "an odd row" in lines.take())
    lines.stop()
    catalog.error = None
    skip_time(60)
    await catalog.until(1)
