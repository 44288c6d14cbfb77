"""Expressions that do not parse are refused with the sentences of go-bexpr's grammar, however hostile they are."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.bexpr import FilterError, compile_filter, parse


class Service(msgspec.Struct, frozen=True):
    """A small row."""

    Service: str = ""
    Port: int = 0
    Tags: list[str] = msgspec.field(default_factory=list)
    Meta: dict[str, str] = msgspec.field(default_factory=dict)


_WHITE = r"[ \t\r\n]"
_OPERATORS = rf'"!=", "==", "contains", "in", "is", "matches", "not" or {_WHITE}'
_VALUE = rf'"-", "0", "\"", "`", {_WHITE}, [1-9] or [a-zA-Z]'

_NEGATED = ("NotContains", "NotMatches", "NotIn")
_NUMBER = '1:11 (10): rule "number": Invalid number literal'


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Service", rf'1:8 (7): no match found, expected: "!=", ".", "==", "[", {_WHITE} or [a-zA-Z0-9_]'),
        ("Service ==", f"1:11 (10): no match found, expected: {_VALUE}"),
        ("== web", rf'1:1 (0): no match found, expected: "(", "-", "0", "\"", "`", "not", {_WHITE}, [1-9] or [a-zA-Z]'),
        ("Service = web", f"1:9 (8): no match found, expected: {_OPERATORS}"),
        ('Service == "web', '1:16 (15): rule "string": Unterminated string literal'),
        ('Service == "\\q"', '1:12 (11): rule "string": invalid syntax'),
        ("Service == web and", f"1:19 (18): no match found, expected: {_WHITE}"),
        ("(Service == web", '1:16 (15): rule "grouping": Unmatched parentheses'),
        ("Service == web)", rf'1:15 (14): no match found, expected: ".", "[", {_WHITE}, [a-zA-Z0-9_] or EOF'),
        ("Service == 01", '1:13 (12): rule "number": Invalid number literal'),
        ("Meta[ == 1", '1:7 (6): rule "index": Invalid index'),
        ('Meta["x" == 1', '1:10 (9): rule "index": Unclosed index expression'),
        ('"x" in 5', '1:8 (7): rule "match": Invalid selector'),
        ("Service == web # comment", rf'1:16 (15): no match found, expected: "and", "or", {_WHITE} or EOF'),
        ("Service not == web", rf'1:13 (12): no match found, expected: "contains", "in", "matches" or {_WHITE}'),
        ("\nService", rf'2:8 (8): no match found, expected: "!=", ".", "==", "[", {_WHITE} or [a-zA-Z0-9_]'),
    ],
)
def test_a_syntax_error_says_what_was_expected_where(text: str, error: str) -> None:
    """Line, column, offset and the list of what would have been accepted are go-bexpr's."""
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        (b"\xff", ["1:1 (0): invalid encoding"]),
        (b"(\xff", ["1:2 (1): rule Input: invalid encoding", '1:2 (1): rule "grouping": invalid encoding']),
        (b"Port == \xff", ['1:9 (8): rule "whitespace": invalid encoding']),
        (b"Port ==\xff", ["1:8 (7): rule MatchEqual: invalid encoding"]),
        (b"Port n\xff", [f"1:7 (6): rule Match{name}: invalid encoding" for name in _NEGATED]),
        (b'Service == "\xff"', ['1:13 (12): rule "string": invalid encoding']),
        (b"Service == `a\xffb`", ["1:14 (13): rule RawStringChar: invalid encoding"]),
        (b"Port == 12\xff", ["1:11 (10): rule IntegerOrFloat: invalid encoding", _NUMBER]),
        (b"Service == web\xff and (", ["1:15 (14): rule Identifier: invalid encoding"]),
    ],
)
def test_a_byte_that_is_no_utf8_is_refused_by_each_rule_that_gets_there(text: bytes, errors: list[str]) -> None:
    """A valid expression, too: U+FFFD itself may stand in strings."""
    with pytest.raises(FilterError) as caught:
        parse(text.decode("utf-8", "surrogateescape"))
    assert str(caught.value).split("\n") == errors
    parse('Service == "\ufffd"')


@pytest.mark.parametrize("depth", [12, 60])
def test_nested_parentheses_take_no_time(depth: int) -> None:
    """What keeps a real Consul busy for ever is answered at once."""
    started = time.process_time()
    text = "(" * depth + "Service == web" + ")" * depth
    assert compile_filter(text, Service)(Service(Service="web"))
    with pytest.raises(FilterError, match="no match found"):
        parse("(" * depth)
    assert time.process_time() - started < 1


@pytest.mark.parametrize("text", ["(" * 100_000 + "Service == web", "not " * 100_000 + "Service == web"])
def test_bottomless_nesting_is_refused(text: str) -> None:
    """There is a limit, and it is said."""
    with pytest.raises(FilterError, match="nested deeper than 64 levels"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["Service == web"] * 2000),
        'Service == "' + "x" * 200_000 + '"',
        "a." * 20_000,
        "Port == " + "9" * 50_000,
    ],
)
def test_long_expressions_take_linear_time(text: str) -> None:
    """Length alone costs little."""
    started = time.process_time()
    try:
        compile_filter(text, Service)
    except FilterError as error:
        assert str(error)
    assert time.process_time() - started < 3


_WORDS = "Service Tags Meta . [ ] ( ) ` == != in not and or is empty contains matches 0 - 1 a \\ \u00e9"
_fragments = st.sampled_from([*_WORDS.split(), " ", "\n", '"'])


@given(
    st.one_of(
        st.text(max_size=50),
        st.lists(_fragments, max_size=30).map("".join),
        st.lists(_fragments, max_size=20).map(" ".join),
    )
)
def test_any_text_gives_a_filter_or_a_filter_error(text: str) -> None:
    """The compiler fails in one way only, and what it makes always gives a bool."""
    try:
        keep = compile_filter(text, Service)
    except FilterError as error:
        assert str(error).startswith("Failed to create boolean expression evaluator: ")
    else:
        assert isinstance(keep(Service("web", 80, ["a"], {"a": "b"})), bool)
