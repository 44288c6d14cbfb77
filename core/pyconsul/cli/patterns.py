"""Regular expressions that users give: Go's syntax, and Go's words when one is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.console import Failed

if TYPE_CHECKING:
    from pyconsul.lang.goregexp import Regexp


def check_pattern(text: str, failure: str) -> None:
    """Refuse a pattern that does not compile; an empty one is none. Raises Failed with ``failure`` in front."""
    if text:
        compiled(text, failure)


def compiled(text: str, failure: str) -> Regexp:
    """The pattern, for ``search``. Raises Failed with ``failure`` in front."""
    from pyconsul.lang.goregexp import GoRegexError, compile_regexp

    try:
        return compile_regexp(text)
    except GoRegexError as e:
        raise Failed(f"{failure}: {e}") from e
