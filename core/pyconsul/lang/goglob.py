"""Shell patterns as Go's ``path.Match`` reads them.

Python's ``fnmatch`` negates with ``!`` and knows no backslash.
"""

from __future__ import annotations

import functools
import re
from typing import Final

# A character of a class, with or without a backslash; a closing bracket and a hyphen need one.
_ONE: Final = r"(?:\\.|[^\\\]\-])"
_TOKEN: Final = re.compile(
    rf"(?P<many>\*)|(?P<one>\?)|\[(?P<negated>\^?+)(?P<ranges>(?:{_ONE}(?:-{_ONE})?)+)\]|\\(?P<escaped>.)"
    r"|(?P<plain>[^\\*?\[])",
    re.DOTALL,
)
_RANGE: Final = re.compile(rf"({_ONE})(?:-({_ONE}))?", re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Whether the pattern is that of the whole name; a malformed one is that of none."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(name) is not None


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None:
            return None
        parts.append(_translated(token))
        at = token.end()
    return re.compile("".join(parts), re.DOTALL)


def _translated(token: re.Match[str]) -> str:
    """The same in Python's words; neither ``*`` nor ``?`` stands for a slash, a class may."""
    if token["many"]:
        return "[^/]*"
    if token["one"]:
        return "[^/]"
    if token["ranges"] is None:
        return re.escape(token["escaped"] or token["plain"])
    ranges = [(low[-1], (high or low)[-1]) for low, high in _RANGE.findall(token["ranges"])]
    # A range that runs backwards holds nothing, and a class of only such ranges holds nothing at all.
    held = "|".join(f"[{re.escape(low)}-{re.escape(high)}]" for low, high in ranges if low <= high) or "(?!)"
    return f"(?!{held})." if token["negated"] else f"(?:{held})"
