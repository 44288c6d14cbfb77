"""``consul keyring``: the gossip encryption keys of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options]"
HELP = """
Shows and changes the keys that encrypt gossip, on all members at once. To
change the key of a running cluster, install the new one, use it, and remove
the old one:

    $ consul keyring -install=$NEW
    $ consul keyring -use=$NEW
    $ consul keyring -remove=$OLD

The agent must be a server. The exit code is 1 when any member fails.
"""

_CHANGES = {
    "install": "Installing new gossip encryption key...",
    "use": "Changing primary gossip encryption key...",
    "remove": "Removing gossip encryption key...",
}
_LISTS = {
    "list": ("Gathering installed encryption keys...", "Keys"),
    "list-primary": ("Gathering installed primary encryption keys...", "PrimaryKeys"),
}
_MOST_RELAYS = 5


def add_flags(flags: FlagSet) -> None:
    """Declare the actions."""
    flags.string("install", "Give this key to all members.")
    flags.string("use", "Encrypt with this key from now on; it must be installed.")
    flags.string("remove", "Take this key from all members; it must not be in use.")
    flags.boolean("list", "List the keys of all members.")
    flags.boolean("list-primary", "List the keys in use.")
    flags.integer("relay-factor", "Number of members (0 to 5) that pass each answer on, besides the direct way.")
    flags.boolean("local-only", "Ask only this datacenter; with -list.")
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Do the one action that the flags name."""
    lists = [name for name in _LISTS if args.boolean(name)]
    changes = [name for name in _CHANGES if args.string(name)]
    if not lists and not changes:
        from pyconsul.cli.help import command_help

        raise Failed(command_help("keyring"))
    if len(lists) + len(changes) > 1:
        raise Failed("Only a single action is allowed")
    if not 0 <= args.integer("relay-factor") <= _MOST_RELAYS:
        raise Failed("Error parsing relay factor: Relay factor must be in range: [0, 5]")
    if args.boolean("local-only") and not args.boolean("list"):
        raise Failed("Error validating local-only: local-only can only be set for list requests")
    client = console.connect(args)
    if changes:
        _change(changes[0], args, client, console)
    else:
        _list(lists[0], args, client, console)
    return 0


def _change(action: str, args: Args, client: Client, console: Console) -> None:
    console.say(f"==> {_CHANGES[action]}")
    do = {
        "install": client.operator.keyring_install,
        "use": client.operator.keyring_use,
        "remove": client.operator.keyring_remove,
    }[action]
    with failing("error"):
        do(args.string(action), relay_factor=args.integer("relay-factor"))


def _list(action: str, args: Args, client: Client, console: Console) -> None:
    from pyconsul.sdk import QueryOptions

    title, field = _LISTS[action]
    console.say(f"==> {title}")
    options = QueryOptions(local_only=args.boolean("local-only"))
    with failing("error"):
        pools = client.operator.keyring_list(options, relay_factor=args.integer("relay-factor"))
    for pool in pools:
        console.say(_pool(pool, field))


def _pool(pool: dict[str, Any], field: str) -> str:
    """The keys of one pool, each with the number of members that have it."""
    name = "WAN" if pool.get("WAN") else f"{pool.get('Datacenter', '')} (LAN)"
    if pool.get("Segment"):
        name += f" [{pool['Segment']}]"
    lines = ["", f"{name}:"]
    messages: dict[str, str] = pool.get("Messages") or {}
    lines += [f"  ===> {node}: {messages[node]}" for node in sorted(messages)]
    keys: dict[str, int] = pool.get(field) or {}
    lines += [f"  {key} [{keys[key]}/{pool.get('NumNodes', 0)}]" for key in sorted(keys)]
    return "\n".join(lines)
