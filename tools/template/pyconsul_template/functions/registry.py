"""The table of template functions: name, Go signature, Python callable.

``load()`` imports every group once and returns the table. A function that needs the running
template's data, environment or scratch pad asks for the ``Execution`` with ``context=True``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from pyconsul.lang.gotemplate import Function, signature

GROUPS = (
    "data",
    "vault",
    "nomad",
    "environment",
    "files",
    "scratch",
    "text",
    "collections",
    "digests",
    "parsing",
    "conversion",
    "arithmetic",
    "spew",
    "sprig_text",
    "sprig_cases",
    "sprig_lists",
    "sprig_maps",
    "sprig_numbers",
    "sprig_logic",
    "sprig_regex",
    "sprig_times",
    "sprig_paths",
    "sprig_versions",
    "sprig_crypto",
)
FUNCTIONS: dict[str, Function] = {}
CHANGING: set[str] = set()
"""Functions that may give something else, or do something, in each execution though no data changed."""
_Callable = TypeVar("_Callable", bound=Callable[..., Any])


def function(
    name: str, types: str, *, context: bool = False, changing: bool = False
) -> Callable[[_Callable], _Callable]:
    """Register a template function; ``types`` is a Go signature such as ``"string, ...any -> any"``.

    ``changing``: see ``CHANGING``.
    """

    def register(call: _Callable) -> _Callable:
        FUNCTIONS[name] = signature(types, call, context=context)
        if changing:
            CHANGING.add(name)
        return call

    return register


def load() -> dict[str, Function]:
    """The whole table."""
    for group in GROUPS:
        import_module(f"pyconsul_template.functions.{group}")
    return FUNCTIONS
