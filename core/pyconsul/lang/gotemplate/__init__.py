"""Go's ``text/template``: its language, its typed values, its printing and its messages.

Parses into trees, compiles them to closures, and runs those against Python data (``values.py`` says
which object stands for which Go type). Functions come from outside, with Go signatures. Knows nothing
of Consul, files or clocks.
"""

from __future__ import annotations

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
