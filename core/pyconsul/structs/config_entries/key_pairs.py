"""A certificate and its key in PEM, checked as Consul and Go's ``tls.X509KeyPair`` do."""

from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from pyconsul.lang import gopem
from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.names import is_domain_name

_RSA_KEY: Final = "RSA PRIVATE KEY"
_RSA_BITS: Final = 2048  # Envoy silently refuses less
_BAD_KEY: Final = "tls: failed to parse private key"
_BAD_CERTIFICATE: Final = "x509: malformed certificate"
_UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)


def key_pair_fault(certificate: str, key: str) -> str:
    """What is wrong with the pair, in Go's words but for those of its ASN.1 reader; "" if nothing is."""
    secret = gopem.first(key.encode("utf-8", "surrogateescape"))
    if secret is None:
        return "failed to parse private key PEM"
    if secret.kind == _RSA_KEY and (fault := _rsa_fault(secret.content)):
        return fault
    data = certificate.encode("utf-8", "surrogateescape")
    first = gopem.first(data)
    if first is None:
        return "failed to parse certificate PEM"
    try:
        hosts = _hosts(x509.load_der_x509_certificate(first.content))
    except _UNREADABLE:
        return f"failed to parse certificate: {_BAD_CERTIFICATE}"
    if fault := x509_key_pair_fault(data, key.encode("utf-8", "surrogateescape")):
        return fault
    return next((f"host {quote(host)} must be a valid DNS hostname" for host in hosts if not is_domain_name(host)), "")


def x509_key_pair_fault(certificate: bytes, key: bytes) -> str:
    """What ``tls.X509KeyPair`` finds wrong with the two files' contents, in its words; "" if nothing is."""
    found, skipped = _first_block(certificate, lambda kind: kind == "CERTIFICATE")
    if found is None:
        if not skipped:
            return "tls: failed to find any PEM data in certificate input"
        if len(skipped) == 1 and skipped[0].endswith("PRIVATE KEY"):
            return (
                "tls: failed to find certificate PEM data in certificate input, but did find a private key; "
                "PEM inputs may have been switched"
            )
        return f'tls: failed to find "CERTIFICATE" PEM block in certificate input after {_skipping(skipped)}'
    secret, skipped = _first_block(key, lambda kind: kind == "PRIVATE KEY" or kind.endswith(" PRIVATE KEY"))
    if secret is None:
        if not skipped:
            return "tls: failed to find any PEM data in key input"
        if len(skipped) == 1 and skipped[0] == "CERTIFICATE":
            return "tls: found a certificate rather than a key in the PEM for the private key"
        return (
            f'tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after {_skipping(skipped)}'
        )
    try:
        public = x509.load_der_x509_certificate(found).public_key()
    except _UNREADABLE:
        return _BAD_CERTIFICATE
    try:
        private = load_der_private_key(secret, None)
    except _UNREADABLE:
        return _BAD_KEY
    return _mismatch(public, private)


def _first_block(pem: bytes, wanted: Callable[[str], bool]) -> tuple[bytes | None, list[str]]:
    """The content of the first block of a wanted kind, and the kinds of those before it."""
    skipped: list[str] = []
    for block in gopem.blocks(pem):
        if wanted(block.kind):
            return block.content, skipped
        skipped.append(block.kind)
    return None, skipped


def _skipping(kinds: list[str]) -> str:
    return f"skipping PEM blocks of the following types: [{' '.join(kinds)}]"


def _rsa_fault(der: bytes) -> str:
    try:
        private = load_der_private_key(der, None)
    except _UNREADABLE:
        return _BAD_KEY
    if not isinstance(private, rsa.RSAPrivateKey):
        return _BAD_KEY
    if private.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()) != der:
        return "x509: failed to parse private key (use ParsePKCS8PrivateKey instead for this key format)"
    return f"key length must be at least {_RSA_BITS} bits" if private.key_size < _RSA_BITS else ""


def _mismatch(public: object, private: object) -> str:
    for public_kind, private_kind in (
        (rsa.RSAPublicKey, rsa.RSAPrivateKey),
        (ec.EllipticCurvePublicKey, ec.EllipticCurvePrivateKey),
        (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey),
    ):
        if isinstance(public, public_kind):
            if not isinstance(private, private_kind):
                return "tls: private key type does not match public key type"
            return "" if private.public_key() == public else "tls: private key does not match public key"
    return "tls: unknown public key algorithm"


def _hosts(certificate: x509.Certificate) -> list[str]:
    """Its last common name, "" without one as in Consul, and its alternative DNS names."""
    common = [str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    hosts = common[-1:] or [""]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return hosts
    return hosts + names.get_values_for_type(x509.DNSName)
