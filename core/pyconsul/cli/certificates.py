"""Certificates for agents: an authority of one's own, and what it signs.

Shapes and limits are those of Consul's ``tls`` commands: ECDSA P-256 keys, SHA-256 key identifiers, days from now.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from pyconsul.lang import gopem
from pyconsul.lang.gourl import Url
from pyconsul.lang.strconv import quote

_DEFAULT_CA_DAYS = 365
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH

_SUBJECT = (
    (NameOID.COUNTRY_NAME, "US"),
    (NameOID.ORGANIZATION_NAME, "HashiCorp Inc."),
    (NameOID.LOCALITY_NAME, "San Francisco"),
    (NameOID.STATE_OR_PROVINCE_NAME, "CA"),
    (NameOID.STREET_ADDRESS, "101 Second Street"),
    (NameOID.POSTAL_CODE, "94105"),
)
_DNS_NAME = re.compile(r"[!-\-/-~]+(?:\.[!-\-/-~]+)*")  # labels of printable ASCII, as Go's x509 wants them
_KEY_TYPES = ("EC PRIVATE KEY", "RSA PRIVATE KEY", "PRIVATE KEY")
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class CertificateError(Exception):
    """A certificate cannot be made or does not hold; the text is Consul's."""


def new_authority(
    days: int, common_name: str = "", cluster_id: str = "", domain: str = "", permitted: Sequence[str] = ()
) -> tuple[bytes, bytes]:
    """A self-signed authority and its key, both PEM. ``permitted`` are the only DNS domains it may sign for.

    Raises CertificateError.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    serial = _serial()
    name = common_name or f"Consul Agent CA {serial}"
    identifier = _key_id(key.public_key())
    with _encoding("error generating CA certificate"):
        subject = _name([*_SUBJECT, (NameOID.COMMON_NAME, name)])
        builder = (
            _validity(days or _DEFAULT_CA_DAYS)
            .serial_number(serial)
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier(identifier), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier(identifier, None, None), critical=False)
        )
        if cluster_id:
            uri = x509.UniformResourceIdentifier(Url("spiffe", host=f"{cluster_id}.{domain}".lower()).text())
            builder = builder.add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        if permitted:
            builder = builder.add_extension(x509.NameConstraints(_dns(permitted), None), critical=True)
        return _pem(builder.sign(key, hashes.SHA256())), _key_pem(key)


def new_certificate(
    authority: bytes,
    signing_key: bytes,
    name: str,
    days: int,
    dns_names: Sequence[str],
    addresses: Sequence[str],
    usages: Sequence[ObjectIdentifier],
) -> tuple[bytes, bytes]:
    """A certificate for ``name`` signed by the authority, and its key, both PEM. Raises CertificateError."""
    parent = _parsed_authority(authority)
    signer = _parsed_key(signing_key)
    key = ec.generate_private_key(ec.SECP256R1())
    others = [x509.IPAddress(_address(text)) for text in addresses]
    with _encoding("failed to create certificate"):
        if _public_bytes(signer.public_key()) != _public_bytes(parent.public_key()):
            raise CertificateError("x509: provided PrivateKey doesn't match parent's PublicKey")
        builder = (
            _validity(days)
            .serial_number(_serial())
            .subject_name(_name([(NameOID.COMMON_NAME, name)]))
            .issuer_name(parent.subject)
            .public_key(key.public_key())
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier(_key_id(key.public_key())), critical=False)
            .add_extension(_issuer_key_id(parent), critical=False)
            .add_extension(x509.SubjectAlternativeName([*_dns(dns_names), *others]), critical=False)
        )
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        made = builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    verify(parent, made, dns_names)
    return _pem(made), _key_pem(key)


@contextmanager
def _encoding(what: str) -> Generator[None]:
    """Put ``what`` before the reason why something cannot stand in a certificate. Raises CertificateError."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of names that are longer than RFC 5280 has them
            yield
    except (CertificateError, ValueError) as e:
        raise CertificateError(f"{what}: {e}") from e


def verify(parent: x509.Certificate, made: x509.Certificate, dns_names: Sequence[str]) -> None:
    """Check what a TLS peer will check: signature, time, and the authority's name constraints."""
    try:
        made.verify_directly_issued_by(parent)
    except (InvalidSignature, ValueError, TypeError) as e:
        raise CertificateError("x509: certificate signed by unknown authority") from e
    now = datetime.now(UTC)
    for certificate in (made, parent):
        end = certificate.not_valid_after_utc
        if now > end:
            late = f"current time {_rfc3339(now)} is after {_rfc3339(end)}"
            raise CertificateError(f"x509: certificate has expired or is not yet valid: {late}")
    allowed = _permitted_domains(parent)
    for dns in dns_names if allowed else ():
        if reason := _why_not_signed(dns, allowed):
            unsigned = "a root or intermediate certificate is not authorized to sign for this name"
            raise CertificateError(f"x509: {unsigned}: {reason}")


def _why_not_signed(dns: str, allowed: Sequence[str]) -> str:
    """What keeps an authority for the ``allowed`` domains from signing for a name; "" for nothing."""
    if dns and not _DNS_NAME.fullmatch(dns):
        return f"x509: cannot parse dnsName {quote(dns)}"
    if not any(_is_below(dns, domain) for domain in allowed):
        return f"DNS name {quote(dns)} is not permitted by any constraint"
    return ""


def _permitted_domains(authority: x509.Certificate) -> list[str]:
    try:
        found = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    except x509.ExtensionNotFound:
        return []
    return [subtree.value for subtree in found or () if isinstance(subtree, x509.DNSName)]


def _is_below(dns: str, domain: str) -> bool:
    name, parent = dns.lower(), domain.lower().removeprefix(".")
    return name == parent or name.endswith(f".{parent}")


def _parsed_authority(pem: bytes) -> x509.Certificate:
    block = gopem.first(pem)
    if block is None:
        raise CertificateError("failed to parse CA: no PEM-encoded data found")
    if block.kind != "CERTIFICATE":
        raise CertificateError("failed to parse CA: first PEM-block should be CERTIFICATE type")
    try:
        return x509.load_der_x509_certificate(block.content)
    except ValueError as e:
        raise CertificateError("failed to parse CA: x509: malformed certificate") from e


def _parsed_key(pem: bytes) -> PrivateKey:
    block = gopem.first(pem)
    if block is None:
        raise CertificateError("no PEM-encoded data found")
    if block.kind not in _KEY_TYPES:
        raise CertificateError(f"unknown PEM block type for signing key: {block.kind}")
    try:
        key = serialization.load_der_private_key(block.content, password=None)
    except (ValueError, TypeError) as e:
        raise CertificateError(f"failed to parse private key: {e}") from e
    if not isinstance(key, PrivateKey):
        raise CertificateError("unknown PEM block type for signing key")
    return key


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        if "%" in text:
            raise ValueError("zones have no place in a certificate")
        return ipaddress.ip_address(text)
    except ValueError as e:
        raise CertificateError("failed to parse certificate") from e


def _validity(days: int) -> x509.CertificateBuilder:
    """From now for so many days; with less than none it has ended already. Raises CertificateError."""
    now = datetime.now(UTC)
    try:
        end = now + timedelta(days=days)
    except OverflowError:
        raise CertificateError("asn1: structure error: cannot represent time as GeneralizedTime") from None
    return x509.CertificateBuilder().not_valid_before(min(now, end)).not_valid_after(end)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer_key_id(parent: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        identifier = parent.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        identifier = hashlib.sha256(_public_bytes(parent.public_key())).digest()
    return x509.AuthorityKeyIdentifier(identifier, None, None)


def _key_id(key: ec.EllipticCurvePublicKey) -> bytes:
    return hashlib.sha256(_public_bytes(key)).digest()


def _public_bytes(key: object) -> bytes:
    if not isinstance(key, _PublicKey):
        raise CertificateError(f"invalid key type: {type(key).__name__}")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _serial() -> int:
    return secrets.randbits(128) or 1


def _dns(names: Sequence[str]) -> list[x509.DNSName]:
    for name in names:
        if not name.isascii():
            raise CertificateError(f"x509: {quote(name)} cannot be encoded as an IA5String")
    return [x509.DNSName(name) for name in names]


def _name(parts: Sequence[tuple[ObjectIdentifier, str]]) -> x509.Name:
    # Go knows no limits here; with the 64 characters of RFC 5280 a long datacenter would have no certificates.
    return x509.Name([x509.NameAttribute(oid, text, _validate=False) for oid, text in parts])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
