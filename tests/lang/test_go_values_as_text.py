"""Untyped values in the words of Go: ``%v``, ``%#v``, the names of their types and kinds, and letter cases."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.lang import gocases
from pyconsul.lang.goprint import printed
from pyconsul.lang.gosyntax import go_syntax
from pyconsul.lang.hcl import Blocks
from pyconsul.lang.mapstructure import decoding_failed, go_kind, go_type, unconvertible


@pytest.mark.parametrize(
    ("value", "plain", "syntax"),
    [
        (None, "<nil>", "interface {}(nil)"),
        (True, "true", "true"),
        (False, "false", "false"),
        (3.0, "3", "3"),
        (-1.5, "-1.5", "-1.5"),
        (1e20, "1e+20", "100000000000000000000"),
        (1e21, "1e+21", "1e+21"),
        (7, "7", "7"),
        ('a"b', 'a"b', '"a\\"b"'),
        ([], "[]", "[]interface {}{}"),
        ([1, "a"], "[1 a]", '[]interface {}{1, "a"}'),
        ({}, "map[]", "map[string]interface {}{}"),
        ({"b": None, "a": [True]}, "map[a:[true] b:<nil>]",
         'map[string]interface {}{"a":[]interface {}{true}, "b":interface {}(nil)}'),
    ],
)  # fmt: skip
def test_a_value_is_printed_as_go_prints_it(value: Any, plain: str, syntax: str) -> None:
    """Both ways; the keys of maps are sorted."""
    assert (printed(value), go_syntax(value)) == (plain, syntax)


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        (True, "bool", "bool"),
        (1, "int", "int"),
        (1.0, "float64", "float64"),
        ("a", "string", "string"),
        ([1], "slice", "[]interface {}"),
        (Blocks([{}]), "slice", "[]map[string]interface {}"),
        ({}, "map", "map[string]interface {}"),
        (None, "invalid", "invalid"),
    ],
)
def test_a_value_has_a_kind_and_a_type(value: Any, kind: str, name: str) -> None:
    """Blocks of HCL are a list of maps to Go."""
    assert (go_kind(value), go_type(value)) == (kind, name)


def test_faults_of_a_struct_are_counted_and_sorted() -> None:
    """One line each, below a line with their number."""
    assert decoding_failed(["b", "a"]) == "2 error(s) decoding:\n\n* a\n* b"


def test_a_value_of_the_wrong_type_is_shown_with_both() -> None:
    """Its name, the type that was wanted, its own, and the value."""
    text = "'port' expected type 'int', got unconvertible type '[]interface {}', value: '[a]'"
    assert unconvertible("port", "int", ["a"]) == text


@pytest.mark.parametrize(
    ("text", "upper", "lower"),
    [
        ("aB1", "AB1", "ab1"),
        ("straße", "STRAßE", "straße"),
        ("ΟΔΟΣ", "ΟΔΟΣ", "οδοσ"),
        ("İ", "İ", "i"),
        ("ŉ", "ŉ", "ŉ"),
        ("é\udc80", "É\ufffd", "é\ufffd"),
        ("é\udcff", "É\ufffd", "é\ufffd"),
    ],
)
def test_letters_change_their_case_one_by_one(text: str, upper: str, lower: str) -> None:
    """None becomes two, none looks at its neighbours, and a byte that is no character is lost."""
    assert (gocases.upper(text), gocases.lower(text)) == (upper, lower)
