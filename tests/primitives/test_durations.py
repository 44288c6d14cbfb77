"""Durations read and print as Go's do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.primitives.durations import DurationError, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "nanoseconds", "printed"),
    [
        ("0", 0, "0s"),
        ("1h2m3.5s", 3_723_500_000_000, "1h2m3.5s"),
        ("-1.5h", -5_400_000_000_000, "-1h30m0s"),
        ("+5s", 5_000_000_000, "5s"),
        ("5\u00b5s", 5_000, "5\u00b5s"),
        ("5\u03bcs", 5_000, "5\u00b5s"),
        (".5ms", 500_000, "500\u00b5s"),
        ("1.s", 1_000_000_000, "1s"),
        ("0.1ns", 0, "0s"),
        ("100h100ms", 360_000_100_000_000, "100h0m0.1s"),
        ("9223372036854775807ns", 2**63 - 1, "2562047h47m16.854775807s"),
        ("-9223372036854775808ns", -(2**63), "-2562047h47m16.854775808s"),
    ],
)
def test_a_duration_reads_and_prints_as_in_go(text: str, nanoseconds: int, printed: str) -> None:
    """The value and the canonical text are those of Go's time package."""
    assert parse_duration(text) == nanoseconds
    assert format_duration(nanoseconds) == printed


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("10", 'time: missing unit in duration "10"'),
        ("1x", 'time: unknown unit "x" in duration "1x"'),
        ('1"', 'time: unknown unit "\\"" in duration "1\\""'),
        ("1\u00e9", 'time: unknown unit "\\xc3\\xa9" in duration "1\\xc3\\xa9"'),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
        ("3000000h", 'time: invalid duration "3000000h"'),
        ("notaduration", 'time: invalid duration "notaduration"'),
    ],
)
def test_a_bad_duration_is_refused_in_gos_words(text: str, error: str) -> None:
    """Malformed text, missing and unknown units and overflow have Go's sentences."""
    with pytest.raises(DurationError) as caught:
        parse_duration(text)
    assert str(caught.value) == error


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_every_printed_duration_reads_back(nanoseconds: int) -> None:
    """Printing loses nothing that half a nanosecond of floating point would not."""
    assert abs(parse_duration(format_duration(nanoseconds)) - nanoseconds) <= 1


@given(st.text(max_size=40))
def test_any_text_gives_a_duration_or_a_duration_error(text: str) -> None:
    """No input makes the reader fail in another way."""
    try:
        assert isinstance(parse_duration(text), int)
    except DurationError as error:
        assert str(error).startswith("time: ")
