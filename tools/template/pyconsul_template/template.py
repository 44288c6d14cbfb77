"""A template's text in one of the two dialects: Go's, or Jinja2 over the same functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from pyconsul.lang.gotemplate import (
    Function,
    FunctionError,
    ParseError,
    Template,
    TemplateError,
    offending_line,
    signature,
)
from pyconsul.lang.strconv import from_bytes
from pyconsul.primitives.system_errors import system_text
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.paths import possible
from pyconsul_template.config import TemplateConfig
from pyconsul_template.execution import Execution
from pyconsul_template.functions.registry import CHANGING, load


class Compiled(Protocol):
    """A template that was read."""

    def execute(self, execution: Execution) -> str:
        """The text. Raises TemplateError."""
        ...


def _denied(*_words: str) -> str:
    raise FunctionError("function is disabled")


_DENIED = signature("...string", _denied)


def _matches(pattern: str, name: str) -> bool:
    """Globs in which only the asterisk means something."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def functions_for(denylist: Sequence[str]) -> Mapping[str, Function]:
    """The function table; those that match the denylist fail when called."""
    table = load()
    if not denylist:
        return table
    denied = {name for name in table for pattern in denylist if _matches(pattern, name)}
    return {**table, **dict.fromkeys(denied, _DENIED)}


class GoTemplate:
    """Go's dialect."""

    def __init__(self, config: TemplateConfig, text: str) -> None:
        self.template = Template(
            text,
            functions_for(config.function_denylist),
            left=config.left_delimiter,
            right=config.right_delimiter,
            missing_key="error" if config.error_on_missing_key else "zero",
        )

    def execute(self, execution: Execution) -> str:
        """The text. Raises TemplateError."""
        execution.execute_named = self.template.execute_named
        return self.template.execute(None, execution)


class Source:
    """One template: parsed when first executed, so that its errors come in its turn.

    ``is_changing``: another execution may give something else though no data changed (known once it was parsed).
    """

    def __init__(self, config: TemplateConfig, text: str) -> None:
        self.config = config
        self.text = text
        self.may_block = "plugin" in text  # the one function that waits for another program
        self.is_changing = False
        self._compiled: Compiled | None = None
        self._error: TemplateError | None = None

    def compiled(self) -> Compiled:
        """The template, read. Raises TemplateError."""
        if self._compiled is None:
            if self.config.dialect == "jinja2":
                from pyconsul_template.jinja import JinjaTemplate

                self._compiled = JinjaTemplate(self.config, self.text)
            else:
                self._compiled = GoTemplate(self.config, self.text)
            self.is_changing = any(name in self.text for name in CHANGING)
        return self._compiled

    def execute(self, execution: Execution) -> str:
        """The text for the data there is. Raises TemplateError."""
        try:
            return self.compiled().execute(execution)
        except TemplateError as error:
            self._error = error
            raise

    def explain(self, message: str) -> str:
        """The last error as the tool reports it: which step failed, and what."""
        step = "parse" if isinstance(self._error, ParseError) else "execute"
        return f"{step}: {message}"

    def where(self) -> str:
        """The line of the last error with a mark under the column, or nothing."""
        return offending_line(self.text, self._error) if self._error is not None else ""


def read_source(config: TemplateConfig) -> str:
    """The text of a template. Raises RunError."""
    if config.source and config.contents:
        raise RunError("template: cannot specify both 'source' and 'contents'")
    if not config.source and not config.contents:
        raise RunError("template: must specify exactly one of 'source' or 'contents'")
    if config.contents:
        return config.contents
    try:
        with open(possible(config.source), "rb") as source:
            return from_bytes(source.read())
    except OSError as error:
        call = "read" if isinstance(error, IsADirectoryError) else "open"
        reason = system_text(error)
        raise RunError(f"failed to read template: {call} {config.source}: {reason}") from None
