"""Errors of Go templates, with Go's texts and the place they happened at."""

from __future__ import annotations

from pyconsul.lang.gotemplate.nodes import Node
from pyconsul.lang.strconv import quote, to_bytes


class TemplateError(Exception):
    """A template could not be read or executed; ``line`` counts from 1, ``column`` (bytes) from 0."""

    def __init__(self, text: str, line: int = 0, column: int | None = None) -> None:
        super().__init__(text)
        self.line = line
        self.column = column


class ParseError(TemplateError):
    """The text is no template."""


class ExecError(TemplateError):
    """The template failed while running; ``function`` names the function that reported it, if one did."""

    function: str = ""


class FunctionError(Exception):
    """What a template function raises; the text is shown after ``error calling NAME: ``."""


def place_of(text: str, pos: int) -> tuple[int, int]:
    """Line (from 1) and byte column (from 0) of a character position."""
    start = text.rfind("\n", 0, pos) + 1
    return text.count("\n", 0, start) + 1, len(to_bytes(text[start:pos]))


def exec_error(parse_name: str, text: str, template_name: str, node: Node, message: str) -> ExecError:
    """The error with Go's preamble: template, line, column, the executed part."""
    line, column = place_of(text, node.pos)
    where = f"{parse_name}:{line}:{column}"
    said = f"template: {where}: executing {quote(template_name)} at <{node.source()}>: {message}"
    return ExecError(said, line, column)


def offending_line(text: str, error: TemplateError) -> str:
    """The line of the error with a mark under the column, or "" when the place is unknown."""
    lines = text.split("\n")
    if not 1 <= error.line <= len(lines):
        return ""
    line = lines[error.line - 1].rstrip("\r")
    if error.column is None:
        return f"    {error.line} | {line}"
    before = to_bytes(line)[: error.column].decode("utf-8", "replace")
    margin = " " * (len(f"    {error.line} | "))
    mark = "".join("\t" if c == "\t" else " " for c in before)
    return f"    {error.line} | {line}\n{margin}{mark}^"
