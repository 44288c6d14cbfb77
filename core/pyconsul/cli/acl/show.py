"""``-format`` and ``-meta``: how the ACL commands print what they got."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.output import json_text
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

PRETTY: Final = "pretty"
JSON: Final = "json"


def format_flag(flags: FlagSet) -> None:
    """Declare the format."""
    flags.string("format", "Output format {pretty|json}", PRETTY)


def show_flags(flags: FlagSet, meta: str = "hash and indexes") -> None:
    """Declare what every command has that shows objects: how much of them, in which format, from which agent."""
    flags.boolean("meta", f"Show {meta} as well.")
    format_flag(flags)
    agent_flags(flags)


def show(args: Args, console: Console, pretty: Callable[[], str], shaped: Any) -> int:
    """Print in the format that was asked for; Consul looks at its name only now. Raises Failed for an unknown one."""
    return _show(args, console, pretty, shaped, f"Unknown format: {args.string('format')}")


def show_template(args: Args, console: Console, pretty: Callable[[], str], shaped: Any) -> int:
    """The same for templated policies, which refuse an unknown format in other words."""
    return _show(args, console, pretty, shaped, f"unknown format: {quote(args.string('format'))}")


def _show(args: Args, console: Console, pretty: Callable[[], str], shaped: Any, refusal: str) -> int:
    form = args.string("format")
    if form not in (PRETTY, JSON):
        raise Failed(refusal)
    text = pretty() if form == PRETTY else json_text(_plain(shaped))
    if text:
        console.say(text)
    return 0


def _plain(shaped: Any) -> Any:
    from pyconsul.sdk.results import plain

    return plain(shaped)
