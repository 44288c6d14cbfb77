"""What Go says of a TLS handshake that failed, out of what OpenSSL says. Does without ``ssl`` itself."""

from __future__ import annotations

import re
from typing import Final

NO_TLS: Final = "tls: first record does not look like a TLS handshake"
NO_TLS_BUT_HTTP: Final = "http: server gave HTTP response to HTTPS client"
FAILED_TO_VERIFY: Final = "tls: failed to verify certificate: x509: "

# OpenSSL's X509_V_ERR_* numbers for which Go has a sentence of its own.
_X509: Final = {
    9: "certificate has expired or is not yet valid",
    10: "certificate has expired or is not yet valid",
    18: "certificate signed by unknown authority",
    19: "certificate signed by unknown authority",
    20: "certificate signed by unknown authority",
    21: "certificate signed by unknown authority",
    26: "certificate specifies an incompatible key usage",
    79: "certificate signed by unknown authority",  # by one that may not sign
}

# Alerts (RFC 8446, section 6) by OpenSSL's names where Go's words are others.
_ALERTS: Final = {
    "certificate expired": "expired certificate",
    "certificate revoked": "revoked certificate",
    "certificate unknown": "unknown certificate",
    "decrypt error": "error decrypting message",
    "insufficient security": "insufficient security level",
    "protocol version": "protocol version not supported",
    "unknown ca": "unknown certificate authority",
}
_ALERT: Final = re.compile(r"\b(?:sslv3|tlsv1|tlsv13) (?:alert )?([a-z ]+?)(?: \(|$)")
_NOT_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def handshake_text(error: OSError, *, no_tls: str = NO_TLS) -> str:
    """Go's sentence for an ``ssl.SSLError``; ``no_tls`` is that for a peer who speaks something else."""
    code = getattr(error, "verify_code", 0)
    if code:
        return FAILED_TO_VERIFY + (_X509.get(code) or str(getattr(error, "verify_message", error)))
    if type(error).__name__ == "SSLEOFError":
        return "EOF"
    reason = getattr(error, "reason", "") or ""
    if reason in _NOT_TLS:
        return no_tls
    told = reason.replace("_", " ").lower() or str(error)  # OpenSSL has no name for some alerts
    if alert := _ALERT.search(told):
        return f"remote error: tls: {_ALERTS.get(alert[1], alert[1])}"
    return f"tls: {told}"
