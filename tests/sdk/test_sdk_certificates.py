"""Certificates that name somebody else, whose time is not now, or whose files cannot be used are told of in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from pyconsul.sdk import tls
from pyconsul.sdk.certificates import name_fault, time_fault
from pyconsul.sdk.errors import ConfigError
from pyconsul.sdk.settings import TLS

SUBJECT = ((("commonName", "agent.test"),),)
NAMED: dict[str, Any] = {
    "subject": SUBJECT,
    "subjectAltName": (("DNS", "a.test"), ("IP Address", "10.0.0.1"), ("DNS", "b.test")),
    "notBefore": "Nov  1 00:00:00 2026 GMT",
    "notAfter": "Nov 30 12:00:00 2026 GMT",
}


@pytest.mark.parametrize(
    ("seen", "name", "text"),
    [
        (NAMED, "c.test", "certificate is valid for a.test, b.test, not c.test"),
        (NAMED, "127.0.0.1", "certificate is valid for 10.0.0.1, not 127.0.0.1"),
        (
            {"subjectAltName": (("IP Address", "0:0:0:0:0:0:0:1"),)},
            "127.0.0.1",
            "certificate is valid for ::1, not 127.0.0.1",
        ),
        (
            {"subjectAltName": (("DNS", "a.test"),)},
            "127.0.0.1",
            "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs",
        ),
        (
            {"subjectAltName": (("IP Address", "10.0.0.1"),)},
            "c.test",
            "certificate is not valid for any names, but wanted to match c.test",
        ),
        (
            {"subject": SUBJECT},
            "Agent.test",
            "certificate relies on legacy Common Name field, use SANs instead",
        ),
        ({"subject": SUBJECT}, "c.test", "certificate is not valid for any names, but wanted to match c.test"),
    ],
)
def test_the_names_that_would_do_are_told(seen: dict[str, Any], name: str, text: str) -> None:
    """Names for names, addresses for addresses, as Go prints them."""
    assert name_fault(seen, name) == text


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
def test_both_times_are_told(now: datetime, text: str) -> None:
    """Ours with its zone, the certificate's in UTC."""
    assert time_fault(NAMED, now) == f"certificate has expired or is not yet valid: {text}"


def test_a_certificate_whose_time_is_now_has_no_fault() -> None:
    """It is an authority above it that has expired then, about which nothing more is known."""
    assert time_fault(NAMED, datetime(2026, 11, 15, tzinfo=UTC)) == ""


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (TLS(ca_file="/proc/none.pem"), "/proc/none.pem: no such file or directory"),
        (TLS(ca_file="/proc/version"), "/proc/version: "),
        (TLS(cert_file="/proc/none.pem", key_file="/proc/key.pem"), "/proc/none.pem with /proc/key.pem: no such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(settings: TLS, text: str) -> None:
    """OpenSSL tells no names."""
    with pytest.raises(ConfigError, match=f"^Error loading TLS files: {text}"):
        tls.context(settings)
