"""The service that an extension of Envoy calls: one of the mesh, or one on the same machine."""

from __future__ import annotations

from typing import Final

import msgspec

from pyconsul.lang.strconv import NumberSyntaxError, parse_int, quote
from pyconsul.primitives.durations import DurationError, parse_duration

_HERE: Final = ("localhost", "127.0.0.1", "::1")


class ServiceName(msgspec.Struct, frozen=True):
    """A service of the mesh."""

    Name: str = ""
    Namespace: str = ""
    Partition: str = ""


class HeaderValue(msgspec.Struct, frozen=True):
    """A header to send along."""

    Key: str = ""
    Value: str = ""


class ServiceTarget(msgspec.Struct, frozen=True):
    """Where a service is: its name in the mesh, or host and port."""

    Service: ServiceName = ServiceName()
    URI: str = ""
    Timeout: str = ""

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        found: list[str] = []
        if bool(self.URI) == bool(self.Service.Name):
            found.append("exactly one of Target.Service or Target.URI must be set")
        if self.URI:
            found += self._uri_faults()
        if fault := duration_fault(self.Timeout):
            found.append(f"failed to parse Target.Timeout {quote(self.Timeout)} as a duration: {fault}")
        return found

    def _uri_faults(self) -> list[str]:
        host = _host(self.URI)
        if host is None:
            return [f"invalid format for Target.URI {quote(self.URI)}: expected host:port"]
        if host not in _HERE:
            first, second, third = map(quote, _HERE)
            return [f"invalid host for Target.URI {quote(self.URI)}: expected {first}, {second}, or {third}"]
        return []


class GrpcCall(msgspec.Struct, frozen=True):
    """A service that is called over gRPC."""

    Target: ServiceTarget | None = None
    Authority: str = ""
    InitialMetadata: list[HeaderValue | None] = []

    def faults(self) -> list[str]:
        """What is wrong with it, one text each."""
        return ["GrpcService.Target must be set"] if self.Target is None else self.Target.faults()


def duration_fault(text: str) -> str:
    """What is wrong with a duration that may be left out."""
    try:
        parse_duration(text or "0s")
    except DurationError as error:
        return str(error)
    return ""


def _host(uri: str) -> str | None:
    """The host of a URI with a port; a scheme before it is of no account. None if it does not look like that."""
    _, scheme_ends, rest = uri.partition("://")
    host, colon, port = (rest if scheme_ends else uri).rpartition(":")
    try:
        parse_int(port, func="Atoi")
    except NumberSyntaxError:
        return None
    return (host or _HERE[0]) if colon else None
