"""Bringing an agent's services and checks to life: from its configuration, then from its data directory; and again."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from pyconsul.agent.local.registrations import NewService, Registrations
from pyconsul.agent.local.sidecar import sidecar_of
from pyconsul.agent.local.state import LocalState
from pyconsul.agent.persistence import SOURCE_LOCAL, SOURCE_REMOTE, KeptCheck, KeptService, LocalFiles, UnreadableFile
from pyconsul.lang.strconv import quote
from pyconsul.primitives.system_errors import file_text
from pyconsul.structs.catalog import HealthCheck, NodeService, ServiceConnect
from pyconsul.structs.checks import InvalidCheck
from pyconsul.structs.definitions import (
    CheckDefinition,
    DefinitionError,
    ServiceDefinition,
    check_definition_from,
    service_definition_from,
)
from pyconsul.structs.errors import ConsulError, InternalError
from pyconsul.structs.health import CRITICAL
from pyconsul.structs.wire import omit
from pyconsul.telemetry import logger

__all__ = ["LoadError", "Loader", "registered_service"]

_log = logger("agent")


class LoadError(Exception):
    """A configured service or check cannot be registered; the text is what the agent says before it gives up.

    ``what`` says which of the two was being loaded.
    """

    def __init__(self, text: str, what: str = "services") -> None:
        super().__init__(text)
        self.what = what


def registered_service(definition: ServiceDefinition) -> NodeService:
    """The definition's service as it is registered: without the nested sidecar, which is a service of its own."""
    service = definition.node_service()
    return msgspec.structs.replace(service, Connect=ServiceConnect(Native=omit(definition.Native)))


@contextmanager
def _reading(what: str) -> Generator[None]:
    """Turn the error of a folder or file that cannot be read, or brought up to date before, into LoadError."""
    try:
        yield
    except OSError as error:
        raise LoadError(
            f"Failed reading {what} dir {quote(os.fsdecode(error.filename))}: {file_text(error)}", what
        ) from None
    except UnreadableFile as error:
        raise LoadError(str(error), what) from None


class Loader:
    """Loads and reloads; the configuration wins over what was registered through the API."""

    def __init__(self, state: LocalState, registrations: Registrations, files: LocalFiles) -> None:
        self._state = state
        self._registrations = registrations
        self._files = files

    def load(
        self,
        services: Sequence[Any],
        checks: Sequence[Any],
        before: Mapping[str, HealthCheck] | None = None,
    ) -> None:
        """Register all configured services and checks, then those kept on disk. Raises LoadError.

        ``before`` holds the last results of checks, for a reload.
        """
        last = before or {}
        for each in services:
            self._load_service(service_of(each), last)
        with _reading("services"):
            for path, kept in self._files.services():
                self._restore_service(path, kept, last)
        for each in checks:
            self._load_check(check_of(each), last)
        with _reading("checks"):
            for path, kept in self._files.checks():
                self._restore_check(path, kept, last)

    def unload(self) -> dict[str, HealthCheck]:
        """Drop everything but what is kept on disk; returns the last results of the checks."""
        before = {check.CheckID: check for check in self._state.checks()}
        for service in self._state.services():
            if self._state.service(service.ID) is not None:  # a sidecar goes with its service
                self._registrations.remove_service(service.ID, persist=False)
        for check in self._state.checks():
            self._registrations.remove_check(check.CheckID, persist=False)
        return before

    def _load_service(self, definition: ServiceDefinition, last: Mapping[str, HealthCheck]) -> None:
        name = definition.Name
        try:
            checks = definition.check_types()
        except InvalidCheck as error:
            raise LoadError(f"Failed to validate checks for service {quote(name)}: {error}") from None
        service = registered_service(definition)
        sidecar = _sidecar_of(definition, service)
        try:
            self._registrations.add_service(
                NewService(service=service, checks=checks, token=definition.Token, from_config=True), last
            )
        except ConsulError as error:
            raise LoadError(f"Failed to register service {quote(name)}: {error}") from None
        if sidecar is None:
            return
        try:
            self._registrations.add_service(sidecar, last)
        except ConsulError as error:
            raise LoadError(f"Failed to register sidecar for service {quote(name)}: {error}") from None

    def _load_check(self, definition: CheckDefinition, last: Mapping[str, HealthCheck]) -> None:
        check = _with_last(definition.health_check(self._state.facts.node), last)
        try:
            self._registrations.add_check(
                check, definition.type, token=definition.Token, from_config=True, persist=False
            )
        except ConsulError as error:
            text = f"Failed to register check '{definition.Name}': {error} {definition.go_text()}"
            raise LoadError(text, "checks") from None

    def _restore_service(self, path: str, kept: KeptService, last: Mapping[str, HealthCheck]) -> None:
        service = kept.Service
        assert service is not None
        if kept.Source not in (SOURCE_LOCAL, SOURCE_REMOTE):
            _log.warn("service exists with invalid source, purging", service=service.ID, source=kept.Source)
            self._files.drop_service(service.ID)
            return
        if self._state.service(service.ID) is not None:
            _log.debug("service exists, not restoring from file", service=service.ID, file=path)
            self._files.drop_service(service.ID)
            return
        _log.debug("restored service definition from file", service=service.ID, file=path)
        new = NewService(
            service=service,
            token=kept.Token,
            from_config=kept.Source == SOURCE_LOCAL,
            is_sidecar=bool(kept.LocallyRegisteredAsSidecar),
        )
        try:
            self._registrations.add_service(new, last)
        except InternalError as error:
            raise LoadError(f'failed adding service "{service.ID}": {error}') from None

    def _restore_check(self, path: str, kept: KeptCheck, last: Mapping[str, HealthCheck]) -> None:
        check = kept.Check
        assert check is not None
        if kept.Source not in (SOURCE_LOCAL, SOURCE_REMOTE):
            _log.warn("check exists with invalid source, purging", check=check.CheckID, source=kept.Source)
            self._files.drop_check(check.CheckID)
            return
        if self._state.check(check.CheckID) is not None and not _is_default_of_sidecar(self._state, check):
            _log.debug("check exists, not restoring from file", check=check.CheckID, file=path)
            self._files.drop_check(check.CheckID)
            return
        # Until it has run again nobody knows how it is.
        check = _with_last(msgspec.structs.replace(check, Status=CRITICAL), last)
        try:
            self._registrations.add_check(
                check, kept.ChkType, token=kept.Token, from_config=kept.Source == SOURCE_LOCAL, persist=False
            )
        except ConsulError as error:
            _log.warn("Failed to restore check", check=check.CheckID, error=error)
            self._files.drop_check(check.CheckID)
        # Told of one that failed, too, as by Consul.
        _log.debug("restored health check from file", check=check.CheckID, file=path)


def _sidecar_of(definition: ServiceDefinition, service: NodeService) -> NewService | None:
    """The registration of a nested sidecar, where there is one. Raises LoadError."""
    if definition.Sidecar is None:
        return None
    try:
        checks = definition.Sidecar.check_types()
    except InvalidCheck as error:
        raise LoadError(f'Failed to validate sidecar for service "{definition.Name}": {error}') from None
    return NewService(
        service=sidecar_of(service, definition.Sidecar),
        checks=checks,
        token=definition.Sidecar.Token or definition.Token,
        from_config=True,
        is_sidecar=True,
    )


def _is_default_of_sidecar(state: LocalState, check: HealthCheck) -> bool:
    """Whether the check that is there was only made because a restored sidecar must have some."""
    row = state.service_row(check.ServiceID)
    return row is not None and row.is_sidecar and not row.from_config


def _with_last(check: HealthCheck, last: Mapping[str, HealthCheck]) -> HealthCheck:
    previous = last.get(check.CheckID)
    if previous is None:
        return check
    return msgspec.structs.replace(check, Status=previous.Status, Output=previous.Output)


def service_of(each: Any) -> ServiceDefinition:
    """A configured service, read already or as a plain block. Raises LoadError."""
    if isinstance(each, ServiceDefinition):
        return each
    try:
        return service_definition_from(each, "config")
    except DefinitionError as error:
        raise LoadError(str(error)) from None


def check_of(each: Any) -> CheckDefinition:
    """A configured check, read already or as a plain block. Raises LoadError."""
    if isinstance(each, CheckDefinition):
        return each
    try:
        return check_definition_from(each, "config")
    except DefinitionError as error:
        raise LoadError(str(error), "checks") from None
