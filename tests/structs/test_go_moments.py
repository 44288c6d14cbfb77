"""Moments in Go's two forms: RFC 3339 text with nanoseconds, and the binary form of the log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.structs.gotime import (
    from_binary,
    moment_of,
    nanoseconds_of,
    text_of_nanoseconds,
    to_binary,
)

NANOSECONDS = st.integers(-62_135_596_800 * 10**9, 250_000_000_000 * 10**9)
FORMS = [
    ("0001-01-01T00:00:00Z", "01 0000000000000000 00000000 ffff"),
    ("1970-01-01T00:00:00Z", "01 0000000e7791f700 00000000 ffff"),
    ("2024-01-02T03:04:05.000000001Z", "01 0000000edd257425 00000001 ffff"),
    ("2024-01-02T03:04:05.5+02:30", "01 0000000edd2550fd 1dcd6500 0096"),
    ("2024-01-02T03:04:05-01:00", "01 0000000edd258235 00000000 ffc4"),
]


@pytest.mark.parametrize(("text", "binary"), FORMS)
def test_a_time_has_one_binary_form(text: str, binary: str) -> None:
    """Version, seconds since the year 1, nanoseconds, and the zone in minutes, where UTC is -1."""
    assert to_binary(text) == bytes.fromhex(binary)
    assert from_binary(bytes.fromhex(binary)) == text


def test_an_empty_time_is_the_zero_time() -> None:
    """As Go has no other for what was never set."""
    assert to_binary("") == to_binary("0001-01-01T00:00:00Z")


def test_the_second_version_has_a_byte_more() -> None:
    """The seconds of an offset, which are not shown."""
    data = b"\x02" + to_binary("2024-01-02T03:04:05+02:30")[1:] + b"\x07"
    assert from_binary(data) == "2024-01-02T03:04:05+02:30"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "invalid binary time"),
        (b"\x01" * 14, "invalid binary time"),
        (b"\x01" * 17, "invalid binary time"),
        (b"\x03" + bytes(14), "invalid binary time"),
        (b"\x01" + bytes(8) + (10**9).to_bytes(4, "big") + b"\xff\xff", "invalid binary time"),
        (b"\x01\x7f" + bytes(7) + bytes(4) + b"\xff\xff", "time out of range"),
        (b"\x01\xff" + bytes(7) + bytes(4) + b"\xff\xff", "time out of range"),
    ],
)
def test_bytes_that_are_no_time_are_refused(data: bytes, reason: str) -> None:
    """Of another length or version, with too many nanoseconds, or beyond the years that there are."""
    with pytest.raises(ValueError, match=f"^{reason}$"):
        from_binary(data)


@given(NANOSECONDS)
def test_nanoseconds_come_back_from_text_and_from_bytes(since_1970: int) -> None:
    """None is lost on the way."""
    text = text_of_nanoseconds(since_1970)
    assert nanoseconds_of(text) == since_1970
    assert from_binary(to_binary(text)) == text


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("2024-01-02T03:04:05.1234567Z", 123456),
        ("2024-01-02T03:04:05.1Z", 100000),
        ("2024-01-02T03:04:05.123456789+02:00", 123456),
        ("2024-01-02T03:04:05Z", 0),
    ],
)
def test_a_moment_is_cut_to_microseconds(text: str, cut: int) -> None:
    """Which is all that Python has; the zone behind the fraction counts."""
    moment = moment_of(text)
    assert moment.microsecond == cut
    assert moment.utcoffset() == timedelta(hours=2 if text.endswith("+02:00") else 0)


@pytest.mark.parametrize(
    ("since_1970", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (500_000_000, "1970-01-01T00:00:00.5Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (-62_135_596_800 * 10**9, "0001-01-01T00:00:00Z"),
        (-30_641_760_001 * 10**9, "0998-12-31T23:59:59Z"),
    ],
)
def test_a_moment_is_printed_with_four_digits_of_its_year(since_1970: int, text: str) -> None:
    """No zeros end the fraction, and no dot stands without one."""
    assert text_of_nanoseconds(since_1970) == text
    assert nanoseconds_of(text) == since_1970
