"""HIL text into tokens."""

import re
import unicodedata
from collections.abc import Iterator
from enum import Enum, auto

import msgspec

from pyconsul.lang.hil.nodes import Pos
from pyconsul.lang.strconv import quote


class T(Enum):
    """Kinds of tokens."""

    LITERAL = auto()
    STRING = auto()
    BEGIN = auto()
    END = auto()
    OPEN_QUOTE = auto()
    CLOSE_QUOTE = auto()
    SYMBOL = auto()
    INTEGER = auto()
    FLOAT = auto()
    BOOL = auto()
    IDENTIFIER = auto()
    INVALID = auto()
    EOF = auto()


_DESCRIBED = {T.EOF: "end of string", T.OPEN_QUOTE: "opening quote", T.CLOSE_QUOTE: "closing quote"}
_TWO = ("!=", "<=", ">=", "==", "&&", "||")
_ONE = "()[],.+-*/%?:!<>"
_BARE = ("!=", ">=", "<=", "&&", "||")
_SPACES = " \t\r\n"
_OUTSIDE = re.compile(r"[^$]++")
_QUOTED = re.compile(r'[^$"\\]++')


class Token(msgspec.Struct, frozen=True):
    """One token; ``text`` is the source it stands for."""

    kind: T
    text: str
    pos: Pos

    def __str__(self) -> str:
        """As parse errors name it."""
        if self.kind in _DESCRIBED:
            return _DESCRIBED[self.kind]
        if self.kind in (T.INTEGER, T.FLOAT):
            return f"{self.kind.name.lower()} {self.text}"
        if self.kind in (T.STRING, T.LITERAL):
            return f"{self.kind.name.lower()} {quote(self.text)}"
        if self.kind is T.INVALID:
            return f"invalid sequence {quote(self.text)}"
        return self.text if self.text in _BARE else quote(self.text)


def scan(text: str) -> Iterator[Token]:
    """All tokens of ``text``, the last of them EOF."""
    return _Scanner(text).tokens()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.column = 1

    @property
    def pos(self) -> Pos:
        return Pos(self.line, self.column)

    def tokens(self) -> Iterator[Token]:
        """Text and expressions take turns: ``${`` and quotes lead from one to the other and back."""
        nesting = 0
        while True:
            began = self.pos
            content, terminator = self.literal(nested=nesting > 0)
            if content:
                yield Token(T.STRING if nesting else T.LITERAL, content, began)
            yield terminator
            if terminator.kind in (T.INVALID, T.EOF):
                if terminator.kind is T.INVALID:
                    yield Token(T.EOF, "", self.pos)
                return
            nesting += terminator.kind is T.BEGIN
            while True:
                token = self.expression_token()
                yield token
                if token.kind is T.INVALID:
                    yield Token(T.EOF, "", self.pos)
                if token.kind in (T.INVALID, T.EOF):
                    return
                if token.kind is T.END:
                    nesting = max(0, nesting - 1)
                if token.kind in (T.END, T.OPEN_QUOTE):
                    break

    def literal(self, *, nested: bool) -> tuple[str, Token]:
        """Text up to what ends it, and that. Inside an expression it is a quoted string."""
        began, start = self.pos, self.at
        text, plain = self.text, _QUOTED if nested else _OUTSIDE
        while self.at < len(text):
            if (found := plain.match(text, self.at)) is not None:
                self.skip(found.end() - self.at)
                continue
            pair = text[self.at : self.at + 2]
            if pair == "${" or (nested and pair[0] == '"'):
                content = text[start : self.at]
                kind, size = (T.BEGIN, 2) if pair == "${" else (T.CLOSE_QUOTE, 1)
                token = Token(kind, pair[:size], self.pos)
                self.skip(size)
                return content, token
            escaped = pair == "$$" or (nested and pair in ('\\"', "\\\\"))
            self.skip(2 if escaped else 1)
        if nested:
            self.at, self.line, self.column = start, began.line, began.column
            return "", Token(T.INVALID, text[start:], began)
        return text[start : self.at], Token(T.EOF, "", self.pos)

    def skip(self, count: int) -> None:
        """Move over characters."""
        end = self.at + count
        lines = self.text.count("\n", self.at, end)
        if lines:
            self.line += lines
            self.column = min(end, len(self.text)) - self.text.rfind("\n", self.at, end)
        else:
            self.column += min(end, len(self.text)) - self.at
        self.at = end

    def expression_token(self) -> Token:
        """The next token inside ``${…}``."""
        while self.at < len(self.text) and self.text[self.at] in _SPACES:
            self.skip(1)
        if self.at == len(self.text):
            return Token(T.EOF, "", self.pos)
        kind, content = self._recognise()
        token = Token(kind, content, self.pos)
        self.skip(len(content))
        return token

    def _recognise(self) -> tuple[T, str]:
        text, at = self.text, self.at
        first = text[at]
        if text[at : at + 2] in _TWO:
            return T.SYMBOL, text[at : at + 2]
        if first in _ONE:
            return T.SYMBOL, first
        if first == "}":
            return T.END, first
        if first == '"':
            return T.OPEN_QUOTE, first
        if first in "0123456789":
            return _number(text, at)
        if first == "_" or unicodedata.category(first).startswith("L"):
            name = _identifier(text, at)
            return (T.BOOL if name in ("true", "false") else T.IDENTIFIER), name
        return T.INVALID, first


def _number(text: str, start: int) -> tuple[T, str]:
    """Digits with at most one point between them; a point at the end is no part of it."""
    at = start
    point = -1
    while at < len(text):
        if text[at] == ".":
            if point >= 0:
                break
            point = at
        elif text[at] not in "0123456789":
            if point == at - 1:
                return T.INTEGER, text[start : at - 1]
            break
        at += 1
    return (T.FLOAT if point >= 0 else T.INTEGER), text[start:at]


def _identifier(text: str, start: int) -> str:
    """Letters, digits, ``_``, ``-`` and dots; a star only between two dots."""
    at = start
    while at < len(text):
        char = text[at]
        if not (char in "_-.*" or unicodedata.category(char)[0] in "LNM"):
            break
        if char == "*" and text[at - 1] != ".":
            break
        if at > start and text[at - 1] == "*" and char != ".":
            at -= 1
            if text[at - 1] == ".":
                at -= 1
            break
        at += 1
    return text[start:at]
