"""``mesh``: what holds for the whole mesh."""

from typing import ClassVar

from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
    check_meta,
)
from pyconsul.structs.config_entries.gateway_tls import TLS_CIPHER_SUITE, TLS_VERSION, tls_fault
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, OmitBool, OmitStr, UnsetType, WireStruct

_PATH_ACTIONS = (
    "IMPLEMENTATION_SPECIFIC_DEFAULT",
    "KEEP_UNCHANGED",
    "REJECT_REQUEST",
    "UNESCAPE_AND_REDIRECT",
    "UNESCAPE_AND_FORWARD",
)
_HEADER_ACTIONS = ("ALLOW", "REJECT_REQUEST", "DROP_HEADER")


class TransparentProxyMeshConfig(WireStruct, frozen=True, kw_only=True):
    """What transparent proxies let out."""

    aliases: ClassVar[dict[str, str]] = {"mesh_destinations_only": "MeshDestinationsOnly"}

    MeshDestinationsOnly: bool = False


class MeshDirectionalTLSConfig(WireStruct, frozen=True, kw_only=True):
    """TLS versions and ciphers in one direction."""

    go_field_types: ClassVar[dict[str, str]] = {
        "TLSMinVersion": TLS_VERSION,
        "TLSMaxVersion": TLS_VERSION,
        "CipherSuites": TLS_CIPHER_SUITE,
    }
    aliases: ClassVar[dict[str, str]] = {
        "tls_min_version": "TLSMinVersion",
        "tls_max_version": "TLSMaxVersion",
        "cipher_suites": "CipherSuites",
    }

    TLSMinVersion: OmitStr = UNSET
    TLSMaxVersion: OmitStr = UNSET
    CipherSuites: list[str] | UnsetType = UNSET


class MeshTLSConfig(WireStruct, frozen=True, kw_only=True):
    """TLS versions and ciphers inside the mesh."""

    Incoming: MeshDirectionalTLSConfig | UnsetType = UNSET
    Outgoing: MeshDirectionalTLSConfig | UnsetType = UNSET


class RequestNormalizationMeshConfig(WireStruct, frozen=True, kw_only=True):
    """How paths and headers are cleaned before they are compared."""

    go_field_types: ClassVar[dict[str, str]] = {
        "PathWithEscapedSlashesAction": "structs.PathWithEscapedSlashesAction",
        "HeadersWithUnderscoresAction": "structs.HeadersWithUnderscoresAction",
    }
    aliases: ClassVar[dict[str, str]] = {
        "insecure_disable_path_normalization": "InsecureDisablePathNormalization",
        "merge_slashes": "MergeSlashes",
        "path_with_escaped_slashes_action": "PathWithEscapedSlashesAction",
        "headers_with_underscores_action": "HeadersWithUnderscoresAction",
    }

    InsecureDisablePathNormalization: bool = False
    MergeSlashes: bool = False
    PathWithEscapedSlashesAction: str = ""
    HeadersWithUnderscoresAction: str = ""

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        wanted = (
            ("PathWithEscapedSlashesAction", self.PathWithEscapedSlashesAction, _PATH_ACTIONS),
            ("HeadersWithUnderscoresAction", self.HeadersWithUnderscoresAction, _HEADER_ACTIONS),
        )
        for field, value, known in wanted:
            if value and value not in known:
                return f"no matching {field} value found for {value}, please specify one of [{', '.join(known)}]"
        return ""


class MeshDirectionalHTTPConfig(WireStruct, frozen=True, kw_only=True):
    """HTTP settings in one direction."""

    aliases: ClassVar[dict[str, str]] = {"request_normalization": "RequestNormalization"}

    RequestNormalization: RequestNormalizationMeshConfig | UnsetType = UNSET


class MeshHTTPConfig(WireStruct, frozen=True, kw_only=True):
    """HTTP settings of the mesh."""

    aliases: ClassVar[dict[str, str]] = {"sanitize_x_forwarded_client_cert": "SanitizeXForwardedClientCert"}

    SanitizeXForwardedClientCert: bool = False
    Incoming: MeshDirectionalHTTPConfig | UnsetType = UNSET


class PeeringMeshConfig(WireStruct, frozen=True, kw_only=True):
    """How peers are reached."""

    aliases: ClassVar[dict[str, str]] = {"peer_through_mesh_gateways": "PeerThroughMeshGateways"}

    PeerThroughMeshGateways: bool = False


class Mesh(ConfigEntry, frozen=True, kw_only=True):
    """What holds for the whole mesh."""

    kind: ClassVar[str] = "mesh"
    go_type: ClassVar[str] = "structs.MeshConfigEntry"
    go_names: ClassVar[dict[str, str]] = {"Kind": ""}  # only JSON names the kind
    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "transparent_proxy": "TransparentProxy",
        "allow_enabling_permissive_mutual_tls": "AllowEnablingPermissiveMutualTLS",
        "validate_clusters": "ValidateClusters",
    }

    Kind: str = kind
    TransparentProxy: TransparentProxyMeshConfig = TransparentProxyMeshConfig()
    AllowEnablingPermissiveMutualTLS: OmitBool = UNSET
    ValidateClusters: OmitBool = UNSET
    TLS: MeshTLSConfig | UnsetType = UNSET
    HTTP: MeshHTTPConfig | UnsetType = UNSET
    Peering: PeeringMeshConfig | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    @property
    def name(self) -> str:
        """There is one mesh."""
        return "mesh"

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        check_meta(self.Meta)
        sides = (("incoming", self.TLS.Incoming), ("outgoing", self.TLS.Outgoing)) if self.TLS else ()
        for side, tls in sides:
            if tls and (fault := tls_fault(tls.TLSMinVersion or "", tls.TLSMaxVersion or "", tls.CipherSuites or ())):
                raise InternalError(f"error in {side} TLS configuration: {fault}")
        incoming = self.HTTP.Incoming if self.HTTP else None
        cleaning = incoming.RequestNormalization if incoming else None
        if cleaning and (fault := cleaning.fault()):
            raise InternalError(f"error in HTTP incoming request normalization configuration: {fault}")
