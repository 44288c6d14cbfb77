"""What Go says of a certificate that names somebody else or whose time is not now.

OpenSSL refuses such a one without showing it. So the agent is asked once more, only for its certificate, and nothing
is sent to it: a name that is wrong is mended by knowing the right ones.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, cast

from pyconsul.primitives import dialing
from pyconsul.primitives.dialing import DialError
from pyconsul.sdk import tls
from pyconsul.sdk.settings import Endpoint, Settings

# OpenSSL's numbers of what it refuses (X509_V_ERR_…), and its flag to pass over times (X509_V_FLAG_NO_CHECK_TIME).
_WRONG_TIME: Final = (9, 10)
_WRONG_NAME: Final = (62, 64)
_NO_CHECK_TIME: Final = 0x200000
_PREFIX: Final = "tls: failed to verify certificate: x509: "

Certificate = dict[str, Any]  # as ``ssl.SSLSocket.getpeercert`` shows one


def explained(error: OSError, settings: Settings, endpoint: Endpoint) -> OSError | DialError:
    """The error of a handshake, or one that says more in Go's words."""
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code not in (*_WRONG_TIME, *_WRONG_NAME) or endpoint.unix_path:
        return error
    name = tls.server_name(settings.tls, endpoint.host)
    seen = _shown(settings, endpoint, name)
    text = name_fault(seen, name) if code in _WRONG_NAME else time_fault(seen, datetime.now().astimezone())
    return DialError(_PREFIX + text) if seen and text else error


def _shown(settings: Settings, endpoint: Endpoint, name: str) -> Certificate:
    """The certificate of an agent whose authority is known, whatever its names and times; {} where it shows none."""
    context = tls.context(settings.tls)
    context.check_hostname = False
    context.verify_flags |= _NO_CHECK_TIME
    with suppress(OSError, DialError):
        sock, _ = dialing.connect(endpoint.host, endpoint.port, settings.connect_timeout)
        with sock, context.wrap_socket(sock, server_hostname=name) as secured:
            return cast("Certificate", secured.getpeercert() or {})
    return {}


def name_fault(seen: Certificate, name: str) -> str:
    """Go's sentence for a certificate that does not carry ``name``."""
    named = list[tuple[str, str]](seen.get("subjectAltName", ()))
    if not named and name.lower() == _common_name(seen).lower():
        return "certificate relies on legacy Common Name field, use SANs instead"
    kind, names = "DNS", [value for kind, value in named if kind == "DNS"]
    if address := dialing.literal(name):
        kind, names = "IP", [dialing.literal(value) for kind, value in named if kind == "IP Address"]
        name = address
    if names:
        return f"certificate is valid for {', '.join(names)}, not {name}"
    if kind == "IP":
        return f"cannot validate certificate for {name} because it doesn't contain any IP SANs"
    return f"certificate is not valid for any names, but wanted to match {name}"


def _common_name(seen: Certificate) -> str:
    parts: Iterable[Iterable[tuple[str, str]]] = seen.get("subject", ())
    return next((value for part in parts for kind, value in part if kind == "commonName"), "")


def time_fault(seen: Certificate, now: datetime) -> str:
    """Go's sentence for a certificate whose time is not now; "" where it is, which makes it an authority's fault."""
    sides = (("before", _time(seen, "notBefore")), ("after", _time(seen, "notAfter")))
    for side, bound in sides:
        if bound is not None and (now < bound if side == "before" else now > bound):
            told = f"current time {_rfc3339(now)} is {side} {_rfc3339(bound)}"
            return f"certificate has expired or is not yet valid: {told}"
    return ""


def _time(seen: Certificate, field: str) -> datetime | None:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(seen[field]), UTC) if field in seen else None


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
