"""The tree of a HIL text, and its types."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class Pos:
    """Line and column, from 1; columns count characters."""

    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        """``line:column``."""
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    pos: Pos
    kind: Kind
    value: Value


@dataclass(frozen=True, slots=True)
class Output:
    """Parts that are joined to one text."""

    pos: Pos
    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable by its dotted name."""

    pos: Pos
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """An element of a variable; no variable of ours has any."""

    pos: Pos
    target: Variable
    key: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    pos: Pos
    name: str
    arguments: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Operation:
    """A binary operator."""

    pos: Pos
    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Conditional:
    """``condition ? yes : no``."""

    pos: Pos
    condition: "Node"
    yes: "Node"
    no: "Node"


Node: TypeAlias = Literal | Output | Variable | Index | Call | Operation | Conditional
