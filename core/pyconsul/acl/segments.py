"""Rules of one resource by the segment they are for: exact ones before prefixes, longer prefixes before shorter."""

from __future__ import annotations

from collections.abc import Iterable

from pyconsul.acl.levels import Access, Decision, decide


class Segments:
    """Levels by exact segment and by prefix. Empty where no rule speaks of the resource."""

    __slots__ = ("_exact", "_lengths", "_prefixes")

    def __init__(self, exact: dict[str, Access], prefixes: dict[str, Access]) -> None:
        self._exact = exact
        self._prefixes = prefixes
        self._lengths = sorted({len(prefix) for prefix in prefixes}, reverse=True)

    def level(self, segment: str) -> Access | None:
        """What the rule that counts for this segment grants; None where there is none."""
        found = self._exact.get(segment)
        return self._level_of_prefix(segment) if found is None else found

    def decide(self, segment: str, wanted: Access) -> Decision:
        """What the rule that counts says to a wish."""
        level = self.level(segment)
        return Decision.DEFAULT if level is None else decide(level, wanted)

    def any(self, wanted: Access) -> Decision:
        """ALLOW where any rule grants it; a catch-all prefix that does not makes DENY of no decision."""
        if any(decide(level, wanted) is Decision.ALLOW for level in self._levels()):
            return Decision.ALLOW
        return Decision.DENY if "" in self._prefixes else Decision.DEFAULT

    def all(self, wanted: Access) -> Decision:
        """DENY where any rule refuses it; a catch-all prefix that grants it makes ALLOW of no decision."""
        if any(decide(level, wanted) is Decision.DENY for level in self._levels()):
            return Decision.DENY
        return Decision.ALLOW if "" in self._prefixes else Decision.DEFAULT

    def below(self, prefix: str, wanted: Access) -> Decision:
        """Whether everything below a prefix is granted: by the rule for the prefix itself, and by all further down."""
        level = self._level_of_prefix(prefix)
        levels = [] if level is None else [level]
        levels += (at for segment, at in self._rows() if segment.startswith(prefix))
        if any(decide(at, wanted) is Decision.DENY for at in levels):
            return Decision.DENY
        return Decision.DEFAULT if level is None else Decision.ALLOW

    def _level_of_prefix(self, segment: str) -> Access | None:
        size = len(segment)
        for length in self._lengths:
            if length <= size and (found := self._prefixes.get(segment[:length])) is not None:
                return found
        return None

    def _rows(self) -> Iterable[tuple[str, Access]]:
        yield from self._prefixes.items()
        yield from self._exact.items()

    def _levels(self) -> Iterable[Access]:
        return (level for _, level in self._rows())
