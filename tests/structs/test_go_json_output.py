"""JSON as Go writes it."""

import json
from typing import Any

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
    """Each as an escape; what was U+FFFD before stays as it is."""
    entry = DirEntry(Key=b"\xff\xfe \xef\xbf\xbd \xef\xb7\x90".decode("utf-8", "surrogateescape"))
    assert '"Key":"\\ufffd\\ufffd \ufffd \ufdd0"' in gojson.encode(entry).decode()


def test_other_structs_lose_their_bad_bytes_too() -> None:
    """A metric's label may come from a request that was no UTF-8."""

    class Label(msgspec.Struct, frozen=True):
        Name: str

    assert gojson.encode([Label("\udcff")]).decode() == r'[{"Name":"\ufffd"}]'


class Row(msgspec.Struct, frozen=True):
    """A row of some answer, its fields not in the order of the alphabet."""

    Name: str
    Meta: dict[str, str]
    Kept: dict[str, dict[str, int]]


ROW = Row("web", Meta={"version": "2", "env": "prod"}, Kept={"wan": {"Port": 1, "Address": 2}, "lan": {}})
SORTED_ROW = '{"Name":"web","Meta":{"env":"prod","version":"2"},"Kept":{"lan":{},"wan":{"Address":2,"Port":1}}}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ROW, SORTED_ROW),
        ([ROW], f"[{SORTED_ROW}]"),
        ({"b": ROW, "a": [ROW]}, f'{{"b":{SORTED_ROW},"a":[{SORTED_ROW}]}}'),
        ([{"b": ROW, "a": 1}], f'[{{"b":{SORTED_ROW},"a":1}}]'),
    ],
)
def test_the_maps_of_a_struct_are_sorted_and_objects_that_are_written_out_keep_their_order(
    value: object, text: str
) -> None:
    """Go sorts a map's keys wherever it stands, so answers to equal data are equal bytes, whoever sent them how."""
    assert gojson.encode(value).decode() == text


def test_a_map_within_an_object_that_is_written_out_can_be_sorted() -> None:
    """All maps in it are, too, but not the elements of lists."""
    config: dict[str, Any] = {"b": [{"z": 1, "a": 2}, 0], "a": {}}
    assert gojson.encode({"Type": "jwt", "Config": gojson.sorted_map(config)}).decode() == (
        '{"Type":"jwt","Config":{"a":{},"b":[{"a":2,"z":1},0]}}'
    )


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
