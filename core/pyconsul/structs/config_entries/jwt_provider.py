"""``jwt-provider``: who signs tokens, and how they are checked."""

from typing import ClassVar

from pyconsul.lang.strconv import quote
from pyconsul.primitives.base64_text import IllegalBase64, decode
from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Nanoseconds,
    Uint64,
    check_meta,
    demand,
    refuse,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, OmitBool, OmitInt, OmitStr, UnsetType, WireStruct, changed

_DISCOVERY = ("STATIC", "STRICT_DNS", "LOGICAL_DNS", "EDS", "ORIGINAL_DST")
_CLOCK_SKEW_SECONDS = 30


def _count(*parts: object) -> int:
    return sum(1 for part in parts if part is not UNSET)


def _uri_fault(uri: str) -> str:
    """Go's complaint about what is no absolute address and no path, "" if it is one."""
    from pyconsul.lang import gourl  # 4 ms of a start, for entries that few have

    try:
        gourl.parse_request_uri(uri, strict_colons=False)
    except gourl.UrlError as error:
        return str(error)
    return ""


class LocalJWKS(WireStruct, frozen=True, kw_only=True):
    """Keys that stand in the entry or in a file."""

    JWKS: OmitStr = UNSET
    Filename: OmitStr = UNSET

    def check(self) -> None:
        """Raise InternalError with Consul's text for keys that cannot be."""
        demand(
            bool(self.Filename) != bool(self.JWKS), "must specify exactly one of String or filename for local keyset"
        )
        if self.JWKS:
            try:
                decode(self.JWKS.encode())
            except IllegalBase64 as error:
                raise InternalError("JWKS must be valid base64 encoded string") from error


class JWKSTLSCertProviderInstance(WireStruct, frozen=True, kw_only=True):
    """A certificate provider of Envoy."""

    aliases: ClassVar[dict[str, str]] = {"instance_name": "InstanceName", "certificate_name": "CertificateName"}

    InstanceName: OmitStr = UNSET
    CertificateName: OmitStr = UNSET


class JWKSTLSCertTrustedCA(WireStruct, frozen=True, kw_only=True):
    """Where the trusted CA stands."""

    aliases: ClassVar[dict[str, str]] = {
        "environment_variable": "EnvironmentVariable",
        "inline_string": "InlineString",
        "inline_bytes": "InlineBytes",
    }

    Filename: OmitStr = UNSET
    EnvironmentVariable: OmitStr = UNSET
    InlineString: OmitStr = UNSET
    InlineBytes: bytes | UnsetType = UNSET


class JWKSTLSCertificate(WireStruct, frozen=True, kw_only=True):
    """How the key server is trusted."""

    aliases: ClassVar[dict[str, str]] = {
        "ca_certificate_provider_instance": "CaCertificateProviderInstance",
        "trusted_ca": "TrustedCA",
    }

    CaCertificateProviderInstance: JWKSTLSCertProviderInstance | UnsetType = UNSET
    TrustedCA: JWKSTLSCertTrustedCA | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError with Consul's text unless there is one source."""
        demand(
            _count(self.CaCertificateProviderInstance, self.TrustedCA) == 1,
            "must specify exactly one of: CaCertificateProviderInstance or TrustedCA for JKWS' TLSCertificates",
        )
        if self.TrustedCA:
            ca = self.TrustedCA
            sources = (ca.Filename, ca.EnvironmentVariable, ca.InlineString, ca.InlineBytes)
            demand(
                sum(1 for source in sources if source) == 1,
                "must specify exactly one of: Filename, EnvironmentVariable, InlineString or InlineBytes "
                "for JWKS' TrustedCA",
            )


class KeyServerCluster(WireStruct, frozen=True, kw_only=True):
    """How the key server is reached."""

    go_field_types: ClassVar[dict[str, str]] = {"DiscoveryType": "structs.ClusterDiscoveryType"}

    go_type: ClassVar[str] = "structs.JWKSCluster"
    aliases: ClassVar[dict[str, str]] = {
        "discovery_type": "DiscoveryType",
        "tls_certificates": "TLSCertificates",
        "connect_timeout": "ConnectTimeout",
    }

    DiscoveryType: OmitStr = UNSET
    TLSCertificates: JWKSTLSCertificate | UnsetType = UNSET
    ConnectTimeout: Nanoseconds | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError with Consul's text for a cluster that cannot be."""
        kind = self.DiscoveryType or ""
        demand(not kind or kind in _DISCOVERY, f"unsupported jwks cluster discovery type: {quote(kind)}")
        if self.TLSCertificates:
            self.TLSCertificates.check()


class BackOff(WireStruct, frozen=True, kw_only=True):
    """Waits between tries."""

    go_type: ClassVar[str] = "structs.RetryPolicyBackOff"
    aliases: ClassVar[dict[str, str]] = {"base_interval": "BaseInterval", "max_interval": "MaxInterval"}

    BaseInterval: Nanoseconds | UnsetType = UNSET
    MaxInterval: Nanoseconds | UnsetType = UNSET


class JWKSRetryPolicy(WireStruct, frozen=True, kw_only=True):
    """How often keys are asked for again."""

    aliases: ClassVar[dict[str, str]] = {"num_retries": "NumRetries", "retry_policy_back_off": "RetryPolicyBackOff"}

    NumRetries: OmitInt = UNSET
    RetryPolicyBackOff: BackOff | UnsetType = UNSET


class RemoteJWKS(WireStruct, frozen=True, kw_only=True):
    """Keys on a server."""

    aliases: ClassVar[dict[str, str]] = {
        "request_timeout_ms": "RequestTimeoutMs",
        "cache_duration": "CacheDuration",
        "fetch_asynchronously": "FetchAsynchronously",
        "use_sni": "UseSNI",
        "retry_policy": "RetryPolicy",
        "jwks_cluster": "JWKSCluster",
    }

    URI: OmitStr = UNSET
    RequestTimeoutMs: OmitInt = UNSET
    CacheDuration: Nanoseconds | UnsetType = UNSET
    FetchAsynchronously: OmitBool = UNSET
    UseSNI: OmitBool = UNSET
    RetryPolicy: JWKSRetryPolicy | UnsetType = UNSET
    JWKSCluster: KeyServerCluster | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError with Consul's text for a server that cannot be."""
        demand(self.URI, "Remote JWKS URI is required")
        uri = self.URI or ""
        if fault := _uri_fault(uri):
            raise InternalError(f"Remote JWKS URI is invalid: {fault}, uri: {uri}")
        waits = self.RetryPolicy.RetryPolicyBackOff if self.RetryPolicy else None
        if waits and waits.MaxInterval and (waits.BaseInterval or 0) > waits.MaxInterval:
            raise InternalError("retry policy backoff's MaxInterval should be greater or equal to BaseInterval")
        if self.JWKSCluster:
            self.JWKSCluster.check()


class WebKeySet(WireStruct, frozen=True, kw_only=True):
    """Where the keys are."""

    go_type: ClassVar[str] = "structs.JSONWebKeySet"

    Local: LocalJWKS | UnsetType = UNSET
    Remote: RemoteJWKS | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError with Consul's text unless there is one usable source."""
        demand(_count(self.Local, self.Remote) == 1, "must specify exactly one of Local or Remote JSON Web key set")
        if self.Remote is not UNSET:
            self.Remote.check()
        elif self.Local is not UNSET:
            self.Local.check()


class JWTLocationHeader(WireStruct, frozen=True, kw_only=True):
    """A token in a header."""

    aliases: ClassVar[dict[str, str]] = {"value_prefix": "ValuePrefix"}

    Name: OmitStr = UNSET
    ValuePrefix: OmitStr = UNSET
    Forward: OmitBool = UNSET


class JWTLocationQueryParam(WireStruct, frozen=True, kw_only=True):
    """A token in the query."""

    Name: OmitStr = UNSET


class JWTLocationCookie(WireStruct, frozen=True, kw_only=True):
    """A token in a cookie."""

    Name: OmitStr = UNSET


class JWTLocation(WireStruct, frozen=True, kw_only=True):
    """Where a request carries its token."""

    aliases: ClassVar[dict[str, str]] = {"query_param": "QueryParam"}

    Header: JWTLocationHeader | UnsetType = UNSET
    QueryParam: JWTLocationQueryParam | UnsetType = UNSET
    Cookie: JWTLocationCookie | UnsetType = UNSET

    def fault(self) -> str:
        """What is wrong with it, "" if nothing is."""
        if _count(self.Header, self.QueryParam, self.Cookie) != 1:
            return "must set exactly one of: JWT location header, query param or cookie"
        named = (("header", self.Header), ("cookie", self.Cookie), ("query param", self.QueryParam))
        for what, place in named:
            if place is not UNSET and not place.Name:
                return f"JWT location {what} name must be specified"
        return ""


class JWTForwardingConfig(WireStruct, frozen=True, kw_only=True):
    """How a token's content is passed on."""

    aliases: ClassVar[dict[str, str]] = {
        "header_name": "HeaderName",
        "pad_forward_payload_header": "PadForwardPayloadHeader",
    }

    HeaderName: OmitStr = UNSET
    PadForwardPayloadHeader: bool = False


class JWTCacheConfig(WireStruct, frozen=True, kw_only=True):
    """How many tokens are remembered."""

    Size: OmitInt = UNSET


class JWTProvider(ConfigEntry, frozen=True, kw_only=True):
    """Who signs tokens, and how they are checked."""

    kind: ClassVar[str] = "jwt-provider"
    go_type: ClassVar[str] = "structs.JWTProviderConfigEntry"
    go_embeds_meta: ClassVar[bool] = True
    aliases: ClassVar[dict[str, str]] = {
        "json_web_key_set": "JSONWebKeySet",
        "clock_skew_seconds": "ClockSkewSeconds",
        "cache_config": "CacheConfig",
    }

    Kind: str = kind
    Name: OmitStr = UNSET
    JSONWebKeySet: WebKeySet | UnsetType = UNSET
    Issuer: OmitStr = UNSET
    Audiences: list[str] | UnsetType = UNSET
    Locations: list[JWTLocation] | UnsetType = UNSET
    Forwarding: JWTForwardingConfig | UnsetType = UNSET
    ClockSkewSeconds: OmitInt = UNSET
    CacheConfig: JWTCacheConfig | UnsetType = UNSET
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def normalized(self) -> "JWTProvider":
        """The entry with a tolerance for clocks."""
        return changed(self, Kind=self.kind, ClockSkewSeconds=self.ClockSkewSeconds or _CLOCK_SKEW_SECONDS)

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        demand(self.Name, "Name is required")
        check_meta(self.Meta)
        if self.JSONWebKeySet is UNSET:
            raise InternalError("JSONWebKeySet is required")
        self.JSONWebKeySet.check()
        refuse([fault for location in self.Locations or () if (fault := location.fault())])
        if self.Forwarding is not UNSET:
            demand(self.Forwarding.HeaderName, "Header name required for forwarding config")
