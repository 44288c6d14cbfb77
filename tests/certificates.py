"""Certificates that sign themselves, for servers of tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def self_signed(common_name: str, *names: str, start: datetime | None = None, ca: bool = True) -> tuple[bytes, bytes]:
    """A certificate for these names and addresses and its key, both PEM; good for a day from ``start``, an hour ago.

    With ``ca`` it is an authority, so that clients can be told to trust it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    begins = start or datetime.now(UTC) - timedelta(hours=1)
    serial = x509.random_serial_number()
    made = x509.CertificateBuilder(name, name, key.public_key(), serial, begins, begins + timedelta(days=1))
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(list(map(general_name, names))), critical=False)
    if ca:
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    return certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def general_name(text: str) -> x509.GeneralName:
    """An address or a name."""
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
