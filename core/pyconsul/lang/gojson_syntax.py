"""What is wrong with a JSON text, in the words of Go's ``encoding/json``.

Parsing is done by a faster library; only a text that it refuses comes here, so that the error reads as Consul's. Go has
two doors with words of their own for a text that ends too soon: ``json.Unmarshal`` (`syntax_error`) and the stream
decoder, which request bodies pass (`first_value`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from pyconsul.lang.gojson_values import MAX_DEPTH, value_of

__all__ = ["TOO_DEEP", "GoSyntaxError", "first_value", "raw_members", "syntax_error"]

_SPACE: Final = b" \t\r\n"
TOO_DEEP: Final = "invalid character '[' exceeded max depth"
_PLAIN: Final = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS: Final = re.compile(rb"[0-9]*")
_LITERALS: Final = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}


class GoSyntaxError(ValueError):
    """Malformed JSON, in Go's words."""


def syntax_error(data: bytes) -> str | None:
    """What ``json.Unmarshal`` says about ``data``; None for one JSON value with nothing behind it."""
    try:
        _Scan(data).whole()
    except GoSyntaxError as e:
        return str(e)
    return None


def first_value(data: bytes) -> Any:
    """The first JSON value in ``data``, as Go's stream decoder takes it: what follows is not looked at.

    Raises GoSyntaxError: ``EOF`` for nothing, ``unexpected EOF`` for a cut value, else ``invalid character …``.
    """
    start = len(data) - len(data.lstrip(_SPACE))
    if start == len(data):
        raise GoSyntaxError("EOF")
    end = _Scan(data, start, stream=True).value()
    return value_of(data[start:end].decode("utf-8", "replace"))


def raw_members(data: bytes) -> list[tuple[str, bytes]]:
    """Names and values of an object in order, the values as they are written.

    ``data`` must be an object's JSON.
    """
    return _Scan(data).members()


class _Scan:
    """One pass over a text from ``at`` on, as Go's stream decoder or as ``json.Unmarshal`` takes it."""

    def __init__(self, data: bytes, at: int = 0, *, stream: bool = False) -> None:
        self._data = data
        self._at = at
        self._stream = stream

    def whole(self) -> None:
        """One value and nothing but space behind it."""
        self.value()
        if (char := self._next()) is not None:
            raise self._bad(char, "after top-level value")

    def members(self) -> list[tuple[str, bytes]]:
        """The members of an object, values as they are written."""
        found: list[tuple[str, bytes]] = []
        self._need()
        while not self._take(ord("}")):
            self._take(ord(","))
            start = self._at
            self._key()
            name = self._data[start : self._at].decode("utf-8", "replace").rstrip(" \t\r\n")[:-1]
            start = self._at
            found.append((value_of(name), self._data[start : self.value()].strip(_SPACE)))
        return found

    def value(self) -> int:
        """One value; returns where it ends."""
        stack: list[int] = []  # the open brackets around what comes next
        self._value(stack)
        while stack:
            if stack[-1] == ord("["):
                self._after_element(stack)
            else:
                self._after_member(stack)
        return self._at

    def _value(self, stack: list[int]) -> None:
        """One scalar, or the beginning of a container up to its first scalar or its end."""
        while True:
            char = self._need()
            if char not in b"[{":
                self._scalar(char)
                return
            stack.append(char)
            if len(stack) > MAX_DEPTH:
                raise self._bad(char, "exceeded max depth")
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
                raise self._cut()
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
        """The next byte, spaces included; to ``json.Unmarshal`` there is a space behind the end."""
        if self._at >= len(self._data):
            if self._stream:
                raise self._cut()
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
            raise self._cut()
        return char

    def _take(self, wanted: int) -> bool:
        """Step over ``wanted`` if it comes next."""
        before = self._at
        if self._next() == wanted:
            return True
        self._at = before
        return False

    def _cut(self) -> GoSyntaxError:
        return GoSyntaxError("unexpected EOF" if self._stream else "unexpected end of JSON input")

    @staticmethod
    def _bad(char: int, where: str) -> GoSyntaxError:
        return GoSyntaxError(f"invalid character {_quoted(char)} {where}")


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
