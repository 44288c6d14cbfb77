"""TLS settings of gateways."""

from collections.abc import Sequence
from typing import ClassVar, Final

from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, OmitStr, UnsetType, WireStruct

# How Go's error texts call the types.
TLS_VERSION: Final = "types.TLSVersion"
TLS_CIPHER_SUITE: Final = "types.TLSCipherSuite"

_VERSIONS = ("TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
_WITH_CIPHERS = ("", "TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2")
# What Envoy takes, under the names of IANA.
_CIPHERS = frozenset(
    f"TLS_{exchange}_WITH_{cipher}"
    for exchange, ciphers in {
        "ECDHE_ECDSA": "AES_128_GCM_SHA256 CHACHA20_POLY1305_SHA256 AES_128_CBC_SHA AES_256_GCM_SHA384 AES_256_CBC_SHA",
        "ECDHE_RSA": "AES_128_GCM_SHA256 CHACHA20_POLY1305_SHA256 AES_128_CBC_SHA AES_256_GCM_SHA384 AES_256_CBC_SHA",
        "RSA": "AES_128_GCM_SHA256 AES_128_CBC_SHA AES_256_GCM_SHA384 AES_256_CBC_SHA",
    }.items()
    for cipher in ciphers.split()
)


def tls_fault(lowest: str, highest: str, ciphers: Sequence[str]) -> str:
    """What is wrong with these versions and cipher suites, "" if nothing is."""
    for version in (lowest, highest):
        if version and version not in _VERSIONS:
            known = ", ".join(_VERSIONS)
            return f"no matching TLS version found for {version}, please specify one of [{known}]"
    # The first stands for the implementation's choice, which compares with nothing.
    concrete = _VERSIONS[1:]
    if lowest in concrete and highest in concrete and highest < lowest:
        return f"configuring max version {highest} less than the configured min version {lowest} is invalid"
    if ciphers and lowest not in _WITH_CIPHERS:
        return (
            "configuring CipherSuites is only applicable to connections negotiated with TLS 1.2 or earlier, "
            f"TLSMinVersion is set to {lowest}"
        )
    unknown = [suite for suite in ciphers if suite not in _CIPHERS]
    return f"no matching Envoy TLS cipher suite found for {','.join(unknown)}" if unknown else ""


class GatewayTLSSDSConfig(WireStruct, frozen=True, kw_only=True):
    """A certificate that Envoy fetches itself."""

    aliases: ClassVar[dict[str, str]] = {"cluster_name": "ClusterName", "cert_resource": "CertResource"}

    ClusterName: OmitStr = UNSET
    CertResource: OmitStr = UNSET


class GatewayServiceTLSConfig(WireStruct, frozen=True, kw_only=True):
    """The certificate of one service."""

    SDS: GatewayTLSSDSConfig | UnsetType = UNSET


class GatewayTLSConfig(WireStruct, frozen=True, kw_only=True):
    """TLS on the listeners of an ingress gateway."""

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

    Enabled: bool = False
    SDS: GatewayTLSSDSConfig | UnsetType = UNSET
    TLSMinVersion: OmitStr = UNSET
    TLSMaxVersion: OmitStr = UNSET
    CipherSuites: list[str] | UnsetType = UNSET

    def check(self) -> None:
        """Raise InternalError for versions and cipher suites that cannot be."""
        if fault := tls_fault(self.TLSMinVersion or "", self.TLSMaxVersion or "", self.CipherSuites or ()):
            raise InternalError(fault)
