"""What is wrong with JSON is said in the words of Go's encoding/json."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.gojson_syntax import TOO_DEEP, syntax_error

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("notjson", "invalid character 'o' in literal null (expecting 'u')"),
        ("nul", "invalid character ' ' in literal null (expecting 'l')"),
        ("-", "invalid character ' ' in numeric literal"),
        ("1.", "invalid character ' ' after decimal point in numeric literal"),
        ("1e+x", "invalid character 'x' in exponent of numeric literal"),
        ("{bad", "invalid character 'b' looking for beginning of object key string"),
        ('{"a"}', "invalid character '}' after object key"),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1]x", "invalid character 'x' after top-level value"),
        ('{"a":}', "invalid character '}' looking for beginning of value"),
        ('"a\nb"', "invalid character '\\n' in string literal"),
        ('"\\x"', "invalid character 'x' in string escape code"),
        ('"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        ("'", "invalid character '\\'' looking for beginning of value"),
        ("01", "invalid character '1' after top-level value"),
    ],
)
def test_the_first_fault_is_named(text: str, complaint: str) -> None:
    """Each fault has Go's sentence."""
    assert syntax_error(text.encode()) == complaint


@given(VALUES)
def test_valid_json_has_no_fault(value: object) -> None:
    """What a JSON writer writes is right, indented or not."""
    assert syntax_error(json.dumps(value).encode()) is None
    assert syntax_error(json.dumps(value, indent=2, ensure_ascii=False).encode()) is None


@given(VALUES, st.integers(min_value=1, max_value=20))
def test_cut_containers_are_faulty(value: object, cut: int) -> None:
    """A list that was cut anywhere is no JSON."""
    text = json.dumps([value]).encode()
    assert syntax_error(text[: max(0, len(text) - cut)]) is not None


def test_deep_nesting_is_refused_and_not_recursed() -> None:
    """A hundred thousand brackets give an answer."""
    assert syntax_error(b"[" * 100_000) == TOO_DEEP


@given(st.binary(max_size=30))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    """Faulty or not, every text gets an answer, and it agrees with another parser where that one accepts."""
    told = syntax_error(data)
    try:
        json.loads(data.decode("ascii"), parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return
    assert told is None
