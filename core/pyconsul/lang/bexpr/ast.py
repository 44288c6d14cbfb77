"""What a filter expression says, before it is bound to a type of rows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Operator(Enum):
    """The match operators; the values are the names that error texts use."""

    EQUAL = "Equal"
    NOT_EQUAL = "Not Equal"
    IN = "In"
    NOT_IN = "Not In"
    IS_EMPTY = "Is Empty"
    IS_NOT_EMPTY = "Is Not Empty"
    MATCHES = "Matches"
    NOT_MATCHES = "Not Matches"


NEGATIVE = {
    Operator.NOT_EQUAL: Operator.EQUAL,
    Operator.NOT_IN: Operator.IN,
    Operator.IS_NOT_EMPTY: Operator.IS_EMPTY,
    Operator.NOT_MATCHES: Operator.MATCHES,
}
"""Each negated operator with the one whose result it turns around."""


@dataclass(frozen=True, slots=True)
class Match:
    """One comparison: selector, operator, and the value as written (None for the emptiness operators)."""

    selector: tuple[str, ...]
    operator: Operator
    value: str | None

    @property
    def name(self) -> str:
        """The selector as error texts show it."""
        return ".".join(self.selector)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of ``operand``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All of ``terms``, from left to right until one fails."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of ``terms``, from left to right until one holds."""

    terms: tuple[Expression, ...]


Expression = Match | Not | And | Or
