"""Access levels that rules grant, and what a rule decides about a wish."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final


class Access(StrEnum):
    """What a rule grants or a request wants; ``LIST`` means something for keys only."""

    DENY = "deny"
    READ = "read"
    LIST = "list"
    WRITE = "write"


class Decision(Enum):
    """``DEFAULT``: no rule says anything, the default policy decides."""

    DENY = 0
    ALLOW = 1
    DEFAULT = 2


_GRANTS: Final[dict[Access, frozenset[Access]]] = {
    Access.DENY: frozenset(),
    Access.READ: frozenset((Access.READ,)),
    Access.LIST: frozenset((Access.READ, Access.LIST)),
    Access.WRITE: frozenset((Access.READ, Access.LIST, Access.WRITE)),
}
_NAMES: Final = frozenset(level.value for level in Access)
# Where two policies speak of the same segment, the first of these wins: a refusal, or else what grants most.
_PRECEDENCE: Final = (Access.DENY, Access.WRITE, Access.LIST, Access.READ)


def decide(granted: Access, wanted: Access) -> Decision:
    """What a rule that grants one level says to a wish for another."""
    return Decision.ALLOW if wanted in _GRANTS[granted] else Decision.DENY


def is_level(text: str, *, may_list: bool) -> bool:
    """Whether a rule may carry this level; letter case does not matter."""
    level = text.lower()
    return level in _NAMES and (may_list or level != Access.LIST)


def takes_precedence(new: str, old: str) -> bool:
    """Whether a level replaces another of the same segment; as in Consul only lower case counts here."""
    for level in _PRECEDENCE:
        if new == level:
            return True
        if old == level:
            return False
    return False
