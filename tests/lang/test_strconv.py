r"""Go's text forms of strings and numbers; what is expected here is what Go says."""

from __future__ import annotations

import pytest

from pyconsul.lang import strconv


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ('"a\\tb"', "a\tb"),
        (r'"\a\b\f\n\r\t\v\\\""', '\a\b\f\n\r\t\v\\"'),
        (r'"\101\0601"', "A01"),
        (r'"\377"', "\udcff"),
        (r'"\x41\x7e1"', "A~1"),
        (r'"\u00e9\U0001F6001"', "é\U0001f6001"),
        ("`a\\n\rb`", "a\\nb"),
        ('""', ""),
    ],
)
def test_a_string_literal_is_read(literal: str, text: str) -> None:
    """Octets that are no text survive; back quotes hold anything but carriage returns."""
    assert strconv.unquote(literal) == text


@pytest.mark.parametrize(
    "literal",
    [
        "",
        '"',
        "'a'",
        '"a`',
        '"a"b"',
        r'"a"\n"',
        "`a`b`",
        '"a\nb"',
        r'"\q"',
        r'"\400"',
        r'"\08"',
        r'"\x4"',
        r'"\ud800"',
        r'"\U00110000"',
        r'"\u00g0"',
        '"\\"',
        r'"\'"',
    ],
)
def test_what_is_no_string_literal_is_refused(literal: str) -> None:
    """Go does not say why."""
    with pytest.raises(ValueError, match=r"^invalid syntax$"):
        strconv.unquote(literal)


@pytest.mark.parametrize(
    ("literal", "code"),
    [("'a'", 97), ("'\\''", 39), (r"'\x41'", 65), (r"'\101'", 65), (r"'\u00e9'", 233), (r"'\n'", 10), ("'é'", 233)],
)
def test_a_character_literal_is_a_number(literal: str, code: int) -> None:
    """Templates reckon with them."""
    assert strconv.unquote_rune(literal) == code


@pytest.mark.parametrize(
    ("literal", "reason"), [("''", "invalid syntax"), ("'ab'", "malformed character constant: 'ab'")]
)
def test_a_character_literal_holds_one_character(literal: str, reason: str) -> None:
    """Neither none nor two."""
    with pytest.raises(ValueError, match=reason):
        strconv.unquote_rune(literal)


@pytest.mark.parametrize(
    ("code", "shown", "in_ascii"),
    [
        (97, "'a'", "'a'"),
        (39, "'\\''", "'\\''"),
        (0xE9, "'é'", "'\\u00e9'"),
        (0x1F600, "'\U0001f600'", "'\\U0001f600'"),
        (0, "'\\x00'", "'\\x00'"),
        (0x200B, "'\\u200b'", "'\\u200b'"),
        (0xD800, "'\ufffd'", "'\\ufffd'"),
        (0xDFFF, "'\ufffd'", "'\\ufffd'"),
        (0x110000, "'\ufffd'", "'\\ufffd'"),
        (-1, "'\ufffd'", "'\\ufffd'"),
    ],
)
def test_a_number_is_shown_as_its_character(code: int, shown: str, in_ascii: str) -> None:
    """What is none is shown as the replacement character."""
    assert (strconv.quote_rune(code), strconv.quote_rune(code, ascii_only=True)) == (shown, in_ascii)


@pytest.mark.parametrize(
    ("text", "base", "bits", "number"),
    [
        ("0x_1f", 0, 64, 31),
        ("0b101", 0, 64, 5),
        ("0o17", 0, 64, 15),
        ("017", 0, 64, 15),
        ("1_000", 0, 64, 1000),
        ("-0x8000000000000000", 0, 64, strconv.MIN_INT64),
        ("+7", 10, 64, 7),
        ("127", 10, 8, 127),
        ("-128", 10, 8, -128),
        ("0", 0, 64, 0),
    ],
)
def test_an_integer_is_read_in_its_base(text: str, base: int, bits: int, number: int) -> None:
    """Base 0 goes by the prefix, and lets underscores stand between digits."""
    assert strconv.parse_int(text, base, bits) == number


@pytest.mark.parametrize(
    ("text", "base", "bits", "reason"),
    [
        ("", 10, 64, "invalid syntax"),
        ("-", 10, 64, "invalid syntax"),
        ("0x", 0, 64, "invalid syntax"),
        ("1__0", 0, 64, "invalid syntax"),
        ("1_", 0, 64, "invalid syntax"),
        ("0_x1", 0, 64, "invalid syntax"),
        ("1_0", 10, 64, "invalid syntax"),
        ("٣", 10, 64, "invalid syntax"),
        ("128", 10, 8, "value out of range"),
        ("-129", 10, 8, "value out of range"),
        ("9223372036854775808", 10, 64, "value out of range"),
        ("1" * 5000, 10, 64, "value out of range"),
        ("256x", 10, 8, "value out of range"),
        ("255x", 10, 8, "invalid syntax"),
    ],
)
def test_what_is_no_integer_is_refused(text: str, base: int, bits: int, reason: str) -> None:
    """One whose first digits are too much already is too large, whatever follows."""
    with pytest.raises(strconv.NumberSyntaxError) as caught:
        strconv.parse_int(text, base, bits)
    assert str(caught.value) == f"strconv.ParseInt: parsing {strconv.quote(text)}: {reason}"


@pytest.mark.parametrize(
    ("text", "bits"), [("inf", "+Inf"), ("-INFINITY", "-Inf"), ("NaN", "NaN"), ("0x1.8p3", "6755399441055744p-49")]
)
def test_a_float_may_be_special_or_hexadecimal(text: str, bits: str) -> None:
    """In any letter case."""
    assert strconv.binary_float(strconv.parse_float(text)) == bits


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0x1p1024", "value out of range"),
        ("-1e309", "value out of range"),
        ("1__0", "invalid syntax"),
        ("1_.5", "invalid syntax"),
        ("0x.p1", "invalid syntax"),
        ("+nan", "invalid syntax"),
        ("1e", "invalid syntax"),
    ],
)
def test_what_is_no_float_is_refused(text: str, reason: str) -> None:
    """With the function's name, as the errors of flags show it."""
    with pytest.raises(strconv.NumberSyntaxError) as caught:
        strconv.parse_float(text)
    assert str(caught.value) == f'strconv.ParseFloat: parsing "{text}": {reason}'


@pytest.mark.parametrize(
    ("value", "form", "precision", "text"),
    [
        (123456.0, "g", -1, "123456"),
        (1234567.0, "g", -1, "1.234567e+06"),
        (0.0001, "g", -1, "0.0001"),
        (0.00001, "g", -1, "1e-05"),
        (1e21, "f", -1, "1000000000000000000000"),
        (1.5, "e", -1, "1.5e+00"),
        (-0.0, "f", -1, "-0"),
        (2.5, "f", 0, "2"),
        (1234567.0, "g", 3, "1.23e+06"),
        (1000000.0, "g", 3, "1e+06"),
        (0.00001234, "g", 2, "1.2e-05"),
        (12.50, "g", 6, "12.5"),
        (0.0, "g", 0, "0"),
    ],
)
def test_a_float_is_shown_as_go_shows_it(value: float, form: str, precision: int, text: str) -> None:
    """The shortest text that reads back, or so many digits."""
    assert strconv.format_float(value, form, precision) == text


@pytest.mark.parametrize(
    ("value", "precision", "text"),
    [
        (1.5, -1, "0x1.8p+00"),
        (0.0, -1, "0x0p+00"),
        (-0.1, 2, "-0x1.9ap-04"),
        (1.99, 0, "0x1p+01"),
        (1.0, 3, "0x1.000p+00"),
    ],
)
def test_a_float_is_shown_in_hexadecimal(value: float, precision: int, text: str) -> None:
    """One digit before the point, a binary exponent behind."""
    assert strconv.hex_float(value, precision) == text


@pytest.mark.parametrize(("text", "number"), [("0" * 5000 + "7", 7), ("-" + "0" * 5000, 0)])
def test_zeros_before_a_number_do_not_make_it_large(text: str, number: int) -> None:
    """However many there are."""
    assert strconv.parse_int(text) == number
