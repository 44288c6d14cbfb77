"""The values of HCL's literal tokens: numbers in Go's notation, escapes, heredocs."""

from __future__ import annotations

import re
from typing import Final

from pyconsul.lang.hcl.errors import HclError
from pyconsul.lang.hcl.nodes import Token
from pyconsul.lang.strconv import quote

_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}
_JSON_SIMPLE: Final = {**_SIMPLE, "'": "'"}
_ESCAPE: Final = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_PIECE: Final = re.compile(r"[^\\$]++|\\|\$")
_MAX_INT64: Final = (1 << 63) - 1


def string_value(token: Token) -> str:
    """The text that a STRING, HEREDOC or IDENT token stands for. Raises HclError for a bad escape."""
    if token.kind == "HEREDOC":
        return _heredoc(token.text)
    if token.kind == "IDENT":
        return token.text
    if not token.text:
        return ""
    body = token.text[1:-1]
    if len(token.text) < 2 or not token.text.endswith('"'):
        raise _bad_string(token)
    if "\\" not in body and (token.json or "$" not in body):
        return body
    return _unescape(body, token) if token.json else _unquote(body, token)


def int_value(text: str) -> int:
    """A 64-bit integer as Go's ``ParseInt(text, 0, 64)`` reads it: decimal, 0x hexadecimal or 0 octal."""
    digits = text.lstrip("-")
    negative = text.startswith("-")
    try:
        if digits[:2] in ("0x", "0X"):
            value = int(digits[2:], 16)
        elif len(digits) > 400:  # Python converts long numbers slowly; anything this long is out of range
            raise OverflowError
        else:
            value = int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)
        value = -value if negative else value
        if not -_MAX_INT64 - 1 <= value <= _MAX_INT64:
            raise OverflowError
    except OverflowError:
        raise HclError(f"strconv.ParseInt: parsing {quote(text)}: value out of range") from None
    except ValueError:
        raise HclError(f"strconv.ParseInt: parsing {quote(text)}: invalid syntax") from None
    return value


def float_value(text: str) -> float:
    """A float as Go's ``ParseFloat`` reads it."""
    try:
        value = float(text)
    except ValueError:
        raise HclError(f"strconv.ParseFloat: parsing {quote(text)}: invalid syntax") from None
    if value in (float("inf"), float("-inf")):
        raise HclError(f"strconv.ParseFloat: parsing {quote(text)}: value out of range")
    return value


def _bad_string(token: Token) -> HclError:
    return HclError(f"unquote {token.text} err: invalid syntax")


def _unquote(body: str, token: Token) -> str:
    """Resolve escapes; whatever stands inside ``${ }`` stays as written."""
    out: list[str] = []
    at = 0
    for start, end in _interpolations(body):
        out.append(_unescape(body[at:start], token))
        out.append(body[start:end])
        at = end
    out.append(_unescape(body[at:], token))
    return "".join(out)


def _interpolations(body: str) -> list[tuple[int, int]]:
    """Where the outermost ``${ … }`` of a string lie."""
    found: list[tuple[int, int]] = []
    at, size = 0, len(body)
    while at < size:
        if body[at] == "\\":
            at += 2
        elif body.startswith("${", at):
            start, depth, at = at, 1, at + 2
            while at < size and depth:
                depth += {"{": 1, "}": -1}.get(body[at], 0)
                at += 1
            found.append((start, at))
        else:
            piece = _PIECE.match(body, at)
            at = piece.end() if piece else at + 1
    return found


def _unescape(text: str, token: Token) -> str:
    if "\\" not in text:
        return text
    simple = _JSON_SIMPLE if token.json else _SIMPLE

    def resolved(match: re.Match[str]) -> str:
        octal, byte, short, long, plain = match.groups()
        if plain is not None:
            if plain not in simple:
                if token.json and plain == "/":
                    return "/"
                raise _bad_string(token)
            return simple[plain]
        if octal is not None or byte is not None:
            code = int(octal, 8) if octal is not None else int(byte, 16)
            if code > 255:
                raise _bad_string(token)
            # A byte, which above ASCII may be part of a character that others complete.
            return chr(code) if code < 128 else chr(0xDC00 + code)
        code = int(short or long, 16)
        if code > 0x10FFFF:
            raise _bad_string(token)
        return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)

    return _ESCAPE.sub(resolved, text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _heredoc(text: str) -> str:
    """The lines of a heredoc; ``<<-`` takes the closing line's indentation off when all lines have it."""
    first_break = text.find("\n")
    if first_break < 0:
        return ""
    # The opening line has "<<" before the name, the closing one a line break behind it: so what is one shorter than the
    # opening line, counted from the end, is the closing name. What indents that name is content.
    if text[2:3] != "-":
        return text[first_break + 1 : len(text) - first_break + 1]
    lines = text[first_break + 1 : len(text) - first_break + 2].split("\n")
    indent = lines[-1]
    if not all(line.startswith(indent) for line in lines):
        return text[first_break + 1 : len(text) - first_break + 1].rstrip(" \t")
    return "\n".join([line[len(indent) :] for line in lines[:-1]] + [""])
