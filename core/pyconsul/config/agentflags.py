"""The command line of an agent: flags declared from the table of keys, and what ``load`` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyconsul.config.keyrow import Kind
from pyconsul.config.keys import flag_rows
from pyconsul.lang.goflags import Args, FlagSet, to_bool, to_duration, to_int

_PATHS = ("config-file", "config-dir")


def agent_flag_set(name: str = "agent") -> FlagSet:
    """All flags that set configuration. Values that were not given are None.

    ``-config-file`` and ``-config-dir`` collect into one list, because the order between them matters.
    """
    flags = FlagSet(name, brief=False)
    paths: list[str] = []

    def add_path(text: str) -> list[str]:
        paths.append(text)
        return paths

    for row in flag_rows():
        if row.flag in _PATHS:
            flags.value(row.flag, row.doc, add_path, None)
            continue
        match row.kind:
            case Kind.BOOL:
                flags.value(row.flag, row.doc, to_bool, None, is_bool=True)
            case Kind.INT:
                flags.value(row.flag, row.doc, lambda text: to_int(text, base=10), None)
            case Kind.DURATION if row.flag == "log-rotate-duration":
                flags.value(row.flag, row.doc, _checked_duration, None)
            case Kind.STRINGS | Kind.MAP:
                flags.value(row.flag, row.doc, _collector(), None)
            case _:
                flags.value(row.flag, row.doc, str, None)
    return flags


def given_flags(args: Args) -> dict[str, Any]:
    """The flags of a command line that was read with ``agent_flag_set``, as ``load`` takes them."""
    found = {name: args.value(name) for name in args.given() if name not in _PATHS}
    given = [name for name in args.given() if name in _PATHS]
    if given:
        found["config-paths"] = list(args.value(given[0]))
    return found


def read_command_line(arguments: Sequence[str]) -> dict[str, Any]:
    """The flags of an agent's command line. Raises FlagError."""
    return given_flags(agent_flag_set().parse(list(arguments)))


def _collector() -> Any:
    collected: list[str] = []

    def add(text: str) -> list[str]:
        collected.append(text)
        return list(collected)

    return add


def _checked_duration(text: str) -> str:
    to_duration(text)
    return text
