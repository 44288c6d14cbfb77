"""``consul acl templated-policy preview``: show the rules that a templated policy makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.grants import PREVIEW, any_given, templated_policies, variable_flag
from pyconsul.cli.acl.shapes import Policy, read
from pyconsul.cli.acl.show import format_flag, show
from pyconsul.cli.acl.text import policy_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json

USAGE = "[options]"
HELP = """
Shows the policy that a templated policy becomes with its variables.

    $ consul acl templated-policy preview -name builtin/service -var name:api
    $ consul acl templated-policy preview -file templated-policy.hcl
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which templated policy."""
    flags.string("name", "Name of the templated policy; -var gives its variables.")
    flags.string("file", "File with one templated policy and its variables, in HCL or JSON.")
    variable_flag(flags)
    format_flag(flags)
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Ask for the policy and print it."""
    if not any_given(args, PREVIEW):
        raise Failed("Cannot preview a templated policy without specifying -name or -file")
    client = console.connect(args)
    found = templated_policies(args, PREVIEW)
    if len(found) != 1:
        raise Failed("Can only preview a single templated policy at a time.")
    variables: Json = found[0].get("TemplateVariables") or {}
    with failing("Failed to generate the templated policy preview"):
        policy = read(Policy, client.acl.templated_policy_preview(str(found[0]["TemplateName"]), variables))
    return show(args, console, lambda: policy_text(policy), policy)
