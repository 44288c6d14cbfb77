"""RFC 3339 times as Go reads and prints them."""

from __future__ import annotations

import pytest

from pyconsul.structs.gotime import canonical

LAYOUT = "2006-01-02T15:04:05Z07:00"


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("2024-02-29T03:04:05Z", "2024-02-29T03:04:05Z"),
        ("2024-01-02T03:04:05.120Z", "2024-01-02T03:04:05.12Z"),
        ("2024-01-02T03:04:05,5Z", "2024-01-02T03:04:05.5Z"),
        ("2024-01-02T03:04:05.1234567891Z", "2024-01-02T03:04:05.123456789Z"),
        ("2024-01-02T3:04:05+02:30", "2024-01-02T03:04:05+02:30"),
        ("2024-01-02T03:04:05-00:00", "2024-01-02T03:04:05Z"),
        ("2024-01-02T03:04:05-01:60", "2024-01-02T03:04:05-02:00"),
    ],
)
def test_a_time_is_printed_in_one_form(written: str, printed: str) -> None:
    """Of the ways to write one that Go takes; hours may have one digit, and fractions a comma."""
    assert canonical(written) == printed


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", f' as "{LAYOUT}": cannot parse "" as "2006"'),
        ("2024-01-02", f' as "{LAYOUT}": cannot parse "" as "T"'),
        ("2024-01-52t00:00:00Z", f' as "{LAYOUT}": cannot parse "t00:00:00Z" as "T"'),
        ("2024-01-02T03:04:05.5", f' as "{LAYOUT}": cannot parse "" as "Z07:00"'),
        ("2024-01-02T03:04:05Zx", ': extra text: "x"'),
        ("2024-13-02T03:04:05Z", ": month out of range"),
        ("2023-02-29T03:04:05Z", ": day out of range"),
        ("2024-01-02T24:04:05Z", ": hour out of range"),
        ("2024-01-02T03:60:05Z", ": minute out of range"),
        ("2024-01-02T03:04:60Z", ": second out of range"),
        ("2024-01-02T03:04:05+25:00", ": time zone offset hour out of range"),
        ("2024-01-02T03:04:05+00:61", ": time zone offset minute out of range"),
    ],
)
def test_what_is_no_time_is_refused(written: str, reason: str) -> None:
    """At the first element that does not fit; whether the month has that day is asked at the end."""
    with pytest.raises(ValueError) as refused:
        canonical(written)
    assert str(refused.value) == f'parsing time "{written}"{reason}'
