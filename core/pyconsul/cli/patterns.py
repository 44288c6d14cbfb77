"""Regular expressions that users give: Go's syntax, and Go's words when one is wrong."""

from __future__ import annotations

from typing import Any

from .console import Failed

_PREFIX = "error parsing regexp: "
_REASONS = (
    ("missing closing ]", "missing closing ]"),
    ("missing )", "missing closing )"),
    ("unexpected )", "unexpected )"),
    ("no argument for repetition operator", "missing argument to repetition operator"),
    ("bad repetition operator", "invalid nested repetition operator"),
    ("invalid character class range", "invalid character class range"),
    ("invalid escape sequence", "invalid escape sequence"),
    ("trailing \\", "trailing backslash at end of expression"),
    ("invalid repetition size", "invalid repeat count"),
)


def check_pattern(text: str, failure: str) -> None:
    """Refuse a pattern that does not compile. Raises Failed with ``failure`` in front."""
    if text:
        compiled(text, failure)


def compiled(text: str, failure: str) -> Any:
    """The pattern, for ``search``. Raises Failed with ``failure`` in front."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as e:
        raise Failed(f"{failure}: {_PREFIX}{_reason(_told(e), text)}") from e


def _told(error: Exception) -> str:
    given = error.args[0] if error.args else ""
    return given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)


def _reason(told: str, pattern: str) -> str:
    """RE2's complaint in Go's words; both name the same faults, with the part that is wrong behind a colon."""
    for theirs, ours in _REASONS:
        if told.startswith(theirs):
            _, colon, part = told.partition(": ")
            whole = ours in ("missing closing )", "unexpected )") or not colon
            return f"{ours}: `{pattern if whole else part}`"
    return told
