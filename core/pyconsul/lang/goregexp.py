"""Regular expressions from users: Go's syntax and error texts, in linear time (RE2)."""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

import re2

_OPTIONS: Final = re2.Options()
_OPTIONS.log_errors = False

MOST: Final = 32 << 10
"""Characters of a pattern. RE2 works on one of 350 KB for three seconds, and nothing can interrupt it."""

# RE2's names for what is wrong, and Go's.
_GO_WORDS: Final = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "invalid character class": "invalid character class range",
    "pattern too large - compile failed": "expression too large",
}
# RE2 reads ``\C`` as any one byte, which would cut characters in two; Go does not know it.
_SINGLE_BYTE: Final = re.compile(r"(?:[^\\]|\\[^C])*?\\C", re.DOTALL)


class GoRegexError(ValueError):
    """A pattern that Go's ``regexp.Compile`` refuses, in its words."""


class Regexp(Protocol):
    """What the compiled pattern offers; ``search`` looks anywhere in the text."""

    def search(self, text: str) -> Any:
        """A match object, or None."""
        ...

    def fullmatch(self, text: str) -> Any:
        """A match object for the whole text, or None."""
        ...


def compile_regexp(pattern: str) -> Regexp:
    """The compiled pattern. Raises GoRegexError."""
    if len(pattern) > MOST:
        raise GoRegexError("error parsing regexp: expression too large")
    if _SINGLE_BYTE.match(pattern):
        raise GoRegexError("error parsing regexp: invalid escape sequence: `\\C`")
    try:
        return re2.compile(pattern, _OPTIONS)
    except UnicodeEncodeError as error:
        raise GoRegexError(f"error parsing regexp: invalid UTF-8: `{pattern[error.start :]}`") from None
    except re2.error as error:
        raise GoRegexError(_go_text(error.args[0])) from None


def _go_text(raw: bytes | str) -> str:
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    for name, go_name in _GO_WORDS.items():
        if text == name or text.startswith(name + ": "):
            return f"error parsing regexp: {go_name}: `{text[len(name) + 2 :]}`"
    what, _, where = text.partition(": ")
    return f"error parsing regexp: {what}: `{where}`"
