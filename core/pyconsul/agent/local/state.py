"""The agent's services and checks, and what of them the catalog does not know yet. Synchronous; time is an argument.

Anti-entropy asks this for what is out of step, sends it, and reports back. What becomes of a row:

- added or changed, it is dirty until the catalog has that very row; one that changed again on its way stays dirty;
- a check's mere new output is deferred, then dirty; a row that is sent before that takes its newest output along;
- removed, it is gone until the catalog was told. Added again as the catalog still has it, nothing needs to be sent,
  unless its deregistration is on its way (leaving), which would win.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from pyconsul.agent.local.rows import (
    CHECKS,
    SERVICES,
    GoneCheck,
    LocalCheck,
    LocalService,
    local_store,
    same_check,
    same_service,
)
from pyconsul.lang.strconv import quote
from pyconsul.memdb import WatchSet
from pyconsul.structs.catalog import CONSUL_SERVICE_ID, HealthCheck, Locality, Node, NodeService
from pyconsul.structs.health import CRITICAL, SERF_CHECK_ID
from pyconsul.structs.wire import UNSET
from pyconsul.telemetry import logger

__all__ = ["LocalState", "NodeFacts", "UnknownLocal"]

RESERVED_TAG_PREFIX: Final = "consul-"
_log = logger("agent")


class UnknownLocal(LookupError):
    """A service or check that this agent does not have."""


class NodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalog should say about this node itself."""

    datacenter: str
    node: str
    node_id: str
    address: str
    tagged_addresses: dict[str, str]
    meta: dict[str, str]
    locality: Locality | None = None


class LocalState:
    """Rows in ``db`` plus the bookkeeping of what is in sync.

    ``on_change`` is told when there is something to send; ``stagger(seconds)`` gives a random share of a time.
    """

    def __init__(
        self,
        facts: NodeFacts,
        *,
        on_change: Callable[[], None],
        stagger: Callable[[float], float],
        check_update_interval: float = 300.0,
        discard_check_output: bool = False,
    ) -> None:
        self.db = local_store()
        self.facts = facts
        self.node_in_sync = False
        self.dirty_services: dict[str, None] = {}  # dicts, for they keep their order
        self.dirty_checks: dict[str, None] = {}
        self.gone_services: dict[str, NodeService | None] = {}  # ID -> the row in the catalog, None where not known
        self.gone_checks: dict[str, GoneCheck] = {}
        self.deferred: dict[str, float] = {}  # check ID -> loop time at which its new output is sent
        self.discard_check_output = discard_check_output
        self._sending_checks: set[str] = set()
        self._leaving_services: set[str] = set()
        self._leaving_checks: set[str] = set()
        self._check_update_interval = check_update_interval
        self._on_change = on_change
        self._stagger = stagger
        self._aliases: dict[str, dict[str, Callable[[], None]]] = {}

    # Readers

    def service(self, service_id: str, ws: WatchSet | None = None) -> NodeService | None:
        """The service with this ID, or None."""
        row = self.db.get(SERVICES, service_id, ws)
        return None if row is None else row.Service

    def service_row(self, service_id: str, ws: WatchSet | None = None) -> LocalService | None:
        """The service with its token and origin, or None."""
        return self.db.get(SERVICES, service_id, ws)

    def services(self, ws: WatchSet | None = None) -> list[NodeService]:
        """All services, by ID."""
        return [row.Service for row in self.db.all(SERVICES, ws)]

    def services_named(self, name: str, ws: WatchSet | None = None) -> list[NodeService]:
        """The instances of one service, by ID."""
        return [row.Service for row in self.db.where(SERVICES, "name", name, ws)]

    def check(self, check_id: str, ws: WatchSet | None = None) -> HealthCheck | None:
        """The check with this ID, or None."""
        row = self.db.get(CHECKS, check_id, ws)
        return None if row is None else row.Check

    def check_row(self, check_id: str) -> LocalCheck | None:
        """The check with its token and origin, or None."""
        return self.db.get(CHECKS, check_id)

    def checks(self, ws: WatchSet | None = None) -> list[HealthCheck]:
        """All checks, by ID."""
        return [row.Check for row in self.db.all(CHECKS, ws)]

    def checks_of(self, service_id: str, ws: WatchSet | None = None, *, with_node: bool = False) -> list[HealthCheck]:
        """The checks of one service, with ``with_node`` those of the node too."""
        rows = self.db.where(CHECKS, "service", service_id, ws)
        if with_node:
            rows = rows + self.db.where(CHECKS, "service", "", ws)
        return [row.Check for row in rows]

    def critical_rows(self) -> list[LocalCheck]:
        """The checks that are critical now and have been seen so."""
        return [row for row in self.db.all(CHECKS) if row.critical_since is not None]

    # Services

    def add_service(self, row: LocalService, checks: Iterable[LocalCheck] = ()) -> None:
        """Insert or replace a service together with some of its checks."""
        service_id = row.Service.ID
        with self.db.transaction():
            old = self.db.get(SERVICES, service_id)
            was_gone = service_id in self.gone_services
            before = old.Service if old is not None else self.gone_services.pop(service_id, None)
            in_sync = (
                before is not None
                and service_id not in self.dirty_services
                and service_id not in self._leaving_services
                and same_service(row.Service, before)
            )
            self.db.put(SERVICES, row)
            if not in_sync:
                self.dirty_services[service_id] = None
            for check in checks:
                self.add_check(check)
        if old is None and not was_gone:
            self._notify_aliases(service_id)
        self._on_change()

    def remove_service(self, service_id: str) -> None:
        """Drop a service; its checks stay. Raises UnknownLocal."""
        row = self.db.delete(SERVICES, service_id)
        if row is None:
            raise UnknownLocal(
                f"Unknown service ID {quote(service_id)}. Ensure that the service ID is passed, not the service name."
            )
        self.gone_services[service_id] = None if service_id in self.dirty_services else row.Service
        self.dirty_services.pop(service_id, None)
        self._notify_aliases(service_id)
        self._on_change()

    # Checks

    def add_check(self, row: LocalCheck) -> None:
        """Insert or replace a check. Raises UnknownLocal when its service is not here."""
        check = row.Check
        if check.ServiceID and self.db.get(SERVICES, check.ServiceID) is None:
            raise UnknownLocal(f'Check ID "{check.CheckID}" refers to non-existent service ID "{check.ServiceID}"')
        check = msgspec.structs.replace(
            check, Node=self.facts.node, Output="" if self.discard_check_output else check.Output
        )
        check_id = check.CheckID
        old = self.db.get(CHECKS, check_id)
        before = old.Check if old is not None else self.gone_checks.pop(check_id, GoneCheck()).known
        in_sync = (
            before is not None
            and check_id not in self.dirty_checks
            and check_id not in self._leaving_checks
            and check_id not in self.deferred
            and same_check(check, before)
        )
        self.db.put(CHECKS, msgspec.structs.replace(row, Check=check))
        if not in_sync:
            self.dirty_checks[check_id] = None
        self._notify_aliases(check.ServiceID)
        self._on_change()

    def remove_check(self, check_id: str) -> None:
        """Drop a check. Raises UnknownLocal."""
        row = self.db.delete(CHECKS, check_id)
        if row is None:
            raise UnknownLocal(f"Check ID {quote(check_id)} does not exist")
        in_sync = check_id not in self.dirty_checks and check_id not in self.deferred
        self.gone_checks[check_id] = GoneCheck(row.Check.ServiceID, row.Check if in_sync else None)
        self.dirty_checks.pop(check_id, None)
        self.deferred.pop(check_id, None)
        self._notify_aliases(row.Check.ServiceID)
        self._on_change()

    def update_check(self, check_id: str, status: str, output: str, now: float) -> None:
        """Take the result of a check. A new status is sent at once, a mere new output about five minutes later.

        Also one that comes while the row is on its way; before that, the row goes with the new output.
        """
        row = self.db.get(CHECKS, check_id)
        if row is None:
            return
        if self.discard_check_output:
            output = ""
        since = row.critical_since
        if status != CRITICAL:
            since = None
        elif since is None:
            since = now
        check = row.Check
        if check.Status == status and check.Output == output:
            if since != row.critical_since:
                self.db.put(CHECKS, msgspec.structs.replace(row, critical_since=since))
            return
        new = msgspec.structs.replace(check, Status=status, Output=output)
        self.db.put(CHECKS, msgspec.structs.replace(row, Check=new, critical_since=since))
        if self._check_update_interval > 0 and check.Status == status:
            if check_id not in self.deferred and (
                check_id not in self.dirty_checks or check_id in self._sending_checks
            ):
                interval = self._check_update_interval
                self.deferred[check_id] = now + interval / 2 + self._stagger(interval)
            return
        self._notify_aliases(check.ServiceID)
        self.dirty_checks[check_id] = None
        self._on_change()

    def flush_deferred(self, now: float) -> None:
        """Send the outputs that have waited long enough."""
        due = [check_id for check_id, at in self.deferred.items() if at <= now]
        for check_id in due:
            del self.deferred[check_id]
            self.dirty_checks[check_id] = None
        if due:
            self._on_change()

    # Aliases

    def watch_alias(self, check_id: str, service_id: str, notify: Callable[[], None]) -> None:
        """Call ``notify`` whenever a check of ``service_id`` (or that service) comes, goes or changes status."""
        self._aliases.setdefault(service_id, {})[check_id] = notify

    def unwatch_alias(self, check_id: str, service_id: str) -> None:
        """Stop what ``watch_alias`` began."""
        watchers = self._aliases.get(service_id, {})
        watchers.pop(check_id, None)
        if not watchers:
            self._aliases.pop(service_id, None)

    def _notify_aliases(self, service_id: str) -> None:
        for notify in list(self._aliases.get(service_id, {}).values()):
            notify()

    # The node itself

    def set_facts(self, facts: NodeFacts) -> None:
        """Replace what the catalog should say about this node."""
        if facts != self.facts:
            self.facts = facts
            self.node_in_sync = False
            self._on_change()

    # What anti-entropy reports back

    def sending(self) -> list[LocalCheck]:
        """The checks to be sent, as they are now: they are on their way until ``sent``."""
        rows = {check_id: row for check_id in self.dirty_checks if (row := self.db.get(CHECKS, check_id)) is not None}
        self._sending_checks = set(rows)
        for check_id in rows:
            self.deferred.pop(check_id, None)
        return list(rows.values())

    def sent(self) -> None:
        """Nothing is on its way any more."""
        self._sending_checks = set()

    def leaving(self, service_ids: Iterable[str], check_ids: Iterable[str]) -> None:
        """These deregistrations are on their way: whatever comes back meanwhile must be sent again."""
        self._leaving_services.update(service_ids)
        self._leaving_checks.update(check_ids)

    def service_left(self, service_id: str) -> None:
        """The catalog dropped the service, and with it the checks that had gone already."""
        self._leaving_services.discard(service_id)
        self.gone_services.pop(service_id, None)
        for check_id, gone in list(self.gone_checks.items()):
            if gone.service_id == service_id:
                del self.gone_checks[check_id]

    def check_left(self, check_id: str) -> None:
        """The catalog dropped the check."""
        self._leaving_checks.discard(check_id)
        self.gone_checks.pop(check_id, None)

    def still_here(self, service_ids: Iterable[str], check_ids: Iterable[str]) -> None:
        """These deregistrations failed and stay to be sent."""
        self._leaving_services.difference_update(service_ids)
        self._leaving_checks.difference_update(check_ids)

    def service_synced(self, sent: LocalService) -> None:
        """The catalog has this very row."""
        if self.db.get(SERVICES, sent.Service.ID) is sent:
            self.dirty_services.pop(sent.Service.ID, None)

    def check_synced(self, sent: LocalCheck) -> None:
        """The catalog has this very row; a new output that came meanwhile waits for its time."""
        check_id = sent.Check.CheckID
        row = self.db.get(CHECKS, check_id)
        if row is not None and check_id in self.deferred and same_check(row.Check, sent.Check, but_output=True):
            sent = msgspec.structs.replace(sent, Check=row.Check, critical_since=row.critical_since)
        if row == sent:
            self.dirty_checks.pop(check_id, None)

    # Full sync

    def compare(self, node: Node | None, services: Iterable[NodeService], checks: Iterable[HealthCheck]) -> None:
        """Mark all that differs from what the catalog has about this node."""
        if not self._node_matches(node):  # an equal one is still sent once a start: people wait for that line
            self.node_in_sync = False
        remote_services = {each.ID: each for each in services}
        remote_checks = {each.CheckID: each for each in checks}
        for row in self.db.all(SERVICES):
            if row.Service.ID not in remote_services:
                self.dirty_services[row.Service.ID] = None
        for service_id, remote in remote_services.items():
            self._compare_service(service_id, remote)
        for row in self.db.all(CHECKS):
            if row.Check.CheckID not in remote_checks:
                self.dirty_checks[row.Check.CheckID] = None
        for check_id, remote in remote_checks.items():
            self._compare_check(check_id, remote)

    def _node_matches(self, node: Node | None) -> bool:
        facts = self.facts
        return (
            node is not None
            and facts.node_id == node.ID
            and (node.TaggedAddresses or {}) == facts.tagged_addresses
            and (node.Meta or {}) == facts.meta
            and (node.Locality or None) == facts.locality
        )

    def _compare_service(self, service_id: str, remote: NodeService) -> None:
        row = self.db.get(SERVICES, service_id)
        if row is None:
            if service_id != CONSUL_SERVICE_ID:
                self.gone_services.setdefault(service_id, None)
            return
        merged = _with_remote_parts(row.Service, remote)
        if merged is not row.Service:
            self.db.put(SERVICES, msgspec.structs.replace(row, Service=merged))
        if same_service(merged, remote):
            self.dirty_services.pop(service_id, None)
        else:
            self.dirty_services[service_id] = None

    def _compare_check(self, check_id: str, remote: HealthCheck) -> None:
        row = self.db.get(CHECKS, check_id)
        if row is None:
            if check_id == SERF_CHECK_ID:
                _log.debug("Skipping remote check since it is managed automatically", check=check_id)
            else:
                self.gone_checks.setdefault(check_id, GoneCheck())
            return
        if same_check(row.Check, remote, but_output=check_id in self.deferred):
            self.dirty_checks.pop(check_id, None)
        else:
            self.dirty_checks[check_id] = None


def _with_remote_parts(local: NodeService, remote: NodeService) -> NodeService:
    """``local`` with what the catalog may decide: tags where they may be overridden, addresses that servers give."""
    result = local
    if local.EnableTagOverride and (local.Tags or []) != (remote.Tags or []):
        result = msgspec.structs.replace(result, Tags=remote.Tags)
    given = {tag: at for tag, at in (remote.TaggedAddresses or {}).items() if tag.startswith(RESERVED_TAG_PREFIX)}
    if any((local.TaggedAddresses or {}).get(tag) != at for tag, at in given.items()):
        result = msgspec.structs.replace(result, TaggedAddresses={**(local.TaggedAddresses or {}), **given} or UNSET)
    return result
