"""What a reload takes over: the keys marked so in the table of configuration keys."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pyconsul.config.keys import keys_where
from pyconsul.config.runtime import RuntimeConfig
from pyconsul.telemetry.logging import logger

_log = logger("agent")
_UNASKED: Final = (
    "Changes to your configuration were detected that for security reasons cannot be automatically applied by "
    "'auto_reload_config'. Manually reload your configuration (e.g. with 'consul reload') to apply these changes."
)


def reloaded(old: RuntimeConfig, new: RuntimeConfig) -> RuntimeConfig:
    """``old`` with the values of ``new`` for every key that may change while the agent runs."""
    return _merged(old, new, [key.name.split(".") for key in keys_where(reload=True)])


def with_old_safeguards(old: RuntimeConfig, new: RuntimeConfig) -> RuntimeConfig:
    """``new`` with what nobody may change by writing a file alone; the log tells of such a change."""
    before, after = _safeguards(old), _safeguards(new)
    if before == after:
        return new
    _log.warn(_UNASKED, StaticRuntimeConfig=_go_struct(before), **{"StaticRuntimeConfig From file": _go_struct(after)})
    incoming, outgoing = before
    return msgspec.structs.replace(new, encrypt_verify_incoming=incoming, encrypt_verify_outgoing=outgoing)


def _safeguards(config: RuntimeConfig) -> tuple[bool, bool]:
    return config.encrypt_verify_incoming, config.encrypt_verify_outgoing


def _go_struct(flags: tuple[bool, bool]) -> str:
    """Two flags as Go prints a struct of them."""
    return "{" + " ".join(str(flag).lower() for flag in flags) + "}"


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
