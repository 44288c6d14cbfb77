"""Values of JSON texts, as deep as Go reads them."""

import gc
import json
import sys
from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.gojson_syntax import GoSyntaxError, first_value, raw_members
from pyconsul.lang.gojson_values import MAX_DEPTH, value_of
from tests.plain import Plain

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@pytest.fixture(autouse=True, scope="module")
def no_collection() -> Iterator[None]:
    """Hypothesis hears of each garbage collection, for which there may be no room as deep as these tests go."""
    gc.disable()
    yield
    gc.enable()


def levels(value: Plain) -> int:
    """How deep lists and objects of one member nest."""
    count = 0
    while isinstance(value, list | dict):
        inner = list(value.values()) if isinstance(value, dict) else value
        value, count = (inner[0] if inner else None), count + 1
    return count


@pytest.fixture(params=[1000, 2_000_000])
def recursion_limit(request: pytest.FixtureRequest) -> Generator[None]:
    """The interpreter's usual limit, and the one while templates run."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, request.param))
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("recursion_limit")
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_ten_thousand_levels_are_read(opening: str, closing: str) -> None:
    """One more is refused, in Go's words."""
    inner = "0" if opening != "[" else ""
    text = opening * MAX_DEPTH + inner + closing * MAX_DEPTH
    assert levels(first_value(text.encode())) == MAX_DEPTH
    with pytest.raises(GoSyntaxError, match="exceeded max depth"):
        first_value((opening + text + closing).encode())


@given(VALUES, st.booleans())
def test_deep_texts_are_read_as_shallow_ones(value: object, is_ascii: bool) -> None:
    """What stands inside many brackets is the same as outside."""
    text = json.dumps(value, ensure_ascii=is_ascii)
    found = value_of("[" * 2000 + text + "]" * 2000)
    for _ in range(2000):
        found = found[0]
    assert found == value_of(text) == value


def test_half_a_surrogate_pair_is_no_character() -> None:
    """A whole one is."""
    assert value_of(r'["\ud800", "\ud83d\ude00", "\\ud800"]') == ["\ufffd", "\U0001f600", "\\ud800"]


def test_members_are_shown_as_they_are_written() -> None:
    """Also those that come twice."""
    text = b' { "a" : [1, 2] , "a":{"x":"\\"}"}, "b":1e3 } '
    assert raw_members(text) == [("a", b"[1, 2]"), ("a", b'{"x":"\\"}"}'), ("b", b"1e3")]
    assert raw_members(b"{ }") == []
