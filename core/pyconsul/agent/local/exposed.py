"""Checks through a proxy: where a proxy exposes its service's checks, they ask the proxy's listener instead."""

from __future__ import annotations

import re

import msgspec

from pyconsul.structs.checks import CheckType

__all__ = ["ExposedPorts", "rerouted"]

# Consul's own: a target that they do not know stays as it is.
_HTTP_HOST = re.compile(r"^(https?://)(\[.*?\]|\[?[\w\-.]+)(:\d+)?([^?]*)(\?.*)?$")
_GRPC_HOST = re.compile(r"(.*)((?::)(?:[0-9]+))(.*)$")


class ExposedPorts:
    """Listener ports handed out from a range, one a check of a service."""

    def __init__(self, low: int, high: int) -> None:
        self._low = low
        self._high = high
        self._taken: dict[tuple[str, str], int] = {}

    def take(self, service_id: str, check_id: str) -> int:
        """The port of a check, the same one each time. Raises ValueError with Consul's sentence when all are taken."""
        key = (service_id, check_id)
        found = self._taken.get(key)
        if found is None:
            used = set(self._taken.values())
            found = next((port for port in range(self._low, self._high + 1) if port not in used), 0)
            if not found:
                raise ValueError(
                    f"no ports available to expose '{check_id}'" if self._high >= self._low else "no ports available"
                )
            self._taken[key] = found
        return found

    def free(self, service_id: str, check_id: str) -> None:
        """Give the port of a check back."""
        self._taken.pop((service_id, check_id), None)


def rerouted(kind: CheckType, host: str, port: int) -> CheckType:
    """The same check with the proxy's listener as its target."""
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    if kind.HTTP:
        target = _HTTP_HOST.sub(lambda m: f"{m[1]}{shown}:{port}{m[4] or ''}{m[5] or ''}", kind.HTTP)
        return msgspec.structs.replace(kind, ProxyHTTP=target)
    if kind.GRPC:
        target = _GRPC_HOST.sub(lambda m: f"{shown}:{port}{m[3]}", kind.GRPC)
        return msgspec.structs.replace(kind, ProxyGRPC=target)
    return kind
