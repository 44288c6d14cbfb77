"""What a filter expression says, before it is bound to a type of rows."""

from __future__ import annotations

from enum import Enum

import msgspec


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


class Match(msgspec.Struct, frozen=True):
    """One comparison: selector, operator, and the value as written (None for the emptiness operators)."""

    selector: tuple[str, ...]
    operator: Operator
    value: str | None

    @property
    def name(self) -> str:
        """The selector as error texts show it."""
        return ".".join(self.selector)


class Not(msgspec.Struct, frozen=True):
    """The opposite of ``operand``."""

    operand: Expression


class And(msgspec.Struct, frozen=True):
    """All of ``terms``, from left to right until one fails."""

    terms: tuple[Expression, ...]


class Or(msgspec.Struct, frozen=True):
    """Any of ``terms``, from left to right until one holds."""

    terms: tuple[Expression, ...]


Expression = Match | Not | And | Or
