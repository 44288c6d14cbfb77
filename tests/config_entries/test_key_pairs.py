"""A certificate with its key is taken, or refused, as Consul does it with an ``inline-certificate``."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pyconsul.structs.config_entries.key_pairs import key_pair_fault

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SMALL = rsa.generate_private_key(65537, 1024)
NOT_DER = "-----BEGIN EC PRIVATE KEY-----\naGVsbG8=\n-----END EC PRIVATE KEY-----\n"
PARAMETERS = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
NOT_BASE64 = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"


def certificate(*common_names: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = KEY) -> str:
    """One that signs itself, with these common names."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one) for one in common_names])
    start, end = datetime(2024, 1, 1, tzinfo=UTC), datetime(2044, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, end).sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: PrivateFormat = PrivateFormat.TraditionalOpenSSL
) -> str:
    """A key as text."""
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


WEB = certificate("web")


@pytest.mark.parametrize(
    ("cert", "key"),
    [
        (WEB, pem(KEY)),
        (WEB, pem(KEY, PrivateFormat.PKCS8)),
        (WEB, PARAMETERS + pem(KEY)),  # as "openssl ecparam -genkey" writes it
        (NOT_BASE64 + WEB, pem(KEY)),
        ("some text\n" + WEB.replace("\n", "\r\n").strip(), "more text\n" + pem(KEY)),
        (certificate("a..b", "web"), pem(KEY)),  # the last name counts
        (certificate("web", key=RSA), pem(RSA)),
        (certificate("web", key=RSA), pem(RSA).replace("RSA ", "")),  # what it is decides, not its label
        (certificate("web", key=SMALL), pem(SMALL, PrivateFormat.PKCS8)),  # Consul measures keys of the old form alone
    ],
    ids=range(9),  # the texts are new in each process
)
def test_a_pair_that_fits_is_taken(cert: str, key: str) -> None:
    """Whatever form the key has, and whatever stands around the blocks."""
    assert key_pair_fault(cert, key) == ""


@pytest.mark.parametrize(
    ("cert", "key", "text"),
    [
        (WEB, "x", "failed to parse private key PEM"),
        ("x", NOT_DER, "failed to parse certificate PEM"),
        ("  " + WEB, pem(KEY), "failed to parse certificate PEM"),
        (NOT_DER, pem(KEY), "failed to parse certificate: x509: malformed certificate"),
        (WEB, NOT_DER, "tls: failed to parse private key"),
        (WEB, pem(OTHER), "tls: private key does not match public key"),
        (WEB, pem(RSA), "tls: private key type does not match public key type"),
        (certificate("web", key=SMALL), pem(SMALL), "key length must be at least 2048 bits"),
        (
            certificate("web", key=RSA),
            pem(RSA, PrivateFormat.PKCS8).replace("PRIVATE", "RSA PRIVATE"),
            "x509: failed to parse private key (use ParsePKCS8PrivateKey instead for this key format)",
        ),
        (
            WEB.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
            pem(KEY),
            'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the '
            "following types: [TRUSTED CERTIFICATE]",
        ),
        (certificate(), pem(KEY), 'host "" must be a valid DNS hostname'),
        (certificate("a..b"), pem(KEY), 'host "a..b" must be a valid DNS hostname'),
    ],
    ids=range(12),
)
def test_a_pair_that_does_not_fit_is_refused(cert: str, key: str, text: str) -> None:
    """With what Consul says; a certificate needs a common name."""
    assert key_pair_fault(cert, key) == text
