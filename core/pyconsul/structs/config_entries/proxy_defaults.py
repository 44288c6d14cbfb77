"""``proxy-defaults``: what holds for all proxies."""

from typing import Any, ClassVar, cast

from pyconsul.lang.gojson_syntax import syntax_error
from pyconsul.lang.goprint import printed
from pyconsul.lang.strconv import format_float, quote
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import gomsgpack
from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
    check_meta,
    demand,
    refuse,
)
from pyconsul.structs.config_entries.envoy_extensions import extension_faults
from pyconsul.structs.config_entries.mutual_tls import check_mutual_tls_mode
from pyconsul.structs.config_entries.service_resolver import (
    ServiceResolverFailoverPolicy,
    ServiceResolverPrioritizeByLocality,
)
from pyconsul.structs.connect_proxy import (
    AccessLogsConfig,
    EnvoyExtension,
    ExposeConfig,
    MeshGatewayConfig,
    TransparentProxyConfig,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.service_rules import socket_dir_error
from pyconsul.structs.wire import (
    UNSET,
    OmitStr,
    UnsetType,
    changed,
)

GLOBAL = "global"


class ProxyDefaults(ConfigEntry, frozen=True, kw_only=True):
    """What holds for all proxies."""

    go_field_types: ClassVar[dict[str, str]] = {"Mode": "structs.ProxyMode", "MutualTLSMode": "structs.MutualTLSMode"}

    kind: ClassVar[str] = "proxy-defaults"
    go_type: ClassVar[str] = "structs.ProxyConfigEntry"
    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "transparent_proxy": "TransparentProxy",
        "mutual_tls_mode": "MutualTLSMode",
        "mesh_gateway": "MeshGateway",
        "access_logs": "AccessLogs",
        "envoy_extensions": "EnvoyExtensions",
        "failover_policy": "FailoverPolicy",
        "prioritize_by_locality": "PrioritizeByLocality",
    }

    Kind: str = kind
    Name: str = ""
    Config: dict[str, Any] | None = None
    Mode: OmitStr = UNSET
    TransparentProxy: TransparentProxyConfig = TransparentProxyConfig()
    MutualTLSMode: OmitStr = UNSET
    MeshGateway: MeshGatewayConfig = MeshGatewayConfig()
    Expose: ExposeConfig = ExposeConfig()
    AccessLogs: AccessLogsConfig = AccessLogsConfig()
    EnvoyExtensions: list[EnvoyExtension] | UnsetType = UNSET
    FailoverPolicy: ServiceResolverFailoverPolicy | UnsetType = UNSET
    PrioritizeByLocality: ServiceResolverPrioritizeByLocality | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    @property
    def protocol(self) -> str:
        """The protocol in the opaque configuration; "" without one."""
        found = self._opaque_protocol()
        if isinstance(found, bool):
            return "1" if found else "0"
        if isinstance(found, float):
            return format_float(found, "f")
        return str(found) if isinstance(found, str | int) else ""

    def _opaque_protocol(self) -> object:
        config = self.Config or {}
        spelled = ["protocol", *config]  # in lower case it counts before all other spellings
        return next((config[key] for key in spelled if key in config and key.lower() == "protocol"), "")

    def go_extra(self) -> dict[str, Any]:
        """The protocol, which Go keeps beside the configuration."""
        return {"Protocol": self.protocol}

    def go_marshal(self) -> bytes:
        """Go's type marshals itself, so its map stands in a string."""
        fields = {**gomsgpack.fields_encoder(type(self))(self), **self.go_extra()}
        return gomsgpack.pack({name: fields[name] for name in sorted(fields)})

    @classmethod
    def go_unmarshal(cls, plain: Any) -> "ProxyDefaults":
        """Read what ``go_marshal`` writes. Raises DecodeError."""
        data = plain.encode("utf-8", "surrogateescape") if isinstance(plain, str) else plain
        found = gomsgpack.unpack(data) if isinstance(data, bytes) else data
        return cast("ProxyDefaults", gomsgpack.fields_decoder(cls)(found))

    def normalized(self) -> "ProxyDefaults":
        """The entry under its only name. Raises InternalError for another one."""
        self._check_name(empty_is_fine=True)
        found = self._opaque_protocol()
        if is_dict(found) or is_list(found):
            shown = "map[string]interface {}" if is_dict(found) else "[]interface {}"
            text = f"'protocol' expected type 'string', got unconvertible type '{shown}', value: '{printed(found)}'"
            raise InternalError(f"1 error(s) decoding:\n\n* {text}")
        return changed(self, Kind=self.kind, Name=GLOBAL)

    def _check_name(self, *, empty_is_fine: bool = False) -> None:
        known = self.Name == GLOBAL or (empty_is_fine and not self.Name)
        demand(known, f"invalid name ({quote(self.Name)}), only {quote(GLOBAL)} is supported")

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        self._check_name()
        _check_access_logs(self.AccessLogs)
        check_meta(self.Meta)
        if fault := socket_dir_error(self.Config or {}):
            raise InternalError(f"Config: {fault}")
        refuse(extension_faults(self.EnvoyExtensions))
        if self.FailoverPolicy:
            self.FailoverPolicy.check()
        if self.PrioritizeByLocality:
            self.PrioritizeByLocality.check()
        check_mutual_tls_mode(self.MutualTLSMode)


def _check_access_logs(logs: AccessLogsConfig) -> None:
    kind = logs.Type or ""
    demand(kind in ("", "stdout", "stderr", "file"), f"invalid access log type: {kind}")
    demand(kind != "file" or logs.Path, "path must be specified when using file type access logs")
    demand(not (logs.JSONFormat and logs.TextFormat), "cannot specify both access log JSONFormat and TextFormat")
    demand(kind == "file" or not logs.Path, "path is only valid for file type access logs")
    if logs.JSONFormat and (fault := syntax_error(logs.JSONFormat.encode())):
        raise InternalError(f"invalid access log json for JSON format: {fault}")
