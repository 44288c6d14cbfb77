"""JSON, YAML, TOML, times and regular expressions as Go's libraries have them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.lang.gotemplate import FunctionError, stack
from pyconsul.lang.gotemplate.values import Map, Slice, Uint64
from pyconsul_template import gojson, goregex, gotoml, goyaml
from pyconsul_template.functions import spew
from pyconsul_template.gotime import Time

VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(VALUES)
def test_json_reads_back(value: Any) -> None:
    """What is written is read as the same value, pretty or not."""
    assert gojson.parse(gojson.dump(value)) == value
    assert gojson.parse(gojson.dump(value, html=False, indent="  ")) == value


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='{}[]":,0123456789.eE+-truefalsn\\u \n', max_size=30))
def test_wrong_json_is_refused_with_gos_words(text: str) -> None:
    """Random texts are read, or refused with one of Go's messages."""
    try:
        gojson.parse(text)
    except FunctionError as error:
        assert str(error).startswith(("invalid character ", "unexpected end of JSON input", "json: cannot unmarshal"))


def test_deep_json_is_refused() -> None:
    """Ten thousand levels are read and written, as in Go; one more is refused."""
    text = "[" * 10_000 + "]" * 10_000
    with stack.deep():
        assert gojson.dump(gojson.parse(text)) == text
        assert gojson.dump(gojson.parse(text), indent=" ").count("\n") == 19_998
    for deeper in (f"[{text}]", f'{{"a":{text}}}'):
        with pytest.raises(FunctionError, match=r"^invalid character '\[' exceeded max depth$"):
            gojson.parse(deeper)


def test_deep_values_are_not_dumped() -> None:
    """Indentation alone would fill the memory."""
    with stack.deep(), pytest.raises(FunctionError, match=r"^spew: nested deeper than 1000 levels$"):
        spew.dump((gojson.parse("[" * 2000 + "]" * 2000),))


# Without the spaces beyond ASCII: the original trims them off the ends of what it wrote, and so do we.
YAML_LETTERS = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"], include_characters=" ")
YAML_TEXTS = st.text(alphabet=YAML_LETTERS, max_size=20)
YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | YAML_TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(YAML_TEXTS, inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=150, deadline=None)
@given(YAML_VALUES)
def test_yaml_reads_back(value: Any) -> None:
    """What is written is read as the same value."""
    assert goyaml.parse(goyaml.dump(value)) == value


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abc:-[]{}&*!|>'\"%@`#?,~ \n\t019.", max_size=30))
def test_wrong_yaml_is_refused_with_our_error(text: str) -> None:
    """Random texts are read, or refused."""
    try:
        goyaml.parse(text)
    except FunctionError as error:
        assert str(error).startswith("yaml: ")


def test_yaml_has_the_types_of_version_one() -> None:
    """Words for truth, octal and hexadecimal numbers, merged maps."""
    text = "a: yes\nb: 010\nc: 0x1F\nd: 1_000\ne: 1e3\nf: '5'\ng: ~\nh: 18446744073709551615\ni: !!str 5\n"
    found = goyaml.parse(text)
    assert found == {
        "a": True,
        "b": 8,
        "c": 31,
        "d": 1000,
        "e": 1000.0,
        "f": "5",
        "g": None,
        "h": Uint64(2**64 - 1),
        "i": "5",
    }
    assert goyaml.parse("x: &x {a: 1, b: 2}\nz: {<<: *x, b: 3}")["z"] == {"a": 1, "b": 3}
    assert isinstance(found, Map)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("b: 3\n<<: {b: 2, c: 4}", {"b": 2, "c": 4}),
        ("b: 3\n<<: {b: }\nc: 1", {"b": None, "c": 1}),
        ("<<: {b: 2}\nb: 3\n<<: {c: 4}", {"b": 3, "c": 4}),
        ("a: 0\n<<: [{a: 1}, {a: 2, b: 2}]", {"a": 1, "b": 2}),
    ],
)
def test_yaml_merges_where_the_mark_stands(text: str, wanted: object) -> None:
    """Keys merged in replace those above, those below replace them, and the first of several maps wins: as in go-yaml."""
    assert goyaml.parse(text) == wanted


@pytest.mark.parametrize("escape", ["\\ud83d\\ude00", "\\uDFFF", "\\U0000d800", "\\U00110000", "\\UFFFFFFFF"])
def test_yaml_escapes_are_of_characters(escape: str) -> None:
    """JSON's pairs of surrogates are none in YAML, as for go-yaml; what stands around them is."""
    assert goyaml.parse('"\\ud7ff\\ue000\\U0010ffff"') == "\ud7ff\ue000\U0010ffff"
    with pytest.raises(FunctionError, match=r"^yaml: line 2: found invalid Unicode character escape code$"):
        goyaml.parse(f'a: 1\nb: "x {escape}"')


def test_yaml_merges_maps_alone() -> None:
    """Anything else is refused before it is looked at."""
    with pytest.raises(FunctionError, match=r"^yaml: map merge requires map or sequence of maps as the value$"):
        goyaml.parse("<<: [{a: 1}, !!timestamp x]")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0B11", 3),
        ("-0b11", -3),
        ("0O17", 15),
        ("0b", "0b"),
        ("1_000.5", 1000.5),
        (".5_0", 0.5),
        ("._5", "._5"),
        (".5_", ".5_"),
        ("1e999", "1e999"),
        (".1e400", ".1e400"),
        ("+18446744073709551615", 18446744073709551615.0),
        ("18446744073709551615", 18446744073709551615),
    ],
)
def test_yaml_numbers_are_read_by_gos_parsers(text: str, wanted: object) -> None:
    """What they refuse is a text."""
    found = goyaml.resolve(text)
    assert found == wanted and isinstance(found, float) is isinstance(wanted, float)


def test_yaml_keys_are_ordered_by_the_numbers_in_them() -> None:
    """Of two numbers of one size the shorter comes first; letters come after other characters."""
    keys = ["010", "0x1F", "0o7", "x10", "x9", "x09", "x", "a", "_", "100", "11"]
    lines = goyaml.dump(dict.fromkeys(keys, 0)).splitlines()
    shown = [line.partition(":")[0].strip('"') for line in lines]
    assert shown == ["_", "010", "0o7", "0x1F", "11", "100", "a", "x", "x9", "x09", "x10"]


def test_yaml_bombs_are_refused() -> None:
    """Aliases that grow without bound, or contain themselves, are errors."""
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(FunctionError, match="excessive aliasing"):
        goyaml.parse("\n".join(rows))
    with pytest.raises(FunctionError, match="anchor 'a' value contains itself"):
        goyaml.parse("a: &a [*a]")


def test_toml_writes_plain_keys_first() -> None:
    """Tables follow, indented by their depth; lists of tables repeat their head."""
    value = {"t": {"u": {"v": 1}}, "a": [1, "x"], "l": [{"b": True}], "k k": 'q"\n'}
    assert gotoml.dump(value) == 'a = [1, "x"]\n"k k" = "q\\"\\n"\n\n[[l]]\n  b = true\n\n[t]\n  [t.u]\n    v = 1'
    with pytest.raises(FunctionError, match="nil element"):
        gotoml.dump({"a": [None]})


LAYOUTS = [
    ("2006-01-02T15:04:05Z07:00", "2021-05-06T07:08:09Z"),
    ("Monday, 02-Jan-06 15:04:05 MST", "Thursday, 06-May-21 07:08:09 UTC"),
    ("Jan _2 3:04PM .000 002", "May  6 7:08AM .000 126"),
    ("2006-01-02 15:04:05.999999999 -0700", "2021-05-06 07:08:09 +0000"),
]


@pytest.mark.parametrize(("layout", "wanted"), LAYOUTS, ids=[layout for layout, _ in LAYOUTS])
def test_times_are_shown_by_layout(layout: str, wanted: str) -> None:
    """Go's reference time chooses the form."""
    assert Time.parse_rfc3339("2021-05-06T07:08:09Z").format(layout) == wanted


def test_times_are_read_by_layout() -> None:
    """Offsets, fractions and month names are understood; what is wrong is named."""
    found = Time.parse("02 Jan 06 03:04PM -0700", "06 May 21 01:02AM +0230")
    assert found.format("2006-01-02T15:04:05Z07:00") == "2021-05-06T01:02:00+02:30"
    with pytest.raises(FunctionError, match='parsing time "x" as "2006": cannot parse "x" as "2006"'):
        Time.parse("2006", "x")
    with pytest.raises(FunctionError, match="extra text"):
        Time.parse("2006", "2021x")


def test_replacements_know_groups_and_names() -> None:
    """``$1``, ``${name}`` and ``$$`` are expanded; an unknown group is empty."""
    pattern = goregex.compile_pattern("(?P<first>a)(b)?")
    assert goregex.replace_all(pattern, "[$first|${2}|$9|$$]", "abxa") == "[a|b||$]x[a|||$]"
    assert goregex.replace_all(goregex.compile_pattern(""), "-", "ab") == "-a-b-"
    assert goregex.find_all(goregex.compile_pattern("a+"), "aa b a", 1) == ["aa"]
    assert goregex.split(goregex.compile_pattern(","), "a,b,c", 2) == ["a", "b,c"]


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="ab()[]{}*+?|\\^$.,-=<>!:1P", max_size=16))
def test_no_pattern_does_more_than_fail(pattern: str) -> None:
    """Random patterns compile, or are refused in Go's words."""
    try:
        goregex.search(goregex.compile_pattern(pattern), "aab")
    except FunctionError as error:
        assert str(error).startswith("error parsing regexp: ")


def test_nil_lists_are_null() -> None:
    """Nil and empty differ in JSON, as in Go."""
    assert gojson.dump([Slice("[]string", is_nil=True), Slice("[]string")]) == "[null,[]]"
