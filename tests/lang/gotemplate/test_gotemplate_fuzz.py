"""Templates made of random pieces: always a text or one of our errors, never anything else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.lang.gotemplate import Template, TemplateError, signature

PIECES = [
    "{{", "}}", "{{-", "-}}", " ", "\n", "(", ")", "|", ".", ".a", ".a.b", "$", "$x", ":=", "=", ",", "if", "else",
    "end", "range", "with", "define", "template", "block", "break", "continue", "nil", "true", "1", "1.5", "-3",
    "'c'", '"s"', "`r`", "print", "printf", "eq", "index", "len", "and", "or", "slice", "f", "/*", "*/", "é", "\x00",
    '{{ define "t" }}', '{{ template "t" . }}', "{{ end }}", "{{ range . }}", "{{ if . }}", "{{ else }}", '"%d%v"',
]  # fmt: skip
FUNCTIONS = {"f": signature("...any -> any", lambda *values: list(values))}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_no_template_does_more_than_fail(text: str) -> None:
    """Whatever the text, the engine answers with a text or a TemplateError."""
    try:
        made = Template(text, FUNCTIONS, missing_key="zero")
        made.execute({"a": {"b": [1, "x", None]}})
    except TemplateError as error:
        assert str(error).startswith("template: ")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([p for p in PIECES if "{{" not in p and "}}" not in p]), max_size=12).map(" ".join))
def test_no_action_does_more_than_fail(inside: str) -> None:
    """The same for random words inside of one action."""
    try:
        Template("{{ " + inside + " }}", FUNCTIONS).execute([1, 2])
    except TemplateError as error:
        assert str(error).startswith("template: ")
