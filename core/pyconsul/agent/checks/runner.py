"""Runs the checks of an agent: probes at their intervals, TTLs, aliases. Results go into local state."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache
from typing import Any, Final, Protocol

import msgspec

from pyconsul.agent.checks.alias import alias_verdict
from pyconsul.agent.checks.outputs import DEFAULT_LIMIT
from pyconsul.agent.checks.probes import MakeContext, Probe, ProbeSettings, Result, probe_of
from pyconsul.agent.checks.status import StatusHandler
from pyconsul.agent.checks.ttl import TtlCheck
from pyconsul.agent.local.state import LocalState
from pyconsul.primitives.dice import DICE
from pyconsul.primitives.durations import SECOND
from pyconsul.primitives.tls import client_context
from pyconsul.structs.catalog import HealthCheck, NodeSpecificRequest
from pyconsul.structs.checks import CheckType
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.health import CRITICAL
from pyconsul.telemetry import logger

__all__ = ["CheckRunner", "plain_tls", "settled"]

MIN_INTERVAL_NS: Final = SECOND
# Aliases: seconds but where the name says nanoseconds; the figures are Consul's.
ALIAS_REFRESH: Final = 60.0
ALIAS_WAIT_NS: Final = 60 * SECOND
ALIAS_MAX_STALE_NS: Final = 15 * SECOND
ALIAS_FREE_ATTEMPTS: Final = 3
ALIAS_MAX_BACKOFF: Final = 60.0
_log = logger("agent")

Rpc = Callable[[str, Any], Awaitable[Any]]


@cache  # the system's authorities take 20 ms and a megabyte; no check changes a context
def plain_tls(verify: bool, protocols: tuple[str, ...]) -> ssl.SSLContext:
    """A client's context that trusts the system's authorities, or anybody; ``protocols`` are offered by ALPN."""
    return client_context(verify=verify, protocols=protocols)


def settled(kind: CheckType) -> CheckType:
    """The check as it runs, and as it is kept: its interval at least a second, warnings no earlier than asked for."""
    probes = kind.kind() not in ("ttl", "alias")
    return msgspec.structs.replace(
        kind,
        Interval=max(kind.Interval, MIN_INTERVAL_NS) if probes else kind.Interval,
        FailuresBeforeWarning=kind.FailuresBeforeWarning or kind.FailuresBeforeCritical,
    )


def _runs_as(kind: CheckType) -> str:
    """The kind as which a check that could be several runs; as in Consul the API may show another of them."""
    if kind.Interval <= 0:
        return kind.kind()
    wanted = {  # in Consul's order
        "http": kind.HTTP,
        "tcp": kind.TCP,
        "udp": kind.UDP,
        "grpc": kind.GRPC,
        "docker": kind.is_script and kind.DockerContainerID,
        "os_service": kind.OSService,
        "script": kind.is_script,
        "h2ping": kind.H2PING,
    }
    return next((name for name, is_wanted in wanted.items() if is_wanted), kind.kind())


class _Running(Protocol):
    """A check that runs."""

    def stop(self) -> None:
        """Stop at once; no result comes after this."""
        ...


class CheckRunner:
    """All running checks by ID. ``token()`` is the agent's default token, for aliases of other nodes."""

    def __init__(
        self,
        state: LocalState,
        rpc: Rpc,
        *,
        token: Callable[[], str] = lambda: "",
        output_limit: int = DEFAULT_LIMIT,
        tls: MakeContext = plain_tls,
        stagger: Callable[[float], float] = lambda seconds: DICE.random() * seconds,
    ) -> None:
        self.state = state
        self.rpc = rpc
        self.token = token
        self._output_limit = output_limit or DEFAULT_LIMIT
        self._tls = tls
        self._stagger = stagger
        self._running: dict[str, _Running] = {}
        self._kinds: dict[str, str] = {}
        self.reap_after: dict[str, float] = {}  # check ID -> seconds critical until its service is dropped
        self._closing: set[asyncio.Task[None]] = set()

    def count(self, kind: str) -> int:
        """How many checks of a kind run."""
        return sum(1 for each in self._kinds.values() if each == kind)

    def start(self, check: HealthCheck, kind: CheckType, token: str = "") -> None:
        """Run a check, in the place of one with the same ID. Raises LookupError, NotImplementedHere.

        What is wrong with the target shows in results; only what can never run is refused.
        """
        name = _runs_as(kind)
        limit = self._output_limit
        if kind.OutputMaxSize > 0:
            limit = min(limit, kind.OutputMaxSize)
        running = self._make(name, check, kind, limit, token)  # first: one that is refused leaves the old one running
        self.stop(check.CheckID)
        self._running[check.CheckID] = running
        self._kinds[check.CheckID] = name

    def _make(self, name: str, check: HealthCheck, kind: CheckType, limit: int, token: str) -> _Running:
        if name == "ttl":
            now = asyncio.get_running_loop().time()
            return RunningTtl(self.state, TtlCheck(check.CheckID, kind.TTL / SECOND, limit, now))
        if name == "alias":
            return RunningAlias(self, check, kind, token)
        if kind.Interval < MIN_INTERVAL_NS:
            _log.warn("check has interval below minimum", check=check.CheckID, minimum_interval="1s")
        kind = settled(kind)
        interval = kind.Interval / SECOND
        probe = probe_of(name, ProbeSettings(check.CheckID, kind, limit, self._tls))
        handler = StatusHandler(
            check.CheckID, kind.SuccessBeforePassing, kind.FailuresBeforeWarning, kind.FailuresBeforeCritical
        )
        return RunningProbe(self, probe, handler, interval, self._stagger(interval))

    def stop(self, check_id: str) -> None:
        """Stop a check; unknown ones are ignored."""
        self._kinds.pop(check_id, None)
        self.reap_after.pop(check_id, None)
        running = self._running.pop(check_id, None)
        if running is not None:
            running.stop()

    def report(self, check_id: str, status: str, output: str) -> str | None:
        """A service reports to its TTL check; returns the output as kept, None where there is no such check."""
        running = self._running.get(check_id)
        return running.report(status, output) if isinstance(running, RunningTtl) else None

    def ttl_of(self, check_id: str) -> float:
        """Seconds that a TTL check waits; 0 where there is no such check."""
        running = self._running.get(check_id)
        return running.check.ttl if isinstance(running, RunningTtl) else 0.0

    async def close(self) -> None:
        """Stop all checks and let go of what they hold."""
        for check_id in list(self._running):
            self.stop(check_id)
        while self._closing:
            await asyncio.wait(self._closing)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task that ``close`` waits for; its failure is logged."""
        task = asyncio.create_task(work, name=name)
        self._closing.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("Check stopped running", task=task.get_name(), error=repr(error))


class RunningProbe:
    """One probe at its interval; the first attempt comes after a random share of it."""

    def __init__(
        self, runner: CheckRunner, probe: Probe, handler: StatusHandler, interval: float, first: float
    ) -> None:
        self._state = runner.state
        self._probe = probe
        self._handler = handler
        self._interval = interval
        self._task = runner.spawn(self._run(first), f"check {handler.check_id}")

    async def _run(self, first: float) -> None:
        await asyncio.sleep(first)
        while True:
            await self._attempt()
            await asyncio.sleep(self._interval)

    async def _attempt(self) -> None:
        try:
            result = await self._probe.attempt()
        except Exception as error:  # a flaw of ours in one probe must not end its check, nor pass it
            _log.error("Check failed unexpectedly", check=self._handler.check_id, error=repr(error))
            result = Result(CRITICAL, f"internal error: {error}")
        status = result.status if result.direct else self._handler.judge(result.status)
        if status is not None:
            now = asyncio.get_running_loop().time()
            self._state.update_check(self._handler.check_id, status, result.output, now)

    def stop(self) -> None:
        """Cancel the attempt that runs, or the next one."""
        self._task.cancel()


class RunningTtl:
    """A TTL check with its timer; a report only moves the deadline, the timer looks at it when it fires."""

    def __init__(self, state: LocalState, check: TtlCheck) -> None:
        self.check = check
        self._state = state
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(check.deadline, self._fired)

    def report(self, status: str, output: str) -> str:
        """Take a report; returns the output as it is kept."""
        now = self._loop.time()
        kept = self.check.report(status, output, now)
        self._state.update_check(self.check.check_id, status, kept, now)
        if self._timer.when() <= now:  # it has fired, or is about to, for a deadline that is over
            self._timer.cancel()
            self._timer = self._loop.call_at(self.check.deadline, self._fired)
        return kept

    def _fired(self) -> None:
        now = self._loop.time()
        if now < self.check.deadline:
            self._timer = self._loop.call_at(self.check.deadline, self._fired)
            return
        self._state.update_check(self.check.check_id, CRITICAL, self.check.expire(), now)

    def stop(self) -> None:
        """Stop the timer."""
        self._timer.cancel()


class RunningAlias:
    """Mirrors local checks as they change, or another node's by blocking queries."""

    def __init__(self, runner: CheckRunner, check: HealthCheck, kind: CheckType, token: str) -> None:
        self._runner = runner
        self._state = runner.state
        self._check_id = check.CheckID
        self._node = kind.AliasNode
        self._service_id = kind.AliasService
        self._token = token
        self._changed = asyncio.Event()
        self._task = runner.spawn(self._follow(), f"check {check.CheckID}")

    def stop(self) -> None:
        """Stop following."""
        self._task.cancel()

    def _set(self, checks: list[HealthCheck], *, service_exists: bool) -> None:
        status, output = alias_verdict(checks, self._service_id, self._node, service_exists=service_exists)
        now = asyncio.get_running_loop().time()
        self._state.update_check(self._check_id, status, output, now)

    async def _follow(self) -> None:
        await asyncio.sleep(0)  # who registers it sends it first, as it was given: Consul's lock has that effect, too
        await (self._follow_node() if self._node else self._follow_local())

    async def _follow_local(self) -> None:
        self._state.watch_alias(self._check_id, self._service_id, self._changed.set)
        try:
            while True:
                self._changed.clear()
                exists = self._state.service(self._service_id) is not None
                # An alias that belongs to no service is a node check, and so among those that it mirrors: as in Consul,
                # once critical it stays so. People give aliases to services.
                self._set(self._state.checks(), service_exists=exists)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ALIAS_REFRESH):
                        await self._changed.wait()
        finally:
            self._state.unwatch_alias(self._check_id, self._service_id)

    async def _follow_node(self) -> None:
        ask = NodeSpecificRequest(
            Datacenter=self._state.facts.datacenter,
            Node=self._node,
            Token=self._token or self._runner.token(),
            AllowStale=True,
            MaxQueryTime=ALIAS_WAIT_NS,
            MaxStaleDuration=ALIAS_MAX_STALE_NS,
        )
        attempt = 0
        while True:
            if attempt > ALIAS_FREE_ATTEMPTS:
                await asyncio.sleep(min(2.0 ** min(attempt - ALIAS_FREE_ATTEMPTS, 31), ALIAS_MAX_BACKOFF))
            try:
                found = await self._runner.rpc("Health.NodeChecks", ask)
            except (ConsulError, OSError) as error:
                attempt += 1
                if attempt > 1:  # Consul, too, keeps the first failure in a row to itself
                    text = f"Failure checking aliased node or service: {error}"
                    now = asyncio.get_running_loop().time()
                    self._state.update_check(self._check_id, CRITICAL, text, now)
                continue
            attempt = 0
            ask = msgspec.structs.replace(ask, MinQueryIndex=max(1, found.Index))
            checks: list[HealthCheck] = found.HealthChecks or []
            exists = any(each.ServiceID == self._service_id for each in checks) or await self._exists_remotely(ask)
            self._set(checks, service_exists=exists)

    async def _exists_remotely(self, ask: NodeSpecificRequest) -> bool:
        """Whether the node has the service; a failing question counts as yes, so that nothing flaps."""
        plain = msgspec.structs.replace(ask, MinQueryIndex=0, MaxQueryTime=0)
        try:
            found = (await self._runner.rpc("Catalog.NodeServices", plain)).NodeServices
        except (ConsulError, OSError):
            return True
        return found is None or self._service_id in (found.Services or {})
