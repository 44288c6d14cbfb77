"""What Go says of a certificate that it does not take.

OpenSSL looks at who signed a certificate first, Go last: after its time and its names. And OpenSSL refuses a
certificate without showing it. So the peer is asked once more, only for its certificate, and nothing is sent to it.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from pyconsul.primitives.dialing import literal
from pyconsul.primitives.handshakes import FAILED_TO_VERIFY, handshake_text

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MOST_NAMES: Final = 100  # so many are only counted


def refusal(error: OSError, shown: bytes, name: str) -> str:
    """Go's sentence for a certificate that OpenSSL refused with ``error`` to who wanted ``name``.

    ``shown`` is the certificate (DER), or b"" where the peer did not show it again.
    """
    fault = certificate_fault(shown, name, datetime.now().astimezone()) if shown else ""
    return FAILED_TO_VERIFY + fault if fault else handshake_text(error)


def certificate_fault(shown: bytes, name: str, now: datetime) -> str:
    """What is wrong with a certificate (DER) itself; "" where that is its signer at most."""
    from cryptography import x509  # takes 40 ms, for connections that failed already

    try:
        certificate = x509.load_der_x509_certificate(shown)
        return _time_fault(certificate, now) or _name_fault(certificate, name)
    except ValueError:  # it keeps too little to the letter to be read
        return ""


def _time_fault(certificate: Certificate, now: datetime) -> str:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if first <= now <= last:
        return ""
    side, bound = ("before", first) if now < first else ("after", last)
    told = f"current time {_rfc3339(now)} is {side} {_rfc3339(bound)}"
    return f"certificate has expired or is not yet valid: {told}"


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _name_fault(certificate: Certificate, name: str) -> str:
    from cryptography import x509

    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        named = None
    address = literal(name)
    if address:
        addresses = named.get_values_for_type(x509.IPAddress) if named else []
        if ipaddress.ip_address(address) in addresses:
            return ""
        names = list(map(str, addresses))
    else:
        names = named.get_values_for_type(x509.DNSName) if named else []
        if any(_matches(pattern, name) for pattern in names):
            return ""
    if named is None and any(_matches(each, name) for each in _common_names(certificate)):
        return "certificate relies on legacy Common Name field, use SANs instead"
    if address and not names:
        return f"cannot validate certificate for {name} because it doesn't contain any IP SANs"
    if not names:
        return f"certificate is not valid for any names, but wanted to match {name}"
    if len(names) >= _MOST_NAMES:
        return f"certificate is valid for {len(names)} {'IP SANs' if address else 'names'}, but none matched {name}"
    return f"certificate is valid for {', '.join(names)}, not {name}"


def _matches(pattern: str, name: str) -> bool:
    """Whether a name fits; a star stands for one label, the first."""
    wanted = pattern.lower().split(".")
    labels = name.lower().removesuffix(".").split(".")
    return len(wanted) == len(labels) and wanted[1:] == labels[1:] and wanted[0] in ("*", labels[0])


def _common_names(certificate: Certificate) -> list[str]:
    from cryptography.x509.oid import NameOID

    return [str(each.value) for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
