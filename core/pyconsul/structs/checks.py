"""How a check is run: what definitions of services and checks carry and the data directory keeps."""

from __future__ import annotations

from typing import Final

from pyconsul.structs.wire import WireStruct

__all__ = ["CHECK_KINDS", "CheckType", "InvalidCheck"]

CHECK_KINDS: Final = ("grpc", "http", "ttl", "tcp", "udp", "alias", "docker", "script", "h2ping", "os_service")


class InvalidCheck(ValueError):
    """The fields of a check contradict each other or lack something; the text is Consul's."""


class CheckType(WireStruct, frozen=True, kw_only=True):
    """One way to find out a status; durations are nanoseconds. Fields stand as Consul persists them."""

    CheckID: str = ""
    Name: str = ""
    Status: str = ""
    Notes: str = ""
    ScriptArgs: list[str] | None = None
    HTTP: str = ""
    H2PING: str = ""
    H2PingUseTLS: bool = False
    Header: dict[str, list[str]] | None = None
    Method: str = ""
    Body: str = ""
    DisableRedirects: bool = False
    TCP: str = ""
    TCPUseTLS: bool = False
    UDP: str = ""
    Interval: int = 0
    AliasNode: str = ""
    AliasService: str = ""
    DockerContainerID: str = ""
    Shell: str = ""
    GRPC: str = ""
    GRPCUseTLS: bool = False
    OSService: str = ""
    TLSServerName: str = ""
    TLSSkipVerify: bool = False
    Timeout: int = 0
    TTL: int = 0
    SuccessBeforePassing: int = 0
    FailuresBeforeWarning: int = 0
    FailuresBeforeCritical: int = 0
    ProxyHTTP: str = ""
    ProxyGRPC: str = ""
    DeregisterCriticalServiceAfter: int = 0
    OutputMaxSize: int = 0

    @property
    def is_alias(self) -> bool:
        """Whether it mirrors other checks."""
        return bool(self.AliasNode or self.AliasService)

    @property
    def is_script(self) -> bool:
        """Whether it runs a command, here or in a container."""
        return bool(self.ScriptArgs)

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is set."""
        return self == _EMPTY

    def validate(self) -> None:
        """Raise InvalidCheck with Consul's sentence for the first rule that is broken."""
        timed = self.is_script or self.HTTP or self.TCP or self.UDP or self.GRPC or self.H2PING or self.OSService
        if self.Interval > 0 and self.TTL > 0:
            raise InvalidCheck("Interval and TTL cannot both be specified")
        if timed and self.Interval <= 0:
            raise InvalidCheck("Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks")
        if timed and self.is_alias:
            raise InvalidCheck("Interval cannot be set for Alias checks")
        if self.is_alias and self.TTL > 0:
            raise InvalidCheck("TTL must be not be set for Alias checks")
        if not timed and not self.is_alias and self.TTL <= 0:
            raise InvalidCheck("TTL must be > 0 for TTL checks")
        if self.OutputMaxSize < 0:
            raise InvalidCheck("MaxOutputMaxSize must be positive")
        if self.FailuresBeforeWarning > self.FailuresBeforeCritical:
            raise InvalidCheck("FailuresBeforeWarning can't be higher than FailuresBeforeCritical")

    def kind(self) -> str:
        """One of CHECK_KINDS as the API shows it, or "" when nothing fits.

        Fields of several kinds may be set: which of them counts is the order of Consul's ``CheckType.Type``.
        """
        timed = self.Interval > 0
        if timed and (self.GRPC or self.HTTP):
            return "grpc" if self.GRPC else "http"
        if self.TTL > 0:
            return "ttl"
        if timed and (self.TCP or self.UDP):
            return "tcp" if self.TCP else "udp"
        if self.is_alias:
            return "alias"
        if self.is_script:
            return "docker" if self.DockerContainerID and timed else "script"
        if timed and (self.H2PING or self.OSService):
            return "h2ping" if self.H2PING else "os_service"
        return ""


_EMPTY: Final = CheckType()
