"""``terminating-gateway``: what outside the mesh is reachable from inside."""

from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
    check_meta,
    demand,
)
from pyconsul.structs.wire import (
    UNSET,
    OmitBool,
    OmitStr,
    UnsetType,
    WireStruct,
    changed,
)


class LinkedService(WireStruct, frozen=True, kw_only=True):
    """A service outside the mesh, and how a gateway speaks TLS with it."""

    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {"ca_file": "CAFile", "cert_file": "CertFile", "key_file": "KeyFile"}

    Name: OmitStr = UNSET
    CAFile: OmitStr = UNSET
    CertFile: OmitStr = UNSET
    KeyFile: OmitStr = UNSET
    SNI: OmitStr = UNSET
    DisableAutoHostRewrite: OmitBool = UNSET


class TerminatingGateway(ConfigEntry, frozen=True, kw_only=True):
    """What a terminating gateway leads to."""

    kind: ClassVar[str] = "terminating-gateway"
    go_type: ClassVar[str] = "structs.TerminatingGatewayConfigEntry"
    go_embeds_meta: ClassVar[bool] = True

    Kind: str = kind
    Name: str = ""
    Services: list[LinkedService] | None = None
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "TerminatingGateway":
        """The entry as it is, its kind filled in."""
        return changed(self, Kind=self.kind)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        check_meta(self.Meta)
        seen: set[str] = set()
        for service in self.Services or ():
            name = service.Name or ""
            demand(name, "Service name cannot be blank.")
            demand(name not in seen, f"Service {quote(name)} was specified more than once within a namespace")
            seen.add(name)
            files = (service.CAFile, service.CertFile, service.KeyFile)
            demand(
                not (service.CertFile or service.KeyFile) or all(files),
                f"Service {quote(name)} must have a CertFile, CAFile, and KeyFile specified for TLS origination",
            )

    def warnings(self) -> list[str]:
        """Services whose certificates nobody can tell apart."""
        return [
            f"TLS is configured but SNI is not set for service {quote(service.Name or '')}. "
            "Enabling SNI is strongly recommended when using TLS."
            for service in self.Services or ()
            if (service.CAFile or service.CertFile or service.KeyFile) and not service.SNI
        ]
