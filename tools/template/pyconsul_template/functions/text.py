"""Texts: trimming, splitting, joining, cases, indentation, regular expressions, time stamps."""

from __future__ import annotations

import time

from pyconsul.lang import gocases
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Map, Slice, string_map, strings
from pyconsul_template import goregex, gotime
from pyconsul_template.functions.registry import function

GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What Go's unicode.IsSpace takes for a blank."""


@function("trim", "string, string")
def trim(cutset: str, text: str) -> str:
    """Leave out the characters of ``cutset`` at both ends."""
    return text.strip(cutset) if cutset else text


@function("trimPrefix", "string, string")
def trim_prefix(prefix: str, text: str) -> str:
    """Leave out a prefix."""
    return text.removeprefix(prefix)


@function("trimSuffix", "string, string")
def trim_suffix(suffix: str, text: str) -> str:
    """Leave out a suffix."""
    return text.removesuffix(suffix)


@function("trimSpace", "string")
def trim_space(text: str) -> str:
    """Leave out white space at both ends."""
    return text.strip(GO_SPACE)


def go_split(text: str, separator: str, limit: int = -1) -> list[str]:
    """Go's ``strings.SplitN``: an empty separator cuts into characters."""
    if limit == 0:
        return []
    if separator == "":
        pieces = list(text)
        return pieces if limit < 0 or len(pieces) <= limit else [*pieces[: limit - 1], "".join(pieces[limit - 1 :])]
    return text.split(separator, limit - 1 if limit > 0 else -1)


@function("split", "string, string")
def split(separator: str, text: str) -> Slice:
    """The trimmed text, cut at the separator; empty text gives an empty list."""
    text = text.strip(GO_SPACE)
    return strings(go_split(text, separator) if text else ())


@function("splitToMap", "string, string, string")
def split_to_map(separator: str, between: str, text: str) -> Map:
    """Pairs cut at ``separator``, key and value at ``between``; parts without it are dropped."""
    text = text.strip(GO_SPACE)
    pairs = (part.partition(between) if between else ("", "x", part) for part in go_split(text, separator) if text)
    return string_map({key: value for key, found, value in pairs if found})


@function("join", "string, []string")
def join(separator: str, items: list[str]) -> str:
    """The texts with the separator between them."""
    return separator.join(items)


@function("replaceAll", "string, string, string")
def replace_all(old: str, new: str, text: str) -> str:
    """Every occurrence replaced."""
    return text.replace(old, new)


@function("regexReplaceAll", "string, string, string")
def regex_replace_all(pattern: str, replacement: str, text: str) -> str:
    """Every match replaced; ``$1`` and ``${name}`` stand for groups."""
    return goregex.replace_all(goregex.compile_pattern(pattern), replacement, text)


@function("regexMatch", "string, string")
def regex_match(pattern: str, text: str) -> bool:
    """Whether the pattern matches somewhere."""
    return goregex.search(goregex.compile_pattern(pattern), text)


function("toLower", "string")(gocases.lower)
function("toUpper", "string")(gocases.upper)


@function("toTitle", "string")
def to_title(text: str) -> str:
    """The first letter of every word raised, all others left alone."""
    out: list[str] = []
    in_word = False
    for n, char in enumerate(text):
        if char.isalnum() or char == "_":
            out.append(char if in_word else char.title())
            in_word = in_word or char.isalpha()
        else:
            inner = char in "'’.:·" and 0 < n < len(text) - 1 and text[n - 1].isalpha() and text[n + 1].isalpha()
            in_word = in_word and inner
            out.append(char)
    return "".join(out)


@function("indent", "int, string")
def indent(spaces: int, text: str) -> str:
    """Spaces before every line that is not empty."""
    if spaces < 0:
        raise FunctionError("indent value must be a positive integer")
    prefix = " " * spaces
    return "\n".join(prefix + line if line else line for line in text.split("\n"))


@function("timestamp", "...string", changing=True)
def timestamp(*layout: str) -> str:
    """The time in UTC: RFC 3339, seconds since 1970 (``unix``), or a Go layout."""
    if len(layout) > 1:
        raise FunctionError(f"timestamp: wrong number of arguments, expected 0 or 1, but got {len(layout)}")
    if layout == ("unix",):
        return str(int(time.time()))
    return gotime.Time.now().format(layout[0] if layout else gotime.RFC3339)
