"""Templates of built-in functions, constants and blocks, each with what consul-template made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pyconsul.lang.gotemplate import Template, TemplateError

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RECORDED["answers"], ids=lambda case: case["text"])
def test_a_template_gives_what_the_real_one_gives(case: dict[str, str]) -> None:
    """To the byte, blanks and line ends included."""
    assert Template(case["text"]).execute(None) == case["answer"]


@pytest.mark.parametrize("case", RECORDED["errors"], ids=lambda case: case["text"])
def test_a_template_fails_in_the_words_of_the_real_one(case: dict[str, str]) -> None:
    """Whether it cannot be read or breaks while it runs; line, column and part are told, too."""
    with pytest.raises(TemplateError) as caught:
        Template(case["text"]).execute(None)
    assert str(caught.value) == case["error"]
