"""Go's fmt and strconv: verbs, flags, quoting, numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang import strconv
from pyconsul.lang.gotemplate import stack
from pyconsul.lang.gotemplate.gofmt import sprint, sprintf, sprintln
from pyconsul.lang.gotemplate.values import Field, Int64, Map, NilPointer, Slice, Struct, Uint8, strings


class Point(Struct):
    """A struct that is passed by value."""

    go_type = "geo.Point"
    pointer = False
    fields = (Field("X", "int"), Field("Y", "int"))


class Box(Struct):
    """A struct that is passed by pointer."""

    go_type = "geo.Box"
    fields = (Field("At", "geo.Point"), Field("Tags", "[]string"))


FORMS: list[tuple[str, list[Any], str]] = [
    ("%d|%5d|%-5d|%05d|%+d", [42, 42, 42, 42, 42], "42|   42|42   |00042|+42"),
    (
        "%x %X %o %O %b %c %q %U %#x %#o",
        [255, 255, 8, 8, 5, 65, 65, 65, 255, 8],
        "ff FF 10 0o10 101 A 'A' U+0041 0xff 010",
    ),
    ("%s|%6s|%-6s|%.2s|%q|%x|% X|%#x", ["abc"] * 8, 'abc|   abc|abc   |ab|"abc"|616263|61 62 63|0x616263'),
    ("%#.3o %#05o %#o %#.6U %.2U %08U", [1, 1, 0, 65, 65, 65], "001 00001 0 U+000041 'A' U+0041   U+0041"),
    ("%b %+b %#.1v", [-0.0, -0.0, "ab"], '-0p-1074 -0p-1074 "a"'),
    ("%v %t %5t|", [True, False, True], "true false  true|"),
    (
        "%f %.2f %8.3f|%-8.1f|%e %g %G",
        [3.14159] * 4 + [1234.5, 1e-7, 1e21],
        "3.141590 3.14    3.142|3.1     |1.234500e+03 1e-07 1E+21",
    ),
    ("%v %v %v %v", [1e6, 123456.0, 1e-5, 100.0], "1e+06 123456 1e-05 100"),
    ("%v %+v %#v", [Point(X=1, Y=2)] * 3, "{1 2} {X:1 Y:2} geo.Point{X:1, Y:2}"),
    ("%v", [Box(At=Point(X=1, Y=2), Tags=strings(["a"]))], "&{{1 2} [a]}"),
    ("%v %#v %T", [strings(["a", "b"])] * 3, '[a b] []string{"a", "b"} []string'),
    ("%v %#v", [{"b": 1, "a": None}] * 2, 'map[a:<nil> b:1] map[string]interface {}{"a":interface {}(nil), "b":1}'),
    (
        "%q %s",
        [[Box(At=Point(X=1, Y=2), Tags=strings(["a"]))]] * 2,
        "[%!q(*geo.Box=&{{1 2} [a]})] [%!s(*geo.Box=&{{1 2} [a]})]",
    ),
    ("%v %T %d", [None, None, None], "<nil> <nil> %!d(<nil>)"),
    ("%d %s", ["x", 5], "%!d(string=x) %!s(int=5)"),
    ("%d", [], "%!d(MISSING)"),
    ("x", [1, "a"], "x%!(EXTRA int=1, string=a)"),
    ("%", [], "%!(NOVERB)"),
    ("%z", [1], "%!z(int=1)"),
    ("%+d|%05d|%-5d|", [1.5, "a", True], "%!d(float64=+1.5)|%!d(string=0000a)|%!d(bool=true )|"),
    ("%d %6.2v|", [[1, None], ["a", None]], "[1 <nil>] [     a <nil>]|"),
    ("%b %b", [3.0, -0.1], "6755399441055744p-51 -7205759403792794p-56"),
    ("%x %.3x %#x %X", [3.0, 1.9999, 1.5, math.inf], "0x1.8p+01 0x1.000p+01 0x1.8000p+00 +Inf"),
    ("%#g %#g %#.3g %#e %G", [3.0, 0.0, 1.0, 2.0, math.nan], "3.00000 0.00000 1.00 2.000000e+00 NaN"),
    ("%6.1f|%-6v|%05v", [2j, 2j, 2j], "(   0.0  +2.0i)|(0     +2    i)|(00000+0002i)"),
    ("%U %#o %w", [-42, 0, []], "U+FFFFFFFFFFFFFFD6 0 %!w([]interface {}=[])"),
    ("%[2]d %[1]d", [1, 2], "2 1"),
    ("%[5]d", [1], "%!d(BADINDEX)"),
    ("%*d|%-*d|", [4, 1, 4, 2], "   1|2   |"),
    ("%.*f", [1, 2.55], "2.5"),
    ("%6.2f%%", [1.234], "  1.23%"),
    ("%v %s", [NilPointer("*geo.Box"), NilPointer("*geo.Box")], "<nil> %!s(*geo.Box=<nil>)"),
    ("%v %x", [Slice("[]int", [10, 11])] * 2, "[10 11] [a b]"),
    ("%v %T", [Int64(5), Uint8(5)], "5 uint8"),
    ("%+q %#q", ["é☃", "abc"], '"\\u00e9\\u2603" `abc`'),
    ("%v", [1 + 2j], "(1+2i)"),
    ("%v", [Map("map[int]string", {2: "b", 1: "a"})], "map[1:a 2:b]"),
    ("%+.1f % d %+v", [2.0, 5, 3], "+2.0  5 3"),
    ("%f %v %5.1f", [math.inf, -math.inf, math.nan], "+Inf -Inf   NaN"),
    ("%x", [3.5], "0x1.cp+01"),
]


@pytest.mark.parametrize(("form", "values", "wanted"), FORMS, ids=[form for form, *_ in FORMS])
def test_sprintf_formats_like_go(form: str, values: list[Any], wanted: str) -> None:
    """Verbs, flags, widths, and the marks for mistakes are Go's."""
    assert sprintf(form, values) == wanted


@pytest.mark.parametrize("kind", [list, dict])
def test_values_nest_as_deep_as_templates_build_them(kind: type[object]) -> None:
    """No depth ends the process: printing costs no C stack."""
    value: Any = 1
    for _ in range(20_000):
        value = [value] if kind is list else {"a": value}
    with stack.deep():
        assert sprint([value]).count("1") == 1


def test_blanks_stand_between_operands_that_are_no_texts() -> None:
    """Sprint and Sprintln differ in where blanks go."""
    assert sprint([1, 2, "a", "b", 3, None]) == "1 2ab3 <nil>"
    assert sprintln([1, "a"]) == "1 a\n"


QUOTED = [
    ("abc", '"abc"'),
    ('a"b\\', '"a\\"b\\\\"'),
    ("\n\t\a\x00\x7f", '"\\n\\t\\a\\x00\\x7f"'),
    ("é\u200b\U0001f600", '"é\\u200b\U0001f600"'),
    ("\udcff", '"\\xff"'),
]


@pytest.mark.parametrize(("text", "wanted"), QUOTED, ids=[w for _, w in QUOTED])
def test_texts_are_quoted_like_go(text: str, wanted: str) -> None:
    """Escapes follow strconv.Quote, raw bytes included."""
    assert strconv.quote(text) == wanted


@given(st.text())
def test_a_quoted_text_reads_back(text: str) -> None:
    """Unquoting undoes quoting for every text that has bytes."""
    clean = text.encode("utf-8", "replace").decode()
    assert strconv.unquote(strconv.quote(clean)) == clean


def test_stray_bytes_of_literals_become_replacement_characters() -> None:
    """But for those in back quotes, and those that are written as escapes."""
    assert [strconv.unquote(f'"a\udce9{end}"') for end in ("", "\\n", "\\xe9")] == [
        "a\ufffd",
        "a\ufffd\n",
        "a\ufffd\udce9",
    ]
    assert strconv.unquote("`a\udce9`") == "a\udce9"
    assert strconv.unquote_rune("'\udce9'") == 0xFFFD


@pytest.mark.parametrize("literal", ['"', '"a', "a", '"\\q"', '"\\x1"', '"\\400"', '"\\ud800"', '"\n"', "`a`b`"])
def test_wrong_literals_are_refused(literal: str) -> None:
    """A literal Go would not take is an error."""
    with pytest.raises(ValueError, match="invalid syntax"):
        strconv.unquote(literal)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_shortest_float_reads_back(value: float) -> None:
    """Every finite float survives its shortest text in each form."""
    for form in ("g", "e", "f"):
        assert float(strconv.format_float(value, form)) == value


@pytest.mark.parametrize(
    ("text", "base", "wanted"), [("0x1F", 0, 31), ("-0b11", 0, -3), ("017", 0, 15), ("1_000", 0, 1000), ("7", 10, 7)]
)
def test_integers_are_read_with_their_prefix(text: str, base: int, wanted: int) -> None:
    """Prefixes and underscores count when no base is given."""
    assert strconv.parse_int(text, base) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("9223372036854775808", 'strconv.ParseInt: parsing "9223372036854775808": value out of range'),
        ("", 'strconv.ParseInt: parsing "": invalid syntax'),
        ("1__0", 'strconv.ParseInt: parsing "1__0": invalid syntax'),
    ],
)
def test_wrong_integers_are_told_in_gos_words(text: str, message: str) -> None:
    """The messages are strconv's."""
    with pytest.raises(strconv.NumberSyntaxError) as caught:
        strconv.parse_int(text, 0 if "_" in text else 10)
    assert str(caught.value) == message
