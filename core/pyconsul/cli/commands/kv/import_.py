"""``consul kv import``: write the keys that ``kv export`` printed."""

from __future__ import annotations

from binascii import Error as Base64Error
from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import data_source
from pyconsul.cli.flags import agent_flags
from pyconsul.lang import gopath
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.cli.kv_dump import Entry

USAGE = "[DATA]"
HELP = """
Writes the keys and values that "consul kv export" printed. The JSON is the
argument, or comes from a file (@name) or from standard input (-).

    $ consul kv import @config.json
    $ consul kv export | consul kv import -http-addr=other:8500 -
"""


def add_flags(flags: FlagSet) -> None:
    """Declare where to write."""
    flags.string("prefix", "Text to put in front of every key.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Write the entries one after the other."""
    data = _data(args, console)
    client = console.connect(args)

    from pyconsul.cli.kv_dump import DumpError, entries_of
    from pyconsul.primitives.base64_text import decode
    from pyconsul.sdk import QueryOptions

    try:
        entries = entries_of(data)
    except DumpError as e:
        raise Failed(f"Cannot unmarshal data: {e}") from e
    for entry in entries:
        try:
            value = decode(entry.value.encode())
        except Base64Error as e:
            raise Failed(f"Error base 64 decoding value for key {entry.key}: {e}") from e
        key = _full_key(args.string("prefix"), entry)
        with failing(f"Error! Failed writing data for key {key}"):
            client.kv.put(key, value, QueryOptions(namespace=entry.namespace), flags=entry.flags)
        console.tell(f"Imported: {key}")
    return 0


def _full_key(prefix: str, entry: Entry) -> str:
    """Prefix and key joined as a clean path; a key that names a folder keeps its slash."""
    joined = gopath.join(prefix, entry.key)
    return joined + "/" if entry.key.endswith("/") else joined


def _data(args: Args, console: Console) -> bytes:
    """The JSON text. Raises Failed for a wrong number of arguments."""
    count = len(args.rest)
    if not count:
        raise Failed("Error! Missing DATA argument")
    if count > 1:
        raise Failed(f"Error! Too many arguments (expected 1, got {count})")
    if not args.argument(0):
        raise Failed("Error! Empty DATA argument")
    try:
        return data_source(args.argument(0), console)
    except Failed as e:
        raise Failed(f"Error! {e}") from e
