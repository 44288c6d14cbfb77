"""Every configuration key, one row each, for loader, flags, validation, reload and reference page.

The rows themselves stand in the ``keyrows_*`` modules, by topic. A name is the path in a file; ``[]`` marks members
of a list and ``{name}`` those of a map. Members of ``services``, of ``checks``, and of definitions inside definitions
are those of ``service`` and ``check``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from pyconsul.config.keyrow import Key, Kind
from pyconsul.config.keyrows_agent import AGENT
from pyconsul.config.keyrows_definitions import DEFINITIONS
from pyconsul.config.keyrows_old import OLD
from pyconsul.config.keyrows_sections import SECTIONS
from pyconsul.config.keyrows_security import SECURITY
from pyconsul.config.keyrows_telemetry import TELEMETRY

__all__ = ["KEYS", "Key", "Kind", "flag_rows", "key_named", "keys_where"]

KEYS: Final[tuple[Key, ...]] = (*AGENT, *SECTIONS, *TELEMETRY, *SECURITY, *DEFINITIONS, *OLD)


@cache
def _by_name() -> dict[str, Key]:
    return {key.name: key for key in KEYS}


def key_named(name: str) -> Key:
    """The row of a key. Raises KeyError for an unknown one."""
    return _by_name()[name]


def keys_where(*, reload: bool | None = None, secret: bool | None = None) -> Iterable[Key]:
    """The rows with these properties, in the order of the table."""
    for key in KEYS:
        if reload in (None, key.reload) and secret in (None, key.secret):
            yield key


_AGENT_ONLY: Final = (
    Key("config_file", Kind.STRINGS, "A file to read, HCL or JSON; can be given again", flag="config-file"),
    Key("config_dir", Kind.STRINGS, "A folder whose files are read in order of name", flag="config-dir"),
    Key("config_format", Kind.STRING, "Format of all files, whatever their names: hcl or json", flag="config-format"),
    Key("dev", Kind.BOOL, "Run a server in memory, with defaults for trying things out", flag="dev"),
    Key("hcl", Kind.STRINGS, "A piece of HCL that is read last; can be given again", flag="hcl"),
)


def flag_rows() -> list[Key]:
    """The rows that have a command-line flag, by name of the flag: those of ``py-consul agent``.

    ``kind`` says how the flag reads: BOOL, STRING, DURATION, INT, STRINGS (repeatable) or MAP (``key:value``,
    repeatable). ``non-voting-server`` is the old name of ``read-replica``.
    """
    named = [key for key in KEYS if key.flag]
    old = Key("read_replica", Kind.BOOL, "Old name of -read-replica", flag="non-voting-server", enterprise=True)
    return sorted([*named, *_AGENT_ONLY, old], key=lambda key: key.flag)
