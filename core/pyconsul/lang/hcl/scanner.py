"""Tokens of an HCL document, one at a time, with the errors of HashiCorp's scanner.

A scan error does not stop the scanner: the parser goes on with what was read, and the last scan error is what the
user gets to see, as in HashiCorp's library.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Final

from pyconsul.lang.hcl.errors import HclError, error_at
from pyconsul.lang.hcl.nodes import Token

_SPACE: Final = re.compile(r"[ \t\n\r]*+")
# Strings with other escapes or with a "$" are rare. Their choices begin alike, and before Python 3.11.5 a possessive
# group keeps the part of a choice that matched until the rest of it failed.
_TOKEN: Final = re.compile(
    r"(?P<IDENT>[^\W\d][\w.\-]*+)"
    r'|(?P<STRING>"(?:[^"\\\n$]++|\\[abfnrtv\\"])*+")'
    r"|(?P<MARK>[\[\]{},=+])"
    r"|(?P<COMMENT>(?:\#|//)[^\n]*+)"
    r"|(?P<NUMBER>-?[0-9][0-9a-zA-Z.]*+(?:(?<=[eE])[+-][0-9]*+)?)"
)
# HashiCorp's scanner takes the character behind an "e" for its first digit, whatever it is.
_NUMBER: Final = re.compile(r"-?(?:(0[xX][0-9a-fA-F]*+)|[0-9]++((?:\.[0-9]*+)?(?:[eE][+-]?(?:[0-9]++|([\s\S]))?)?))")
_FRACTION: Final = re.compile(r"\.[0-9]++[eE]?")  # HashiCorp's scanner never gets to the digits of its exponent
_ANCHOR: Final = re.compile(r"-?(?:[^\W_]|_)*+")
_TEXT: Final = re.compile(r'[^"\\\n${}]++')
_BLANK: Final = " \t\v\f\r"
_BAD_CHARACTER: Final = re.compile("[\x00\ue123]")
_NOT_UTF8: Final = re.compile("[\ud800-\udfff]")  # what is left of bytes that are no UTF-8

_MARKS: Final = {
    "[": "LBRACK",
    "]": "RBRACK",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
    "=": "ASSIGN",
    "+": "ADD",
    "-": "SUB",
    ".": "PERIOD",
}
_DIGITS_OF_ESCAPE: Final = {"x": (16, 2), "u": (16, 4), "U": (16, 8)}


class Scanner:
    """Cuts ``source`` into tokens."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._fault: tuple[int, str] | None = None
        self._at = 0
        self._beyond_end = 0  # HashiCorp's scanner moves its column at each read past the end
        self._not_utf8 = [found.start() for found in _NOT_UTF8.finditer(source)]
        self._check_characters()

    @property
    def error(self) -> HclError | None:
        """The last scan error, to be raised when the parser is through; only then its line is counted."""
        return error_at(self.source, *self._fault) if self._fault is not None else None

    def next(self) -> Token:
        """The next token; comments are skipped. At the end it is an EOF token again and again."""
        while True:
            token = self._scan()
            if self._not_utf8:
                self._check_encoding(token)
            if token.kind != "COMMENT":
                return token

    def _check_encoding(self, token: Token) -> None:
        """Strings and comments must be UTF-8.

        Anywhere else such a byte is just one more character out of place.
        """
        before = bisect_left(self._not_utf8, self._at)
        if before and self._not_utf8[before - 1] >= token.at and token.kind != "ILLEGAL":
            self._fail(self._not_utf8[before - 1], "illegal UTF-8 encoding")

    def _check_characters(self) -> None:
        found = _BAD_CHARACTER.search(self.source)
        if found is None:
            return
        messages = {
            "\x00": "unexpected null character (0x00)",
            "\ue123": "unicode code point U+E123 reserved for internal use",
        }
        raise error_at(self.source, found.start(), messages[found[0]])

    def _scan(self) -> Token:
        source = self.source
        space = _SPACE.match(source, self._at)
        at = space.end() if space else self._at
        if at >= len(source):
            self._at = at
            token = Token("EOF", "", len(source) + self._beyond_end)
            self._beyond_end += 1
            return token
        match = _TOKEN.match(source, at)
        if match is None:
            return self._rare(at)
        kind, text = str(match.lastgroup), match[0]
        self._at = match.end()
        if kind == "MARK":
            return Token(_MARKS[text], text, at)
        if kind == "NUMBER":
            return self._number(at)
        if kind == "IDENT" and text in ("true", "false"):
            kind = "BOOL"
        if kind != "STRING" and self._at == len(source):
            self._beyond_end += 1
        return Token(kind, text, at)

    def _rare(self, at: int) -> Token:
        """Strings that are not simple, heredocs, block comments, lone signs, illegal characters."""
        char = self.source[at]
        if char == '"':
            return self._token("STRING", at, self._string_end(at + 1))
        if char == "<":
            return self._token("HEREDOC", at, self._heredoc_end(at))
        if char == "/":
            return self._token("COMMENT", at, self._block_comment_end(at))
        fraction = _FRACTION.match(self.source, at)
        if fraction is not None:
            return self._token("FLOAT", at, fraction.end())
        if char in _MARKS:
            return self._token(_MARKS[char], at, at + 1)
        self._fail(at, "illegal char")
        return self._token("ILLEGAL", at, at + 1)

    def _token(self, kind: str, at: int, end: int) -> Token:
        self._at = end
        return Token(kind, self.source[at:end], at)

    def _fail(self, at: int, message: str) -> None:
        self._fault = at, message

    def _number(self, at: int) -> Token:
        match = _NUMBER.match(self.source, at)
        assert match is not None  # the token pattern saw a digit
        text, end = match[0], match.end()
        digits = text.lstrip("-")
        # At the end nothing is put back: it is read behind the digits, and once more in search of a point or exponent.
        if end == len(self.source) and not match[3]:
            self._beyond_end += 2 if digits.isdecimal() and digits[0] != "0" else 1
        if match[1]:
            if len(digits) == 2:
                self._fail(end, "illegal hexadecimal number")
            return self._token("NUMBER", at, end)
        if match[2]:
            return self._token("FLOAT", at, end)
        if digits[0] == "0" and set(digits[2:]) & {"8", "9"}:
            self._fail(end, "illegal octal number")
        return self._token("NUMBER", at, end)

    def _block_comment_end(self, at: int) -> int:
        if not self.source.startswith("/*", at):
            self._fail(at, "expected '/' for comment")
            return at + 1
        end = self.source.find("*/", at + 2)
        if end >= 0:
            return end + 2
        self._fail(len(self.source), "comment not terminated")
        self._beyond_end += 1
        return len(self.source)

    def _string_end(self, at: int) -> int:
        """The offset behind a quoted string that begins at ``at``; quotes inside ``${ }`` do not end it."""
        source, size, braces = self.source, len(self.source), 0
        while True:
            if (text := _TEXT.match(source, at)) is not None:
                at = text.end()
            if at >= size or (source[at] == "\n" and not braces):
                self._fail(at, "literal not terminated")
                self._beyond_end += at >= size
                return min(at + 1, size)
            char = source[at]
            at += 1
            if char == '"' and not braces:
                return at
            if not braces and char == "$" and source.startswith("{", at):
                braces, at = 1, at + 1
            elif braces and char == "{":
                braces += 1
            elif braces and char == "}":
                braces -= 1
            elif char == "\\":
                at = self._escape_end(at)

    def _escape_end(self, at: int) -> int:
        char = self.source[at : at + 1]
        if char and char in 'abfnrtv\\"':
            return at + 1
        if char and char in "01234567":
            base, count = 8, 3
        elif char in _DIGITS_OF_ESCAPE:
            base, count = _DIGITS_OF_ESCAPE[char]
            at += 1
        else:
            self._fail(at, "illegal char escape")
            return at + 1
        valid = "01234567" if base == 8 else "0123456789abcdefABCDEF"
        end = at
        while end < at + count and self.source[end : end + 1] and self.source[end] in valid:
            end += 1
        if end == at + count and end < len(self.source):
            return end
        self._fail(end, "illegal char escape")
        # What stands in the place of the first digit is gone: a quote there does not end the string. The end of
        # the text was read then, too.
        return end + 1 if end == at or end == len(self.source) else end

    def _heredoc_end(self, at: int) -> int:
        """The offset behind a heredoc, that is behind the line with its closing anchor."""
        source, size = self.source, len(self.source)
        if not source.startswith("<<", at):
            self._fail(at + 1, "heredoc expected second '<', didn't see it")
            return min(at + 2, size)
        anchor_match = _ANCHOR.match(source, at + 2)
        anchor = anchor_match[0] if anchor_match else ""
        line_end = at + 2 + len(anchor)
        if line_end >= size:
            self._fail(size, "heredoc not terminated")
            return size
        if source[line_end] != "\n":
            self._fail(line_end, "invalid characters in heredoc anchor")
            return line_end + 1
        if anchor in ("", "-"):
            self._fail(line_end, "zero-length heredoc anchor")
            return line_end + 1
        name = anchor.removeprefix("-")
        start = line_end + 1
        while (found := source.find(name, start)) >= 0:
            begin, end = source.rfind("\n", start - 1, found) + 1, source.find("\n", found)
            if end < 0:
                break
            # HashiCorp counts the "-" of an indented heredoc into the anchor's length, so its closing
            # line must be indented by at least one character.
            line = source[begin : end + 1]
            if _closes(line, name) and len(line.encode()) - 1 >= len(anchor.encode()):
                return end + 1
            start = end + 1
        self._fail(size, "heredoc not terminated")
        self._beyond_end += 1
        return size


def _closes(line: str, name: str) -> bool:
    """Whether a line consists of this name, blanks before it and carriage returns behind it."""
    return line.lstrip(_BLANK).rstrip("\n").rstrip("\r") == name
