"""The error of a configuration that cannot be used, and Go's way to list several."""

from __future__ import annotations

from collections.abc import Sequence


class ConfigError(ValueError):
    """A configuration that an agent must not start with; the text is what Consul says."""


def several(errors: Sequence[str]) -> str:
    """Errors as Go's multierror prints them: a count, one bullet a line, an empty line."""
    head = "1 error occurred:" if len(errors) == 1 else f"{len(errors)} errors occurred:"
    return head + "".join(f"\n\t* {text}" for text in errors) + "\n\n"
