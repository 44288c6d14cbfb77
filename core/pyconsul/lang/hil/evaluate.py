"""Evaluation: names are checked first, then types, then values are computed; the first fault wins.

Types convert into each other where an operator or function wants another one, as HIL does it.
"""

import operator
from collections.abc import Callable, Mapping
from typing import cast

import msgspec

from pyconsul.lang.hil.nodes import (
    Call,
    Conditional,
    HilError,
    Index,
    Kind,
    Literal,
    Node,
    Operation,
    Output,
    Pos,
    Value,
    Variable,
    children_of,
)
from pyconsul.lang.strconv import NumberSyntaxError, format_float, parse_bool, parse_float, parse_int


class Function(msgspec.Struct, frozen=True):
    """A function: the types of its arguments, of its result, and what it does."""

    arguments: tuple[Kind, ...]
    result: Kind
    call: Callable[..., Value]


class Scope(msgspec.Struct, frozen=True):
    """What names mean. All variables are text."""

    variables: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    functions: Mapping[str, Function] = msgspec.field(default_factory=dict[str, Function])


def evaluate(node: Node, scope: Scope) -> str:
    """The text that a parsed HIL text gives. Raises HilError."""
    _check_names(node, scope)
    _, run = _compile(node, scope)
    return cast("str", run())


# Names


def _check_names(node: Node, scope: Scope) -> None:
    for child in children_of(node):
        _check_names(child, scope)
    if isinstance(node, Variable) and node.name not in scope.variables:
        raise HilError(f"{node.pos}: unknown variable accessed: {node.name}")
    if isinstance(node, Call):
        function = scope.functions.get(node.name)
        if function is None:
            raise HilError(f"{node.pos}: unknown function called: {node.name}")
        wanted, found = len(function.arguments), len(node.arguments)
        if wanted != found:
            raise HilError(f"{node.pos}: {node.name}: expected {wanted} arguments, got {found}")


# Types

_Run = Callable[[], Value]
_Typed = tuple[Kind, _Run]


def _compile(node: Node, scope: Scope) -> _Typed:
    """The type of a node, and what computes its value."""
    match node:
        case Literal():
            value = node.value
            return node.kind, lambda: value
        case Variable():
            text = scope.variables[node.name]
            return Kind.STRING, lambda: text
        case Output():
            return _output(node, scope)
        case Call():
            return _call(node, scope)
        case Operation():
            return _operation(node, scope)
        case Conditional():
            return _conditional(node, scope)
        case Index():
            _compile(node.key, scope)
            raise _type_error(node.pos, f"invalid index operation into non-indexable type: {Kind.STRING.value}")


def _type_error(pos: Pos, text: str) -> HilError:
    return HilError(f"At column {pos.column}, line {pos.line}: {text}")


def _output(node: Output, scope: Scope) -> _Typed:
    parts = [_convert(_compile(part, scope), Kind.STRING) for part in node.parts]
    runs = [run for _, run in cast("list[_Typed]", parts)]  # every type converts to text
    return Kind.STRING, lambda: "".join([str(run()) for run in runs])


def _call(node: Call, scope: Scope) -> _Typed:
    function = scope.functions[node.name]
    found = [_compile(argument, scope) for argument in node.arguments]
    runs: list[_Run] = []
    for number, (typed, wanted) in enumerate(zip(found, function.arguments, strict=True), 1):
        converted = _convert(typed, wanted)
        if converted is None:
            text = f"argument {number} should be {wanted.printable}, got {typed[0].printable}"
            raise _type_error(node.pos, f"{node.name}: {text}")
        runs.append(converted[1])
    return function.result, lambda: function.call(*[run() for run in runs])


def _operation(node: Operation, scope: Scope) -> _Typed:
    left, right = _compile(node.left, scope), _compile(node.right, scope)
    if node.operator in ("&&", "||"):
        return _logical(node, left, right)
    if node.operator in _COMPARISONS:
        return _comparison(node, left, right)
    wanted = Kind.FLOAT if Kind.FLOAT in (left[0], right[0]) else Kind.INT
    runs = _operands(node, (left, right), wanted)
    if wanted is Kind.FLOAT and node.operator == "%":
        raise _type_error(node.pos, "modulo cannot be used with floats")
    compute = _float_math if wanted is Kind.FLOAT else _int_math
    return wanted, lambda: compute(node.operator, runs[0](), runs[1]())


def _operands(node: Operation, found: tuple[_Typed, _Typed], wanted: Kind) -> list[_Run]:
    runs: list[_Run] = []
    for number, typed in enumerate(found, 1):
        converted = _convert(typed, wanted)
        if converted is None:
            raise _type_error(node.pos, f"operand {number} should be {wanted.value}, got {typed[0].value}")
        runs.append(converted[1])
    return runs


_COMPARISONS: Mapping[str, Callable[..., bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _comparison(node: Operation, left: _Typed, right: _Typed) -> _Typed:
    """The left operand's type decides equality; order is for numbers only."""
    wanted = left[0]
    if node.operator not in ("==", "!="):
        wanted = Kind.FLOAT if Kind.FLOAT in (left[0], right[0]) else Kind.INT
    runs = _operands(node, (left, right), wanted)
    compare = _COMPARISONS[node.operator]
    return Kind.BOOL, lambda: compare(runs[0](), runs[1]())


def _logical(node: Operation, left: _Typed, right: _Typed) -> _Typed:
    runs: list[_Run] = []
    for typed in (left, right):
        converted = _convert(typed, Kind.BOOL)
        if converted is None:
            raise _type_error(node.pos, f"logical operators require boolean operands, not {typed[0].value}")
        runs.append(converted[1])

    def compute() -> bool:
        values = [bool(run()) for run in runs]  # both sides are computed, whatever the first one says
        return all(values) if node.operator == "&&" else any(values)

    return Kind.BOOL, compute


def _conditional(node: Conditional, scope: Scope) -> _Typed:
    condition, yes, no = (_compile(part, scope) for part in (node.condition, node.yes, node.no))
    test = _convert(condition, Kind.BOOL)
    if test is None:
        raise _type_error(node.pos, f"condition must be type bool, not {condition[0].printable}")
    if yes[0] is not no[0]:
        same = _convert(yes, no[0]) if yes[0] is Kind.STRING else _convert(no, yes[0])
        if same is None:
            kinds = f"{yes[0].printable} and {no[0].printable}"
            raise _type_error(node.pos, f"true and false expression types must match; have {kinds}")
        yes, no = (same, no) if yes[0] is Kind.STRING else (yes, same)
    branches = yes[1], no[1]

    def compute() -> Value:
        values = [run() for run in branches]  # a fault in the branch that is not taken counts, too
        return values[0] if test[1]() else values[1]

    return yes[0], compute


# Values


def _convert(typed: _Typed, wanted: Kind) -> _Typed | None:
    """The same value as another type; None where HIL has no conversion."""
    kind, run = typed
    if kind is wanted:
        return typed
    change = _CONVERSIONS.get((kind, wanted))
    if change is None:
        return None
    name, function = change

    def converted() -> Value:
        value = run()
        try:
            return function(value)
        except NumberSyntaxError as error:
            raise HilError(f"__builtin_{name}: {error}") from error

    return wanted, converted


def _float_to_int(number: float) -> int:
    # What 64 bits cannot hold becomes the least of them, as on Go's amd64.
    return int(number) if -(1 << 63) <= number < 1 << 63 else -(1 << 63)


def _string_to_int(text: str) -> int:
    return parse_int(text, 0)


def _bool_to_string(value: bool) -> str:
    return "true" if value else "false"


_CONVERSIONS: Mapping[tuple[Kind, Kind], tuple[str, Callable[..., Value]]] = {
    (Kind.FLOAT, Kind.INT): ("FloatToInt", _float_to_int),
    (Kind.FLOAT, Kind.STRING): ("FloatToString", format_float),
    (Kind.INT, Kind.FLOAT): ("IntToFloat", float),
    (Kind.INT, Kind.STRING): ("IntToString", str),
    (Kind.STRING, Kind.INT): ("StringToInt", _string_to_int),
    (Kind.STRING, Kind.FLOAT): ("StringToFloat", parse_float),
    (Kind.STRING, Kind.BOOL): ("StringToBool", parse_bool),
    (Kind.BOOL, Kind.STRING): ("BoolToString", _bool_to_string),
}


def _wrap(number: int) -> int:
    """As a signed 64-bit integer."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _int_math(sign: str, left: Value, right: Value) -> int:
    a, b = int(left), int(right)
    if sign in "/%" and b == 0:
        raise HilError("__builtin_IntMath: divide by zero")
    match sign:
        case "+":
            return _wrap(a + b)
        case "-":
            return _wrap(a - b)
        case "*":
            return _wrap(a * b)
        case "/":  # towards zero
            return _wrap(abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1))
        case _:
            return abs(a) % abs(b) * (-1 if a < 0 else 1)


def _float_math(sign: str, left: Value, right: Value) -> float:
    a, b = float(left), float(right)
    match sign:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case _:
            if b:
                return a / b
            return float("nan") if a == 0 or a != a else float("inf") * a * (1 if str(b) == "0.0" else -1)
