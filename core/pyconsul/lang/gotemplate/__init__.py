"""Go's ``text/template``: its language, its typed values, its printing and its messages.

Parses into trees, compiles them to closures, and runs those against Python data (``values.py`` says
which object stands for which Go type). Functions come from outside, with Go signatures. Knows nothing
of Consul, files or clocks.

The names below are imported when they are first asked for: the agent needs ``strconv`` alone, and the rest would cost
every start some 10 ms.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyconsul.lang.gotemplate.errors import ExecError, FunctionError, ParseError, TemplateError, offending_line
    from pyconsul.lang.gotemplate.functions import Function, signature
    from pyconsul.lang.gotemplate.template import Template

__all__ = [
    "ExecError",
    "Function",
    "FunctionError",
    "ParseError",
    "Template",
    "TemplateError",
    "offending_line",
    "signature",
]

_MODULES = {"Function": "functions", "signature": "functions", "Template": "template"}  # the others: errors


def __getattr__(name: str) -> Any:
    """Import what is asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
    globals()[name] = found
    return found
