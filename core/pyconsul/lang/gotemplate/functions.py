"""Template functions with Go signatures, and Go's rules for what may be passed as what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from pyconsul.lang.gotemplate.values import ANY, NIL, Slice, Struct, Value, type_of, zero_value

REFLECT: Final = "reflect.Value"
"""A parameter that takes any value as it is, even none at all."""

_ANY_WORD = re.compile(r"\bany\b")
_NILABLE = ("[]", "map[", "*", "func", "chan", "<-chan")


class WrongTypeError(Exception):
    """A value does not fit a parameter; the text is Go's."""


class Function(msgspec.Struct, frozen=True):
    """A callable and its Go parameter types (``variadic``: the last may repeat).

    ``wants_context``: the execution's context is passed as first argument. ``result`` names the static
    result type where it is an interface, since messages and nil depend on it.
    """

    call: Callable[..., Value]
    params: tuple[str, ...]
    variadic: bool = False
    wants_context: bool = False
    result: str = ""

    def type_at(self, index: int) -> str:
        """The type of the argument at this place."""
        return self.params[min(index, len(self.params) - 1)]

    @property
    def go_type(self) -> str:
        """Go's name of the function's type, as far as it is known here."""
        shown = list(self.params)
        if self.variadic:
            shown[-1] = "..." + shown[-1]
        return f"func({', '.join(shown)})"


def signature(text: str, call: Callable[..., Value], *, context: bool = False) -> Function:
    """A Function from text such as ``"string, ...any -> any"``."""
    head, _, result = text.partition("->")
    params = [_ANY_WORD.sub(ANY, p.strip()) for p in head.split(",") if p.strip()]
    variadic = bool(params) and params[-1].startswith("...")
    if variadic:
        params[-1] = params[-1][3:]
    params = [REFLECT if p == "value" else p for p in params]
    return Function(call, tuple(params), variadic, context, _ANY_WORD.sub(ANY, result.strip()))


def can_be_nil(go_type: str) -> bool:
    """Whether values of this type may be nil."""
    return go_type in (ANY, REFLECT) or go_type.startswith(_NILABLE)


def is_assignable(value: Value, go_type: str) -> bool:
    """Go's assignability of a (valid) value to a type."""
    if go_type == ANY:
        return True
    if type_of(value) == go_type:
        return True
    # A named slice goes where its unnamed twin is wanted.
    return isinstance(value, Slice) and value.underlying == go_type


def checked(value: Value, go_type: str) -> Value:
    """The value, made to fit a parameter of this type. Raises WrongTypeError."""
    if value is None:
        if can_be_nil(go_type):
            return None if go_type in (ANY, REFLECT) else zero_value(go_type)
        raise WrongTypeError(f"invalid value; expected {go_type}")
    if go_type == REFLECT:
        return value
    if value is NIL and go_type == ANY:
        return None
    if is_assignable(value, go_type):
        return value
    # Where a struct is wanted, Go follows a pointer to one.
    if isinstance(value, Struct) and value.pointer and value.go_type == go_type:
        return value
    raise WrongTypeError(f"wrong type for value; expected {go_type}; got {type_of(value)}")


def methods_of(value: Value) -> Mapping[str, Function]:
    """The methods that Go would find on this value."""
    found: Mapping[str, Function] = getattr(value, "methods", _NO_METHODS)
    return found


_NO_METHODS: dict[str, Function] = {}


def argument_count_error(name: str, function: Function, given: int, explicit: int) -> str | None:
    """Go's complaint about the number of arguments; ``explicit`` leaves the piped one out."""
    wanted = len(function.params)
    if function.variadic:
        if given < wanted - 1:
            return f"wrong number of args for {name}: want at least {wanted - 1} got {explicit}"
    elif given != wanted:
        return f"wrong number of args for {name}: want {wanted} got {given}"
    return None


def prepared(value: Value, go_type: str) -> Value:
    """An argument for ``call`` and ``index``: like ``checked``, but integers convert.

    Raises WrongTypeError.
    """
    if value is None or value is NIL:
        if not can_be_nil(go_type):
            raise WrongTypeError(f"value is nil; should be of type {go_type}")
        return None
    if go_type == REFLECT or is_assignable(value, go_type):
        return value
    kind: Any = zero_value(go_type)
    if isinstance(value, int) and not isinstance(value, bool) and isinstance(kind, int) and not isinstance(kind, bool):
        return type(kind)(value)
    raise WrongTypeError(f"value has type {type_of(value)}; should be {go_type}")
