"""What a reload takes over: the keys marked so in the table of configuration keys."""

from __future__ import annotations

from typing import Any

import msgspec

from pyconsul.config.keys import keys_where
from pyconsul.config.runtime import RuntimeConfig


def reloaded(old: RuntimeConfig, new: RuntimeConfig) -> RuntimeConfig:
    """``old`` with the values of ``new`` for every key that may change while the agent runs."""
    return _merged(old, new, [key.name.split(".") for key in keys_where(reload=True)])


def _merged(old: Any, new: Any, paths: list[list[str]]) -> Any:
    """A section with some of its fields from another; a path of one name takes the whole field."""
    fields: dict[str, Any] = {}
    below: dict[str, list[list[str]]] = {}
    for head, *rest in paths:
        name = head.removesuffix("[]")
        if not hasattr(old, name):
            continue
        if rest and isinstance(getattr(old, name), msgspec.Struct):
            below.setdefault(name, []).append(rest)
        else:
            fields[name] = getattr(new, name)
    for name, rest in below.items():
        fields.setdefault(name, _merged(getattr(old, name), getattr(new, name), rest))
    return msgspec.structs.replace(old, **fields)
