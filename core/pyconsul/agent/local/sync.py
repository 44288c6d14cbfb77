"""Anti-entropy with the catalog: sends what is out of step, compares everything now and then.

The decisions are in ``schedule`` and ``state``; this drives them through an RPC function that is either the server in
this process or one of a cluster. One pass runs at a time; registrations of a pass go out together, so that a server can
put them into one disk write.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

from pyconsul.agent.local.rows import SERVICES, LocalCheck, LocalService
from pyconsul.agent.local.schedule import Action, SyncSchedule
from pyconsul.agent.local.state import LocalState
from pyconsul.agent.local.tokens import Tokens
from pyconsul.primitives.dice import DICE
from pyconsul.structs.catalog import DeregisterRequest, NodeSpecificRequest, RegisterRequest
from pyconsul.structs.errors import ConsulError, PermissionDenied
from pyconsul.telemetry import logger, metrics
from pyconsul.telemetry.logging import Level
from pyconsul.telemetry.routines import Routine

__all__ = ["Syncer"]

# Any server may answer; but what one that is further behind lacks would be sent a second time.
FULL_SYNC_MAX_STALE_NS: Final = 60_000_000_000
_log = logger("agent")
_entropy_log = logger("agent.anti_entropy")

_BLOCKED: Final = ("node.registration", "service.registration", "service.deregistration")
metrics.declare(
    "counter", *(f"acl.blocked.{what}" for what in (*_BLOCKED, "check.registration", "check.deregistration"))
)

Rpc = Callable[[str, Any], Awaitable[Any]]


class Syncer:
    """Keeps the catalog in step with ``state``. ``interval`` is the time between full syncs, seconds.

    ``accessor_of`` gives the public ID of a token, for the log.
    """

    def __init__(
        self,
        state: LocalState,
        rpc: Rpc,
        tokens: Tokens,
        *,
        interval: float = 60.0,
        cluster_size: Callable[[], int] = lambda: 1,
        accessor_of: Callable[[str], str] = lambda token: "",
    ) -> None:
        self.state = state
        self.schedule = SyncSchedule(interval, DICE.random, cluster_size)
        self._rpc = rpc
        self._tokens = tokens
        self._accessor_of = accessor_of
        self._routine = Routine("anti-entropy", self._run, _log)
        self._woken = asyncio.Event()
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._pass: asyncio.Task[list[Exception]] | None = None
        self._next: asyncio.Task[list[Exception]] | None = None

    # The loop

    def start(self) -> None:
        """Begin with a full sync."""
        self._routine.start()
        _log.info("started state syncer")

    async def stop(self) -> None:
        """Stop; what is out of step stays so."""
        await self._routine.stopped()
        running = [task for task in (self._pass, self._next) if task is not None]
        for task in running:
            task.cancel()
        for task in running:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._pass = self._next = None

    def wake(self) -> None:
        """There is something to send (the state's ``on_change``)."""
        self.schedule.changes()
        self._woken.set()

    def full_soon(self) -> None:
        """Compare everything within seconds: a server came up, or a token changed."""
        self.schedule.full_wanted(asyncio.get_running_loop().time())
        self._woken.set()

    def pause(self) -> None:
        """Hold back while many things change at once."""
        self.schedule.pause()
        self._resumed.clear()

    def resume(self) -> None:
        """End a ``pause``."""
        if self.schedule.resume():
            self._resumed.set()
            self._woken.set()

    async def not_paused(self) -> None:
        """Return once no pause is on: readers of local state ride out a reload so."""
        await self._resumed.wait()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            self.state.flush_deferred(now)
            action = self.schedule.due(now)
            if action is Action.FULL:
                self.schedule.full_done(loop.time(), ok=await self._full())
            elif action is Action.PARTIAL:
                self._report(await self.changes_sent())
            else:
                await self._sleep(min([self.schedule.wake_at, *self.state.deferred.values()]) - now)

    async def _sleep(self, seconds: float) -> None:
        self._woken.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(seconds) else max(0.0, seconds)):
                await self._woken.wait()

    async def _full(self) -> bool:
        try:
            await self._compare()
        except (ConsulError, OSError) as error:
            _entropy_log.error("failed to sync remote state", error=error)
            return False
        errors = await self.changes_sent()
        for error in errors:
            _entropy_log.error("failed to sync remote state", error=error)
        return not errors

    def _report(self, errors: list[Exception]) -> None:
        for error in errors:
            _entropy_log.error("failed to sync changes", error=error)

    async def _compare(self) -> None:
        facts = self.state.facts
        ask = NodeSpecificRequest(
            Datacenter=facts.datacenter,
            Node=facts.node,
            Token=self._tokens.agent_token(),
            AllowStale=True,
            MaxStaleDuration=FULL_SYNC_MAX_STALE_NS,
        )
        listed = (await self._rpc("Catalog.NodeServiceList", ask)).NodeServices
        checks = (await self._rpc("Health.NodeChecks", ask)).HealthChecks
        self.state.compare(listed.Node, listed.Services or (), checks or ())

    # One pass

    def changes_sent(self) -> Awaitable[list[Exception]]:
        """Done when everything that is out of step now has been sent, with what went wrong.

        Callers share passes: whoever comes while one runs waits for the next, which takes all changes until then.
        """
        if self._next is None:
            running = self._pass
            self._next = asyncio.create_task(self._pass_after(running))
        return asyncio.shield(self._next)  # a caller that is cut off must not take the pass from the others

    async def _pass_after(self, running: asyncio.Task[list[Exception]] | None) -> list[Exception]:
        if running is not None and not running.done():
            await asyncio.wait([running])
        self._pass, self._next = self._next, None
        return await self._send_all()

    async def _send_all(self) -> list[Exception]:
        """What is out of step as the pass begins; changes that come meanwhile are for the next one."""
        checks = self.state.sending()
        try:
            return await self._send(checks)
        finally:
            self.state.sent()

    async def _send(self, checks: list[LocalCheck]) -> list[Exception]:
        state = self.state
        with_service: defaultdict[str, list[LocalCheck]] = defaultdict(list)
        for row in checks:
            with_service[row.Check.ServiceID].append(row)
        if state.node_in_sync:
            _log.debug("Node info in sync")
        else:
            failed = await self._together([self._send_node()])
            if failed:
                return failed  # a catalog that does not take the node takes nothing that is on it
        gone = list(state.gone_services)
        dirty = [row for each in state.dirty_services if (row := state.db.get(SERVICES, each)) is not None]
        state.leaving(gone, ())
        if _log.enabled(Level.DEBUG):
            for service in state.services():
                if service.ID not in state.dirty_services:
                    _log.debug("Service in sync", service=service.ID)
        errors = await self._together(
            [
                *(self._send_service_gone(each) for each in gone),
                *(self._send_service(row, with_service[row.Service.ID]) for row in dirty),
            ]
        )
        gone = list(state.gone_checks)
        state.leaving((), gone)
        if _log.enabled(Level.DEBUG):
            for check in state.checks():
                if check.CheckID not in state.dirty_checks:
                    _log.debug("Check in sync", check=check.CheckID)
        errors += await self._together(
            [*(self._send_check_gone(each) for each in gone), *(self._send_check(row) for row in checks)]
        )
        return errors

    async def _together(self, sends: list[Coroutine[Any, Any, None]]) -> list[Exception]:
        if not sends:
            return []
        if len(sends) == 1:  # as in most passes, which need no task for it
            try:
                await sends[0]
            except (ConsulError, OSError) as error:
                return [error]
            return []
        answers = await asyncio.gather(*sends, return_exceptions=True)
        errors = [each for each in answers if isinstance(each, BaseException)]
        for each in errors:
            if not isinstance(each, ConsulError | OSError):
                raise each
        return [each for each in errors if isinstance(each, Exception)]

    def _registration(self, token: str, **parts: Any) -> RegisterRequest:
        facts = self.state.facts
        return RegisterRequest(
            Datacenter=facts.datacenter,
            Token=token,
            ID=facts.node_id,
            Node=facts.node,
            Address=facts.address,
            TaggedAddresses=facts.tagged_addresses,
            NodeMeta=facts.meta,
            Locality=facts.locality,
            SkipNodeUpdate=self.state.node_in_sync,
            **parts,
        )

    async def _send_node(self) -> None:
        token = self._tokens.agent_token()
        try:
            await self._rpc("Catalog.Register", self._registration(token))
        except PermissionDenied:
            self.state.node_in_sync = True
            self._blocked("node.registration", "Node info update", token, node=self.state.facts.node_id)
        except (ConsulError, OSError) as error:
            _log.warn("Syncing node info failed.", error=error)
            raise
        else:
            self.state.node_in_sync = True
            _log.info("Synced node info")

    async def _send_service(self, row: LocalService, checks: Iterable[LocalCheck]) -> None:
        """With those of its checks to be sent that go with the same token."""
        service_id = row.Service.ID
        token = self._tokens.for_row(row.Token, from_config=row.from_config)
        # A request has one token, and a check with another may be allowed what the service is not.
        checks = [each for each in checks if self._tokens.for_row(each.Token, from_config=each.from_config) == token]
        found = [each.Check for each in checks]
        one_or_many = {"Check": found[0]} if len(found) == 1 else {"Checks": found or None}
        try:
            await self._rpc("Catalog.Register", self._registration(token, Service=row.Service, **one_or_many))
        except PermissionDenied:
            self._service_done(row, checks)
            self._blocked("service.registration", "Service registration", token, service=service_id)
        except (ConsulError, OSError) as error:
            _log.warn("Syncing service failed.", service=service_id, error=error)
            raise
        else:
            self._service_done(row, checks)
            _log.info("Synced service", service=service_id)

    def _service_done(self, row: LocalService, checks: list[LocalCheck]) -> None:
        self.state.service_synced(row)
        for each in checks:
            self.state.check_synced(each)

    async def _send_check(self, row: LocalCheck) -> None:
        check_id = row.Check.CheckID
        if check_id not in self.state.dirty_checks:  # it went with its service, or is gone
            return
        token = self._tokens.for_row(row.Token, from_config=row.from_config)
        service = self.state.service(row.Check.ServiceID) if row.Check.ServiceID else None
        try:
            await self._rpc("Catalog.Register", self._registration(token, Check=row.Check, Service=service))
        except PermissionDenied:
            self.state.check_synced(row)
            self._blocked("check.registration", "Check registration", token, check=check_id)
        except (ConsulError, OSError) as error:
            _log.warn("Syncing check failed.", check=check_id, error=error)
            raise
        else:
            self.state.check_synced(row)
            _log.info("Synced check", check=check_id)

    async def _send_service_gone(self, service_id: str) -> None:
        token = self._tokens.agent_token()
        try:
            await self._deregister(token, ServiceID=service_id)
        except PermissionDenied:
            self.state.still_here((service_id,), ())
            self._blocked("service.deregistration", "Service deregistration", token, service=service_id)
            return
        except (ConsulError, OSError) as error:
            if "Unknown service" not in str(error):  # else somebody else took it out, which is as good
                self.state.still_here((service_id,), ())
                _log.warn("Deregistering service failed.", service=service_id, error=error)
                raise
        else:
            _log.info("Deregistered service", service=service_id)
        self.state.service_left(service_id)

    async def _send_check_gone(self, check_id: str) -> None:
        token = self._tokens.agent_token()
        try:
            await self._deregister(token, CheckID=check_id)
        except PermissionDenied:
            self.state.still_here((), (check_id,))
            self._blocked("check.deregistration", "Check deregistration", token, check=check_id)
            return
        except (ConsulError, OSError) as error:
            if "Unknown check" not in str(error):  # it may have gone along with its service
                self.state.still_here((), (check_id,))
                _log.warn("Deregistering check failed.", check=check_id, error=error)
                raise
        else:
            _log.info("Deregistered check", check=check_id)
        self.state.check_left(check_id)

    async def _deregister(self, token: str, **what: str) -> None:
        facts = self.state.facts
        ask = DeregisterRequest(Datacenter=facts.datacenter, Token=token, Node=facts.node, **what)
        await self._rpc("Catalog.Deregister", ask)

    def _blocked(self, counted: str, what: str, token: str, **which: str) -> None:
        """Tell that the token may not do this. It stays so until the next full sync, which tries again."""
        _log.warn(f"{what} blocked by ACLs", **which, accessorID=self._accessor_of(token))
        metrics.incr(f"acl.blocked.{counted}")
