"""Base64 as Go decodes it, and at which byte a text that is none goes wrong."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.primitives.base64_text import IllegalBase64, decode


@given(st.binary(), st.integers(1, 80))
def test_what_is_encoded_comes_back(data: bytes, width: int) -> None:
    """However its lines were broken."""
    text = base64.b64encode(data)
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    assert decode(text) == decode(b"\r\n".join(lines)) == data


# The places are those that consul-template names.
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("YQ", 0),
        ("YQ=", 3),
        ("Y", 0),
        ("=", 0),
        ("====", 0),
        ("Y===", 1),
        ("YQ==YQ==", 4),
        ("YWI=x", 4),
        ("YW=x", 2),
        ("YQ=x", 2),
        ("Y!==", 1),
        ("!", 0),
        ("YWJjZ", 4),
        ("YWJjZA=", 7),
        ("YWJj!ZGVm", 4),
        ("YW-_", 2),
        ("YWJj\nZ", 5),
        ("\n!", 1),
        ("YQ=\n", 4),
        ("YWJjYQ=x", 6),
        ("YWI==", 4),
        ("éA==", 0),
    ],
)
def test_a_text_that_is_no_base64_goes_wrong_at_a_byte(text: str, place: int) -> None:
    """An unfinished group at its beginning, padding where it may not stand, a stranger where he stands."""
    with pytest.raises(IllegalBase64, match=f"^illegal base64 data at input byte {place}$"):
        decode(text.encode())


@pytest.mark.parametrize(
    ("text", "partial"), [("YWJj!", b"abc"), ("YWJjZ", b"abc"), ("YWI=x", b"ab"), ("YQ==YQ==", b"a"), ("YQ=", b"")]
)
def test_what_stands_before_the_error_is_kept(text: str, partial: bytes) -> None:
    """In whole groups: Go's decoder gives it back with the error."""
    with pytest.raises(IllegalBase64) as caught:
        decode(text.encode())
    assert caught.value.partial == partial


@given(st.text("AQ=\n!", max_size=10))
def test_any_text_decodes_or_names_a_byte_of_it(text: str) -> None:
    """Nothing else happens."""
    try:
        data = decode(text.encode())
    except IllegalBase64 as error:
        assert 0 <= int(str(error).rpartition(" ")[2]) <= len(text)
    else:
        assert base64.b64decode(text.encode()) == data
