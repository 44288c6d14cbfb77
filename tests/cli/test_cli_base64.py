"""Base64 is read as Go reads it, with its positions of errors."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.primitives.base64_text import IllegalBase64, decode


@given(st.binary(max_size=64))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    """Every value survives, also with line breaks in its text."""
    text = base64.b64encode(data)
    assert decode(text) == data
    assert decode(b"\r\n".join(text[i : i + 5] for i in range(0, len(text), 5))) == data


@pytest.mark.parametrize(
    ("text", "position", "partial"),
    [
        ("%%%", 0, b""),
        ("\r\n9", 2, b""),
        ("Aaa\r", 1, b""),
        ("a9\nA=a", 5, b"k\xd0"),
        ("+\n/", 1, b""),
        ("9AA=%==", 4, b"\xf4\x00"),
        ("9\rAa+/++\n\n", 7, b"\xf4\x06\xbe"),
        ("AA==A", 4, b"\x00"),
        ("AA=", 3, b""),
    ],
)
def test_errors_name_gos_position(text: str, position: int, partial: bytes) -> None:
    """The byte that Go names is named, and what stood before it is kept."""
    with pytest.raises(IllegalBase64) as caught:
        decode(text.encode())
    assert str(caught.value) == f"illegal base64 data at input byte {position}"
    assert caught.value.partial == partial


@given(st.binary(max_size=40))
def test_any_text_is_decoded_or_refused(text: bytes) -> None:
    """Nothing but a decoded value or a position comes out."""
    try:
        decode(text)
    except IllegalBase64 as e:
        assert str(e).startswith("illegal base64 data at input byte ")
