"""What is wrong with a JSON text, in the words of Go's ``encoding/json``.

Parsing is done by a faster library; only a text that it refuses comes here, so that the error reads as Consul's.
"""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = b" \t\r\n"
_MAX_DEPTH: Final = 10_000  # as Go's scanner
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS: Final = re.compile(rb"[0-9]*")
_LITERALS: Final = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_END: Final = "unexpected end of JSON input"


def syntax_error(data: bytes) -> str | None:
    """Go's complaint about ``data``, or None when it is one JSON value with nothing behind it."""
    try:
        _Scan(data).whole()
    except _Bad as e:
        return str(e)
    return None


class _Bad(Exception):
    """The first thing that is wrong."""


class _Scan:
    """One pass over a text; ``at`` is the next byte."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def whole(self) -> None:
        """One value and nothing but space behind it."""
        stack: list[int] = []  # the open brackets around what comes next
        self._value(stack)
        while stack:
            if stack[-1] == ord("["):
                self._after_element(stack)
            else:
                self._after_member(stack)
        if (char := self._next()) is not None:
            raise self._bad(char, "after top-level value")

    def _value(self, stack: list[int]) -> None:
        """One scalar, or the beginning of a container up to its first scalar or its end."""
        while True:
            char = self._need()
            if char not in b"[{":
                self._scalar(char)
                return
            stack.append(char)
            if len(stack) > _MAX_DEPTH:
                raise _Bad("exceeded max depth")
            if char == ord("["):
                if self._take(ord("]")):
                    stack.pop()
                    return
            elif self._take(ord("}")):
                stack.pop()
                return
            else:
                self._key()

    def _after_element(self, stack: list[int]) -> None:
        char = self._need()
        if char == ord(","):
            self._value(stack)
        elif char == ord("]"):
            stack.pop()
        else:
            raise self._bad(char, "after array element")

    def _after_member(self, stack: list[int]) -> None:
        char = self._need()
        if char == ord(","):
            self._key()
            self._value(stack)
        elif char == ord("}"):
            stack.pop()
        else:
            raise self._bad(char, "after object key:value pair")

    def _key(self) -> None:
        """A member's name and its colon."""
        char = self._need()
        if char != ord('"'):
            raise self._bad(char, "looking for beginning of object key string")
        self._string()
        char = self._need()
        if char != ord(":"):
            raise self._bad(char, "after object key")

    def _scalar(self, char: int) -> None:
        if char == ord('"'):
            self._string()
        elif char in _LITERALS:
            self._literal(_LITERALS[char])
        elif char in b"-0123456789":
            self._number(char)
        else:
            raise self._bad(char, "looking for beginning of value")

    def _literal(self, word: bytes) -> None:
        for expected in word[1:]:
            char = self._raw()
            if char != expected:
                raise self._bad(char, f"in literal {word.decode()} (expecting '{chr(expected)}')")

    def _string(self) -> None:
        """What follows an opening quote, up to the closing one."""
        while True:
            self._skip(_PLAIN)
            if self._at >= len(self._data):
                raise _Bad(_END)
            char = self._raw()
            if char == ord('"'):
                return
            if char != ord("\\"):
                raise self._bad(char, "in string literal")
            escape = self._raw()
            if escape == ord("u"):
                self._hexadecimal()
            elif escape not in b'bfnrt\\/"':
                raise self._bad(escape, "in string escape code")

    def _hexadecimal(self) -> None:
        for _ in range(4):
            char = self._raw()
            if char not in b"0123456789abcdefABCDEF":
                raise self._bad(char, "in \\u hexadecimal character escape")

    def _number(self, char: int) -> None:
        if char == ord("-"):
            char = self._raw()
            if char not in b"0123456789":
                raise self._bad(char, "in numeric literal")
        if char != ord("0"):
            self._skip(_DIGITS)
        if self._peek() == ord("."):
            self._at += 1
            self._some_digits("after decimal point in numeric literal")
        if self._peek() in (ord("e"), ord("E")):
            self._at += 1
            if self._peek() in (ord("+"), ord("-")):
                self._at += 1
            self._some_digits("in exponent of numeric literal")

    def _some_digits(self, where: str) -> None:
        char = self._raw()
        if char not in b"0123456789":
            raise self._bad(char, where)
        self._skip(_DIGITS)

    def _skip(self, pattern: re.Pattern[bytes]) -> None:
        match = pattern.match(self._data, self._at)
        self._at = match.end() if match else self._at

    def _peek(self) -> int | None:
        return self._data[self._at] if self._at < len(self._data) else None

    def _raw(self) -> int:
        """The next byte, spaces included; Go's scanner sees a space behind the end."""
        if self._at >= len(self._data):
            return 0x20
        self._at += 1
        return self._data[self._at - 1]

    def _next(self) -> int | None:
        """The next byte that is no space, if there is one."""
        while (char := self._peek()) is not None:
            self._at += 1
            if char not in _SPACE:
                return char
        return None

    def _need(self) -> int:
        char = self._next()
        if char is None:
            raise _Bad(_END)
        return char

    def _take(self, wanted: int) -> bool:
        """Step over ``wanted`` if it comes next."""
        before = self._at
        if self._next() == wanted:
            return True
        self._at = before
        return False

    @staticmethod
    def _bad(char: int, where: str) -> _Bad:
        return _Bad(f"invalid character {_quoted(char)} {where}")


def _quoted(char: int) -> str:
    """One byte as Go's scanner shows it."""
    named = {0x27: r"\'", 0x07: r"\a", 0x08: r"\b", 0x0C: r"\f", 0x0A: r"\n", 0x0D: r"\r", 0x09: r"\t", 0x0B: r"\v"}
    if char in named:
        return f"'{named[char]}'"
    if char == ord("\\"):
        return r"'\\'"
    text = chr(char)
    if text.isprintable():
        return f"'{text}'"
    return f"'\\x{char:02x}'" if char < 0x80 else f"'\\u{char:04x}'"
