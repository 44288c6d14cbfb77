"""Regular expressions of the sprig library (RE2). The ``must`` variants report the same errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Slice, Value
from pyconsul.lang.strconv import can_backquote, quote
from pyconsul_template import goregex
from pyconsul_template.functions.registry import function
from pyconsul_template.goregex import Pattern


def _compiled(pattern: str) -> Pattern:
    """Go panics where no error can be given; its text differs."""
    try:
        return goregex.compile_pattern(pattern)
    except FunctionError as error:
        shown = f"`{pattern}`" if can_backquote(pattern) else quote(pattern)
        raise FunctionError(f"regexp: Compile({shown}): {error}") from None


def _both(name: str, types: str, run: Callable[Concatenate[Pattern, ...], Value]) -> None:
    @function(f"sprig_{name}", types)
    def plain(pattern: str, *rest: Value) -> Value:
        return run(_compiled(pattern), *rest)

    @function(f"sprig_must{name[0].upper()}{name[1:]}", types)
    def must(pattern: str, *rest: Value) -> Value:
        return run(goregex.compile_pattern(pattern), *rest)


@function("sprig_regexMatch", "string, string")
def regex_match(pattern: str, text: str) -> bool:
    """Whether the pattern matches; a wrong pattern does not."""
    try:
        return goregex.search(goregex.compile_pattern(pattern), text)
    except FunctionError:
        return False


@function("sprig_mustRegexMatch", "string, string")
def must_regex_match(pattern: str, text: str) -> bool:
    """Whether the pattern matches."""
    return goregex.search(goregex.compile_pattern(pattern), text)


def _find_all(pattern: Pattern, text: str, limit: int) -> Slice:
    found = goregex.find_all(pattern, text, limit)
    return Slice("[]string", found, is_nil=not found)


def _split(pattern: Pattern, text: str, limit: int) -> Slice:
    return Slice("[]string", goregex.split(pattern, text, limit), is_nil=limit == 0)


def _replaced(pattern: Pattern, text: str, replacement: str) -> str:
    return goregex.replace_all(pattern, replacement, text)


def _literal(pattern: Pattern, text: str, replacement: str) -> str:
    return goregex.replace_all(pattern, replacement, text, literal=True)


_both("regexFind", "string, string", goregex.find)
_both("regexFindAll", "string, string, int", _find_all)
_both("regexSplit", "string, string, int", _split)
_both("regexReplaceAll", "string, string, string", _replaced)
_both("regexReplaceAllLiteral", "string, string, string", _literal)


@function("sprig_regexQuoteMeta", "string")
def regex_quote_meta(text: str) -> str:
    """The text as a pattern that matches itself."""
    return goregex.quote_meta(text)
