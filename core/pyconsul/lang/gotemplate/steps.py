"""The small closures and look-ups that compiled templates are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec

from pyconsul.lang.gotemplate.gofmt import shown
from pyconsul.lang.gotemplate.nodes import Node, NumberNode
from pyconsul.lang.gotemplate.runtime import UNSET, Evaluator, State, Statement
from pyconsul.lang.gotemplate.values import ANY, Channel, Known, Struct, TypedInt, Value, element_type, sorted_keys

BREAK, CONTINUE = 1, 2
"""What a statement gives when it leaves its loop, or begins the next turn."""

Stage: TypeAlias = Callable[[State, Value, Value], Value]


class Code(msgspec.Struct, frozen=True):
    """A value closure and the node visited last when it has run (None: ask the state)."""

    run: Evaluator
    last: Node | None


Receiver: TypeAlias = "Callable[[State, Value], tuple[Value, bool]]"


def dot_receiver(state: State, dot: Value) -> tuple[Value, bool]:
    """The cursor, and whether it is of interface type."""
    return dot, state.dot_any


def refuse_arguments(state: State, where: str, place: Node | None, receiver: Value, name: str) -> None:
    """Fields take no arguments; which complaint it is depends on the receiver."""
    if isinstance(receiver, Struct) and name in receiver.field_types:
        state.fail(where, place, f"{name} has arguments but cannot be invoked as function")
    if isinstance(receiver, dict):
        state.fail(where, place, f"{name} is not a method but has arguments")


def constant_code(value: Value, node: Node) -> Code:
    """A constant."""
    return Code(lambda _state, _dot: value, node)


def ideal_value(node: NumberNode) -> Value:
    """A number's value by its spelling; UNSET when it is too large."""
    text = node.text
    if node.as_complex is not None:
        return node.as_complex
    is_hex = len(text) > 2 and text[0] == "0" and text[1] in "xX" and not any(c in "pP" for c in text)
    if node.as_float is not None and not is_hex and text[0] != "'" and any(c in ".eEpP" for c in text):
        return node.as_float
    return node.as_int if node.as_int is not None else UNSET


def typed_number(node: Node, zero: Value) -> tuple[str, Value]:
    """What a number is called that fits this zero's type, and the node's value of that type."""
    number = node if isinstance(node, NumberNode) else NumberNode(0, "")
    if isinstance(zero, int):
        unsigned = isinstance(zero, TypedInt) and zero.unsigned
        found = number.as_uint if unsigned else number.as_int
        made = found if found is None or type(zero) is int else type(zero)(found)
        return "unsigned integer" if unsigned else "integer", made
    if isinstance(zero, float):
        return "float", number.as_float
    return "complex", number.as_complex


def text_step(text: str) -> Statement:
    """Write a text."""

    def write(state: State, _dot: Value) -> int | None:
        state.out.append(text)
        return None

    return write


def if_step(test: Evaluator, body: Statement, other: Statement | None) -> Statement:
    """Run one of two bodies."""

    def run(state: State, dot: Value) -> int | None:
        if test(state, dot):
            return body(state, dot)
        return other(state, dot) if other is not None else None

    return run


def with_step(test: Evaluator, body: Statement, other: Statement | None) -> Statement:
    """Run a body with another cursor, or the other one."""

    def run(state: State, dot: Value) -> int | None:
        value = test(state, dot)
        if value:
            outer_any, state.dot_any = state.dot_any, False
            code = body(state, value)
            state.dot_any = outer_any
            return code
        return other(state, dot) if other is not None else None

    return run


def elements_any(items: Value) -> bool:
    """Whether what a range goes over is of interface type."""
    return isinstance(items, (list, dict)) and element_type(items) == ANY


def range_pairs(
    state: State, where: str, last: Node | None, items: Known, declared: int
) -> Iterable[tuple[Value, Value]]:
    """What a range goes over, as index and element."""
    if isinstance(items, list):
        return enumerate(items)
    if isinstance(items, dict):
        return [(key, items[key]) for key in sorted_keys(items)]
    if items is None:
        return ()
    if isinstance(items, int) and not isinstance(items, bool):
        if declared > 1:
            state.fail(where, last, f"can't use {items} to iterate over more than one variable")
        kind: Any = type(items)
        return ((None, kind(n)) for n in range(items))
    if isinstance(items, Channel):
        return enumerate(items.items)
    if isinstance(items, bytes):
        return enumerate(items)
    raise state.error(where, last, f"range can't iterate over {shown(items)}")
