"""What a running template holds, and how it reaches fields, methods and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from pyconsul.lang.gotemplate.errors import ExecError, FunctionError, exec_error
from pyconsul.lang.gotemplate.functions import Function, methods_of
from pyconsul.lang.gotemplate.nodes import Node
from pyconsul.lang.gotemplate.values import (
    ANY,
    NIL,
    STRUCTS,
    Known,
    NilPointer,
    Struct,
    Value,
    element_type,
    key_type,
    type_of,
    zero_value,
)
from pyconsul.lang.strconv import quote

Evaluator: TypeAlias = "Callable[[State, Value], Value]"
Statement: TypeAlias = "Callable[[State, Value], int | None]"

MAX_DEPTH: Final = 100_000
"""How deep templates may call one another, as in Go."""

UNSET: Final = object()
"""A variable whose declaration was not reached."""


class Program:
    """One compiled template: what to run and how many variables it has (``$`` is the first)."""

    __slots__ = ("body", "slots")

    def __init__(self, body: Statement, slots: int) -> None:
        self.body = body
        self.slots = slots


class State:
    """One execution: output so far, variables of the running template, depth.

    ``node`` is the part visited last where that depends on the data (after ``and`` and ``or``);
    everywhere else the compiler knows it. ``dot_any`` and ``any_slots`` say whether cursor and
    variables stand for elements of interface type, which only messages show.
    """

    __slots__ = (
        "any_slots",
        "context",
        "depth",
        "dot_any",
        "missing_key",
        "node",
        "out",
        "parse_name",
        "programs",
        "text",
        "vars",
    )

    def __init__(
        self,
        programs: Callable[[str], Program | None],
        parse_name: str,
        text: str,
        missing_key: str,
        context: Any,
    ) -> None:
        self.programs = programs
        self.parse_name = parse_name
        self.text = text
        self.missing_key = missing_key
        self.context = context
        self.out: list[str] = []
        self.vars: list[Value] = []
        self.any_slots: set[int] = set()
        self.depth = 0
        self.dot_any = False
        self.node: Node | None = None

    def fail(self, where: Site, node: Node | None, message: str) -> NoReturn:
        """Raise at this node, or at the one visited last."""
        raise self.error(where, node, message)

    def error(self, where: Site, node: Node | None, message: str) -> ExecError:
        """The error at this node, or at the one visited last."""
        place = node or self.node
        if place is None:  # nothing was visited yet
            return ExecError(f"template: {self.parse_name}: {message}")
        return exec_error(self.parse_name, self.text, where, place, message)


Site: TypeAlias = str
"""The name of the template that a compiled part belongs to; messages show it."""


def invoke(state: State, where: Site, node: Node, name: str, function: Function, args: Sequence[Value]) -> Value:
    """Call a function; what it raises becomes Go's ``error calling NAME``."""
    try:
        if function.wants_context:
            return function.call(state.context, *args)
        return function.call(*args)
    except (FunctionError, ValueError) as error:
        failed = state.error(where, node, f"error calling {name}: {error}")
        failed.function = name
        raise failed from error
    except (ExecError, RecursionError):
        raise
    except Exception as error:  # Go recovers panics of functions in the same way
        failed = state.error(where, node, f"error calling {name}: runtime error: {error}")
        failed.function = name
        raise failed from error


def field_of(state: State, where: Site, node: Node | None, receiver: Known, name: str, is_any: bool) -> Value:
    """``receiver.name`` without arguments; methods are called.

    ``is_any``: its static type is an interface.
    """
    if type(receiver) is dict:
        found: Value = receiver.get(name, UNSET)
        if found is None:
            return NIL
        return found if found is not UNSET else _missing_entry(state, where, node, receiver, name)
    if receiver is None:
        if state.missing_key == "error":
            state.fail(where, node, f"nil data; no entry for key {quote(name)}")
        return None
    if receiver is NIL:
        state.fail(where, node, f"nil pointer evaluating {ANY}.{name}")
    if isinstance(receiver, Struct):
        if name in receiver.field_types:
            return getattr(receiver, name)
    elif isinstance(receiver, dict) and key_type(receiver) in ("string", ANY):
        found = receiver.get(name, UNSET)
        if found is None:
            return NIL
        return found if found is not UNSET else _missing_entry(state, where, node, receiver, name)
    elif isinstance(receiver, NilPointer):
        struct = STRUCTS.get(receiver.go_type.lstrip("*"))
        if struct is None or name in struct.field_types:
            state.fail(where, node, f"nil pointer evaluating {receiver.go_type}.{name}")
    raise state.error(where, node, f"can't evaluate field {name} in type {ANY if is_any else type_of(receiver)}")


def _missing_entry(state: State, where: Site, node: Node | None, mapping: dict[Any, Any], name: str) -> Value:
    if state.missing_key == "error":
        state.fail(where, node, f"map has no entry for key {quote(name)}")
    return zero_value(element_type(mapping)) if state.missing_key == "zero" else None


def holds_any(receiver: Value, name: str) -> bool:
    """Whether what ``receiver.name`` gives is of interface type."""
    if isinstance(receiver, Struct):
        return receiver.field_types.get(name) == ANY
    return isinstance(receiver, dict) and element_type(receiver) == ANY


def method_of(receiver: Value, name: str) -> Function | None:
    """The method of that name, if the value has one."""
    if receiver is None or type(receiver) in (dict, str, list, int):
        return None
    methods: Mapping[str, Function] = methods_of(receiver)
    return methods.get(name)
