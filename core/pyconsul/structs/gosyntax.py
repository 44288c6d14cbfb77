"""What Go's JSON scanner says about text that is no JSON. Runs only after a fast parser has refused the text."""

import json
import re
from typing import Any

_SPACE = " \t\r\n"
_ESCAPES = frozenset('"\\/bfnrt')
_LITERALS = {"t": "true", "f": "false", "n": "null"}
MAX_DEPTH = 10_000  # as in Go; the scanner below does not recurse


class GoSyntaxError(ValueError):
    """Malformed JSON, in Go's words."""


def first_value(data: bytes) -> Any:
    """The first JSON value in ``data``, as Go's stream decoder takes it: what follows is not looked at.

    Raises GoSyntaxError: ``EOF`` for nothing, ``unexpected EOF`` for a cut value, else ``invalid character …``.
    """
    text = data.decode("latin-1")  # Go's scanner goes byte by byte, and names a bad one by its Latin-1 letter
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        raise GoSyntaxError("EOF")
    end = _Scanner(text, start).end_of_value()
    value = data[start:end].decode("utf-8", "replace")
    return json.loads(_ESCAPE.sub(_whole_surrogates, value), strict=False)


# A pair of surrogates, half of one, or any other escape.
_ESCAPE = re.compile(r"\\(?:(u[dD][89abAB]..\\u[dD][c-fC-F]..)|(u[dD][89a-fA-F]..)|.)", re.DOTALL)


def _whole_surrogates(match: re.Match[str]) -> str:
    """The escape as it stands; half of a surrogate pair means no character, Go reads it as U+FFFD."""
    return "\\ufffd" if match[2] else match[0]


class _Scanner:
    """Finds the end of one value; a stack of open containers instead of recursion."""

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.open: list[str] = []

    def end_of_value(self) -> int:
        while True:
            self._value()
            while True:  # a value just ended: close containers or go on with the next member
                if not self.open:
                    return self.at
                char = self._next_char()
                if char == self.open[-1]:
                    self.at += 1
                    self.open.pop()
                    continue
                where = "after object key:value pair" if self.open[-1] == "}" else "after array element"
                if char != ",":
                    raise _invalid(char, where)
                self.at += 1
                if self.open[-1] == "}":
                    self._key(first=False)
                break

    def _value(self) -> None:
        """Consume one scalar, or open containers down to the first scalar or empty container."""
        while True:
            char = self._next_char()
            if char == "{":
                self._open("}")
                if self._next_char() == "}":
                    return None
                self._key(first=True)
            elif char == "[":
                self._open("]")
                if self._next_char() == "]":
                    return None
            elif char == '"':
                return self._string()
            elif char in "-0123456789":
                return self._number()
            elif char in _LITERALS:
                return self._literal(_LITERALS[char])
            else:
                raise _invalid(char, "looking for beginning of value")

    def _open(self, closer: str) -> None:
        self.at += 1
        self.open.append(closer)
        if len(self.open) > MAX_DEPTH:
            raise GoSyntaxError("exceeded max depth")

    def _key(self, *, first: bool) -> None:
        char = self._next_char()
        if char != '"':
            raise _invalid(char, "looking for beginning of object key string")
        self._string()
        char = self._next_char()
        if char != ":":
            raise _invalid(char, "after object key")
        self.at += 1

    def _next_char(self) -> str:
        text = self.text
        while self.at < len(text) and text[self.at] in _SPACE:
            self.at += 1
        return self._char()

    def _char(self) -> str:
        if self.at >= len(self.text):
            raise GoSyntaxError("unexpected EOF")
        return self.text[self.at]

    def _string(self) -> None:
        self.at += 1
        while (char := self._char()) != '"':
            if char < " ":
                raise _invalid(char, "in string literal")
            self.at += 1
            if char == "\\":
                self._escape()
        self.at += 1

    def _escape(self) -> None:
        char = self._char()
        self.at += 1
        if char == "u":
            for _ in range(4):
                digit = self._char()
                if not re.match("[0-9a-fA-F]", digit):
                    raise _invalid(digit, "in \\u hexadecimal character escape")
                self.at += 1
        elif char not in _ESCAPES:
            raise _invalid(char, "in string escape code")

    def _literal(self, word: str) -> None:
        self.at += 1
        for expected in word[1:]:
            char = self._char()
            if char != expected:
                raise _invalid(char, f"in literal {word} (expecting {_quote(expected)})")
            self.at += 1

    def _number(self) -> None:
        if self._char() == "-":
            self.at += 1
            self._digit("in numeric literal")
            self.at -= 1
        if self._char() == "0":
            self.at += 1
        else:
            self._digits()
        if self._peek() == ".":
            self.at += 1
            self._digit("after decimal point in numeric literal")
            self._digits()
        if self._peek() in ("e", "E"):
            self.at += 1
            if self._peek() in ("+", "-"):
                self.at += 1
            self._digit("in exponent of numeric literal")
            self._digits()

    def _digit(self, where: str) -> None:
        char = self._char()
        if char not in "0123456789":
            raise _invalid(char, where)
        self.at += 1

    def _digits(self) -> None:
        while self._peek() in tuple("0123456789"):
            self.at += 1

    def _peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""


def _invalid(char: str, where: str) -> GoSyntaxError:
    return GoSyntaxError(f"invalid character {_quote(char)} {where}")


def _quote(char: str) -> str:
    if char == "'":
        return r"'\''"
    if char == '"':
        return "'\"'"
    named = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "\\": r"\\", "\x00": r"\x00", "\b": r"\b", "\f": r"\f", "\v": r"\v"}
    if char in named:
        return f"'{named[char]}'"
    return f"'\\x{ord(char):02x}'" if char < " " or char == "\x7f" else f"'{char}'"
