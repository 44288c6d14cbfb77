"""Maintenance: a critical mark that takes a service, or the whole node, out of use. It is a check that nothing runs."""

from __future__ import annotations

from typing import Final

from pyconsul.agent.local.registrations import Registrations
from pyconsul.agent.local.state import LocalState
from pyconsul.lang.strconv import quote
from pyconsul.structs.catalog import HealthCheck, NodeService
from pyconsul.structs.errors import NotFound
from pyconsul.structs.health import CRITICAL, NODE_MAINTENANCE, SERVICE_MAINTENANCE_PREFIX
from pyconsul.structs.wire import changed
from pyconsul.telemetry import logger

__all__ = ["Maintenance"]

_log = logger("agent")
_NO_REASON: Final = "Maintenance mode is enabled for this {}, but no reason was provided. This is a default message."


class Maintenance:
    """The marks of one agent. To begin twice is to begin once, and so with the end: the first reason stays."""

    def __init__(self, state: LocalState, registrations: Registrations) -> None:
        self._state = state
        self._registrations = registrations

    def start_service(self, service_id: str, reason: str, token: str) -> None:
        """Take a service out of use. Raises NotFound."""
        service = self._known(service_id)
        check_id = SERVICE_MAINTENANCE_PREFIX + service_id
        if self._state.check(check_id) is not None:
            return
        mark = self._mark(check_id, "service", reason)
        self._add(changed(mark, ServiceID=service.ID, ServiceName=service.Service), token)
        _log.info("Service entered maintenance mode", service=service_id)

    def end_service(self, service_id: str) -> None:
        """Put a service back into use. Raises NotFound."""
        self._known(service_id)
        check_id = SERVICE_MAINTENANCE_PREFIX + service_id
        if self._state.check(check_id) is not None:
            self._registrations.remove_check(check_id)
            _log.info("Service left maintenance mode", service=service_id)

    def start_node(self, reason: str, token: str) -> None:
        """Take the whole node out of use."""
        if self._state.check(NODE_MAINTENANCE) is not None:
            return
        self._add(self._mark(NODE_MAINTENANCE, "node", reason), token)
        _log.info("Node entered maintenance mode")

    def end_node(self) -> None:
        """Put the node back into use."""
        if self._state.check(NODE_MAINTENANCE) is not None:
            self._registrations.remove_check(NODE_MAINTENANCE)
            _log.info("Node left maintenance mode")

    def _known(self, service_id: str) -> NodeService:
        service = self._state.service(service_id)
        if service is None:
            raise NotFound(f"No service registered with ID {quote(service_id)}")
        return service

    def _mark(self, check_id: str, what: str, reason: str) -> HealthCheck:
        return HealthCheck(
            Node=self._state.facts.node,
            CheckID=check_id,
            Name=f"{what.capitalize()} Maintenance Mode",
            Notes=reason or _NO_REASON.format(what),
            Status=CRITICAL,
            Type="maintenance",
        )

    def _add(self, mark: HealthCheck, token: str) -> None:
        # Marks count as configured, though the API sets them: so they stand in Consul's files.
        self._registrations.add_check(mark, None, token=token, from_config=True, persist=True)
