"""JSON as Go writes it."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.structs import gojson
from pyconsul.structs.kv import DirEntry


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("<a & b>", '"\\u003ca \\u0026 b\\u003e"'),
        ("\u2028", '"\\u2028"'),
        ([1.0, 2.5, 1e21, 1e-7, 1e20], "[1,2.5,1e+21,1e-7,100000000000000000000]"),
        ({"not a number": "1.0 and 2e5"}, '{"not a number":"1.0 and 2e5"}'),
        ([], "[]"),
        (None, "null"),
    ],
)
def test_values_are_written_as_go_writes_them(value: object, text: str) -> None:
    """HTML characters are escaped, whole floats lose their point, exponents have two digits."""
    assert gojson.encode(value).decode() == text


def test_an_entry_prints_in_consuls_order_and_leaves_out_what_go_omits() -> None:
    """Fields stand in declaration order; an unset session does not appear; no value is null."""
    text = gojson.encode(DirEntry(Key="a", CreateIndex=3, ModifyIndex=4)).decode()
    assert text == '{"LockIndex":0,"Key":"a","Flags":0,"Value":null,"CreateIndex":3,"ModifyIndex":4}'


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    """A key that came as raw bytes is shown as Go shows it and breaks nothing."""
    entry = DirEntry(Key=b"\xff".decode("utf-8", "surrogateescape"))
    assert '"Key":"\ufffd"' in gojson.encode(entry).decode()


def test_other_structs_lose_their_bad_bytes_too() -> None:
    """A metric's label may come from a request that was no UTF-8."""

    class Label(msgspec.Struct, frozen=True):
        Name: str

    assert gojson.encode([Label("\udcff")]).decode() == '[{"Name":"\ufffd"}]'


def test_pretty_keeps_empty_containers_on_one_line() -> None:
    """Four spaces of indent, as Consul's ``?pretty``."""
    assert gojson.encode_pretty({"a": [], "b": [1]}).decode() == '{\n    "a": [],\n    "b": [\n        1\n    ]\n}'


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_reads_back_as_itself(number: float) -> None:
    """The form changes, the number does not."""
    assert float(gojson.format_float(number)) == number


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab<\u2028", max_size=3), inner, max_size=4),
)


@given(JSON)
def test_any_value_reads_back_as_itself(value: object) -> None:
    """Escapes hide nothing."""
    assert json.loads(gojson.encode(value)) == value
