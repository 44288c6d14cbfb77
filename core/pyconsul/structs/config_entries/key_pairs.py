"""A certificate and its key in PEM, checked as Consul and Go's ``tls.X509KeyPair`` do."""

import re
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pyconsul.lang.strconv import quote
from pyconsul.structs.config_entries.names import is_domain_name

_BLOCK = re.compile(rb"-----BEGIN ([^-\n]+)-----\s.*?-----END \1-----", re.DOTALL)
_RSA_BITS = 2048  # Envoy silently refuses less


def key_pair_fault(certificate: str, key: str) -> str:
    """What is wrong with the pair, in Go's words as far as they do not come from parsers; "" if nothing is."""
    block = _BLOCK.search(key.encode())
    if block is None:
        return "failed to parse private key PEM"
    try:
        private = load_pem_private_key(block[0], None)
    except (ValueError, TypeError) as error:
        return f"tls: failed to parse private key: {error}"
    if block[1] == b"RSA PRIVATE KEY" and isinstance(private, rsa.RSAPrivateKey) and private.key_size < _RSA_BITS:
        return f"key length must be at least {_RSA_BITS} bits"
    found = _BLOCK.search(certificate.encode())
    if found is None:
        return "failed to parse certificate PEM"
    try:
        parsed = x509.load_pem_x509_certificate(found[0])
    except ValueError as error:
        return f"failed to parse certificate: {error}"
    return _mismatch(parsed, private) or _bad_host(parsed)


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
        parsed = x509.load_pem_x509_certificate(found)
    except ValueError:
        return "x509: malformed certificate"
    try:
        private = load_pem_private_key(secret, None)
    except (ValueError, TypeError):
        return "tls: failed to parse private key"
    return _mismatch(parsed, private)


def _first_block(pem: bytes, wanted: Callable[[str], bool]) -> tuple[bytes | None, list[str]]:
    """The first block of a wanted kind, and the kinds of those before it."""
    skipped: list[str] = []
    for block in _BLOCK.finditer(pem):
        kind = block[1].decode("utf-8", "replace")
        if wanted(kind):
            return block[0], skipped
        skipped.append(kind)
    return None, skipped


def _skipping(kinds: list[str]) -> str:
    return f"skipping PEM blocks of the following types: [{' '.join(kinds)}]"


def _mismatch(certificate: x509.Certificate, private: object) -> str:
    public = certificate.public_key()
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


def _bad_host(certificate: x509.Certificate) -> str:
    hosts = [str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts += names.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        pass  # a common name alone is fine
    return next((f"host {quote(host)} must be a valid DNS hostname" for host in hosts if not is_domain_name(host)), "")
