"""The Jinja2 dialect: the same functions as globals and filters, with Python's values and operators.

A filter passes its value as the last argument, as Go's pipes do: ``key("a") | parseJSON``,
``"a,b" | split(",")``. Names that Jinja2 itself uses (``join``, ``indent`` …) keep Jinja2's meaning as
filters; the tool's own are there as functions. Undefined names are errors with ``error_on_missing_key``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, Undefined
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.sandbox import SandboxedEnvironment

from pyconsul.lang.gotemplate import ExecError, Function, FunctionError, ParseError
from pyconsul.lang.gotemplate.functions import WrongTypeError, argument_count_error, checked
from pyconsul.lang.gotemplate.gofmt import to_string
from pyconsul.lang.gotemplate.values import NIL, Known, Slice, TypedInt
from pyconsul.lang.strconv import quote
from pyconsul_template.config import TemplateConfig
from pyconsul_template.execution import Execution
from pyconsul_template.template import functions_for


class _Environment(SandboxedEnvironment):
    """Sandboxed, so that a template reaches no further than in Go's dialect."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Attributes that begin with an underscore stay hidden."""
        return not attr.startswith("_")


def _fitting(value: Known | tuple[Any, ...], go_type: str) -> Any:
    """A Python value as the Go type a function wants, where that loses nothing."""
    if isinstance(value, Undefined):
        return None
    if isinstance(value, TypedInt) and go_type == "int":
        return int(value)
    if go_type == "float64" and type(value) is int:
        return float(value)
    if go_type == "[]string" and isinstance(value, (list, tuple)) and not isinstance(value, Slice):
        return Slice("[]string", [v if isinstance(v, str) else to_string(v) for v in value])
    return list(value) if isinstance(value, tuple) else value


def _callable(name: str, function: Function, run: Execution) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        complaint = argument_count_error(name, function, len(args), len(args))
        if complaint is not None:
            raise FunctionError(complaint)
        try:
            types = [function.type_at(n) for n in range(len(args))]
            ready = [checked(_fitting(a, t), t) for a, t in zip(args, types, strict=True)]
        except WrongTypeError as error:
            raise FunctionError(f"{name}: {error}") from None
        try:
            result = function.call(run, *ready) if function.wants_context else function.call(*ready)
        except FunctionError as error:
            raise FunctionError(f"error calling {name}: {error}") from None
        return None if result is NIL else result

    return call


def _filter(call: Callable[..., Any]) -> Callable[..., Any]:
    def apply(value: Any, *args: Any) -> Any:
        return call(*args, value)

    return apply


def _shown(value: Any) -> Any:
    """How a value prints: texts as they are, nothing for nil, all else as in Go's dialect."""
    if value is None:
        return ""
    return value if isinstance(value, (str, Undefined)) else to_string(value)


class JinjaTemplate:
    """One template in the Jinja2 dialect."""

    def __init__(self, config: TemplateConfig, text: str) -> None:
        self.functions = functions_for(config.function_denylist)
        self.run: Execution | None = None
        environment: Environment = _Environment(
            keep_trailing_newline=True,
            undefined=StrictUndefined if config.error_on_missing_key else Undefined,
            finalize=_shown,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        )
        own = set(environment.filters)
        for name, function in self.functions.items():
            call = self._bound(name, function)
            environment.globals[name] = call
            if name not in own:
                environment.filters[name] = _filter(call)
        try:
            self.template = environment.from_string(text)
        except TemplateSyntaxError as error:
            raise ParseError(f"template: :{error.lineno}: {error.message}", error.lineno) from None

    def _bound(self, name: str, function: Function) -> Callable[..., Any]:
        """The function for the execution that is running."""

        def call(*args: Any) -> Any:
            if self.run is None:
                raise FunctionError(f"{name}: no template is running")
            return _callable(name, function, self.run)(*args)

        return call

    def execute(self, execution: Execution) -> str:
        """The text; nothing where the template fails for want of data that has not arrived. Raises ExecError."""
        self.run = execution
        try:
            return self.template.render(env=self._bound("env", self.functions["env"]))
        except (
            FunctionError,
            JinjaError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            if execution.missing:
                return ""
            line = _line_of(error)
            raise ExecError(f"template: :{line}: executing {quote('')}: {error}", line) from error
        finally:
            self.run = None


def _line_of(error: BaseException) -> int:
    """The line of the template that raised."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
