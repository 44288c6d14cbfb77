"""The configuration strings of cloud auto-join."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyconsul.lang.joinstring import JoinStringError, format_settings, parse_settings

GOOD: list[tuple[str, dict[str, str]]] = [
    ("", {}),
    ("   ", {}),
    ("key=a", {"key": "a"}),
    (" key=a    key2=b ", {"key": "a", "key2": "b"}),
    (" key = a   key2 = b ", {"key": "a", "key2": "b"}),
    ("key=a+b key2=c/d", {"key": "a+b", "key2": "c/d"}),
    (r'  "k e \\\" y" = "a \" b" key2=c', {r"k e \" y": 'a " b', "key2": "c"}),
    ('key="a=b"', {"key": "a=b"}),
    (r'key="\u00e9\x41\n"', {"key": "éA\n"}),
    ('key=""', {"key": ""}),
    ("zone_pattern=us-(?west|east).+", {"zone_pattern": "us-(?west|east).+"}),
    ("key=it's", {"key": "it's"}),
    ('key=a"b', {"key": 'a"b'}),
]


@pytest.mark.parametrize(("text", "settings"), GOOD)
def test_settings_are_read_as_written(text: str, settings: dict[str, str]) -> None:
    """Blanks separate, quotes keep, Go's escapes stand for their characters."""
    assert parse_settings(text) == settings


BAD = [
    ("key", "key: missing '='"),
    ("provider=aws foo", "foo: missing '='"),
    ("key key2", "key: missing '='"),
    ("key=", "key: missing value"),
    ("key==a", "key: missing value"),
    ('key="a', "key: unbalanced quotes"),
    ('key="\\', "key: unterminated escape sequence"),
    (r'key="\q"', "key: invalid syntax"),
    ("key=a key=b", "key: duplicate key"),
    ('a=b "x', "a: error with key=value pair unbalanced quotes"),
    ("key=abc=", 'key: - equals in key\'s value, enclosing double-quote needed key="value-with-=-symbol"'),
]


@pytest.mark.parametrize(("text", "fault"), BAD)
def test_faults_are_named_as_go_discover_names_them(text: str, fault: str) -> None:
    """Every fault has go-discover's sentence, which begins with the key."""
    with pytest.raises(JoinStringError) as caught:
        parse_settings(text)
    assert str(caught.value) == fault


def test_the_provider_comes_first_and_keys_are_sorted() -> None:
    """Formatted settings are stable: provider, then keys by name; values that need it are quoted."""
    assert format_settings({"x": "y", "provider": "foo", "a a": "b b", "e": ""}) == 'provider=foo "a a"="b b" x=y'


settings = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
)


@given(settings)
@example({"": "x"})
@example({"\t": "\u2003", "=": '"'})
def test_formatted_settings_are_read_back(settings: dict[str, str]) -> None:
    """Whatever the characters, what was formatted parses to the same settings."""
    assert parse_settings(format_settings(settings)) == settings


@given(st.text(alphabet='ab =\\"\t\u00a0né0x'))
def test_any_text_gives_settings_or_a_fault(text: str) -> None:
    """No text makes the parser fail otherwise than with its own error, and what it reads it can write."""
    try:
        found = parse_settings(text)
    except JoinStringError:
        return
    kept = {key: value for key, value in found.items() if value}
    assert parse_settings(format_settings(found)) == kept
