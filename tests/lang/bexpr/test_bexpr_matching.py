"""Filters decide about rows as go-bexpr does, by the declared types of their fields."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from pyconsul.lang.bexpr import KEPT_UP_TO, FilterError, check_filter, compile_evaluator, compile_filter


class Part(msgspec.Struct, frozen=True):
    """A nested struct."""

    A: str = ""
    B: int = 0
    C: list[str] | None = None


class Row(msgspec.Struct, frozen=True):
    """A row with a field of each kind."""

    bexpr_hidden: ClassVar[frozenset[str]] = frozenset({"Hidden"})
    bexpr_names: ClassVar[dict[str, tuple[str, ...]]] = {"Renamed": ("new_name", "Other")}
    go_names: ClassVar[dict[str, str]] = {"json_name": "GoName"}

    Name: str = ""
    Port: int = 0
    Small: Annotated[int, msgspec.Meta(extra={"go": "uint8"})] = 0
    Share: float = 0.0
    Ok: bool = False
    Tags: list[str] | None = None
    Meta: dict[str, str] | None = None
    Note: str | UnsetType = UNSET
    Nested: Part = Part()
    Maybe: Part | None = None
    Parts: list[Part] = msgspec.field(default_factory=list)
    ByName: dict[str, Part] = msgspec.field(default_factory=dict)
    Hidden: str = ""
    Renamed: str = ""
    json_name: str = ""
    Addr: Annotated[str, msgspec.Meta(extra={"go": "net.IP"})] = ""
    CreateIndex: int = 0


WEB = Row(
    Name="web",
    Port=80,
    Small=3,
    Share=1.5,
    Ok=True,
    Tags=["a", "b"],
    Meta={"env": "prod", "a b": "x"},
    Nested=Part("x", 1, ["p"]),
    Maybe=Part("y"),
    Parts=[Part("s1", 0, ["q"]), Part("s2", 5)],
    ByName={"lan": Part("l", 2)},
    Renamed="r",
    json_name="j",
    Addr="10.0.0.7",
)


@pytest.mark.parametrize(
    "text",
    [
        "Name == web",
        'Name == "web"',
        "Name == `web`",
        "Name==web",
        "Name != db",
        "Parts.A != s1",  # one of them is another
        "Name contains we",
        '"eb" in Name',
        'Name matches "^w"',
        'Name not matches "^d"',
        "Port == 80",
        'Port == "0x50"',
        "Small == 3",
        "Share == 1.5",
        "Ok == true",
        "Ok == T",
        "Tags contains a",
        "a in Tags",
        "c not in Tags",
        "Tags is not empty",
        "Meta.env == prod",
        'Meta["a b"] == x',
        "env in Meta",
        "Meta.none != x",
        "Meta is not empty",
        'Meta.none matches "x"',
        "Nested.A == x and Nested.C contains p",
        "Maybe.A == y",
        "Parts.A == s2",
        "Parts.C contains q",
        "ByName.lan.A == l",
        "new_name == r and Other == r",
        "GoName == j",
        "7 in Addr and 1 not in Addr and Addr is not empty",  # net.IP is a slice of bytes
        "not Name == db",
        "not not Name == web",
        "Name == db or Port == 80",
        "(Name == db or Port == 80) and Ok == true",
        'Note == ""',
    ],
)
def test_an_expression_that_fits_lets_the_row_pass(text: str) -> None:
    """Each operator, selector form and value form finds what is there."""
    assert compile_filter(text, Row)(WEB)


@pytest.mark.parametrize("text", ["Name == db", "Tags contains c", "Meta.none == x", "x in Meta.env", "Port != 80"])
def test_an_expression_that_does_not_fit_holds_the_row_back(text: str) -> None:
    """A key that is missing equals nothing."""
    assert not compile_filter(text, Row)(WEB)


def test_parts_that_are_not_there_count_as_gos_zero_values() -> None:
    """None and UNSET compare as empty text, zero, or an empty container."""
    empty = Row()
    assert compile_filter('Maybe.A == "" and Note == "" and Tags is empty and Meta is empty', Row)(empty)
    assert not compile_filter("Tags contains a or Maybe.C contains x", Row)(empty)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Bogus == 1", 'Selector "Bogus" is not valid'),
        ("Nested.Foo == 1", 'Selector "Nested.Foo" is not valid'),
        ("Port.x == 1", 'Selector "Port.x" is not valid'),
        ("Hidden == x", 'Selector "Hidden" is not valid'),
        ("Renamed == x", 'Selector "Renamed" is not valid'),
        ("CreateIndex == 1", 'Selector "CreateIndex" is not valid'),
        ("Nested == x", 'Invalid match operator "Equal" for selector "Nested"'),
        ("Port contains 1", 'Invalid match operator "In" for selector "Port"'),
        ('Addr == "10.0.0.7"', 'Invalid match operator "Equal" for selector "Addr"'),
        ("Name is empty", 'Invalid match operator "Is Empty" for selector "Name"'),
        (
            "Port == x",
            'Failed to coerce value "x" for selector "Port": strconv.ParseInt: parsing "x": invalid syntax',
        ),
        (
            "Small == 256",
            'Failed to coerce value "256" for selector "Small": strconv.ParseUint: parsing "256": value out of range',
        ),
        (
            'Name matches "("',
            'Failed to compile regular expression "(": error parsing regexp: missing closing ): `(`',
        ),
    ],
)
def test_what_does_not_fit_the_type_is_refused(text: str, error: str) -> None:
    """Selectors, operators and values are checked against the declared fields, in go-bexpr's words."""
    with pytest.raises(FilterError) as caught:
        compile_filter(text, Row)
    assert str(caught.value) == "Failed to create boolean expression evaluator: " + error


def test_empty_text_lets_every_row_pass() -> None:
    """No filter is not an error."""
    assert compile_filter("", Row)(WEB)


def test_without_a_row_type_the_first_row_decides() -> None:
    """Only the syntax is checked at once; the error that comes later has no introduction."""
    late = compile_filter("Bogus == 1")
    with pytest.raises(FilterError) as caught:
        late(WEB)
    assert str(caught.value) == 'Selector "Bogus" is not valid'
    assert compile_filter("Name == web")(WEB)


def test_maps_can_be_rows() -> None:
    """The variables of an auth method are a map of texts."""
    test = compile_evaluator("name == web", dict[str, str])
    assert test({"name": "web"}) and not test({"other": "x"})


def test_checking_the_syntax_alone_needs_no_type() -> None:
    """A resolver's subset filter is only parsed; its error is bare."""
    check_filter("Service.Meta.version == 1")
    with pytest.raises(FilterError, match=r"^1:3 \(2\): no match found"):
        check_filter("((")


def test_only_expressions_of_a_usual_length_are_kept() -> None:
    """The tests of a few hundred long ones, each from somebody else's query, would fill the memory."""
    short, long = "a == b", "a == b" + " or a == b" * KEPT_UP_TO
    kind = dict[str, str]
    assert compile_evaluator(short, kind) is compile_evaluator(short, kind)
    assert compile_evaluator(long, kind) is not compile_evaluator(long, kind)


def test_a_pattern_without_bounds_is_refused() -> None:
    """In Go's words for one whose program would be too large."""
    with pytest.raises(FilterError, match=r"error parsing regexp: expression too large$"):
        compile_evaluator(f'a matches "{"|".join(map(str, range(9000)))}"', dict[str, str])
