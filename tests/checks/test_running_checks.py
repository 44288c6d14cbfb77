"""The runner: probes at their intervals, TTLs that run out, aliases that follow."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from pyconsul.agent.checks import probes
from pyconsul.agent.checks.probes import NotImplementedHere, ProbeSettings, Result
from pyconsul.agent.checks.runner import CheckRunner
from pyconsul.agent.local.rows import CHECKS, LocalCheck, LocalService
from pyconsul.agent.local.state import LocalState, NodeFacts
from pyconsul.memdb import WatchSet
from pyconsul.structs.catalog import (
    HealthCheck,
    IndexedHealthChecks,
    IndexedNodeServices,
    NodeService,
    NodeServices,
)
from pyconsul.structs.checks import CheckType
from pyconsul.structs.errors import NoLeader
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink
from tests.waiting import comes_true

FACTS = NodeFacts(datacenter="dc1", node="here", node_id="id", address="1.1.1.1", tagged_addresses={}, meta={})
SECOND = 1_000_000_000


class OtherNodes:
    """Answers for other nodes' checks, once ``back`` is set; a question with an index waits until ``news``."""

    def __init__(self) -> None:
        self.checks: list[HealthCheck] = []
        self.services: dict[str, NodeService] | None = {}  # None where there is no such node
        self.news = asyncio.Event()
        self.failures = 0
        self.back = asyncio.Event()
        self.back.set()
        self.index = 0

    async def __call__(self, method: str, ask: Any) -> Any:
        """One RPC."""
        if self.failures:
            self.failures -= 1
            raise NoLeader
        await self.back.wait()
        if method == "Catalog.NodeServices":
            found = None if self.services is None else NodeServices(Services=self.services)
            return IndexedNodeServices(NodeServices=found)
        if ask.MinQueryIndex:
            await self.news.wait()
            self.news.clear()
        self.index += 1
        return IndexedHealthChecks(Index=self.index, HealthChecks=self.checks)


class Bench:
    """A state with a runner; what a test waits for is a condition on a check."""

    def __init__(self) -> None:
        self.others = OtherNodes()
        self.state = LocalState(FACTS, on_change=lambda: None, stagger=lambda t: t)
        self.runner = CheckRunner(self.state, self.others, stagger=lambda _: 0.0)

    def start(self, check_id: str = "c", service: str = "", status: str = "critical", **fields: Any) -> None:
        """Add and run a check."""
        kind = CheckType(**fields)
        check = HealthCheck(Node="here", CheckID=check_id, Name=check_id, Status=status, ServiceID=service)
        self.state.add_check(LocalCheck(Check=check))
        self.runner.start(check, kind)

    async def until(self, holds: Callable[[HealthCheck], bool], check_id: str = "c") -> HealthCheck:
        """The check as soon as the condition holds."""
        async with asyncio.timeout(60):
            while True:
                news = asyncio.Event()
                with WatchSet(on_fire=news.set) as ws:
                    row = self.state.db.get(CHECKS, check_id, ws)
                    if row is not None and holds(row.Check):
                        return row.Check
                    await news.wait()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A bench whose checks stop with the test."""
    made = Bench()
    yield made
    await made.runner.close()


class ScriptedProbe:
    """Gives prepared results, or raises prepared errors, then waits for ever."""

    def __init__(self, results: list[Result | Exception]) -> None:
        self.results = results

    async def attempt(self) -> Result:
        """The next result."""
        if not self.results:
            await asyncio.Event().wait()
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


Scripted = Callable[..., ScriptedProbe]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Makes the next TCP check give these results."""

    def install(*results: Result | Exception) -> ScriptedProbe:
        probe = ScriptedProbe(list(results))

        def factory(_: ProbeSettings) -> ScriptedProbe:
            return probe

        monkeypatch.setitem(probes._KINDS, "tcp", factory)  # pyright: ignore[reportPrivateUsage]
        return probe

    return install


async def test_results_go_into_local_state(bench: Bench, scripted: Scripted) -> None:
    """Status and output of the first attempt apply at once; none runs after the end."""
    scripted(Result("passing", "fine"))
    bench.start(TCP="x", Interval=SECOND)
    found = await bench.until(lambda c: c.Status == "passing")
    assert (found.Output, bench.runner.count("tcp")) == ("fine", 1)
    await bench.runner.close()
    assert bench.runner.count("tcp") == 0


async def test_direct_results_skip_thresholds(bench: Bench, scripted: Scripted) -> None:
    """What can never work is critical at once."""
    scripted(Result("critical", "no such script", direct=True))
    bench.start(status="passing", TCP="x", Interval=SECOND, FailuresBeforeCritical=5)
    assert (await bench.until(lambda c: c.Status == "critical")).Output == "no such script"


async def test_a_flaw_in_a_probe_is_critical(bench: Bench, scripted: Scripted) -> None:
    """It neither passes nor ends the check."""
    scripted(RuntimeError("flaw"))
    bench.start(status="passing", TCP="x", Interval=SECOND)
    assert (await bench.until(lambda c: c.Status == "critical")).Output == "internal error: flaw"
    assert bench.runner.count("tcp") == 1


async def test_a_check_replaces_one_with_its_id(bench: Bench) -> None:
    """The old one says nothing any more."""
    bench.start(TTL=SECOND // 50, status="passing")
    bench.start(TTL=3600 * SECOND, status="passing")
    bench.start("marker", TTL=SECOND // 25)
    await bench.until(lambda c: bool(c.Output), "marker")
    check = bench.state.check("c")
    assert check is not None and check.Status == "passing" and bench.runner.count("ttl") == 2


async def test_kinds_that_cannot_run_are_refused_and_leave_the_old_one(bench: Bench) -> None:
    """A check that is refused does not stop the one it would replace."""
    bench.start(TTL=3600 * SECOND)
    with pytest.raises(NotImplementedHere):
        bench.start(OSService="x", Interval=SECOND)
    with pytest.raises(LookupError, match="Check type is not valid"):
        bench.start()
    assert bench.runner.count("ttl") == 1


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"GRPC": "a:1", "UDP": "a:1", "TCP": "a:1", "HTTP": "http://a"}, "http"),
        ({"GRPC": "a:1", "UDP": "a:1", "TCP": "a:1"}, "tcp"),
        ({"H2PING": "a:1", "ScriptArgs": ["true"], "GRPC": "a:1"}, "grpc"),
        ({"H2PING": "a:1", "ScriptArgs": ["true"]}, "script"),
        ({"TTL": SECOND, "Interval": 0, "GRPC": "a:1"}, "ttl"),
    ],
)
async def test_a_check_of_several_kinds_runs_as_one(bench: Bench, fields: dict[str, Any], kind: str) -> None:
    """In Consul's order, whatever the API shows."""
    fields.setdefault("Interval", 60 * SECOND)
    bench.start(**fields)
    assert bench.runner.count(kind) == 1


async def test_ttl_checks_run_out_and_come_back(bench: Bench) -> None:
    """Silence is critical, a report makes it good again."""
    bench.start(TTL=SECOND // 20, status="passing")
    await bench.until(lambda c: c.Status == "critical")
    assert bench.runner.report("c", "passing", "back") == "back"
    await bench.until(lambda c: c.Status == "passing")
    found = await bench.until(lambda c: c.Status == "critical")
    assert found.Output == "TTL expired (last output before timeout follows): back"
    assert bench.runner.report("unknown", "passing", "") is None


async def test_an_alias_follows_a_local_service(bench: Bench) -> None:
    """From missing over failing to passing, as the other one goes."""
    bench.state.add_service(LocalService(Service=NodeService(ID="front", Service="front")))
    bench.start("al", "front", AliasService="web")
    await bench.until(lambda c: c.Output == "Service web could not be found on node ", "al")
    bench.state.add_service(LocalService(Service=NodeService(ID="web", Service="web")))
    await bench.until(lambda c: (c.Status, c.Output) == ("passing", "No checks found."), "al")
    bench.start("w", "web", "warning", TTL=3600 * SECOND)
    await bench.until(lambda c: (c.Status, c.Output) == ("warning", 'Aliased check "w" failing: '), "al")
    bench.runner.report("w", "passing", "")
    await bench.until(lambda c: c.Output == "All checks passing.", "al")


async def test_an_alias_follows_another_node(bench: Bench) -> None:
    """By blocking queries against the catalog."""
    bench.others.services = {"web": NodeService(ID="web", Service="web")}
    bench.others.checks = [HealthCheck(Node="n2", CheckID="w", Name="w", Status="passing", ServiceID="web")]
    bench.start("al", AliasNode="n2", AliasService="web")
    await bench.until(lambda c: c.Output == "All checks passing.", "al")
    bench.others.checks = []
    bench.others.services = {}
    bench.others.news.set()
    await bench.until(lambda c: c.Output == "Service web could not be found on node n2", "al")


async def test_an_alias_of_a_node_that_nobody_knows_has_nothing_against_it(bench: Bench) -> None:
    """As in Consul; it hears of the node when it comes."""
    bench.others.services = None
    bench.start("al", AliasNode="n2", AliasService="web")
    await bench.until(lambda c: c.Output == "No checks found.", "al")
    bench.others.services = {}
    bench.others.news.set()
    await bench.until(lambda c: c.Output == "Service web could not be found on node n2", "al")


async def test_an_alias_tells_when_it_cannot_ask(bench: Bench) -> None:
    """One failure is forgiven, more are not; afterwards it follows again."""
    bench.others.failures = 2
    bench.others.back.clear()
    bench.start("al", AliasNode="n2")
    await bench.until(lambda c: c.Output == "Failure checking aliased node or service: No cluster leader", "al")
    bench.others.back.set()
    await bench.until(lambda c: "could not be found on node n2" in c.Output, "al")


async def test_an_alias_asks_ever_more_seldom_while_nobody_answers(
    bench: Bench, skip_time: Callable[[float], None]
) -> None:
    """After some attempts at once it waits for 2 seconds, then 4, a minute at most; an answer counts at once."""
    bench.others.failures = 6
    bench.start("al", AliasNode="n2", status="passing")
    for failures_left, pause in ((2, 2.0), (1, 4.0), (0, 8.0)):
        await comes_true(lambda left=failures_left: bench.others.failures == left)
        skip_time(pause / 2)
        for _ in range(20):
            await asyncio.sleep(0)
        assert bench.others.failures == failures_left
        skip_time(pause / 2)
    await bench.until(lambda c: "could not be found on node n2" in c.Output, "al")


async def test_an_alias_of_a_service_stays_while_nobody_says_whether_it_exists(bench: Bench) -> None:
    """So that nothing flaps."""
    answer, asked = bench.others.__call__, list[str]()

    async def half_deaf(method: str, ask: Any) -> Any:
        asked.append(method)
        if method == "Catalog.NodeServices":
            raise NoLeader
        return await answer(method, ask)

    bench.runner.rpc = half_deaf
    bench.others.services = {}
    bench.start("al", AliasNode="n2", AliasService="web")
    await bench.until(lambda c: c.Status == "passing", "al")
    assert "Catalog.NodeServices" in asked


async def test_a_check_that_breaks_is_told(bench: Bench) -> None:
    """A fault of ours ends it, and nothing else."""

    async def broken() -> None:
        raise ValueError("odd")

    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        await asyncio.wait({bench.runner.spawn(broken(), "check c")})
        await asyncio.sleep(0)
    finally:
        remove_sink(monitor)
    assert monitor.take().endswith('Check stopped running: task="check c" error="ValueError(\'odd\')"\n')
