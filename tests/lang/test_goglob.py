"""Shell patterns in Go's reading."""

from __future__ import annotations

import pytest

from pyconsul.lang import goglob


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("", "", True),
        ("A*", "ABC", True),
        ("A*", "BA", False),
        ("A?C", "ABC", True),
        ("A?C", "AC", False),
        ("*", "a/b", False),
        ("a?b", "a/b", False),
        ("a[^x]b", "a/b", True),
        ("[^A]*", "B", True),
        ("[^A]*", "AX", False),
        ("[!A]*", "AX", True),
        ("[a-c]x", "bx", True),
        ("[c-a]x", "bx", False),
        ("[^c-a]x", "bx", True),
        ("[*?[]", "[", True),
        (r"[\]\-a]", "-", True),
        (r"A\*B", "A*B", True),
        (r"A\*B", "AxB", False),
        ("a]", "a]", True),
        ("a.c", "abc", False),
    ],
)
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    """Stars and question marks stop at slashes, a caret negates a class, a backslash takes the meaning away."""
    assert goglob.matches(pattern, name) is fits


@pytest.mark.parametrize("pattern", ["[", "[]", "[^]", "[]a]", "[-a]", "[a-]", "[a", "a\\", "[\\", "a[b-"])
def test_malformed_patterns_fit_nothing(pattern: str) -> None:
    """Not even themselves."""
    assert not goglob.matches(pattern, pattern)
    assert not goglob.matches(pattern, "a")
