"""Durations: nanoseconds in 64 bits, or a DurationError."""

from __future__ import annotations

from pyconsul.primitives.durations import DurationError, format_duration, parse_duration

SEEDS = [b"1h2m3.5s", b"-1.5h", b"300ms", b"9223372036854775807ns", b"0"]
TOKENS = [b"1", b"9" * 30, b".", b"h", b"ms", b"\xc2\xb5s", b"-", b"+", b'"', b" ", b"\xff"]


def run(data: bytes) -> None:
    """Read the duration, and print it if it is one."""
    try:
        found = parse_duration(data.decode("utf-8", "surrogateescape"))
    except DurationError as error:
        assert str(error).startswith("time: ")
        return
    assert -(1 << 63) <= found < 1 << 63
    assert abs(parse_duration(format_duration(found)) - found) <= 1
