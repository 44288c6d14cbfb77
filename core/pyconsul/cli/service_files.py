"""Services in configuration files, in the form in which the agent's API registers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyconsul.cli.console import Console, Failed

if TYPE_CHECKING:
    from pyconsul.structs.checks import CheckType
    from pyconsul.structs.definitions import ServiceDefinition

_DURATIONS = ("Interval", "Timeout", "TTL", "DeregisterCriticalServiceAfter")


def definitions_in(paths: list[str], console: Console) -> list[dict[str, Any]]:
    """The services of the files, as bodies for a registration. Raises Failed with the loader's reason."""
    from pyconsul.config.errors import ConfigError
    from pyconsul.config.loading import load

    try:
        # A development agent needs no further settings, so files with nothing but services load.
        loaded = load({"config-file": paths, "dev": True}, console.environ)
    except ConfigError as e:
        raise Failed(f"Error: {e}") from e
    for warning in loaded.warnings:
        console.complain(warning)
    return [registration(service) for service in loaded.runtime.services]


def registration(service: ServiceDefinition) -> dict[str, Any]:
    """A service as the body of a registration; what is not set is left out."""
    fields: dict[str, Any] = {
        "Kind": service.Kind,
        "ID": service.ID,
        "Name": service.Name,
        "Tags": service.Tags,
        "Address": service.Address,
        "TaggedAddresses": _builtins(service.TaggedAddresses),
        "Meta": service.Meta,
        "Port": service.Port,
        "SocketPath": service.SocketPath,
        "Check": None if service.Check is None or service.Check.is_empty else _check(service.Check),
        "Checks": [_check(check) for check in service.Checks],
        "Weights": _builtins(service.WeightsSet),
        "EnableTagOverride": service.EnableTagOverride,
        "Locality": _builtins(service.Place),
        "Proxy": _builtins(service.Proxy),
        "Connect": _connect(service),
    }
    return {name: value for name, value in fields.items() if value or (name == "Connect" and service.Connected)}


def _connect(service: ServiceDefinition) -> dict[str, Any] | None:
    if not service.Connected:
        return None
    sidecar = service.Sidecar
    return {
        **({"Native": True} if service.Native else {}),
        **({"SidecarService": registration(sidecar)} if sidecar is not None else {}),
    }


def _check(check: CheckType) -> dict[str, Any]:
    """A check with its durations as text, without what is not set.

    A script stays behind, as it does in Consul's own command: the agent then refuses the check. Scripts are for
    the agent's configuration files, not for its API.
    """
    from pyconsul.primitives.durations import format_duration

    fields: dict[str, Any] = _builtins(check)
    given = {name: value for name, value in fields.items() if value and name != "ScriptArgs"}
    return {
        name: format_duration(value) if name in _DURATIONS and isinstance(value, int) else value
        for name, value in given.items()
    }


def _builtins(value: Any) -> Any:
    from msgspec import to_builtins

    return None if value is None else to_builtins(value)
