"""A checked expression as a chain of closures over rows."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from pyconsul.lang.bexpr.ast import NEGATIVE, And, Expression, Match, Not, Operator, Or
from pyconsul.lang.bexpr.errors import FilterError
from pyconsul.lang.bexpr.fields import ANY, Field
from pyconsul.lang.goregexp import GoRegexError, compile_regexp
from pyconsul.lang.strconv import quote

Test = Callable[[Any], bool]

# Go's zero values: what an unset or nil part of a row counts as.
_ZERO: Final[dict[str, object]] = {"string": "", "int": 0, "float": 0.0, "bool": False}

# A map without the selected key: true or false, by operator, as go-bexpr decides it.
_FALSE_WITHOUT_KEY: Final = frozenset({Operator.EQUAL, Operator.IS_NOT_EMPTY, Operator.IN})


def build(expression: Expression, root: Field) -> Test:
    """The test for rows of the type that ``root`` describes.

    Raises FilterError when a selector, an operator or a value does not fit, with go-bexpr's text.
    """
    match expression:
        case Match():
            return _match(expression, root)
        case Not(operand):
            inner = build(operand, root)
            return lambda row: not inner(row)
        case And(terms):
            return _all([build(term, root) for term in terms])
        case Or(terms):
            return _any([build(term, root) for term in terms])


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        left, right = tests
        return lambda row: left(row) and right(row)
    return lambda row: all(test(row) for test in tests)


def _any(tests: list[Test]) -> Test:
    if len(tests) == 2:
        left, right = tests
        return lambda row: left(row) or right(row)
    return lambda row: any(test(row) for test in tests)


def _match(match: Match, root: Field) -> Test:
    target = root
    for number, name in enumerate(match.selector, start=1):
        part = target.subs.get(name) or target.subs.get(ANY)
        if part is None:
            raise FilterError(f"Selector {quote('.'.join(match.selector[:number]))} is not valid")
        target = part
    if match.operator not in target.operators:
        raise FilterError(f"Invalid match operator {quote(match.operator.value)} for selector {quote(match.name)}")
    return _path(match, root, 0, _leaf(match, target))


def _path(match: Match, here: Field, depth: int, leaf: Test) -> Test:
    """The test that follows the rest of the selector from a value of type ``here``."""
    if depth == len(match.selector):
        return leaf
    if here.kind == "slice" and here.element is not None:
        inner = _path(match, here.element, depth, leaf)
        # For negated operators, too: some element differs, which is not the same as none being equal.
        return lambda rows: any(inner(row) for row in rows or ())
    name = match.selector[depth]
    if here.kind == "map":
        inner = _path(match, here.subs[ANY], depth + 1, leaf)
        return _key_test(name, inner, without=match.operator not in _FALSE_WITHOUT_KEY)
    part = here.subs[name]
    inner = _path(match, part, depth + 1, leaf)
    return _attribute_test(part, inner)


def _key_test(key: str, inner: Test, *, without: bool) -> Test:
    def test(mapping: dict[str, Any]) -> bool:
        return inner(mapping[key]) if mapping and key in mapping else without

    return test


def _attribute_test(part: Field, inner: Test) -> Test:
    """Read one field of a row; a part that is not there counts as Go's zero value."""
    read, seen = operator.attrgetter(part.attribute), part.seen
    zero = _ZERO.get(part.kind)
    if zero is None and part.kind == "struct":
        return lambda row: inner(_part_or_none(read, row))

    def test(row: Any) -> bool:
        value = None if row is None else read(row)
        if value is None or value is UNSET:
            return inner(zero)
        return inner(value if seen is None else seen(value))

    return test


def _part_or_none(read: Callable[[Any], Any], row: Any) -> Any:
    value = None if row is None else read(row)
    return None if value is UNSET else value


def _leaf(match: Match, target: Field) -> Test:
    positive = NEGATIVE.get(match.operator)
    if positive is not None:
        inner = _positive(match, positive, target)
        return lambda value: not inner(value)
    return _positive(match, match.operator, target)


def _positive(match: Match, what: Operator, target: Field) -> Test:
    if match.value is None:
        return operator.not_
    value = _coerced(match, match.value, target)
    if what is Operator.EQUAL:
        return lambda found: found == value
    if what is Operator.MATCHES:
        return _regexp(str(value))
    return lambda found: found is not None and value in found


def _coerced(match: Match, text: str, target: Field) -> object:
    if target.coerce is None:
        return text
    try:
        return target.coerce(text)
    except ValueError as error:
        raise FilterError(f"Failed to coerce value {quote(text)} for selector {quote(match.name)}: {error}") from None


def _regexp(pattern: str) -> Test:
    try:
        search = compile_regexp(pattern).search
    except GoRegexError as error:
        raise FilterError(f"Failed to compile regular expression {quote(pattern)}: {error}") from None
    return lambda text: search(text) is not None
