"""Templates at the edges of language and functions: what consul-template 0.42.1 makes of 810 (``recorded.json``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyconsul.lang.gotemplate import ExecError, ParseError
from tests.template.test_template_functions import shown

pytestmark = pytest.mark.usefixtures("utc")  # the originals ran in it

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "wanted"), RECORDED["gives"])
def test_a_template_gives_what_the_original_gives(text: str, wanted: str) -> None:
    """To the character: numbers, verbs of ``printf``, nothing and nil."""
    assert shown(text) == wanted


@pytest.mark.parametrize(("text", "message"), RECORDED["fails"])
def test_a_template_fails_as_with_the_original(text: str, message: str) -> None:
    """With its place and words, whether it cannot be read or not be run."""
    with pytest.raises((ExecError, ParseError)) as caught:
        shown(text)
    assert str(caught.value) == message
