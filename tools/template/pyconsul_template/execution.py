"""One run of one template: which data it asked for, which of them were missing, and its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pyconsul_template.dependencies.queries import Dependency
    from pyconsul_template.functions.scratch import Scratch

ABSENT: Any = object()
"""What ``recall`` gives while no answer has arrived (None is an answer)."""


class Execution(msgspec.Struct):
    """Handed to every function that asks for it.

    ``recall`` gives the newest value of a dependency or ``ABSENT``; ``used`` and ``missing`` map the
    texts of dependencies to them, in the order in which the template asked. ``nesting`` counts the
    templates that are executed inside one another by executeTemplate.
    """

    recall: Callable[[Dependency], Any]
    environment: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    sandbox_path: str = ""
    destination: str = ""
    nomad_namespace: str = "default"
    execute_named: Callable[[str, Any, Execution], str] | None = None
    used: dict[str, Dependency] = msgspec.field(default_factory=dict[str, "Dependency"])
    missing: dict[str, Dependency] = msgspec.field(default_factory=dict[str, "Dependency"])
    scratch: Scratch | None = None
    nesting: int = 0

    def ask(self, dependency: Dependency) -> Any:
        """The dependency's value, or ABSENT, in which case it counts as missing.

        Of several with one name (certificates of one role in one file) the first one counts.
        """
        known = self.used.setdefault(dependency.name, dependency)
        value = self.recall(known)
        if value is ABSENT:
            self.missing.setdefault(known.name, known)
        return value

    def miss(self, dependency: Dependency) -> None:
        """Wait for a better answer than the one there is."""
        self.missing[dependency.name] = dependency
