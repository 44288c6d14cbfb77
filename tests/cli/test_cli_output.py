"""Tables, tab stops and JSON stand as Go's libraries lay them out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyconsul.cli.output import columns, go_list, json_text, key_values, sorted_maps, tab_stops
from pyconsul.cli.times import go_time


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """Two spaces stand between columns; the last one is not padded, cells lose outer spaces."""
    assert columns([["Node", "ID"], ["n1 ", ""], ["long name", "x"]]) == "Node       ID\nn1         \nlong name  x"


def test_a_column_of_tab_stops_ends_where_a_line_has_none() -> None:
    """Only neighbouring lines with a cell in a place share its width."""
    assert tab_stops("a\tb\nlonger\tc\n\nx\ty") == "a           b\nlonger      c\n\nx      y"


def test_text_behind_the_last_tab_is_in_no_column() -> None:
    """The last cell of a line is neither padded nor does it widen anything."""
    assert tab_stops("a\tvery long\tz\nb\tc") == "a      very long      z\nb      c"


def test_a_tab_at_the_very_end_aligns_nothing() -> None:
    """A last line without a second cell is not padded to where that would begin."""
    assert tab_stops("Session\t-\nValue\t") == "Session      -\nValue"


def test_tab_stops_keep_a_least_width() -> None:
    """A minimum widens narrow columns."""
    assert tab_stops("a\tb", padding=1, minimum=8) == "a       b"


@given(st.lists(st.text(alphabet="ab \n", max_size=12), max_size=6))
def test_text_without_tabs_stays_as_it_is(lines: list[str]) -> None:
    """Tab stops change nothing where there is no tab."""
    text = "\n".join(lines)
    assert tab_stops(text) == text


@given(st.lists(st.lists(st.text(alphabet="abc", max_size=5), min_size=2, max_size=2), min_size=1, max_size=6))
def test_second_cells_are_aligned(rows: list[list[str]]) -> None:
    """In a table of two columns all second cells begin in the same place."""
    assume(rows[-1][1])
    lines = tab_stops("\n".join("\t".join(row) for row in rows)).split("\n")
    width = max(len(row[0]) for row in rows) + 6
    assert [line[width:] for line in lines] == [row[1] for row in rows]


@pytest.mark.parametrize("indent", ["    ", "\t", "   "])
def test_json_is_indented_and_escaped_as_gos(indent: str) -> None:
    """Empty containers stay on one line, and the characters that matter in HTML are escaped."""
    value: dict[str, Any] = {"a": [], "b": {}, "c": ["<&>", 1.5], "d": "two\nlines  spaced"}
    text = json_text(value, indent)
    assert json.loads(text) == value
    assert f'{indent}"a": [],\n{indent}"b": {{}},' in text
    assert "\\u003c\\u0026\\u003e" in text


def test_maps_print_in_the_order_of_their_keys() -> None:
    """Nested maps are sorted, lists keep their order."""
    assert json.dumps(sorted_maps({"b": 1, "a": [{"d": 1, "c": 2}]})) == '{"a": [{"c": 2, "d": 1}], "b": 1}'
    assert key_values({"b": "2", "a": "1"}) == "a=1, b=2"
    assert go_list(["x", "y"]) == "[x y]"


@pytest.mark.parametrize(
    ("text", "local", "shown"),
    [
        ("2026-01-02T03:04:05.120Z", "UTC", "2026-01-02 03:04:05.12 +0000 UTC"),
        ("2026-01-02T03:04:05-05:00", "EST5EDT", "2026-01-02 03:04:05 -0500 EST"),
        ("2026-07-02T03:04:05-05:00", "EST5EDT", "2026-07-02 03:04:05 -0500 -0500"),
        ("2026-01-02T03:04:05.5+05:30", "UTC", "2026-01-02 03:04:05.5 +0530 +0530"),
        ("soon", "UTC", "soon"),
    ],
)
def test_a_time_is_shown_as_go_shows_it(text: str, local: str, shown: str, zone: Callable[[str], None]) -> None:
    """A zone has a name only where it is the local one at that time."""
    zone(local)
    assert go_time(text) == shown
