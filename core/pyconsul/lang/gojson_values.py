"""Texts that are known to be JSON into values, however deep they nest.

Go reads 10,000 levels, the standard library's C reader goes as deep as the interpreter's recursion limit allows. It is
some 25 times as fast, so it goes first; what is too deep for it is put together here without recursion. Where the limit
was lifted (for templates) it would go on until the C stack ends, so there the depth is counted first.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import sys
from collections.abc import Callable
from typing import Any, Final, Self

__all__ = ["MAX_DEPTH", "HugeNumber", "huge", "number", "value_of"]

MAX_DEPTH: Final = 10_000
"""Levels that Go's scanner reads."""

_SHALLOW: Final = 300  # levels, deeper than what people write
_USUAL_LIMIT: Final = 3000  # calls that the C stack of any thread holds; the interpreter's own limit is 1,000
_LONGEST_INTEGER: Final = 4000  # digits; Python itself refuses to read and to print more than 4,300
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]++|[\]}]++', re.DOTALL)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]|[^\s,:\[\]{}"]++', re.DOTALL)
# A pair of surrogates, half of one, or any other escape.
_ESCAPE: Final = re.compile(r"\\(?:(u[dD][89abAB]..\\u[dD][c-fC-F]..)|(u[dD][89a-fA-F]..)|.)", re.DOTALL)

Members = Callable[[list[tuple[str, Any]]], Any]


class HugeNumber(float):
    """A number beyond any float: infinite to calculations, and still the text that errors name."""

    text: str

    def __new__(cls, text: str) -> Self:
        """The number of that text."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text


def huge(value: float) -> HugeNumber | None:
    """The number where no float holds it, be it an integer or not; None for any other."""
    if isinstance(value, HugeNumber):
        return value
    try:
        float(value)
    except OverflowError:
        return HugeNumber(str(value))
    return None


def number(text: str) -> float:
    """An integer as it is, any other number as a float, as one of thousands of digits, too."""
    if text.lstrip("-").isdecimal() and len(text) < _LONGEST_INTEGER:
        return int(text)
    found = float(text)
    return found if math.isfinite(found) else HugeNumber(text)


def value_of(text: str, *, number: Callable[[str], Any] = number, members: Members = dict) -> Any:
    """The value of a valid text.

    ``number`` makes numbers, ``members`` objects of their names and values in order.

    Half of an escaped surrogate pair means no character: it is read as U+FFFD, as in Go.
    """
    if "\\u" in text:
        text = _ESCAPE.sub(_whole_surrogates, text)
    if sys.getrecursionlimit() <= _USUAL_LIMIT or _depth(text) <= _SHALLOW:
        pairs = None if members is dict else members
        with contextlib.suppress(RecursionError):
            return json.loads(text, strict=False, parse_int=number, parse_float=number, object_pairs_hook=pairs)
    return _assembled(text, number, members)


def _whole_surrogates(match: re.Match[str]) -> str:
    return "\\ufffd" if match[2] else match[0]


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        run = match[0]
        if run[0] in "[{":
            depth += len(run)
            deepest = max(deepest, depth)
        elif run[0] != '"':
            depth -= len(run)
    return deepest


def _assembled(text: str, number: Callable[[str], Any], members: Members) -> Any:
    items: list[Any] = []  # what stands in the innermost open container: of an object names and values in turn
    around: list[list[Any]] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("[", "{"):
            around.append(items)
            items = []
        elif token in ("]", "}"):
            done = items if token == "]" else members(list(zip(items[::2], items[1::2], strict=True)))
            items = around.pop()
            items.append(done)
        else:
            items.append(json.loads(token, strict=False, parse_int=number, parse_float=number))
    return items[0]
