"""Adding and removing this agent's services and checks: rules, defaults, sidecars, persistence, reload.

The HTTP door and the configuration both come through here. What is added goes to local state, its checks to the runner,
and, when it came over the API, to the data directory. Errors are ConsulErrors with Consul's sentences.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from pyconsul.agent.checks.probes import NotImplementedHere
from pyconsul.agent.checks.runner import CheckRunner, settled
from pyconsul.agent.local.central import takes_central_config, with_central_config
from pyconsul.agent.local.exposed import ExposedPorts, rerouted
from pyconsul.agent.local.rows import LocalCheck, LocalService
from pyconsul.agent.local.service_addresses import (
    check_tagged_addresses,
    warn_about_names,
    with_tagged_addresses,
)
from pyconsul.agent.local.sidecar import default_sidecar_checks, sidecar_id, sidecar_port
from pyconsul.agent.local.state import LocalState, UnknownLocal
from pyconsul.agent.local.sync import Syncer
from pyconsul.agent.persistence import (
    SOURCE_LOCAL,
    SOURCE_REMOTE,
    KeptCheck,
    KeptCheckState,
    KeptService,
    LocalFiles,
    Unkept,
)
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import SECOND, format_duration
from pyconsul.primitives.system_errors import file_text
from pyconsul.structs.catalog import HealthCheck, NodeService, Weights
from pyconsul.structs.checks import CheckType, InvalidCheck
from pyconsul.structs.errors import InternalError
from pyconsul.structs.health import CRITICAL
from pyconsul.structs.wire import omit
from pyconsul.telemetry import logger

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig

__all__ = ["NewService", "Registrations"]

_log = logger("agent")
_SCRIPTS_OFF: Final = (
    "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or "
    "'enable_local_script_checks' to true"
)
_SCRIPTS_OFF_REMOTE: Final = (
    "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true"
)


class NewService(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to register a service."""

    service: NodeService
    checks: Sequence[CheckType] = ()
    token: str = ""
    from_config: bool = False
    persist: bool = False
    is_sidecar: bool = False
    replace_checks: bool = False


class Registrations:
    """One agent's way in and out of local state."""

    def __init__(
        self, config: RuntimeConfig, state: LocalState, syncer: Syncer, checks: CheckRunner, files: LocalFiles
    ) -> None:
        self._config = config
        self._state = state
        self._syncer = syncer
        self._checks = checks
        self._files = files
        self._types: dict[str, CheckType] = {}
        self._exposed = ExposedPorts(config.ports.expose_min_port, config.ports.expose_max_port)

    def configure(self, config: RuntimeConfig) -> None:
        """Take a reloaded configuration."""
        self._config = config

    # Services

    def add_service(self, new: NewService, before: Mapping[str, HealthCheck] | None = None) -> None:
        """Register a service with its checks; other checks of it stay unless ``replace_checks``.

        ``before`` gives the last results of checks that are made anew; by default those that exist now.
        Raises InternalError; nothing new of a failed registration stays, nor of one that cannot be kept on disk.
        """
        new = self._with_sidecar_parts(new)
        service = self._validated(new.service, new.checks)
        kept = service
        if self._config.enable_central_service_config and takes_central_config(service):
            service = with_central_config(service)
        self._syncer.pause()
        try:
            self._add(msgspec.structs.replace(new, service=with_tagged_addresses(service)), kept, before)
        finally:
            self._syncer.resume()

    def _with_sidecar_parts(self, new: NewService) -> NewService:
        if not new.is_sidecar:
            return new
        service, checks = new.service, new.checks
        if (service.Port or 0) < 1:
            ports = self._config.ports
            try:
                port = sidecar_port(self._state.services(), service.ID, ports.sidecar_min_port, ports.sidecar_max_port)
            except ValueError as error:
                raise InternalError(str(error)) from None
            service = msgspec.structs.replace(service, Port=port)
        return msgspec.structs.replace(new, service=service, checks=checks or default_sidecar_checks(service))

    def _validated(self, service: NodeService, checks: Sequence[CheckType]) -> NodeService:
        if not service.Service:
            raise InternalError("Service name missing")
        try:
            for check in checks:
                check.validate()
        except InvalidCheck as error:
            raise InternalError(f"Check is not valid: {error}") from None
        warn_about_names(service)
        check_tagged_addresses(service)
        return msgspec.structs.replace(
            service, ID=service.ID or service.Service, Weights=service.Weights or Weights(Passing=1, Warning=1)
        )

    def _add(self, new: NewService, kept: NodeService, before: Mapping[str, HealthCheck] | None) -> None:
        state, service = self._state, new.service
        existing = {check.CheckID for check in state.checks_of(service.ID)}
        rows = [self._check_of(service, kind, n, len(new.checks), before) for n, kind in enumerate(new.checks)]
        is_new = state.service(service.ID) is None
        new_checks = [row.CheckID for row in rows if state.check(row.CheckID) is None]

        def undo() -> None:
            self._clean_up(service.ID if is_new else "", new_checks)

        try:
            row = LocalService(Service=service, Token=new.token, from_config=new.from_config, is_sidecar=new.is_sidecar)
            # The service first, so that its checks find it; all of it before anything is sent, since syncing is paused.
            state.add_service(row)
            for check, kind in zip(rows, new.checks, strict=True):
                self._add_check_row(check, kind, new.token, from_config=new.from_config)
                if new.persist:
                    self._save_check(check, kind, new.token, from_config=new.from_config, undo=undo)
            self._expose_checks(service)
            if new.persist:
                self._save_service(kept, new, undo)
        except Exception:  # also a probe that cannot be made for want of descriptors
            undo()
            raise
        if new.replace_checks:
            for check_id in existing - {row.CheckID for row in rows}:
                self.remove_check(check_id, persist=new.persist)

    def _check_of(
        self,
        service: NodeService,
        kind: CheckType,
        number: int,
        count: int,
        before: Mapping[str, HealthCheck] | None,
    ) -> HealthCheck:
        check_id = kind.CheckID or f"service:{service.ID}" + (f":{number + 1}" if count > 1 else "")
        previous = self._state.check(check_id) if before is None else before.get(check_id)
        return HealthCheck(
            Node=self._state.facts.node,
            CheckID=check_id,
            Name=kind.Name or f"Service '{service.Service}' check",
            Interval=format_duration(kind.Interval) if kind.Interval else "",
            Timeout=format_duration(kind.Timeout) if kind.Timeout else "",
            Status=previous.Status if previous is not None else kind.Status or CRITICAL,
            Output=previous.Output if previous is not None else "",
            Notes=kind.Notes,
            ServiceID=service.ID,
            ServiceName=service.Service,
            ServiceTags=service.Tags,
            Type=kind.kind(),
        )

    def _clean_up(self, service_id: str, check_ids: Sequence[str]) -> None:
        for check_id in check_ids:
            self._checks.stop(check_id)
            if self._state.check(check_id) is not None:
                self._state.remove_check(check_id)
            self._files.drop_check(check_id)
        if service_id and self._state.service(service_id) is not None:
            self._state.remove_service(service_id)
            self._files.drop_service(service_id)

    def remove_service(self, service_id: str, *, persist: bool = True) -> None:
        """Drop a service, its checks and its sidecar. An unknown one only leaves a warning in the log."""
        if not service_id:
            raise InternalError("ServiceID missing")
        service = self._state.service(service_id)
        try:
            self._state.remove_service(service_id)
        except UnknownLocal as error:
            _log.warn("Failed to deregister service", service=service_id, error=error)
            return
        if service is not None:
            self._reset_exposed(service.Proxy.DestinationServiceID or "")
        if persist:
            self._files.drop_service(service_id)
        for check in self._state.checks_of(service_id):
            self.remove_check(check.CheckID, persist=persist)
        _log.debug("removed service", service=service_id)
        sidecar = self._state.service_row(sidecar_id(service_id))
        if sidecar is not None and sidecar.is_sidecar:
            self.remove_service(sidecar.Service.ID, persist=persist)

    # Checks

    def add_check(
        self, check: HealthCheck, kind: CheckType | None, *, token: str = "", from_config: bool, persist: bool
    ) -> None:
        """Add a check of the node or of a service that is here; ``kind`` None is a mere mark (maintenance).

        A check with this ID keeps its last result. Raises InternalError.
        """
        if check.ServiceID:
            service = self._state.service(check.ServiceID)
            if service is None:
                raise InternalError(f"ServiceID {quote(check.ServiceID)} does not exist")
            check = msgspec.structs.replace(check, ServiceName=service.Service, ServiceTags=service.Tags)
        existing = self._state.check(check.CheckID)
        critical_since = None
        if existing is not None:
            check = msgspec.structs.replace(check, Status=existing.Status, Output=existing.Output)
            critical_since = asyncio.get_running_loop().time() if existing.Status == CRITICAL else None
        elif kind is not None and kind.kind() == "ttl":
            check = self._with_kept_state(check)  # in Consul, too, a check inside a service does not get this far
        self._add_check_row(check, kind, token, from_config=from_config, critical_since=critical_since)
        if persist:
            self._save_check(check, kind, token, from_config=from_config)

    def _add_check_row(
        self,
        check: HealthCheck,
        kind: CheckType | None,
        token: str,
        *,
        from_config: bool,
        critical_since: float | None = None,
    ) -> None:
        """Put a check in the place of one with its ID, which begins to be critical anew but for ``critical_since``."""
        if not check.CheckID:
            raise InternalError("CheckID missing")
        if kind is not None:
            self._allow(kind, from_config=from_config)
            effective = kind
            if check.ServiceID:
                check, effective = self._through_proxy(check, kind)
            self._run(check, effective, token)
            self._types[check.CheckID] = kind
        row = LocalCheck(Check=check, Token=token, from_config=from_config, critical_since=critical_since)
        try:
            self._state.add_check(row)
        except UnknownLocal as error:
            raise InternalError(str(error)) from None

    def _allow(self, kind: CheckType, *, from_config: bool) -> None:
        try:
            kind.validate()
        except InvalidCheck as error:
            raise InternalError(f"Check is not valid: {error}") from None
        if not kind.is_script:
            return
        config = self._config
        if from_config and not (config.enable_local_script_checks or config.enable_script_checks):
            raise InternalError(_SCRIPTS_OFF)
        if not from_config and not config.enable_script_checks:
            raise InternalError(_SCRIPTS_OFF_REMOTE)

    def _with_kept_state(self, check: HealthCheck) -> HealthCheck:
        try:
            kept = self._files.state(check.CheckID, time.time())
        except OSError as error:
            _log.warn("failed restoring state for check", check=check.CheckID, error=file_text(error))
            return check
        if kept is None:
            return check
        return msgspec.structs.replace(check, Status=kept.Status, Output=kept.Output)

    def _run(self, check: HealthCheck, kind: CheckType, token: str) -> None:
        try:
            self._checks.start(check, kind, token)
        except (LookupError, NotImplementedHere) as error:
            raise InternalError(str(error.args[0])) from None
        after = kind.DeregisterCriticalServiceAfter
        if after <= 0:
            return
        least = self._config.check_deregister_interval_min
        if after < least:
            _log.warn(
                "check has deregister interval below minimum",
                check=check.CheckID,
                minimum_interval=format_duration(least),
            )
        self._checks.reap_after[check.CheckID] = max(after, least) / SECOND

    def remove_check(self, check_id: str, *, persist: bool = True) -> None:
        """Drop a check; unknown ones are ignored. Raises InternalError without an ID."""
        if not check_id:
            raise InternalError("CheckID missing")
        check = self._state.check(check_id)
        self._checks.stop(check_id)
        self._types.pop(check_id, None)
        if check is not None:
            self._exposed.free(check.ServiceID, check_id)
            self._state.remove_check(check_id)
        if persist:
            self._files.drop_check(check_id)
            self._files.drop_state(check_id)
        _log.debug("removed check", check=check_id)

    def update_ttl(self, check_id: str, status: str, output: str) -> None:
        """A service reports to its TTL check. Raises InternalError when it has none."""
        kept = self._checks.report(check_id, status, output)
        if kept is None:
            raise InternalError(f"CheckID {quote(check_id)} does not have associated TTL")
        if not self._files.enabled:
            return
        expires = int(time.time() + self._checks.ttl_of(check_id))
        self._files.save_state(KeptCheckState(CheckID=check_id, Status=status, Output=kept, Expires=expires))

    # Checks through a proxy that exposes them

    def _through_proxy(self, check: HealthCheck, kind: CheckType) -> tuple[HealthCheck, CheckType]:
        if not (kind.HTTP or kind.GRPC):
            return check, kind
        for service in self._state.services():
            if service.Proxy.DestinationServiceID == check.ServiceID and service.Proxy.Expose.Checks:
                port = self._listener_port(check)
                return msgspec.structs.replace(check, ExposedPort=port), rerouted(kind, service.Address, port)
        return check, kind

    def _listener_port(self, check: HealthCheck) -> int:
        try:
            return self._exposed.take(check.ServiceID, check.CheckID)
        except ValueError as error:
            raise InternalError(str(error)) from None

    def _expose_checks(self, proxy: NodeService) -> None:
        """Send the checks of a proxy's service through it, or directly again."""
        behind = proxy.Proxy.DestinationServiceID or ""
        if not behind:
            return
        if proxy.Proxy.Expose.Checks:
            self._restart_checks(behind)
        else:
            self._reset_exposed(behind)

    def _reset_exposed(self, service_id: str) -> None:
        checks = self._state.checks_of(service_id) if service_id else []
        if any(check.ExposedPort for check in checks):
            self._restart_checks(service_id)

    def _restart_checks(self, service_id: str) -> None:
        for check in self._state.checks_of(service_id):
            kind = self._types.get(check.CheckID)
            row = self._state.check_row(check.CheckID)
            if kind is None or row is None or not (kind.HTTP or kind.GRPC):
                continue
            plain = msgspec.structs.replace(check, ExposedPort=0)
            self._add_check_row(plain, kind, row.Token, from_config=row.from_config, critical_since=row.critical_since)

    # Services that were critical for too long

    async def reap_forever(self) -> None:
        """Drop, from time to time, services whose check says that they are critical for too long."""
        interval = self._config.check_reap_interval / SECOND
        while True:
            await asyncio.sleep(interval)
            self.reap(asyncio.get_running_loop().time())
            try:
                await self._files.flush()
            except Unkept as error:
                _log.error("unable to deregister service", error=error)

    def reap(self, now: float) -> None:
        """Drop services with a check that is critical longer than its ``deregister_critical_service_after``."""
        reaped: set[str] = set()
        for row in self._state.critical_rows():
            check, since = row.Check, row.critical_since
            limit = self._checks.reap_after.get(check.CheckID, 0.0)
            if not check.ServiceID or check.ServiceID in reaped or since is None or limit <= 0:
                continue
            if now - since > limit:
                reaped.add(check.ServiceID)
                self.remove_service(check.ServiceID)
                _log.info(
                    "deregistered service with critical health due to exceeding health check's "
                    "'deregister_critical_service_after' timeout",
                    service=check.ServiceID,
                    check=check.CheckID,
                    timeout=format_duration(int(limit * SECOND)),
                )

    # What is kept on disk

    def _save_service(self, service: NodeService, new: NewService, undo: Callable[[], None]) -> None:
        if self._files.enabled:
            source = SOURCE_LOCAL if new.from_config else SOURCE_REMOTE
            self._files.save_service(
                KeptService(
                    Token=new.token,
                    Service=service,
                    Source=source,
                    LocallyRegisteredAsSidecar=omit(new.is_sidecar),
                ),
                undo,
            )

    def _save_check(
        self,
        check: HealthCheck,
        kind: CheckType | None,
        token: str,
        *,
        from_config: bool,
        undo: Callable[[], None] | None = None,
    ) -> None:
        if self._files.enabled:
            source = SOURCE_LOCAL if from_config else SOURCE_REMOTE
            kept = None if kind is None else settled(kind)
            self._files.save_check(KeptCheck(Check=check, ChkType=kept, Token=token, Source=source), undo)
