"""``api-gateway``: the listeners of an API gateway."""

import re
from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
    check_meta,
    demand,
)
from pyconsul.structs.config_entries.gateway_tls import TLS_CIPHER_SUITE, TLS_VERSION, tls_fault
from pyconsul.structs.config_entries.status import EntryStatus, ResourceReference
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, UnsetType, WireStruct, changed

_LISTENER_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_CERTIFICATES = ("file-system-certificate", "inline-certificate")


class APIGatewayTLSConfiguration(WireStruct, frozen=True, kw_only=True):
    """TLS of a listener."""

    go_field_types: ClassVar[dict[str, str]] = {
        "MaxVersion": TLS_VERSION,
        "MinVersion": TLS_VERSION,
        "CipherSuites": TLS_CIPHER_SUITE,
    }
    client_aliases: ClassVar[dict[str, str]] = {
        "cipher_suites": "CipherSuites",
        "tls_max_version": "MaxVersion",
        "tls_min_version": "MinVersion",
    }

    Certificates: list[ResourceReference] | None = None
    MaxVersion: str = ""
    MinVersion: str = ""
    CipherSuites: list[str] | None = None


class APIGatewayJWTRequirement(WireStruct, frozen=True, kw_only=True):
    """Tokens that a caller needs; Consul Enterprise only, so it has no fields."""


class APIGatewayPolicy(WireStruct, frozen=True, kw_only=True):
    """What holds for the routes of a listener."""

    JWT: APIGatewayJWTRequirement | UnsetType = UNSET


class APIGatewayListener(WireStruct, frozen=True, kw_only=True):
    """A port of a gateway."""

    go_field_types: ClassVar[dict[str, str]] = {"Protocol": "structs.APIGatewayListenerProtocol"}

    Name: str = ""
    Hostname: str = ""
    Port: int = 0
    Protocol: str = ""
    TLS: APIGatewayTLSConfiguration = APIGatewayTLSConfiguration()
    Override: APIGatewayPolicy | UnsetType = UNSET
    Default: APIGatewayPolicy | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError with Consul's text for a listener that cannot be."""
        demand(
            self.Protocol in ("tcp", "http"),
            f"unsupported listener protocol {quote(self.Protocol)}, must be one of 'tcp', or 'http'",
        )
        demand(self.Protocol != "tcp" or not self.Hostname, "hostname specification is not supported when using TCP")
        demand(1 <= self.Port <= 65535, f"listener port {self.Port} not in the range 1-65535")
        demand(
            "*" not in self.Hostname.removeprefix("*."),
            f"host {quote(self.Hostname)} is not valid, a wildcard specifier is only allowed as the left-most label",
        )
        for reference in self.TLS.Certificates or ():
            demand(
                reference.Kind in _CERTIFICATES,
                f"unsupported certificate kind: {quote(reference.Kind)}, "
                "must be 'file-system-certificate' or 'inline-certificate'",
            )
            demand(reference.Name, "certificate reference must have a name")
        if fault := tls_fault(self.TLS.MinVersion, self.TLS.MaxVersion, self.TLS.CipherSuites or ()):
            raise InternalError(fault)


class APIGateway(ConfigEntry, frozen=True, kw_only=True):
    """The listeners of an API gateway."""

    kind: ClassVar[str] = "api-gateway"
    go_type: ClassVar[str] = "structs.APIGatewayConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Listeners: list[APIGatewayListener] | None = None
    Status: EntryStatus = EntryStatus()
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "APIGateway":
        """The entry with protocols in lower case and a kind for each certificate."""
        listeners = None if self.Listeners is None else [_normalized(one) for one in self.Listeners]
        return changed(self, Listeners=listeners)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        check_meta(self.Meta)
        listeners = self.Listeners or []
        demand(listeners, "api gateway must have at least one listener")
        names: set[str] = set()
        for one in listeners:
            demand(
                _LISTENER_NAME.fullmatch(one.Name),
                f"listener name {quote(one.Name)} is invalid, must be at least 1 character and contain only letters, "
                "numbers, or dashes",
            )
            demand(one.Name not in names, f"found multiple listeners with the name {quote(one.Name)}")
            names.add(one.Name)
        ports: dict[int, APIGatewayListener] = {}
        for one in listeners:
            other = ports.get(one.Port, one)
            same = (other.Hostname, other.Protocol) == (one.Hostname, one.Protocol)
            demand(same, f"listeners {quote(other.Name)} and {quote(one.Name)} cannot be merged")
            ports[one.Port] = one
        for one in listeners:
            one.check()


def _normalized(listener: APIGatewayListener) -> APIGatewayListener:
    tls = listener.TLS
    if tls.Certificates:
        kinds = [changed(one, Kind=one.Kind or "inline-certificate") for one in tls.Certificates]
        tls = changed(tls, Certificates=kinds)
    return changed(listener, Protocol=listener.Protocol.lower(), TLS=tls)
