"""``consul kv get``: one value, or the keys and values below a prefix."""

from __future__ import annotations

from binascii import b2a_base64
from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed, as_bytes, failing
from pyconsul.cli.flags import agent_flags, read_options
from pyconsul.cli.output import tab_stops
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.structs.kv import DirEntry

USAGE = "[options] [KEY_OR_PREFIX]"
HELP = """
Prints the value of a key. A key that does not exist is an error, one without
a value prints an empty line.

    $ consul kv get config/redis/maxconns

With -detailed the indexes, flags and session of the key are shown, too. With
-recurse the argument is a prefix, and all keys below it are shown with their
values; -keys shows just the names, cut after the next -separator.

    $ consul kv get -recurse config/
    $ consul kv get -keys config/

Without an argument these two begin at the root of the store.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what to print."""
    flags.boolean("base64", "Print values base64 encoded.")
    flags.boolean("detailed", "Print indexes, flags and session, too.")
    flags.boolean("keys", "Print the names of the keys below the prefix, not their values.")
    flags.boolean("recurse", "Print all keys below the prefix.")
    flags.string("separator", "With -keys: cut names after this text.", "/")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print what was asked for."""
    key = key_argument(args)
    recurse, keys = args.boolean("recurse"), args.boolean("keys")
    if not key and not recurse and not keys:
        raise Failed("Error! Missing KEY argument")
    client = console.connect(args)
    options = read_options(args)
    with failing("Error querying Consul agent"):
        if keys and not recurse:
            for name in client.kv.keys(key, args.string("separator"), options):
                console.say(name)
            return 0
        if recurse:
            _print_all(client.kv.list(key, options), args, console)
            return 0
        entry = client.kv.get(key, options)
    if entry is None:
        raise Failed(f"Error! No key exists at: {key}")
    if args.boolean("detailed"):
        console.say(_details(entry, args))
    else:
        console.say(_value(entry, args))
    return 0


def key_argument(args: Args) -> str:
    """The one key or prefix of a command line, without a slash in front. Raises Failed for more."""
    if len(args.rest) > 1:
        raise Failed(f"Too many arguments (expected 1, got {len(args.rest)})")
    return args.argument(0).removeprefix("/")


def _print_all(entries: list[DirEntry], args: Args, console: Console) -> None:
    """Each key with its value, or as much of it as the flags want."""
    for i, entry in enumerate(entries):
        if args.boolean("detailed"):
            if i:
                console.say()
            console.say(_details(entry, args))
        elif args.boolean("keys"):
            console.say(entry.Key)
        else:
            console.say(as_bytes(entry.Key) + b":" + _value(entry, args))


def _value(entry: DirEntry, args: Args) -> bytes:
    value = entry.Value or b""
    return b2a_base64(value, newline=False) if args.boolean("base64") else value


def _details(entry: DirEntry, args: Args) -> str:
    """All fields of an entry, aligned."""
    rows = [
        f"CreateIndex\t{entry.CreateIndex}",
        f"Flags\t{entry.Flags}",
        f"Key\t{entry.Key}",
        f"LockIndex\t{entry.LockIndex}",
        f"ModifyIndex\t{entry.ModifyIndex}",
        f"Session\t{entry.Session or '-'}",
    ]
    if args.boolean("keys"):
        return tab_stops("\n".join([*rows, ""]))
    return tab_stops("\n".join([*rows, f"Value\t{_value(entry, args).decode('utf-8', 'surrogateescape')}"]))
