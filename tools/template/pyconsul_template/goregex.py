"""Regular expressions as Go's ``regexp`` takes them, on RE2, with Go's messages and replacements."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.strconv import from_bytes, to_bytes

_GROUP_NAME = re.compile(rb"\$(?:\{([^}]*)\}|([A-Za-z0-9_]+))|\$\$")
_MESSAGES = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "unexpected )": "unexpected )",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "no argument for repetition operator": "missing argument to repetition operator",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid repetition size": "invalid repeat count",
    "trailing \\": "trailing backslash at end of expression",
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class": "invalid character class",
    "invalid character class range": "invalid character class range",
    "invalid UTF-8": "invalid UTF-8",
}


class Match(Protocol):
    """A match of RE2; places count bytes."""

    def span(self) -> tuple[int, int]:
        """Where it begins and where it ends."""
        ...

    def start(self) -> int:
        """Where it begins."""
        ...

    def end(self) -> int:
        """Where it ends."""
        ...

    def group(self, group: int, /) -> bytes | Any:
        """The bytes of a group, 0 for the whole; None for one that took no part."""
        ...


class Pattern(Protocol):
    """A compiled pattern of RE2 over bytes."""

    @property
    def pattern(self) -> bytes:
        """Its text."""
        ...

    @property
    def groups(self) -> int:
        """How many groups it has."""
        ...

    @property
    def groupindex(self) -> Mapping[bytes, int]:
        """The numbers of the groups that have a name."""
        ...

    def search(self, data: bytes, begin: int = 0, /) -> Match | None:
        """The first match from this byte on."""
        ...


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Pattern:
    """The compiled pattern. Raises FunctionError with Go's text."""
    import re2

    options = re2.Options()
    options.log_errors = False
    if "\\C" in pattern.replace("\\\\", ""):
        raise FunctionError("error parsing regexp: invalid escape sequence: `\\C`")
    try:
        return re2.compile(to_bytes(pattern), options)
    except re2.error as error:
        raise FunctionError(_message(pattern, error)) from None


def _message(pattern: str, error: Exception) -> str:
    raw = error.args[0] if error.args else ""
    said = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    head, _, culprit = said.partition(": ")
    known = _MESSAGES.get(head, head)
    behind = re.search(r"\(\?<[=!]", pattern)
    if known == "invalid or unsupported Perl syntax" and behind and behind[0].startswith(culprit[:3]):
        # Go reads the name of a group there.
        rest = pattern[behind.start() :]
        close = rest.find(">")
        return f"error parsing regexp: invalid named capture: `{rest[: close + 1] if close >= 0 else rest}`"
    if known == "invalid UTF-8":
        culprit = re.sub("^[^\udc80-\udcff]*", "", pattern)
    if known in ("missing closing )", "unexpected )"):
        culprit = pattern
    if known == "invalid or unsupported Perl syntax" and culprit.startswith("(?"):
        culprit = _perl_culprit(pattern, culprit)
    if known == "trailing backslash at end of expression":
        culprit = ""
    return f"error parsing regexp: {known}: `{culprit}`"


def _perl_culprit(pattern: str, culprit: str) -> str:
    """Go shows look-behinds up to the sign, RE2 sometimes more; groups before it may be good ones."""
    found = re.search(r"\(\?(?:<[=!]|.)", pattern[pattern.find(culprit) :])
    return found[0] if found else culprit


def search(pattern: Pattern, text: str) -> bool:
    """Whether it matches somewhere."""
    return pattern.search(to_bytes(text)) is not None


def _matches(pattern: Pattern, data: bytes, limit: int = -1) -> list[Match]:
    """Matches as Go's FindAll counts them: an empty one right behind a match does not count."""
    found: list[Match] = []
    at = 0
    last_end = -1
    while at <= len(data) and (limit < 0 or len(found) < limit):
        match = pattern.search(data, at)
        if match is None:
            break
        start, end = match.span()
        if start == end < len(data) and data[start] & 0xC0 == 0x80:
            at = end + 1  # no place between the bytes of a character
            continue
        if start != end or start != last_end:
            found.append(match)
        last_end = end
        at = end if end > at and start != end else end + _rune_width(data, end)
    return found


def _rune_width(data: bytes, at: int) -> int:
    lead = data[at] if at < len(data) else 0
    return 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1


def _expand(pattern: Pattern, template: bytes, match: Match) -> bytes:
    names = pattern.groupindex

    def group(found: re.Match[bytes]) -> bytes:
        if found[0] == b"$$":
            return b"$"
        name = found[1] if found[1] is not None else found[2]
        if name.isdigit():
            number = int(name) if len(name) < 9 else -1
            inside = 0 <= number <= pattern.groups
            return (match.group(number) or b"") if inside else b""
        if name in names:
            return match.group(names[name]) or b""
        return b"" if re.fullmatch(rb"\w+", name) else found[0]

    return _GROUP_NAME.sub(group, template)


def replace_all(pattern: Pattern, replacement: str, text: str, *, literal: bool = False) -> str:
    """Every match replaced; unless ``literal``, ``$1`` and ``${name}`` in the replacement are groups."""
    data, template = to_bytes(text), to_bytes(replacement)
    out: list[bytes] = []
    at = 0
    for match in _matches(pattern, data):
        out.append(data[at : match.start()])
        out.append(template if literal or b"$" not in template else _expand(pattern, template, match))
        at = match.end()
    out.append(data[at:])
    return from_bytes(b"".join(out))


def find(pattern: Pattern, text: str) -> str:
    """The first match, or empty."""
    match = pattern.search(to_bytes(text))
    return from_bytes(match.group(0)) if match else ""


def find_all(pattern: Pattern, text: str, limit: int) -> list[str]:
    """Up to ``limit`` matches, all of them if it is negative."""
    return [from_bytes(m.group(0)) for m in _matches(pattern, to_bytes(text), limit)] if limit else []


def split(pattern: Pattern, text: str, limit: int) -> list[str]:
    """The text cut at the matches into up to ``limit`` pieces."""
    if limit == 0:
        return []
    data = to_bytes(text)
    if not data and pattern.pattern:
        return [""]
    pieces: list[bytes] = []
    begin = end = 0
    for match in _matches(pattern, data):
        if 0 < limit == len(pieces) + 1:
            break
        end = match.start()
        if match.end() != 0:
            pieces.append(data[begin:end])
        begin = match.end()
    if end != len(data):
        pieces.append(data[begin:])
    return [from_bytes(p) for p in pieces]


def quote_meta(text: str) -> str:
    """The text with every special character escaped."""
    return re.sub(r"[\\.+*?()|\[\]{}^$]", lambda m: "\\" + m[0], text)
