"""Paths, joined as Go's ``path`` package joins them."""

import pytest

from pyconsul.lang import gopath


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("a", "b"), "a/b"),
        (("a/", "b"), "a/b"),
        (("", "b"), "b"),
        (("a", ""), "a"),
        (("a//b/../c/.", "d"), "a/c/d"),
        (("//", "a"), "/a"),
        (("///", "a"), "/a"),
        (("..", "a"), "../a"),
        (("", ""), ""),
        ((".", ""), "."),
    ],
)
def test_joined_parts_are_cleaned(parts: tuple[str, ...], joined: str) -> None:
    """Empty parts count for nothing, and one slash stands where there were several."""
    assert gopath.join(*parts) == joined
