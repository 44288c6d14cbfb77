"""Text that is not HCL is refused in the words of HashiCorp's library, with line and column."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.hcl import HclError, parse


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("foo", "At 1:5: key 'foo' expected start of object ('{') or assignment ('=')"),
        ("service { ", "At 1:12: object expected closing RBRACE got: EOF"),
        ("a b = 1", "At 1:5: nested object expected: LBRACE got: ASSIGN"),
        ("= 1", "At 1:1: no object keys found!"),
        ("[1]", "At 1:1: expected: IDENT | STRING | ASSIGN | LBRACE got: LBRACK"),
        ("a = ]", "At 1:5: Unknown token: 1:5 RBRACK ]"),
        ("a = [1 2]", "At 1:8: error parsing list, expected comma or list end, got: NUMBER"),
        ("a = [", "At 1:6: unexpected token while parsing list: EOF"),
        ("a @", "At 1:3: illegal char"),
        ('a = "x', "At 1:7: literal not terminated"),
        ('a = "\\q"', "At 1:7: illegal char escape"),
        ("/* x", "At 1:5: comment not terminated"),
        ("a = <<EOF\nhi", "At 2:3: heredoc not terminated"),
        ("a = 99999999999999999999", 'strconv.ParseInt: parsing "99999999999999999999": value out of range'),
        ("a = 4ee01c1e", "At 1:8: expected: IDENT | STRING | ASSIGN | LBRACE got: NUMBER"),
        ("a = 4e\nb = 1", 'strconv.ParseFloat: parsing "4e\\n": invalid syntax'),
        ("a = [4.5", "At 1:10: error parsing list, expected comma or list end, got: EOF"),
        ("a = [4e", "At 1:9: error parsing list, expected comma or list end, got: EOF"),
        ("a = true\na = 1", "At 2:5: root.a: unknown type *ast.LiteralType"),
        ("a = true\na = \"true\"", "At 2:5: root.a: unknown type *ast.LiteralType"),
        ("a = 1\na = true", "At 2:5: root.a: unknown type *ast.LiteralType"),
        ("a = 1\na = { b = 1 }", "At 2:5: root.a: unknown type *ast.ObjectType"),
        ('a = 1\na = "x"', 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("a = 1.5\na = \"2\"", "At 2:5: root.a: unknown type *ast.LiteralType"),
        ('a = "x"\na = 1.5', "At 2:5: root.a: unknown type for string *ast.LiteralType"),
        ('a = "x"\na = [1]', "At 2:5: root.a: unknown type for string *ast.ListType"),
        ("a = [1]\na = 3", "At 2:5: unknown slice type: *ast.LiteralType"),
        ("a { b = 1 }\na = 3", "At 2:5: unknown slice type: *ast.LiteralType"),
        ("a = 1\x00", "At 1:6: unexpected null character (0x00)"),
        ("a = [{ b }]", "At 1:6: error while trying to parse object within list: At 1:10: key 'b' expected start "
         "of object ('{') or assignment ('=')"),
    ],
)  # fmt: skip
def test_a_broken_document_names_the_place(text: str, error: str) -> None:
    """The sentence, the line and the column are the library's."""
    with pytest.raises(HclError) as caught:
        parse(text)
    shown = str(caught.value)
    if "literal not terminated" in error or "escape" in error or "comment" in error:
        assert shown.split(": ", 1)[1] == error.split(": ", 1)[1]
    else:
        assert shown == error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b'a = "\xff"', "At 1:6: illegal UTF-8 encoding"),
        (b"# \xff\na = 1", "At 1:3: illegal UTF-8 encoding"),
        (b"a = <<E\n\xff\nE\n", "At 2:1: illegal UTF-8 encoding"),
        (b"\xff\xfes", "At 1:1: illegal char"),
        (b"a = 1\nb\xff = 2", "At 2:2: illegal char"),
        (b"a = [\xff]", "At 1:6: illegal char"),
    ],
)
def test_invalid_utf8_is_refused(text: bytes, error: str) -> None:
    """Bytes that are no UTF-8 are an error, not a guess; outside of strings and comments just one more odd sign."""
    with pytest.raises(HclError) as caught:
        parse(text)
    assert str(caught.value) == error


@pytest.mark.parametrize("text", ["a={" * 5000, "a=[" + "[" * 5000, '{"a":' * 5000, '{"a":' + "[" * 5000])
def test_deep_nesting_is_refused_instead_of_exhausting_the_stack(text: str) -> None:
    """Objects and lists may nest only so deep."""
    with pytest.raises(HclError, match="nested deeper than 120 levels"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        '"' * 100_000,
        "${" * 50_000,
        "<<E\n" * 30_000,
        "a=" + "9" * 300_000,
        'a "b" {}\n' * 10_000,
        'a="' + "${" * 50_000,
    ],
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    """Nothing in a document makes the reader slow."""
    started = time.process_time()
    try:
        parse(text)
    except HclError as error:
        assert str(error)
    assert time.process_time() - started < 5


_fragments = st.sampled_from(
    [
        "a",
        "b ",
        "{",
        "}",
        "[",
        "]",
        "=",
        ",",
        '"',
        "\n",
        "1",
        ".5",
        "0x",
        "true",
        "${",
        "<<E\n",
        "E\n",
        "\\",
        "#",
        "/*",
        "-",
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(_fragments, max_size=40).map("".join)))
def test_any_text_gives_a_document_or_an_hcl_error(text: str) -> None:
    """The reader fails in one way only."""
    try:
        assert isinstance(parse(text), dict)
    except HclError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{", {}),
        ('{"a":1', {"a": 1}),
        ('{"a":1,', {"a": 1}),
        ('{"a":1,"c"', {"a": 1}),
        ('{"a":1,"c":', {"a": 1}),
        ('{"a":{"b":1', {"a": [{"b": 1}]}),
    ],
)
def test_json_that_ends_early_holds_what_came_before(text: str, value: object) -> None:
    """As in HashiCorp's library, the end of the text closes every object; a member without a value is left out."""
    assert parse(text) == value


def test_json_that_ends_inside_a_list_is_refused() -> None:
    """A list has to be closed."""
    with pytest.raises(HclError, match="unexpected token while parsing list: EOF"):
        parse('{"a": [1')


def test_the_last_of_very_many_scan_errors_is_told() -> None:
    """Each has its place, which only the one that is shown has to have counted."""
    with pytest.raises(HclError) as caught:
        parse("a = [\n" + '"\\q",\n' * 30_000 + "]")
    assert str(caught.value) == "At 30001:3: illegal char escape"
