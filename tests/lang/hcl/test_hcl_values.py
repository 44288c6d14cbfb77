"""HCL documents become the plain objects that HashiCorp's library makes of them."""

from __future__ import annotations

import time
from collections.abc import Sized

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.hcl import Blocks, HclError, parse
from tests.plain import Plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("a = 1", {"a": 1}),
        ("a = -5", {"a": -5}),
        ("a = 0x1F", {"a": 31}),
        ("a = 010", {"a": 8}),
        ("a = 1.5e3", {"a": 1500.0}),
        ("a = .5", {"a": 0.5}),
        ("a = true b = false", {"a": True, "b": False}),
        ("a=1,b=2", {"a": 1, "b": 2}),
        ('"a b" = 1', {"a b": 1}),
        ("a.b = 1", {"a.b": 1}),
        ("a-b=1", {"a-b": 1}),
        ("\u00e9 = 1", {"\u00e9": 1}),
        ("a = [1, 2,]", {"a": [1, 2]}),
        ("a = [[1], [2, {x=1}]]", {"a": [[1], [2, {"x": 1}]]}),
        ("# c\na=1 // x\n/* y\n */ b=2", {"a": 1, "b": 2}),
        ("a=1\r\nb=2\r\n", {"a": 1, "b": 2}),
    ],
)
def test_scalars_lists_and_comments_read_as_written(text: str, value: object) -> None:
    """Numbers in every notation, booleans, lists with trailing commas, odd keys, comments."""
    assert parse(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("b { c = 1 }", {"b": [{"c": 1}]}),
        ("b { c = 1 }\nb { c = 2 }", {"b": [{"c": 1}, {"c": 2}]}),
        ("b = { c = 1 }", {"b": [{"c": 1}]}),
        ("a { b = { c = 1 } }", {"a": [{"b": [{"c": 1}]}]}),
        ("a = [{ b = 1 }, { c = { d = 2 } }]", {"a": [{"b": 1}, {"c": [{"d": 2}]}]}),
        ('service "web" { port = 80 }', {"service": [{"web": [{"port": 80}]}]}),
        (
            'service "web" { port = 80 }\nservice "db" { port = 1 }',
            {"service": [{"web": [{"port": 80}]}, {"db": [{"port": 1}]}]},
        ),
        ('a "b" "c" { d = 1 }', {"a": [{"b": [{"c": [{"d": 1}]}]}]}),
        ("a {} a = [{ b = 1 }]", {"a": [{}, {"b": 1}]}),
    ],
)
def test_blocks_become_lists_of_dicts(text: str, value: object) -> None:
    """Repeated blocks are gathered in order, labels nest, objects inside lists stay dicts."""
    assert parse(text) == value


def test_blocks_can_be_told_from_written_lists() -> None:
    """A list that stands for blocks has a type of its own."""
    found = parse("a { } b = [{}]")
    assert isinstance(found["a"], Blocks)
    assert not isinstance(found["b"], Blocks)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('a = "x\\n\\t\\"\\\\"', 'x\n\t"\\'),
        ('a = "\\u00e9\\x41\\101"', "\u00e9AA"),
        ('a = "\\xc3\\xa9\\303\\251 \\xe9"', "\u00e9\u00e9 \ufffd"),  # bytes, not characters
        ('a = "\\xc3\\xa9\\303\\251\\u00e9"', "ééé"),
        ('a = "\\377\\u00e9\\xe9x"', "\ufffdé\ufffdx"),
        ('a = "${ foo("x") } \\n"', '${ foo("x") } \n'),
        ('a = "${\n}"', "${\n}"),
        ('a = "$x"', "$x"),
        ("a = <<EOF\nhi\n there\nEOF\n", "hi\n there\n"),
        ("a = <<-EOF\n    hi\n      there\n    EOF\n", "hi\n  there\n"),
        ("a = <<-EOF\nhi\n  EOF\n", "hi\n"),
        ("a = <<EOF\nno EOF\nEOF no\nEOFEOF\nEOF\n", "no EOF\nEOF no\nEOFEOF\n"),
    ],
)
def test_strings_keep_interpolations_and_resolve_escapes(text: str, value: str) -> None:
    """Escapes count outside of ``${ }`` only; ``\\x`` and octal ones are octets, ``\\u`` ones characters.

    Heredocs keep or lose their indentation as marked.
    """
    assert parse(text)["a"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = 1\na = 2", {"a": 2}),
        ('a = 1\na = "2"', {"a": 2}),
        ('a = "x"\na = 1', {"a": "1"}),
        ("a = [1]\na = [2]", {"a": [1, 2]}),
        ("a = true\na = false", {"a": False}),
        ("a = 1.5\na = 2", {"a": 2.0}),
        ('a = "x"\na = "y"', {"a": "y"}),
        ('a = "x"\na = <<E\ny\nE\n', {"a": "y\n"}),
        ("a = { x = 1 }\na = { y = 2 }", {"a": [{"x": 1}, {"y": 2}]}),
        ("a = []\na = { x = 1 }", {"a": [{"x": 1}]}),
    ],
)
def test_a_key_set_again_is_laid_over_the_old_value(text: str, value: object) -> None:
    """The type of the first value decides what becomes of later ones; lists grow."""
    assert parse(text) == value


def test_duplicate_arguments_can_be_refused() -> None:
    """ACL rules refuse an argument that is set twice, and the error says where."""
    with pytest.raises(HclError) as caught:
        parse('key = "a"\nkey = "b"', refuse_duplicates=True)
    assert str(caught.value) == 'The argument "key" at 2:1 was already set. Each argument can only be defined once'
    assert (caught.value.line, caught.value.column) == (2, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": {"b": 1}}', {"a": [{"b": 1}]}),
        ('{"a": {"b": {"x": 1}, "c": {"x": 2}}}', {"a": [{"b": [{"x": 1}]}, {"c": [{"x": 2}]}]}),
        ('{"a": [{"b": 1}, {"b": 2}]}', {"a": [{"b": 1}, {"b": 2}]}),
        ('{"a": null, "b": [true, [1]]}', {"a": "", "b": [True, [1]]}),
        (' {"a": 1.5, "b": "\\u0041"}', {"a": 1.5, "b": "A"}),
    ],
)
def test_json_takes_the_json_path(text: str, value: object) -> None:
    """A document that begins with a brace is JSON; nested objects stand for blocks."""
    assert parse(text) == value


def test_a_thousand_service_blocks_read_quickly() -> None:
    """A large file takes a fraction of a second."""
    block = 'service {\n  id = "web-%d"\n  tags = ["a", "b"]\n  check { http = "http://x/%d" interval = "10s" }\n}\n'
    text = "".join(block % (number, number) for number in range(1000))
    started = time.process_time()
    services = parse(text)["service"]
    assert isinstance(services, Sized) and len(services) == 1000
    assert time.process_time() - started < 2


_scalars = st.one_of(
    st.booleans(),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.text(alphabet=st.characters(exclude_characters='"\\$\n\r\x00\ue123', exclude_categories=["Cs"])),
)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_][a-z0-9_-]{0,9}", fullmatch=True), st.one_of(_scalars, st.lists(_scalars)), max_size=8
    )
)
def test_what_is_written_is_read_back(document: dict[str, Plain]) -> None:
    """Scalars and lists survive being written as HCL."""

    def shown(value: Plain) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return "[" + ", ".join(shown(member) for member in value) + "]"
        return f'"{value}"' if isinstance(value, str) else str(value)

    text = "\n".join(f'"{key}" = {shown(value)}' for key, value in document.items())
    assert parse(text) == document
