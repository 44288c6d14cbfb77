"""``consul acl auth-method read``: show one auth method."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import read_auth_method
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import auth_method_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] -name NAME"
HELP = """
Shows an auth method with its configuration.

    $ consul acl auth-method read -name minikube
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which auth method, and how much of it."""
    flags.string("name", "Name of the auth method.")
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    name = args.string("name")
    if not name:
        raise Failed("Must specify the -name parameter")
    client = console.connect(args)
    with failing(f"Error reading auth method {quote(name)}"):
        found = client.acl.auth_method_read(name)
    if found is None:
        raise Failed(f"Auth method not found with name {quote(name)}")
    method = read_auth_method(found)
    return show(args, console, lambda: auth_method_text(method, meta=args.boolean("meta")), method)
