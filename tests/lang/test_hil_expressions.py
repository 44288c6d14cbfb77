"""HIL: values, conversions, and the words for what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.lang.hil import Function, HilError, Kind, Scope, evaluate, parse


def _match(number: int) -> str:
    return f"m{number}"


def _pick(text: str, yes: bool) -> str:
    return text if yes else ""


SCOPE = Scope(
    {"name.full": "geo-web", "n": "7", "t": "true"},
    {
        "match": Function((Kind.INT,), Kind.STRING, _match),
        "pick": Function((Kind.STRING, Kind.BOOL), Kind.STRING, _pick),
    },
)


def value(text: str) -> str:
    """What a text comes to."""
    return evaluate(parse(text), SCOPE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain", "plain"),
        ("$", "$"),
        ("a $5 b", "a $5 b"),
        ("$${name.full}", "${name.full}"),
        ("$$$${n}", "$${n}"),
        ("${name.full}", "geo-web"),
        ("<${name.full}|${n}>", "<geo-web|7>"),
        ("${ match(1) }", "m1"),
        ('${match("3")}', "m3"),
        ("${match(1.9)}", "m1"),
        ("${match(-1)}", "m-1"),
        ("${match(99999999999999999999.5)}", "m-9223372036854775808"),
        ('${pick("x", true)}', "x"),
        ('${pick("x", "false")}', ""),
        ("${1 + 2 * 3}", "7"),
        ("${(1 + 2) * 3}", "9"),
        ("${7 / 2}", "3"),
        ("${-7 / 2}", "-3"),
        ("${-7 % 3}", "-1"),
        ("${1.5 * 2}", "3"),
        ("${n + 1}", "8"),
        ("${1 + n}", "8"),
        ("${1.0 / 0}", "+Inf"),
        ("${true}", "true"),
        ("${!true}", "false"),
        ("${true && !t || false}", "false"),
        ("${true && false}|${true && true}", "false|true"),
        ("${false || true}|${false || false}", "true|false"),
        ("${7 - 9}|${1.5 - 2}|${1.5 + 2}", "-2|-0.5|3.5"),
        ("${1 == 1.0}", "true"),
        ('${"a" == "a"}', "true"),
        ('${"a" != n}', "true"),
        ("${2 > 1 ? 10 : 20}", "10"),
        ('${n == "7" ? "yes" : "no"}', "yes"),
        ('${false ? "1" : 2}', "2"),
        ('${"a${n}b"}', "a7b"),
        ('${"a\\"b\\\\c\\nd"}', 'a"b\\c\nd'),
        ('${"$${n}"}', "${n}"),
        ("${9223372036854775807 + 1}", "-9223372036854775808"),
        ("äö${n}ü", "äö7ü"),
    ],
)
def test_texts_come_to(text: str, expected: str) -> None:
    """Literals, variables, calls, operators and conversions between types."""
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("${", "parse error at 1:3: expected expression but found end of string"),
        ("${}", 'parse error at 1:3: expected expression but found "}"'),
        ("${n", 'parse error at 1:4: expected "}" but found end of string'),
        ("${n n}", 'parse error at 1:5: expected "}" but found "n"'),
        ("${n == }", 'parse error at 1:8: expected expression but found "}"'),
        ("${n = 1}", 'parse error at 1:5: expected "}" but found invalid sequence "="'),
        ("${'x'}", 'parse error at 1:3: expected expression but found invalid sequence "\'"'),
        ('${"x}', 'parse error at 1:4: expected "${" but found invalid sequence "x}"'),
        ('${"\\q"}', "parse error at 1:4: invalid backslash escape sequence"),
        ("${(1}", 'parse error at 1:5: expected ")" but found "}"'),
        ("${true ? 1}", 'parse error at 1:11: expected : but found "}"'),
        ("${match(1}", 'parse error at 1:10: expected ")" but found "}"'),
        ("a\nb${n", 'parse error at 2:5: expected "}" but found end of string'),
        (
            "${99999999999999999999}",
            'parse error at 1:3: invalid integer: strconv.Atoi: parsing "99999999999999999999": value out of range',
        ),
        ("${x}", "1:3: unknown variable accessed: x"),
        ("${1 + f(2)}", "1:7: unknown function called: f"),
        ("${match()}", "1:3: match: expected 1 arguments, got 0"),
        ("${match(true)}", "At column 3, line 1: match: argument 1 should be type int, got type bool"),
        ("${true + 1}", "At column 3, line 1: operand 1 should be TypeInt, got TypeBool"),
        ("${1.5 % 2}", "At column 3, line 1: modulo cannot be used with floats"),
        ("${1 && true}", "At column 3, line 1: logical operators require boolean operands, not TypeInt"),
        ("${1 ? 2 : 3}", "At column 3, line 1: condition must be type bool, not type int"),
        (
            "${true ? 1 : true}",
            "At column 3, line 1: true and false expression types must match; have type int and type bool",
        ),
        ("${n[0]}", "At column 4, line 1: invalid index operation into non-indexable type: TypeString"),
        ("${1 / 0}", "__builtin_IntMath: divide by zero"),
        ('${"x" + 1}', '__builtin_StringToInt: strconv.ParseInt: parsing "x": invalid syntax'),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, error: str) -> None:
    """Syntax first, then names, then types, then values."""
    with pytest.raises(HilError) as refused:
        value(text)
    assert str(refused.value) == error


def test_deep_nesting_is_refused_and_no_stack_overflows() -> None:
    """A template is user input."""
    for text in ("${" + "(" * 5000, "${" + "-" * 5000 + "1}", "${" + '"${' * 3000, "${" + "match(" * 4000):
        with pytest.raises(HilError):
            value(text)


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet='${}()[]"\\+-*/%<>=!&|?:,. \nabn17_', max_size=60))
def test_any_text_comes_to_something_or_is_an_error(text: str) -> None:
    """Nothing but HilError is raised."""
    try:
        assert isinstance(value(text), str)
    except HilError:
        return


def test_operators_in_a_row_nest_and_have_a_bound() -> None:
    """Whatever walks over a tree gets to its end."""
    assert evaluate(parse("${" + "+".join(["1"] * 250) + "}"), Scope()) == "250"
    with pytest.raises(HilError, match="nested deeper than 256 levels"):
        parse("${" + "+".join(["1"] * 300) + "}")
