"""The tree of a HIL text, and its types."""

from enum import Enum
from typing import TypeAlias

import msgspec

Value: TypeAlias = str | int | float | bool


class HilError(ValueError):
    """A text that is no HIL, or an expression that cannot be evaluated."""


class Kind(Enum):
    """Types of values; the value is how Go's code calls them."""

    BOOL = "TypeBool"
    STRING = "TypeString"
    INT = "TypeInt"
    FLOAT = "TypeFloat"

    @property
    def printable(self) -> str:
        """As error messages about arguments print it."""
        return "type " + self.value.removeprefix("Type").lower()


class Pos(msgspec.Struct, frozen=True):
    """Line and column, from 1; columns count characters."""

    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """``line:column``."""
        return f"{self.line}:{self.column}"


class Literal(msgspec.Struct, frozen=True):
    """A constant."""

    pos: Pos
    kind: Kind
    value: Value


class Output(msgspec.Struct, frozen=True):
    """Parts that are joined to one text."""

    pos: Pos
    parts: "tuple[Node, ...]"


class Variable(msgspec.Struct, frozen=True):
    """A variable by its dotted name."""

    pos: Pos
    name: str


class Index(msgspec.Struct, frozen=True):
    """An element of a variable; no variable of ours has any."""

    pos: Pos
    target: Variable
    key: "Node"


class Call(msgspec.Struct, frozen=True):
    """A function call."""

    pos: Pos
    name: str
    arguments: "tuple[Node, ...]"


class Operation(msgspec.Struct, frozen=True):
    """A binary operator."""

    pos: Pos
    operator: str
    left: "Node"
    right: "Node"


class Conditional(msgspec.Struct, frozen=True):
    """``condition ? yes : no``."""

    pos: Pos
    condition: "Node"
    yes: "Node"
    no: "Node"


Node: TypeAlias = Literal | Output | Variable | Index | Call | Operation | Conditional


def children_of(node: Node) -> tuple[Node, ...]:
    """What a node consists of, in the order in which it is written."""
    match node:
        case Output():
            return node.parts
        case Call():
            return node.arguments
        case Index():
            return (node.target, node.key)
        case Operation():
            return (node.left, node.right)
        case Conditional():
            return (node.condition, node.yes, node.no)
        case _:
            return ()
