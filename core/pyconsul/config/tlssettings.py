"""The TLS settings of each protocol, with what they inherit from ``tls.defaults``."""

from __future__ import annotations

from typing import Final

from pyconsul.config.errors import ConfigError
from pyconsul.config.sections import Tls, TlsProtocol
from pyconsul.config.values import Values

VERSIONS: Final = ("TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3")
CIPHER_SUITES: Final = frozenset(
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in (
        "CHACHA20_POLY1305_SHA256",
        "AES_128_CBC_SHA",
        "AES_128_GCM_SHA256",
        "AES_256_CBC_SHA",
        "AES_256_GCM_SHA384",
    )
)
_FIXED_SUITES: Final = "TLSv1_3"


def tls_settings(values: Values) -> Tls:
    """The settings of the three protocols. Raises ConfigError for switches in the wrong place."""
    if values.get("tls.grpc.verify_outgoing") is not None:
        raise ConfigError("verify_outgoing is not valid in the tls.grpc stanza")
    if any(values.get(f"tls.{p}.verify_server_hostname") is not None for p in ("grpc", "https")):
        raise ConfigError("verify_server_hostname is only valid in the tls.defaults and tls.internal_rpc stanzas")
    if any(values.get(f"tls.{p}.use_auto_cert") is not None for p in ("defaults", "https", "internal_rpc")):
        raise ConfigError("use_auto_cert is only valid in the tls.grpc stanza")
    version = _version(values, "tls.defaults.tls_min_version", "TLS_AUTO")
    suites = _suites(values, "tls.defaults.tls_cipher_suites", version)
    return Tls(
        internal_rpc=_protocol(values, "internal_rpc", version, suites or ()),
        https=_protocol(values, "https", version, suites or ()),
        grpc=_protocol(values, "grpc", version, suites or ()),
    )


def _protocol(values: Values, name: str, version: str, suites: tuple[str, ...]) -> TlsProtocol:
    own, defaults = f"tls.{name}", "tls.defaults"

    def text(key: str) -> str:
        return values.text(f"{own}.{key}", values.text(f"{defaults}.{key}"))

    def flag(key: str) -> bool:
        return values.flag(f"{own}.{key}", values.flag(f"{defaults}.{key}"))

    version = _version(values, f"{own}.tls_min_version", version)
    chosen = _suites(values, f"{own}.tls_cipher_suites", version)
    if chosen is None:  # nor are the defaults' suites taken over where the version allows no choice
        chosen = () if version == _FIXED_SUITES else suites
    server_hostname = name == "internal_rpc" and flag("verify_server_hostname")
    return TlsProtocol(
        ca_file=text("ca_file"),
        ca_path=text("ca_path"),
        cert_file=text("cert_file"),
        key_file=text("key_file"),
        tls_min_version=version,
        tls_cipher_suites=chosen,
        verify_incoming=flag("verify_incoming"),
        # Verifying the name of a server without asking for TLS would verify nothing.
        verify_outgoing=(name != "grpc" and flag("verify_outgoing")) or server_hostname,
        verify_server_hostname=server_hostname,
        use_auto_cert=name == "grpc" and values.flag(f"{own}.use_auto_cert"),
    )


def _version(values: Values, name: str, default: str) -> str:
    given = values.get(name)
    if given is None:
        return default
    if given == "":
        return "TLS_AUTO"
    if given not in VERSIONS:
        values.errors.append(
            f"{name}: invalid TLS version: no matching TLS version found for {given}, "
            f"please specify one of [{', '.join(sorted(VERSIONS))}]"
        )
        return "TLS_INVALID"
    return str(given)


def _suites(values: Values, name: str, version: str) -> tuple[str, ...] | None:
    given = values.get(name)
    if given is None:
        return None
    if version == _FIXED_SUITES:
        values.errors.append(f"{name}: TLS 1.3 cipher suites are not configurable")
        return None
    text = str(given).strip()
    suites = tuple(text.split(",")) if text else ()
    unknown = [suite for suite in suites if suite not in CIPHER_SUITES]
    if unknown:
        values.errors.append(
            f"{name}: invalid TLS cipher suites: no matching Consul Agent TLS cipher suite found for "
            + ",".join(unknown)
        )
        return ()
    return suites
