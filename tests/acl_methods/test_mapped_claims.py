"""Claims of a token under the names that an auth method maps them to."""

from typing import Any

import pytest

from pyconsul.acl.methods.claims import lists_of, values_of
from pyconsul.acl.methods.protocol import MethodError

CLAIMS: dict[str, Any] = {
    "name": "eve",
    "admin": True,
    "age": 41.9,
    "huge": 1e30,
    "exact": 9007199254740993,
    "none": None,
    "groups": ["a", "", "b", 7, False],
    "nested": {"team": "blue", "a/b": "slash", "~": "tilde", "list": ["zero", {"deep": "one"}]},
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("name", "eve"),
        ("admin", "true"),
        ("age", "41"),
        ("huge", "-9223372036854775808"),
        ("exact", "9007199254740992"),
        ("/nested/team", "blue"),
        ("/nested/a~1b", "slash"),
        ("/nested/~0", "tilde"),
        ("/nested/list/0", "zero"),
        ("/nested/list/1/deep", "one"),
    ],
)
def test_single_claims_become_texts(source: str, text: str) -> None:
    """Numbers are Go's floats, cut off; a source that begins with a slash is a JSON pointer (RFC 6901)."""
    assert values_of(CLAIMS, {source: "x"}) == {"x": text}


@pytest.mark.parametrize("source", ["other", "none", "/nested/other", "/nested/list/2", "/nested/list/x", "/name/a"])
def test_claims_that_are_not_there_are_left_out(source: str) -> None:
    """Of single ones and of lists."""
    assert (values_of(CLAIMS, {source: "x"}), lists_of(CLAIMS, {source: "x"})) == ({}, {})


@pytest.mark.parametrize(("source", "kind"), [("nested", "map[string]interface {}"), ("groups", "[]interface {}")])
def test_what_is_no_single_value_is_refused(source: str, kind: str) -> None:
    """With the name of its Go type."""
    with pytest.raises(MethodError) as caught:
        values_of(CLAIMS, {source: "x"})
    assert str(caught.value) == f"error converting claim '{source}' to string from unknown type {kind}"


def test_lists_leave_empty_texts_out() -> None:
    """A single value is a list of one."""
    assert lists_of(CLAIMS, {"groups": "x", "name": "y"}) == {"x": ["a", "b", "7", "false"], "y": ["eve"]}


def test_lists_of_other_things_are_refused() -> None:
    """As Go prints them."""
    with pytest.raises(MethodError, match=r'^"nested" list claim could not be converted to string list$'):
        lists_of(CLAIMS, {"nested": "x"})
    with pytest.raises(MethodError) as caught:
        lists_of(CLAIMS, {"/nested/list": "x"})
    assert str(caught.value) == 'value map[deep:one] in "/nested/list" list claim could not be parsed as string'
