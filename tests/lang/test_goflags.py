"""Command lines are read as Go's flag package reads them, with its sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.goflags import (
    FlagError,
    FlagSet,
    HelpRequested,
    to_bool,
    to_float,
    to_int,
    to_uint,
    usage_text,
)
from pyconsul.lang.strconv import quote


def some_flags(*, brief: bool = True) -> FlagSet:
    """One flag of each type."""
    flags = FlagSet(brief=brief)
    flags.string("name", "its `label`", "web")
    flags.boolean("on", "switch")
    flags.integer("n", "count", 3)
    flags.unsigned("u")
    flags.number("f")
    flags.duration("wait", default=5_000_000_000)
    flags.strings("tag")
    flags.mapping("meta")
    return flags


def test_defaults_hold_until_a_flag_is_given() -> None:
    """A flag that is not given has its default and counts as not set."""
    args = some_flags().parse([])
    assert (args.string("name"), args.integer("n"), args.duration("wait")) == ("web", 3, 5_000_000_000)
    assert not args.was_set("name")


@pytest.mark.parametrize("words", [["-n=7"], ["-n", "7"], ["--n=7"], ["--n", "7"], ["-n", "1", "-n=0x7"]])
def test_the_forms_of_a_value_are_the_same(words: list[str]) -> None:
    """One or two dashes, an equals sign or a space: the value is the same, and the last one wins."""
    args = some_flags().parse(words)
    assert args.integer("n") == 7
    assert args.was_set("n")


def test_a_boolean_takes_no_word_after_it() -> None:
    """The word after a boolean flag is an argument, only an equals sign gives it a value."""
    args = some_flags().parse(["-on", "false", "-n=1"])
    assert args.boolean("on") is True
    assert args.rest == ["false", "-n=1"]
    assert some_flags().parse(["-on=0"]).boolean("on") is False


def test_reading_stops_at_two_dashes_or_a_word() -> None:
    """Two dashes end the flags and vanish; a single dash is a word."""
    assert some_flags().parse(["-on", "--", "-n", "x"]).rest == ["-n", "x"]
    assert some_flags().parse(["-", "-n=x"]).rest == ["-", "-n=x"]


def test_lists_and_maps_collect() -> None:
    """A repeatable flag keeps every appearance, a map flag the last of each key."""
    args = some_flags().parse(["-tag=a", "-tag", "b", "-meta=k=1=2", "-meta", "k=3", "-meta=j="])
    assert args.strings("tag") == ["a", "b"]
    assert args.mapping("meta") == {"k": "3", "j": ""}


def test_collected_values_belong_to_the_caller() -> None:
    """Changing what one reading returned leaves the next one untouched."""
    flags = some_flags()
    flags.parse([]).strings("tag").append("x")
    assert flags.parse([]).strings("tag") == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-zzz"], "flag provided but not defined: -zzz"),
        (["--zzz=1"], "flag provided but not defined: -zzz"),
        (["-=x"], "bad flag syntax: -=x"),
        (["---n"], "bad flag syntax: ---n"),
        (["-n"], "flag needs an argument: -n"),
        (["-n=x"], 'invalid value "x" for flag -n: parse error'),
        (["-n=9223372036854775808"], 'invalid value "9223372036854775808" for flag -n: value out of range'),
        (["-u=-1"], 'invalid value "-1" for flag -u: parse error'),
        (["-f=1e400"], 'invalid value "1e400" for flag -f: value out of range'),
        (["-wait=5"], 'invalid value "5" for flag -wait: parse error'),
        (["-on=maybe"], 'invalid boolean value "maybe" for -on: parse error'),
        (["-meta=x"], 'invalid value "x" for flag -meta: Missing "=" value in argument: x'),
    ],
)
def test_refusals_are_the_flag_packages(words: list[str], sentence: str) -> None:
    """A bad command line is refused in the words of Go's flag package."""
    with pytest.raises(FlagError) as caught:
        some_flags().parse(words)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-on=x"], 'invalid boolean value "x" for -on: strconv.ParseBool: parsing "x": invalid syntax'),
        (["-u=x"], 'invalid value "x" for flag -u: strconv.ParseUint: parsing "x": invalid syntax'),
        (["-wait=5"], 'invalid value "5" for flag -wait: time: missing unit in duration "5"'),
    ],
)
def test_long_refusals_carry_strconvs_sentence(words: list[str], sentence: str) -> None:
    """Flag types like Consul's own pass the whole sentence of the conversion on."""
    with pytest.raises(FlagError) as caught:
        some_flags(brief=False).parse(words)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("word", ["-h", "--help", "-help", "-h=1"])
def test_help_is_an_answer_of_its_own(word: str) -> None:
    """``-h`` asks for help unless a flag has that name."""
    with pytest.raises(HelpRequested):
        some_flags().parse([word])
    flags = FlagSet()
    flags.string("h")
    assert flags.parse(["-h=x"]).string("h") == "x"


def test_a_name_is_declared_once() -> None:
    """Declaring the same flag twice is a programming error."""
    flags = some_flags()
    with pytest.raises(ValueError, match="flag redefined: n"):
        flags.integer("n")


def test_the_generated_usage_has_gos_layout() -> None:
    """Names, value types, descriptions and defaults stand as Go prints them."""
    flags = FlagSet()
    flags.string("name", "its `label`", "web")
    flags.boolean("v", "talk")
    flags.integer("n", "count\nof things", 3)
    assert usage_text(flags) == (
        "Usage:\n"
        "  -n int\n    \tcount\n    \tof things (default 3)\n"
        '  -name label\n    \tits label (default "web")\n'
        "  -v\ttalk\n"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1_000", 1000),
        ("0_7", 7),
        ("0x_f", 15),
        ("00_1", 1),
        ("+5", 5),
        ("-0x5", -5),
        ("0B1", 1),
        ("0o7", 7),
        ("00", 0),
    ],
)
def test_integers_are_read_with_prefixes_and_underscores(text: str, value: int) -> None:
    """A base prefix and single underscores are part of an integer, as in Go source."""
    assert to_int(text) == value


@pytest.mark.parametrize(
    "text", ["", "0x", "0b2", "08", "_1", "0_", "0x1_", "1__2", "1e3", "-", "0x_", "９", " 1", "1 "]
)
def test_malformed_integers_are_refused(text: str) -> None:
    """What Go does not read as an integer is refused in strconv's words."""
    with pytest.raises(ValueError, match="invalid syntax"):
        to_int(text)


@pytest.mark.parametrize("text", ["+nan", "1e", "0x1", "infi", " 1", "1__0", "٣"])
def test_malformed_floats_are_refused(text: str) -> None:
    """What Go does not read as a float is refused."""
    with pytest.raises(ValueError, match="invalid syntax"):
        to_float(text)


@pytest.mark.parametrize(("text", "value"), [("0x1p4", 16.0), (".5", 0.5), ("1_0e2", 1000.0), ("-Inf", -1e999)])
def test_floats_are_read_in_gos_forms(text: str, value: float) -> None:
    """Hexadecimal floats, bare fractions and infinities are floats."""
    assert to_float(text) == value


def test_a_huge_number_is_out_of_range_at_once() -> None:
    """A million digits are refused without converting them."""
    with pytest.raises(ValueError, match="out of range"):
        to_uint("9" * 1_000_000)


@given(st.lists(st.text(), max_size=6))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    """No command line does anything but parse or raise a FlagError."""
    try:
        args = some_flags().parse(words)
    except FlagError:
        return
    assert args.rest == words[len(words) - len(args.rest) :]


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_every_64_bit_number_survives(value: int) -> None:
    """Each 64-bit number is read back from its decimal and its hexadecimal text."""
    assert to_int(str(value)) == value
    assert to_int(f"{'-' if value < 0 else ''}{abs(value):#x}") == value


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_quoted_texts_are_one_printable_line(text: str) -> None:
    """A quoted text has no raw control characters, and printable plain text keeps its letters."""
    quoted = quote(text)
    assert quoted.isprintable()
    if text.isalnum():
        assert quoted == f'"{text}"'


def test_booleans_are_gos_twelve_words() -> None:
    """The six words for true and the six for false are booleans, nothing else."""
    assert all(to_bool(word) for word in ("1", "t", "T", "TRUE", "true", "True"))
    assert not any(to_bool(word) for word in ("0", "f", "F", "FALSE", "false", "False"))
    with pytest.raises(ValueError, match="ParseBool"):
        to_bool("yes")
