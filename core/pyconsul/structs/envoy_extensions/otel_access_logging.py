"""``builtin/otel-access-logging``: access logs for an OpenTelemetry collector."""

from __future__ import annotations

from typing import Any

import msgspec

from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.envoy_extensions.faults import listed, listener_faults, proxy_faults
from pyconsul.structs.envoy_extensions.reading import Duration, ServiceKind, UInt32
from pyconsul.structs.envoy_extensions.services import GrpcCall


class Waits(msgspec.Struct, frozen=True):
    """Nanoseconds between attempts."""

    BaseInterval: Duration | None = None
    MaxInterval: Duration | None = None


class Retries(msgspec.Struct, frozen=True):
    """What happens after a failure."""

    RetryBackOff: Waits | None = None
    NumRetries: UInt32 = 0


class AccessLog(msgspec.Struct, frozen=True):
    """What is logged, and where to."""

    LogName: str = ""
    GrpcService: GrpcCall | None = None
    BufferFlushInterval: Duration | None = None
    BufferSizeBytes: UInt32 = 0
    FilterStateObjectsToLog: list[str] = []
    RetryPolicy: Retries | None = None
    Body: Any = None
    Attributes: dict[str, Any] = {}
    ResourceAttributes: dict[str, Any] = {}

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        if self.GrpcService is None:
            return ["missing GrpcService"]
        faults = self.GrpcService.faults()
        return [f"failed to validate Config.GrpcService: {multi_error(faults)}"] if faults else []


class OtelAccessLogging(msgspec.Struct, frozen=True):
    """The arguments of the extension."""

    ProxyType: ServiceKind = ""
    ListenerType: str = ""
    Config: AccessLog = AccessLog()

    def refusal(self) -> str:
        """What is wrong with it, "" if nothing is."""
        return listed([*proxy_faults(self.ProxyType), *listener_faults(self.ListenerType), *self.Config.faults()])
