"""A Go template: parsed and compiled once, executed as often as wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from pyconsul.lang.gotemplate import stack
from pyconsul.lang.gotemplate.builtins import BUILTINS
from pyconsul.lang.gotemplate.compiler import compile_tree
from pyconsul.lang.gotemplate.errors import ExecError
from pyconsul.lang.gotemplate.functions import Function
from pyconsul.lang.gotemplate.parser import Tree, parse
from pyconsul.lang.gotemplate.runtime import MAX_DEPTH, UNSET, Program, State
from pyconsul.lang.gotemplate.values import Value
from pyconsul.lang.strconv import quote

MissingKey: TypeAlias = Literal["default", "zero", "error"]


class Template:
    """A set of templates from one text.

    ``missing_key`` is Go's option: what an absent map key gives (nothing, the zero value, an error).
    Raises ParseError.
    """

    def __init__(
        self,
        text: str,
        functions: Mapping[str, Function] | None = None,
        *,
        name: str = "",
        left: str = "",
        right: str = "",
        missing_key: MissingKey = "default",
    ) -> None:
        self.name = name
        self.text = text
        self.functions: Mapping[str, Function] = functions or {}
        self.missing_key: MissingKey = missing_key
        known = {*self.functions, *BUILTINS}
        self.trees: dict[str, Tree] = parse(name, text, known, left, right)
        self._programs: dict[str, Program] = {}

    def _program(self, name: str) -> Program | None:
        found = self._programs.get(name)
        if found is None and name in self.trees:
            found = self._programs[name] = compile_tree(self.trees[name], self.functions)
        return found

    def execute(self, data: Value = None, context: Any = None) -> str:
        """The text the template gives for the data.

        ``context`` reaches the functions that ask for it. Bytes that are no UTF-8 come back as lone
        surrogates (``surrogateescape``). Raises ExecError.
        """
        return self.execute_named(self.name, data, context)

    def execute_named(self, name: str, data: Value = None, context: Any = None) -> str:
        """As ``execute``, for a template that the text defines. Raises ExecError."""
        with stack.deep():
            program = self._program(name)
            if program is None:
                raise ExecError(f"template: no template {quote(name)} associated with template {quote(self.name)}")
            state = State(self._program, self.name, self.text, self.missing_key, context)
            state.vars = [data] + [UNSET] * (program.slots - 1)
            try:
                program.body(state, data)
            except RecursionError:
                raise ExecError(f"template: {name}: exceeded maximum template depth ({MAX_DEPTH})") from None
        return "".join(state.out)
