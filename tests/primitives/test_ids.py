"""IDs in UUID form: what Consul 1.21 answered to each of these as a node's ID."""

import pytest

from pyconsul.primitives.ids import uuid_fault

TAIL = "-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("0000000A" + TAIL, ""),
        ("0000000é" + TAIL, "uuid string is wrong length"),
        ("000000000000-0000-0000-000000-000000", "uuid is improperly formatted"),
        ("000000é" + TAIL, "encoding/hex: invalid byte: U+00C3 'Ã'"),
        ("00-00000" + TAIL, "encoding/hex: invalid byte: U+002D '-'"),
        ("0000000'" + TAIL, "encoding/hex: invalid byte: U+0027 '''"),
        ("0000000\\" + TAIL, "encoding/hex: invalid byte: U+005C '\\'"),
        ("0000000\n" + TAIL, "encoding/hex: invalid byte: U+000A"),
        ("0000000\udcff" + TAIL, "encoding/hex: invalid byte: U+00FF 'ÿ'"),
    ],
)
def test_what_is_no_uuid_is_told_by_its_bytes(text: str, fault: str) -> None:
    """Length and digits are those of UTF-8, and what cannot be printed is told by its number alone."""
    assert uuid_fault(text) == fault
