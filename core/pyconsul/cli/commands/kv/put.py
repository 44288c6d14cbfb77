"""``consul kv put``: create or change a value, with check-and-set and locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import data_source
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options] KEY [DATA]"
HELP = """
Writes a value under a key. The data is the second argument, or comes from a
file (@name) or from standard input (-); without it the value is empty.

    $ consul kv put config/redis/maxconns 5
    $ consul kv put config/license @license.lic
    $ echo secret | consul kv put config/secret -

With -cas the value is written only if the key still has the ModifyIndex that
-modify-index names; 0 means that the key must not exist yet.

    $ consul kv put -cas -modify-index=844 config/redis/maxconns 6
"""


def add_flags(flags: FlagSet) -> None:
    """Declare how to write."""
    flags.boolean("cas", "Write only if the key's ModifyIndex is that of -modify-index.")
    flags.unsigned("flags", "Number to keep with the value; its meaning is up to you.")
    flags.boolean("base64", "The data is base64 encoded; write what it decodes to.")
    flags.unsigned("modify-index", "ModifyIndex that the key must have, with -cas.")
    flags.string("session", "Session for -acquire and -release.")
    flags.boolean("acquire", "Lock the key for -session, creating it if need be.")
    flags.boolean("release", "Unlock the key, which -session must hold.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Write the value."""
    key = args.argument(0)
    value = _value(args, console)
    session = args.string("session")
    if (args.boolean("acquire") or args.boolean("release")) and not session:
        raise Failed("Error! Missing -session (required with -acquire and -release)")
    client = console.connect(args)
    flags = args.integer("flags")
    if args.boolean("cas"):
        return _check_and_set(args, console, client, value)
    with failing("Error! Failed writing data"):
        if args.boolean("acquire"):
            done = client.kv.put(key, value, flags=flags, acquire=session)
            return _tell(console, done, f"Success! Lock acquired on: {key}", "Error! Did not acquire lock")
        if args.boolean("release"):
            done = client.kv.put(key, value, flags=flags, release=session)
            return _tell(console, done, f"Success! Lock released on: {key}", "Error! Did not release lock")
        client.kv.put(key, value, flags=flags)
    console.say(f"Success! Data written to: {key}")
    return 0


def _check_and_set(args: Args, console: Console, client: Client, value: bytes) -> int:
    key, index = args.argument(0), args.integer("modify-index")
    with failing(f"Error! Did not write to {key}"):
        done = client.kv.put(key, value, flags=args.integer("flags"), cas=index)
    reason = "CAS failed" if index else "CAS performed with index=0 and key already exists."
    return _tell(console, done, f"Success! Data written to: {key}", f"Error! Did not write to {key}: {reason}")


def _tell(console: Console, done: bool, success: str, failure: str) -> int:
    if not done:
        raise Failed(failure)
    console.say(success)
    return 0


def _value(args: Args, console: Console) -> bytes:
    """The data of the command line. Raises Failed for a wrong number of arguments."""
    count = len(args.rest)
    if not count:
        raise Failed("Error! Missing KEY argument")
    if count > 2:
        raise Failed(f"Error! Too many arguments (expected 1 or 2, got {count})")
    try:
        data = data_source(args.argument(1), console)
    except Failed as e:
        raise Failed(f"Error! {e}") from e
    if not args.boolean("base64"):
        return data

    from pyconsul.primitives.base64_text import IllegalBase64, decode

    try:
        return decode(data)
    except IllegalBase64 as e:
        # Consul says so and writes what it could decode.
        console.complain(f"Error! Cannot base 64 decode data: {e}")
        return e.partial
