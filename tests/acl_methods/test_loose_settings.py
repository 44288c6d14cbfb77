"""An auth method's settings are read loosely: texts for numbers, one value for a list, names in any letter case."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.acl.levels import Access, Decision, decide, is_level, takes_precedence
from pyconsul.acl.methods.protocol import MethodError
from pyconsul.acl.methods.settings import nanoseconds, number, read_settings, text, text_map, texts, truth

KINDS = {"Text": text, "Number": number, "Truth": truth, "Texts": texts, "Map": text_map, "Time": nanoseconds}


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("Text", "a", "a"),
        ("Text", True, "1"),
        ("Text", False, "0"),
        ("Text", 5, "5"),
        ("Text", 5.0, "5"),
        ("Text", 1.5, "1.5"),
        ("Number", 7, 7),
        ("Number", 7.9, 7),
        ("Number", True, 1),
        ("Number", "0x10", 16),
        ("Number", "", 0),
        ("Truth", True, True),
        ("Truth", 0, False),
        ("Truth", 2, True),
        ("Truth", "t", True),
        ("Truth", "", False),
        ("Texts", ["a", 5], ["a", "5"]),
        ("Texts", "a", ["a"]),
        ("Texts", "", [""]),
        ("Texts", {}, []),
        ("Texts", [], []),
        ("Map", {"a": 1}, {"a": "1"}),
        ("Map", [{"a": "1"}, None, {"b": "2"}], {"a": "1", "b": "2"}),
        ("Map", [], {}),
        ("Time", "64", 64),
    ],
)
def test_a_value_is_converted_where_it_can_be(name: str, given: Any, value: Any) -> None:
    """As Consul's decoder does it; the name may be in any letter case."""
    assert read_settings({name.upper(): given}, KINDS) == {name: value}


@pytest.mark.parametrize(
    ("config", "fault"),
    [
        ({"Text": ["a"]}, "* 'Text' expected type 'string', got unconvertible type '[]interface {}', value: '[a]'"),
        ({"Number": "x"}, "* cannot parse 'Number' as int: strconv.ParseInt: parsing \"x\": invalid syntax"),
        ({"Number": []}, "* 'Number' expected type 'int', got unconvertible type '[]interface {}', value: '[]'"),
        ({"Time": "1h"}, "* cannot parse 'Time' as int: strconv.ParseInt: parsing \"1h\": invalid syntax"),
        ({"Truth": "maybe"}, "* cannot parse 'Truth' as bool: strconv.ParseBool: parsing \"maybe\": invalid syntax"),
        ({"Truth": [1]}, "* 'Truth' expected type 'bool', got unconvertible type '[]interface {}', value: '[1]'"),
        ({"Map": "x"}, "* 'Map' expected a map, got 'string'"),
        ({"other": 1}, "* '' has invalid keys: other"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_converted_is_told(config: dict[str, Any], fault: str) -> None:
    """With its name and both types."""
    with pytest.raises(MethodError) as caught:
        read_settings(config, KINDS)
    assert str(caught.value) == f"error decoding config: 1 error(s) decoding:\n\n{fault}"


def test_all_faults_are_told_at_once_and_sorted() -> None:
    """Unknown names together in one line."""
    with pytest.raises(MethodError) as caught:
        read_settings({"b": 1, "a": 2, "Truth": "x", "Map": 1}, KINDS)
    lines = str(caught.value).split("\n")
    assert lines[0] == "error decoding config: 3 error(s) decoding:"
    assert lines[2] == "* '' has invalid keys: a, b" and lines[2:] == sorted(lines[2:])


def test_a_null_is_a_value_that_was_left_out() -> None:
    """Whatever its type would be."""
    assert read_settings(dict.fromkeys(KINDS), KINDS) == {}


@pytest.mark.parametrize("wanted", [Access.READ, Access.LIST, Access.WRITE])
def test_a_level_grants_itself_and_what_is_below_it(wanted: Access) -> None:
    """A refusal grants nothing."""
    order = [Access.DENY, Access.READ, Access.LIST, Access.WRITE]
    granting = [level for level in order if decide(level, wanted) is Decision.ALLOW]
    assert granting == order[order.index(wanted) :]


def test_of_two_levels_a_refusal_wins_or_else_the_greater_one() -> None:
    """Between equal ones nothing is decided but by which came last."""
    order = ["deny", "write", "list", "read"]
    for at, stronger in enumerate(order):
        for weaker in order[at + 1 :]:
            assert takes_precedence(stronger, weaker) and not takes_precedence(weaker, stronger)
    assert not takes_precedence("other", "read") and not takes_precedence("READ", "other")


@pytest.mark.parametrize(
    ("level", "may_list", "is_one"),
    [("read", False, True), ("WRITE", False, True), ("list", True, True), ("list", False, False), ("all", True, False)],
)
def test_only_keys_may_be_listed(level: str, may_list: bool, is_one: bool) -> None:
    """Letter case does not matter to a rule."""
    assert is_level(level, may_list=may_list) is is_one
