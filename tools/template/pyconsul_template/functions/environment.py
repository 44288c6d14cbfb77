"""Environment variables; what the tool's configuration sets comes before the process's own."""

from __future__ import annotations

import os

from pyconsul.lang.gotemplate import FunctionError
from pyconsul_template.execution import Execution
from pyconsul_template.functions.registry import function


@function("env", "string", context=True)
def env(run: Execution, name: str) -> str:
    """The variable, empty when unset."""
    return run.environment[name] if name in run.environment else os.environ.get(name, "")


@function("mustEnv", "string", context=True)
def must_env(run: Execution, name: str) -> str:
    """The variable; empty or unset is an error."""
    value = run.environment.get(name) or os.environ.get(name, "")
    if not value:
        raise FunctionError(f"required environment variable {name} is empty")
    return value


@function("envOrDefault", "string, string", context=True)
def env_or_default(run: Execution, name: str, default: str) -> str:
    """The variable even if empty; the default when unset."""
    return run.environment[name] if name in run.environment else os.environ.get(name, default)
