"""The service and check definitions of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pyconsul.config.values import Values
from pyconsul.structs.definitions import (
    CheckDefinition,
    DefinitionError,
    ServiceDefinition,
    check_definition_from,
    service_definition_from,
)

_DURATIONS: Final = ("interval", "timeout", "ttl", "deregister_critical_service_after")


def read_checks(values: Values) -> tuple[CheckDefinition, ...]:
    """The definitions of ``checks``; what is wrong with them is added to ``values.errors``."""
    found: list[CheckDefinition] = []
    for given in values.objects("checks"):
        try:
            found.append(check_definition_from(_with_durations(values, given), "config"))
        except DefinitionError as error:
            _note(values, str(error))
    return tuple(found)


def read_services(values: Values) -> tuple[ServiceDefinition, ...]:
    """The definitions of ``services``; what is wrong with them is added to ``values.errors``."""
    found: list[ServiceDefinition] = []
    for given in values.objects("services"):
        try:
            found.append(service_definition_from(_with_timed_checks(values, given), "config"))
        except DefinitionError as error:
            _note(values, str(error))
    return tuple(found)


def _with_timed_checks(values: Values, service: Mapping[str, Any]) -> dict[str, Any]:
    """A service whose checks, and those of its sidecar, have right durations only."""
    out = dict(service)
    if service.get("checks"):
        out["checks"] = [_with_durations(values, check) for check in service["checks"]]
    if service.get("check"):
        out["check"] = _with_durations(values, service["check"])
    connect: Mapping[str, Any] = service.get("connect") or {}
    if connect.get("sidecar_service"):
        out["connect"] = {**connect, "sidecar_service": _with_timed_checks(values, connect["sidecar_service"])}
    return out


def _with_durations(values: Values, check: Mapping[str, Any]) -> dict[str, Any]:
    """A check without those durations that are none.

    Each of them is an error of its own, named by the check's ID.
    """
    out = dict(check)
    for name in _DURATIONS:
        text = check.get(name)
        if text is not None and not values.is_duration(f"check[{check.get('id') or ''}].{name}", text):
            del out[name]
    return out


def _note(values: Values, text: str) -> None:
    """Collect an error; one that lists several is taken apart."""
    listed = text.split("\n\t* ")[1:]
    values.errors.extend([each.rstrip("\n") for each in listed] or [text])
