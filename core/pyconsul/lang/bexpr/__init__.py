"""Filter expressions (``?filter=``) as HashiCorp's go-bexpr evaluates them, over typed rows.

``compile_filter("Service == web and Meta.env matches `^p`", NodeService)`` checks the expression against the declared
fields of the row type and gives a function of a row. See ``fields`` for how a row type hides or renames fields.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from pyconsul.lang.bexpr.ast import Expression
from pyconsul.lang.bexpr.errors import FilterError
from pyconsul.lang.bexpr.evaluate import build
from pyconsul.lang.bexpr.fields import Field, field_of
from pyconsul.lang.bexpr.grammar import parse

__all__ = ["FilterError", "check_filter", "compile_evaluator", "compile_filter", "parse"]

KEPT_UP_TO = 4096
"""Characters of an expression whose test is kept for the next who asks: 0.2 MB. One of 360 KB takes 11 MB."""
_PREFIX = "Failed to create boolean expression evaluator: "


def compile_filter(text: str, row_type: object = None) -> Callable[[Any], bool]:
    """The test for rows of ``row_type`` (a struct, or a map such as ``dict[str, str]``).

    Empty text lets every row pass. Raises FilterError, its text beginning as Consul's answers do. Without a row
    type only the syntax is checked now, and the first row decides whether the selectors fit; a FilterError that the
    function itself then raises has no such beginning.
    """
    if not text:
        return _everything
    try:
        return compile_evaluator(text, row_type)
    except FilterError as error:
        raise FilterError(_PREFIX + str(error)) from None


def compile_evaluator(text: str, row_type: object = None) -> Callable[[Any], bool]:
    """Like ``compile_filter``, with bare error texts, for binding rules and other expressions."""
    return _kept(text, row_type) if len(text) <= KEPT_UP_TO else _compiled(text, row_type)


@lru_cache(maxsize=256)
def _kept(text: str, row_type: object) -> Callable[[Any], bool]:
    return _compiled(text, row_type)


def _compiled(text: str, row_type: object) -> Callable[[Any], bool]:
    expression = parse(text)
    return _LateTest(expression) if row_type is None else build(expression, _root(row_type))


def check_filter(text: str) -> None:
    """Check the syntax alone. Raises FilterError with the parser's bare text."""
    parse(text)


def _everything(_row: Any) -> bool:
    return True


def _root(row_type: object) -> Field:
    root = field_of(row_type)
    if root.kind not in ("struct", "map"):
        raise FilterError("Invalid top level type - can only use structs, map[string]* or an MatchExpressionEvaluator")
    return root


class _LateTest:
    """Binds itself to the type of the first row it sees."""

    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self._tests: dict[type, Callable[[Any], bool]] = {}

    def __call__(self, row: object) -> bool:
        kind = type(row)
        if kind not in self._tests:
            self._tests[kind] = build(self._expression, _root(kind))
        return self._tests[kind](row)
