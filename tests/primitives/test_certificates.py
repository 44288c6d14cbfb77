"""Certificates that a peer should not have shown are told in Go's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from pyconsul.primitives.certificates import certificate_fault
from tests.certificates import general_name

START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 11, 30, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 15, tzinfo=UTC)
KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(*names: str, common_name: str = "agent.test") -> bytes:
    """A certificate (DER) for these names and addresses."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    made = x509.CertificateBuilder(subject, subject, KEY.public_key(), 1, START, END)
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(list(map(general_name, names))), critical=False)
    return made.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("names", "wanted", "text"),
    [
        (["a.test", "10.0.0.1", "b.test"], "c.test", "certificate is valid for a.test, b.test, not c.test"),
        (["a.test", "10.0.0.1", "b.test"], "127.0.0.1", "certificate is valid for 10.0.0.1, not 127.0.0.1"),
        (["::1"], "127.0.0.1", "certificate is valid for ::1, not 127.0.0.1"),
        (
            ["a.test"],
            "127.0.0.1",
            "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
        ),
        (["10.0.0.1"], "c.test", "certificate is not valid for any names, but wanted to match c.test"),
        ([], "Agent.test", "certificate relies on legacy Common Name field, use SANs instead"),
        ([], "c.test", "certificate is not valid for any names, but wanted to match c.test"),
        (["*.test"], "a.b.test", "certificate is valid for *.test, not a.b.test"),
        (
            [f"{number}.test" for number in range(100)],
            "c.test",
            "certificate is valid for 100 names, but none matched c.test",
        ),
        (["*.test"], "A.test", ""),
        (["a.test"], "a.test.", ""),
        (["127.0.0.1"], "127.0.0.1", ""),
    ],
)
def test_the_names_that_would_do_are_told(names: list[str], wanted: str, text: str) -> None:
    """Names for names, addresses for addresses, as Go prints them."""
    assert certificate_fault(certificate(*names), wanted, NOW) == text


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (
            datetime(2026, 12, 1, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1))),
            "current time 2026-12-01T13:00:00+01:00 is after 2026-11-30T12:00:00Z",
        ),
        (datetime(2026, 10, 1, tzinfo=UTC), "current time 2026-10-01T00:00:00Z is before 2026-11-01T00:00:00Z"),
    ],
)
def test_times_come_before_names(now: datetime, text: str) -> None:
    """Ours with its zone, the certificate's in UTC."""
    fault = certificate_fault(certificate("a.test"), "b.test", now)
    assert fault == f"certificate has expired or is not yet valid: {text}"


def test_what_is_no_certificate_has_no_fault() -> None:
    """OpenSSL's own words are told then."""
    assert certificate_fault(b"no certificate", "a.test", NOW) == ""
