"""Filters decide as Python would: words bind as they do there, and each operator means what it says."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.bexpr import compile_filter


class Row(msgspec.Struct, frozen=True):
    """A text, a number, a list and a map."""

    Name: str
    Port: int
    Tags: list[str] | None
    Meta: dict[str, str] | None


TEXTS = st.sampled_from(["", "a", "b", "ab"])
ROWS = st.builds(
    Row,
    Name=TEXTS,
    Port=st.integers(-1, 2),
    Tags=st.none() | st.lists(TEXTS, max_size=2),
    Meta=st.none() | st.dictionaries(st.sampled_from(["k", "l"]), TEXTS, max_size=2),
)
# What a filter says, and what Python says instead.
Claim = tuple[str, Callable[[Row], bool]]


def claims(text: str, number: int) -> list[Claim]:
    """Every operator, about one text and one number."""
    quoted = f'"{text}"'
    return [
        (f"Name == {quoted}", lambda row: row.Name == text),
        (f"Name != {quoted}", lambda row: row.Name != text),
        (f"{quoted} in Name", lambda row: text in row.Name),
        (f"Name not contains {quoted}", lambda row: text not in row.Name),
        (f"Port == {number}", lambda row: row.Port == number),
        (f"Port != {number}", lambda row: row.Port != number),
        (f"{quoted} in Tags", lambda row: text in (row.Tags or [])),
        (f"Tags contains {quoted}", lambda row: text in (row.Tags or [])),
        (f"{quoted} not in Tags", lambda row: text not in (row.Tags or [])),
        ("Tags is empty", lambda row: not row.Tags),
        ("Tags is not empty", lambda row: bool(row.Tags)),
        ("k in Meta", lambda row: "k" in (row.Meta or {})),
        ("Meta not contains l", lambda row: "l" not in (row.Meta or {})),
        (f"Meta.k == {quoted}", lambda row: (row.Meta or {}).get("k") == text),
        (f"Meta.k != {quoted}", lambda row: (row.Meta or {}).get("k") != text),
        (f"Name matches `^{text}$`", lambda row: row.Name == text),
        (f"Name not matches `^{text}$`", lambda row: row.Name != text),
    ]


CLAIMS = st.builds(claims, TEXTS, st.integers(-1, 2)).flatmap(st.sampled_from)


def joined(parts: list[Claim], word: str) -> Claim:
    """Several claims with ``and`` or ``or`` between them, without parentheses."""
    text = f" {word} ".join(part for part, _ in parts)
    how = all if word == "and" else any
    return text, lambda row: how(holds(row) for _, holds in parts)


def negated(claim: Claim) -> Claim:
    """``not`` before one claim."""
    text, holds = claim
    return f"not {text}", lambda row: not holds(row)


def in_parentheses(claim: Claim) -> Claim:
    """The same, with parentheses around it."""
    return f"({claim[0]})", claim[1]


def expressions(inner: st.SearchStrategy[Claim]) -> st.SearchStrategy[Claim]:
    """Either of two claims of two parts each: ``not`` binds before ``and``, ``and`` before ``or``."""
    single = inner | inner.map(negated)
    both = st.lists(single, min_size=1, max_size=3).map(lambda parts: joined(parts, "and"))
    return st.lists(both, min_size=1, max_size=3).map(lambda parts: joined(parts, "or"))


EXPRESSIONS = st.recursive(CLAIMS, lambda inner: expressions(inner.map(in_parentheses) | CLAIMS), max_leaves=8)


@given(CLAIMS, ROWS)
def test_an_operator_means_what_it_says(claim: Claim, row: Row) -> None:
    """About a row whose list or map may not be there."""
    text, holds = claim
    assert compile_filter(text, Row)(row) is holds(row), text


@given(EXPRESSIONS, ROWS)
def test_words_bind_as_in_python(claim: Claim, row: Row) -> None:
    """However deep claims stand in one another."""
    text, holds = claim
    assert compile_filter(text, Row)(row) is holds(row), text
