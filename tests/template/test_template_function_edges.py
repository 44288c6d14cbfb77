"""Functions at the edges of their arguments: what consul-template 0.42.1 makes of them (``function_edges.json``).

Empty texts and lists, places before the beginning and behind the end, numbers that wrap, padding that is wrong,
versions that differ in one part: each row is the only one here that tells one rule from its neighbour.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyconsul.lang.gotemplate import ExecError
from tests.template.test_template_functions import shown

pytestmark = pytest.mark.usefixtures("utc")  # the originals ran in it

RECORDED: dict[str, list[tuple[str, str]]] = json.loads(
    (Path(__file__).parent / "function_edges.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(("text", "wanted"), RECORDED["gives"])
def test_a_function_gives_what_the_original_gives(text: str, wanted: str) -> None:
    """To the character."""
    assert shown(text) == wanted


@pytest.mark.parametrize(("text", "message"), RECORDED["fails"])
def test_a_function_refuses_what_the_original_refuses(text: str, message: str) -> None:
    """In its words."""
    with pytest.raises(ExecError) as caught:
        shown(text)
    assert str(caught.value) == message
