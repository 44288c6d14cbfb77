"""Flags of binding rules that are created or changed."""

from __future__ import annotations

from typing import Final

from pyconsul.cli.console import UsageFailed
from pyconsul.lang.goflags import Args, FlagSet

TEMPLATED: Final = "templated-policy"


def bind_flags(flags: FlagSet) -> None:
    """Declare what a rule binds, and when."""
    flags.string("description", "What the rule is for.")
    flags.string("selector", "Filter expression over the verified identity; the rule counts for all without it.")
    flags.string(
        "bind-type", "What -bind-name names: service, role, node, policy or templated-policy.", default="service"
    )
    flags.string("bind-name", "Name of what is given; may take in values, as in ${serviceaccount.name}.")
    flags.mapping("bind-vars", "Variable of the templated policy: NAME=VALUE. May be repeated.")


def check_variables(args: Args, refusal: str) -> None:
    """Raise UsageFailed for variables of something that is no templated policy."""
    if args.mapping("bind-vars") and args.string("bind-type") != TEMPLATED:
        raise UsageFailed(refusal, spaced=False)
