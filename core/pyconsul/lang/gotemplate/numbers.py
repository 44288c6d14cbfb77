"""Number constants of templates: every kind of Go's that a spelling fits."""

from __future__ import annotations

import re
from contextlib import suppress

from pyconsul.lang.gotemplate.lexer import T
from pyconsul.lang.gotemplate.nodes import NumberNode
from pyconsul.lang.strconv import (
    MAX_INT64,
    MAX_UINT64,
    MIN_INT64,
    NumberSyntaxError,
    parse_float,
    parse_int,
    parse_uint,
    quote,
    unquote_rune,
)

_COMPLEX = re.compile(r"([+-]?[^+-]+(?:[eEpP][+-]?\d+)?)([+-].+)i")


def number(pos: int, text: str, kind: T) -> NumberNode:
    """A number with every kind it fits. Raises ValueError with Go's text."""
    node = NumberNode(pos, text)
    if kind == T.CHAR_CONSTANT:
        code = unquote_rune(text)
        node.as_int, node.as_uint, node.as_float = code, code, float(code)
        return node
    if kind == T.COMPLEX:
        _simplify(node, _complex(text))
        return node
    if text.endswith("i"):
        try:
            _simplify(node, complex(0, parse_float(text[:-1])))
        except NumberSyntaxError:
            raise ValueError(f"illegal number syntax: {quote(text)}") from None
        return node
    _whole_number(node)
    if node.as_int is not None or node.as_uint is not None:
        node.as_float = float(node.as_int if node.as_int is not None else node.as_uint or 0)
    else:
        _fraction(node)
    return node


def _whole_number(node: NumberNode) -> None:
    # A text may fit one kind, both or none.
    with suppress(NumberSyntaxError):
        node.as_int = parse_int(node.text, 0)
    with suppress(NumberSyntaxError):  # "-0" is an unsigned zero, too
        node.as_uint = 0 if node.as_int == 0 else parse_uint(node.text, 0)


def _fraction(node: NumberNode) -> None:
    try:
        value = parse_float(node.text)
    except NumberSyntaxError:
        raise ValueError(f"illegal number syntax: {quote(node.text)}") from None
    if not any(c in node.text for c in ".eEpP"):
        raise ValueError(f"integer overflow: {quote(node.text)}")
    node.as_float = value
    _whole_float(node, value)


def _whole_float(node: NumberNode, value: float) -> None:
    if value.is_integer():
        whole = int(value)
        node.as_int = whole if MIN_INT64 <= whole <= MAX_INT64 else None
        node.as_uint = whole if 0 <= whole <= MAX_UINT64 else None


def _complex(text: str) -> complex:
    found = _COMPLEX.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return complex(parse_float(found[1]), parse_float(found[2]))
    except ValueError:
        raise ValueError("syntax error scanning complex number") from None


def _simplify(node: NumberNode, value: complex) -> None:
    node.as_complex = value
    if value.imag == 0:
        node.as_float = value.real
        _whole_float(node, value.real)
