"""Cuts a Go template into tokens: text, delimiters, and what stands inside actions.

One token at a time, since the parser's errors must show the state at the token it looks at.
Positions count characters; ``errors.py`` turns them into Go's bytes where a message needs them.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import NamedTuple

from pyconsul.lang.strconv import quote


class T(IntEnum):
    """Kinds of tokens; everything above KEYWORD is a keyword."""

    ERROR = 0
    BOOL = 1
    CHAR = 2
    CHAR_CONSTANT = 3
    COMMENT = 4
    COMPLEX = 5
    ASSIGN = 6
    DECLARE = 7
    EOF = 8
    FIELD = 9
    IDENTIFIER = 10
    LEFT_DELIM = 11
    LEFT_PAREN = 12
    NUMBER = 13
    PIPE = 14
    RAW_STRING = 15
    RIGHT_DELIM = 16
    RIGHT_PAREN = 17
    SPACE = 18
    STRING = 19
    TEXT = 20
    VARIABLE = 21
    KEYWORD = 22
    BLOCK = 23
    BREAK = 24
    CONTINUE = 25
    DOT = 26
    DEFINE = 27
    ELSE = 28
    END = 29
    IF = 30
    NIL = 31
    RANGE = 32
    TEMPLATE = 33
    WITH = 34


_KEYWORDS = {
    "block": T.BLOCK,
    "break": T.BREAK,
    "continue": T.CONTINUE,
    "define": T.DEFINE,
    "else": T.ELSE,
    "end": T.END,
    "if": T.IF,
    "range": T.RANGE,
    "nil": T.NIL,
    "template": T.TEMPLATE,
    "with": T.WITH,
}
_SPACES = " \t\r\n"
_SPACE_RUN = re.compile(r"[ \t\r\n]+")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?"
    r"|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)i?"
)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\[^\n])*'")
_PUNCTUATION = {"=": T.ASSIGN, "|": T.PIPE}


class Token(NamedTuple):
    """One token: kind, where it starts, its text (or the error's), and its line."""

    kind: T
    pos: int
    text: str
    line: int

    def __str__(self) -> str:
        if self.kind == T.EOF:
            return "EOF"
        if self.kind == T.ERROR:
            return self.text
        if self.kind > T.KEYWORD:
            return f"<{self.text}>"
        if len(self.text.encode("utf-8", "surrogateescape")) > 10:
            return quote(self.text[:10]) + "..."
        return quote(self.text)


def _is_word(char: str) -> bool:
    """Go's letters, digits and underscore (``\\w`` also takes other numerals and marks)."""
    return char == "_" or char.isalpha() or char.isdecimal()


def _unicode_name(char: str) -> str:
    """``%#U`` of Go: the code, and the character where it can be printed."""
    code = f"U+{ord(char):04X}"
    return f"{code} '{char}'" if char.isprintable() else code


class Lexer:
    """Gives the tokens of one text, one by one."""

    def __init__(self, text: str, left: str = "", right: str = "") -> None:
        self.text = text
        self.left = left or "{{"
        self.right = right or "}}"
        self.pos = 0
        self.line = 1
        self.inside_action = False
        self.paren_depth = 0
        self._number_end = 0
        self.break_is_keyword = True
        self.continue_is_keyword = True

    def next_token(self) -> Token:
        """The next token; after an error or the end, EOF for ever."""
        return self._inside() if self.inside_action else self._outside()

    def _emit(self, kind: T, end: int) -> Token:
        token = Token(kind, self.pos, self.text[self.pos : end], self.line)
        self._skip_to(end)
        return token

    def _skip_to(self, end: int) -> None:
        self.line += self.text.count("\n", self.pos, end)
        self.pos = end

    def _fail(self, message: str) -> Token:
        token = Token(T.ERROR, self.pos, message, self.line)
        self.text, self.pos, self.inside_action = "", 0, False
        return token

    def _has_left_trim(self, at: int) -> bool:
        # The last part: nothing at all is "in" a text, too.
        return self.text[at : at + 1] == "-" and self.text[at + 1 : at + 2] in _SPACES and at + 1 < len(self.text)

    def _at_right_delim(self, at: int) -> tuple[bool, bool]:
        """Whether a right delimiter stands here, and whether with a trim marker."""
        text = self.text
        if (
            text[at : at + 1]
            and text[at] in _SPACES
            and text[at + 1 : at + 2] == "-"
            and text.startswith(self.right, at + 2)
        ):
            return True, True
        return text.startswith(self.right, at), False

    def _outside(self) -> Token:
        while True:
            start = self.text.find(self.left, self.pos)
            if start < 0:
                if self.pos < len(self.text):
                    return self._emit(T.TEXT, len(self.text))
                return Token(T.EOF, self.pos, "EOF", self.line)
            if start > self.pos:
                token = self._text_before(start)
                if token is not None:
                    return token
            after = start + len(self.left)
            marker = 2 if self._has_left_trim(after) else 0
            if not self.text.startswith("/*", after + marker):
                token = self._emit(T.LEFT_DELIM, after)
                self._skip_to(after + marker)
                self.inside_action = True
                self.paren_depth = 0
                return token
            self._skip_to(after + marker)
            failed = self._skip_comment()
            if failed is not None:
                return failed

    def _text_before(self, start: int) -> Token | None:
        end = start
        if self._has_left_trim(start + len(self.left)):
            while end > self.pos and self.text[end - 1] in _SPACES:
                end -= 1
        token = self._emit(T.TEXT, end) if end > self.pos else None
        self._skip_to(start)
        return token

    def _skip_comment(self) -> Token | None:
        end = self.text.find("*/", self.pos + 2)
        if end < 0:
            return self._fail("unclosed comment")
        closed, trims = self._at_right_delim(end + 2)
        if not closed:
            return self._fail("comment ends before closing delimiter")
        self._close_action(end + 2, trims)
        return None

    def _close_action(self, at: int, trims: bool) -> Token:
        self._skip_to(at + (2 if trims else 0))
        token = self._emit(T.RIGHT_DELIM, self.pos + len(self.right))
        if trims:
            found = _SPACE_RUN.match(self.text, self.pos)
            if found:
                self._skip_to(found.end())
        self.inside_action = False
        return token

    def _inside(self) -> Token:
        closes, trims = self._at_right_delim(self.pos)
        if closes:
            if self.paren_depth == 0:
                return self._close_action(self.pos, trims)
            return self._fail("unclosed left paren")
        if self.pos >= len(self.text):
            return self._fail("unclosed action")
        char = self.text[self.pos]
        if char in _SPACES:
            return self._space()
        if char in _PUNCTUATION:
            return self._emit(_PUNCTUATION[char], self.pos + 1)
        if char == ":":
            if not self.text.startswith(":=", self.pos):
                return self._fail("expected :=")
            return self._emit(T.DECLARE, self.pos + 2)
        if char in "\"`'":
            return self._quoted(char)
        if char == "$":
            return self._field_or_variable(T.VARIABLE)
        if char == "." and self._starts_field():
            return self._field_or_variable(T.FIELD)
        if char in "+-.0123456789":
            return self._number()
        return self._word_or_sign(char)

    def _starts_field(self) -> bool:
        after = self.text[self.pos + 1 : self.pos + 2]
        return after != "" and after not in "0123456789"

    def _word_or_sign(self, char: str) -> Token:
        if _is_word(char):
            return self._identifier()
        if char == "(":
            self.paren_depth += 1
            return self._emit(T.LEFT_PAREN, self.pos + 1)
        if char == ")":
            self.paren_depth -= 1
            if self.paren_depth < 0:
                return self._fail("unexpected right paren")
            return self._emit(T.RIGHT_PAREN, self.pos + 1)
        if char.isascii() and char.isprintable():
            return self._emit(T.CHAR, self.pos + 1)
        return self._fail(f"unrecognized character in action: {_unicode_name(char)}")

    def _space(self) -> Token:
        found = _SPACE_RUN.match(self.text, self.pos)
        end = found.end() if found else self.pos + 1
        closes, trims = self._at_right_delim(end - 1)
        if closes and trims:
            if end - 1 == self.pos:
                return self._close_action(self.pos, trims)
            end -= 1
        return self._emit(T.SPACE, end)

    def _quoted(self, char: str) -> Token:
        if char == "`":
            end = self.text.find("`", self.pos + 1)
            return self._emit(T.RAW_STRING, end + 1) if end > 0 else self._fail("unterminated raw quoted string")
        found = (_QUOTED if char == '"' else _CHARACTER).match(self.text, self.pos)
        if found is None:
            return self._fail("unterminated " + ("quoted string" if char == '"' else "character constant"))
        return self._emit(T.STRING if char == '"' else T.CHAR_CONSTANT, found.end())

    def _word_end(self, at: int) -> int:
        text, size = self.text, len(self.text)
        while at < size and _is_word(text[at]):
            at += 1
        return at

    def _is_terminator(self, at: int) -> bool:
        if at >= len(self.text):
            return True
        return self.text[at] in " \t\r\n.,|:)(" or self.text.startswith(self.right, at)

    def _bad_character(self, at: int) -> Token:
        return self._fail(f"bad character {_unicode_name(self.text[at])}")

    def _field_or_variable(self, kind: T) -> Token:
        if self._is_terminator(self.pos + 1):
            return self._emit(T.VARIABLE if kind == T.VARIABLE else T.DOT, self.pos + 1)
        end = self._word_end(self.pos + 1)
        return self._emit(kind, end) if self._is_terminator(end) else self._bad_character(end)

    def _identifier(self) -> Token:
        end = self._word_end(self.pos)
        if not self._is_terminator(end):
            return self._bad_character(end)
        word = self.text[self.pos : end]
        kind = _KEYWORDS.get(word, T.BOOL if word in ("true", "false") else T.IDENTIFIER)
        if (kind == T.BREAK and not self.break_is_keyword) or (kind == T.CONTINUE and not self.continue_is_keyword):
            kind = T.IDENTIFIER
        return self._emit(kind, end)

    def _number(self) -> Token:
        end = self._scan_number(self.pos)
        if end is None:
            return self._bad_number()
        if self.text[end : end + 1] in ("+", "-"):
            end = self._scan_number(end)
            if end is None:
                return self._bad_number()
            if self.text[end - 1] != "i":
                return self._fail(f"bad number syntax: {quote(self.text[self.pos : end])}")
            return self._emit(T.COMPLEX, end)
        return self._emit(T.NUMBER, end)

    def _scan_number(self, at: int) -> int | None:
        """Where the number ends, or None when a letter or digit follows it."""
        found = _NUMBER.match(self.text, at)
        end = found.end() if found else at
        self._number_end = end
        return None if end < len(self.text) and _is_word(self.text[end]) else end

    def _bad_number(self) -> Token:
        return self._fail(f"bad number syntax: {quote(self.text[self.pos : self._number_end + 1])}")
