# ruff: noqa: E501 - one row a case reads best
"""What the keys of the tools' files take and refuse, in the words of the originals' decoder."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pyconsul.lang.hcl.decode import Blocks
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.schema import (
    Kind,
    Schema,
    decode,
    duration,
    file_mode,
    integer,
    many,
    number,
    signal_number,
    text,
    texts,
    unsettable,
)

SCHEMA: Schema = {"n": integer, "in": {"x": integer}, "many": many({"y": text})}


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (number, 1, 1.0),
        (duration, 5, 5),
        (duration, 5.5, 5),
        (duration, "1ms", 1_000_000),
        (signal_number, "", 0),
        (file_mode, 0, 0),
        (file_mode, 1.5, 1),
        (file_mode, "7777", 0o7777),
        (texts, "", []),
        (texts, "a,b", ["a", "b"]),
    ],
)
def test_values_are_converted_to_what_a_key_means(kind: Kind, value: object, wanted: object) -> None:
    """JSON and HCL know fewer kinds than the settings."""
    found = decode({"k": value}, {"k": kind})["k"]
    assert (found, type(found)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (number, True, "'k' expected type 'float64', got unconvertible type 'bool', value: 'true'"),
        (number, "0.5", "'k' expected type 'float64', got unconvertible type 'string', value: '0.5'"),
        (duration, True, "'k' expected type 'time.Duration', got unconvertible type 'bool', value: 'true'"),
        (duration, [1], "'k' expected type 'time.Duration', got unconvertible type '[]interface {}', value: '[1]'"),
        (file_mode, True, "'k' expected type 'fs.FileMode', got unconvertible type 'bool', value: 'true'"),
        (file_mode, [1], "'k' expected type 'fs.FileMode', got unconvertible type '[]interface {}', value: '[1]'"),
        (file_mode, -1, "cannot parse 'k', -1 overflows uint"),
        (file_mode, "10000", "error decoding 'k': strconv.ParseUint: parsing \"10000\": value out of range"),
        (signal_number, 5, "'k' expected type 'os.Signal', got 'int'"),
        (text, {"a": 1}, "'k' expected type 'string', got unconvertible type 'map[string]interface {}', value: 'map[a:1]'"),
        (texts, {"a": 1}, "'k': source data must be an array or slice, got map"),
        (texts, 5, "'k': source data must be an array or slice, got int"),
        (unsettable, "x", "'k' expected a map, got 'string'"),
        (unsettable, [1], "'k' expected a map, got 'slice'"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_told_with_its_kind(kind: Kind, value: object, message: str) -> None:
    """A mode of more than twelve bits is none, and a truth value is no number."""
    with pytest.raises(ConfigError, match=f"{re.escape(message)}$"):
        decode({"k": value}, {"k": kind})


def test_all_mistakes_are_told_in_order() -> None:
    """Those of one stanza's names on one line."""
    with pytest.raises(ConfigError) as caught:
        decode({"zeta": 1, "alpha": 2, "in": {"x": "1", "zz": 1, "aa": 2}}, SCHEMA)
    assert str(caught.value).split("\n\n")[1].split("\n") == [
        "* '' has invalid keys: alpha, zeta",
        "* 'in' has invalid keys: aa, zz",
        "* 'in.x' expected type 'int', got unconvertible type 'string', value: '1'",
    ]


@pytest.mark.parametrize(("first", "second"), [("N", "n"), ("n", "N")])
def test_a_key_in_the_right_letters_wins(first: str, second: str) -> None:
    """Wherever it stands; one that only differs in case is unknown then."""
    with pytest.raises(ConfigError, match=r"1 error.*\n\n\* '' has invalid keys: N$"):
        decode({first: 1, second: 2}, SCHEMA)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ({"N": 1}, {"n": 1}),
        ({"n": None}, {}),
        ({"In": {"x": 1}}, {"in": {"x": 1}}),
        ({"in": Blocks([{"x": 1}])}, {"in": {"x": 1}}),
        ({"many": {"y": "1"}}, {"many": [{"y": "1"}]}),
        ({"many": ""}, {"many": []}),
    ],
)
def test_files_may_be_written_in_several_ways(raw: dict[str, Any], wanted: dict[str, Any]) -> None:
    """JSON's null says nothing, and one of several stanzas needs no list."""
    assert decode(raw, SCHEMA) == wanted


def test_a_block_in_other_letters_is_a_list() -> None:
    """The originals make stanzas of blocks only where the name is in lower case."""
    with pytest.raises(ConfigError, match="'in' expected a map, got 'slice'"):
        decode({"In": Blocks([{"x": 1}])}, SCHEMA)
