"""TLS of the HTTPS door, from ``tls.https`` of the configuration."""

from __future__ import annotations

import ssl
from typing import Final

from pyconsul.agent.tls_files import load_authorities
from pyconsul.config.sections import TlsProtocol

_VERSIONS: Final = {
    "TLSv1_0": ssl.TLSVersion.TLSv1,
    "TLSv1_1": ssl.TLSVersion.TLSv1_1,
    "TLSv1_2": ssl.TLSVersion.TLSv1_2,
    "TLSv1_3": ssl.TLSVersion.TLSv1_3,
}


def server_context(tls: TlsProtocol) -> ssl.SSLContext:
    """The server side of TLS. Raises OSError, ssl.SSLError among them, and TlsFault for files that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS.get(tls.tls_min_version, ssl.TLSVersion.TLSv1_2)
    if tls.tls_cipher_suites:
        context.set_ciphers(":".join(map(openssl_name, tls.tls_cipher_suites)))
    if tls.cert_file and tls.key_file:
        context.load_cert_chain(tls.cert_file, tls.key_file)  # without them every handshake fails, as with Consul
    load_authorities(context, tls)
    if tls.verify_incoming:
        context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def openssl_name(suite: str) -> str:
    """OpenSSL's name of a cipher suite: ``TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`` → ``ECDHE-RSA-AES128-GCM-SHA256``."""
    name = suite.removeprefix("TLS_").replace("_WITH_", "_")
    for before, after in (("AES_128", "AES128"), ("AES_256", "AES256"), ("_CBC_SHA", "_SHA")):
        name = name.replace(before, after)
    return name.replace("POLY1305_SHA256", "POLY1305").replace("_", "-")
