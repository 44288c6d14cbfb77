"""``consul acl set-agent-token``: give a running agent one of its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import text_source
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options] TYPE TOKEN"
HELP = """
Gives the agent a token for its own work, until it stops, or for good where
acl.enable_token_persistence is set. TYPE is one of

    default      for requests that come without a token
    agent        for what the agent does itself
    recovery     for the agent's own API while no server answers
    replication  for copying ACLs from the primary datacenter
    dns          for DNS questions
    config_file_service_registration
                 for services and checks of configuration files

    $ consul acl set-agent-token agent c4d0f8df-3aba-4ab6-a7a0-35b760dc29a1
"""

# Names of the token in the API, the older ones for older agents.
_TARGETS: Final = {
    "default": ("default", "acl_token"),
    "agent": ("agent", "acl_agent_token"),
    "recovery": ("agent_recovery", "agent_master", "acl_agent_master_token"),
    "replication": ("replication", "acl_replication_token"),
    "config_file_service_registration": ("config_file_service_registration",),
    "dns": ("dns",),
}
_TOLD_APART: Final = ("default", "agent", "recovery", "replication")


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Set it."""
    kind, token = _kind_and_token(args, console)
    client = console.connect(args, "Error connecting to Consul Agent")
    if kind not in _TARGETS:
        raise Failed("Unknown token type")
    with failing(f"Failed to set ACL token {quote(kind)}"):
        _set(client, _TARGETS[kind], token)
    console.say(f"ACL token {quote(kind)} set successfully")
    return 0


def _kind_and_token(args: Args, console: Console) -> tuple[str, str]:
    """The two arguments. Raises Failed."""
    count = len(args.rest)
    if not count:
        raise Failed("Error! Missing TYPE and TOKEN arguments")
    if count == 1:
        raise Failed(f"Error! {'Missing TOKEN' if args.rest[0] in _TOLD_APART else 'MISSING TYPE'} argument")
    if count > 2:
        raise Failed(f"Error! Too many arguments: expected 2 got {count}")
    try:
        return args.rest[0], text_source(args.rest[1], console)
    except Failed as error:
        raise Failed(f"Error! {error}") from error


def _set(client: Client, targets: tuple[str, ...], token: str) -> None:
    """Set it under the first name that the agent takes. Raises ConsulError, that of the last one."""
    from pyconsul.sdk.errors import ConsulError

    for target in targets[:-1]:
        try:
            client.agent.set_token(target, token)
        except ConsulError:  # the next name tells, whatever the reason was
            continue
        return
    client.agent.set_token(targets[-1], token)
