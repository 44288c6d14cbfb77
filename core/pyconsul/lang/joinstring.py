"""The ``provider=aws tag_key=consul …`` strings of cloud auto-join: text to settings and back.

The rules and error sentences are go-discover's: blanks separate, ``=`` stands between key and value, either side may be
a Go string literal in double quotes. Knows no provider and no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final, NamedTuple

from pyconsul.lang.strconv import quote, unquote

__all__ = ["JoinStringError", "format_settings", "parse_settings"]

PROVIDER: Final = "provider"
# What Go's strings.TrimSpace takes off; Python's own strip knows four control characters more.
_SPACE: Final = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


class JoinStringError(ValueError):
    """A text that is no list of settings; the sentence names the key."""


class _Kind(Enum):
    TEXT = "text"
    EQUAL = "equal"
    ERROR = "error"


class _Token(NamedTuple):
    kind: _Kind
    text: str
    end: int


class _State(Enum):
    KEY = "key"
    EQUAL = "equal"
    VALUE = "value"


def parse_settings(text: str) -> dict[str, str]:
    """The settings of ``text`` in its order; a blank text has none.

    Raises JoinStringError in go-discover's words.
    """
    source = text.strip(_SPACE)
    found: dict[str, str] = {}
    key, state, at = "", _State.KEY, 0
    while at < len(source):
        token = _token(source, at)
        at = token.end
        if state is _State.KEY:
            key, state = _key(token, key, found), _State.EQUAL
        elif state is _State.EQUAL:
            if token.kind is not _Kind.EQUAL:
                raise JoinStringError(f"{key}: missing '='")
            state = _State.VALUE
        else:
            found[key], state = _value(token, key), _State.KEY
    if state is _State.EQUAL:
        raise JoinStringError(f"{key}: missing '='")
    if state is _State.VALUE:
        raise JoinStringError(f"{key}: missing value")
    return found


def format_settings(settings: Mapping[str, str]) -> str:
    """One text that ``parse_settings`` reads back.

    The provider stands first, the others by key; empty values are left out.
    """
    keys = [PROVIDER, *sorted(key for key in settings if key != PROVIDER)]
    return " ".join(f"{_quoted(key)}={_quoted(settings[key])}" for key in keys if settings.get(key))


def _quoted(text: str) -> str:
    # A key may be empty or begin and end with white space; literals keep it, and an equals sign, too, which
    # go-discover forgets: its own text could not be read back.
    plain = text and text == text.strip(_SPACE) and not any(char in ' "\\=' for char in text)
    return text if plain else quote(text)


def _key(token: _Token, previous: str, found: Mapping[str, str]) -> str:
    if token.kind is not _Kind.TEXT:
        if token.text:
            raise JoinStringError(f"{previous}: error with key=value pair {token.text}")
        hint = f'enclosing double-quote needed {previous}="value-with-=-symbol"'
        raise JoinStringError(f"{previous}: - equals in key's value, {hint}")
    if token.text in found:
        raise JoinStringError(f"{token.text}: duplicate key")
    return token.text


def _value(token: _Token, key: str) -> str:
    if token.kind is _Kind.TEXT:
        return token.text
    raise JoinStringError(f"{key}: {token.text or 'missing value'}")


def _token(source: str, at: int) -> _Token:
    """The token that begins at ``at``, after blanks. Only U+0020 separates."""
    begin = at
    while begin < len(source) and source[begin] == " ":
        begin += 1
    if begin < len(source) and source[begin] == "=":
        return _Token(_Kind.EQUAL, "", begin + 1)
    if begin < len(source) and source[begin] == '"':
        return _literal(source, begin)
    end = begin
    while end < len(source) and (end == begin or source[end] not in "= "):
        end += 1
    return _Token(_Kind.TEXT, source[begin:end].strip(_SPACE), end)


def _literal(source: str, begin: int) -> _Token:
    at = begin + 1
    while at < len(source) and source[at] != '"':
        at += 2 if source[at] == "\\" else 1
    if at >= len(source):
        # An escape sign as the last character leaves its partner out.
        text = "unterminated escape sequence" if at > len(source) else "unbalanced quotes"
        return _Token(_Kind.ERROR, text, len(source))
    try:
        return _Token(_Kind.TEXT, unquote(source[begin : at + 1]), at + 1)
    except ValueError as error:
        return _Token(_Kind.ERROR, str(error), at + 1)
