"""Patterns of users: Go's syntax, Go's words for what is none of it, and nothing that takes for ever."""

from __future__ import annotations

import pytest

from pyconsul.lang.goregexp import MOST, GoRegexError, compile_regexp

# What Go's regexp.Compile says, behind "error parsing regexp: ".
REFUSED = [
    ("(", "missing closing ): `(`"),
    ("a)", "unexpected ): `a)`"),
    ("[a", "missing closing ]: `[a`"),
    ("*", "missing argument to repetition operator: `*`"),
    ("a**", "invalid nested repetition operator: `**`"),
    ("a{1001}", "invalid repeat count: `{1001}`"),
    ("a{2,1}", "invalid repeat count: `{2,1}`"),
    ("\\", "trailing backslash at end of expression: ``"),
    ("\\C", "invalid escape sequence: `\\C`"),
    ("\\q", "invalid escape sequence: `\\q`"),
    ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
    ("(?P<a", "invalid named capture: `(?P<a`"),
    ("(?P<>a)", "invalid named capture: `(?P<>`"),
    ("[z-a]", "invalid character class range: `z-a`"),
    ("[[:x:]]", "invalid character class range: `[:x:]`"),
    ("\\pX", "invalid character class range: `\\pX`"),
    ("[]", "missing closing ]: `[]`"),
    ("a++", "invalid nested repetition operator: `++`"),
    ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
    ("x{1000}{1000}", "invalid nested repetition operator: `{1000}{1000}`"),
    ("+", "missing argument to repetition operator: `+`"),
    ("?", "missing argument to repetition operator: `?`"),
    ("a|*", "missing argument to repetition operator: `*`"),
    ("\\8", "invalid escape sequence: `\\8`"),
    ("\\x{110000}", "invalid escape sequence: `\\x{110000`"),
    ("(?z)", "invalid or unsupported Perl syntax: `(?z`"),
    ("a\\Cb", "invalid escape sequence: `\\C`"),
    ("a\udcffb", "invalid UTF-8: `\udcffb`"),
]


@pytest.mark.parametrize(("pattern", "reason"), REFUSED)
def test_a_wrong_pattern_is_told_in_gos_words(pattern: str, reason: str) -> None:
    """With the part that is wrong, where Go names it."""
    with pytest.raises(GoRegexError) as caught:
        compile_regexp(pattern)
    assert str(caught.value) == f"error parsing regexp: {reason}"


@pytest.mark.parametrize("pattern", ["(?<a>A)", "x|A{", "[^\\d]", "\\QA", "(?i)a", "(|A)*", "\\x41", "\\\\C|A"])
def test_what_go_takes_is_taken(pattern: str) -> None:
    """Groups with names in either spelling, a brace that repeats nothing, quoted text."""
    assert compile_regexp(pattern).search("xAx")


def test_a_search_looks_anywhere_and_a_full_match_does_not() -> None:
    """The two ways in which a compiled pattern is asked."""
    pattern = compile_regexp("b+")
    assert pattern.search("abba") and pattern.fullmatch("bbb")
    assert not pattern.fullmatch("abba")


def test_a_pattern_has_a_greatest_length() -> None:
    """One of that length is compiled, a longer one is not looked at."""
    assert compile_regexp("a" * MOST).fullmatch("a" * MOST)
    with pytest.raises(GoRegexError, match="expression too large"):
        compile_regexp("(" * (MOST + 1))


def test_a_pattern_that_others_choke_on_takes_linear_time() -> None:
    """Nested repetitions over a long text that does not fit in the end."""
    assert not compile_regexp("(a*)*b").fullmatch("a" * 50_000)
