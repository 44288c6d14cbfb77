"""TLS of the HTTPS door, from ``tls.https`` of the configuration."""

from __future__ import annotations

import ssl
from typing import Final

from pyconsul.agent.tls_files import TlsFault, read_tls_files
from pyconsul.config.sections import TlsProtocol

_VERSIONS: Final = {
    "TLSv1_0": ssl.TLSVersion.TLSv1,
    "TLSv1_1": ssl.TLSVersion.TLSv1_1,
    "TLSv1_2": ssl.TLSVersion.TLSv1_2,
    "TLSv1_3": ssl.TLSVersion.TLSv1_3,
}
# What Go's servers take below TLS 1.3 where the configuration names nothing.
_SUITES: Final = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
)
_OF_HTTP2: Final = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
_OLD_TLS: Final = "@SECLEVEL=0"  # without it OpenSSL speaks neither TLS 1.0 nor 1.1, whatever the lowest version is


def server_context(tls: TlsProtocol) -> ssl.SSLContext:
    """The server side of TLS; without a certificate no handshake comes to an end. Raises TlsFault and OSError."""
    files = read_tls_files(tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS.get(tls.tls_min_version, ssl.TLSVersion.TLSv1_2)
    suites = [openssl_name(suite) for suite in tls.tls_cipher_suites or _SUITES]
    if context.minimum_version < ssl.TLSVersion.TLSv1_2:
        suites.append(_OLD_TLS)
    context.set_ciphers(":".join(suites))
    files.load_into(context)
    if not files.cert_file:
        context.sni_callback = _no_certificate
    if tls.verify_incoming:
        context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def refuse_suites_without_http2(tls: TlsProtocol) -> None:
    """Raise TlsFault where the configured suites lack those that every client of HTTP/2 may rely on.

    Only a start is refused for that, as in Go; a reload takes any suites.
    """
    suites = tls.tls_cipher_suites
    if suites and not any(suite in suites for suite in _OF_HTTP2):
        needed = " or ".join(_OF_HTTP2)
        raise TlsFault(
            "http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher "
            f"(need at least one of {needed})"
        )


def _no_certificate(*_: object) -> int:
    """Go's answer to a client where the server has nothing to show."""
    return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


def openssl_name(suite: str) -> str:
    """OpenSSL's name of a cipher suite: ``TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`` → ``ECDHE-RSA-AES128-GCM-SHA256``."""
    name = suite.removeprefix("TLS_").replace("_WITH_", "_")
    for before, after in (("AES_128", "AES128"), ("AES_256", "AES256"), ("_CBC_SHA", "_SHA")):
        name = name.replace(before, after)
    return name.replace("POLY1305_SHA256", "POLY1305").replace("_", "-")
