"""``consul acl auth-method create``: create an auth method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.methods import (
    KUBERNETES,
    config_of,
    described,
    kubernetes_settings,
    method_flags,
    require_kubernetes,
)
from pyconsul.cli.acl.shapes import read_auth_method
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import auth_method_text
from pyconsul.cli.console import Console, UsageFailed, failing
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json

USAGE = "[options] -type TYPE -name NAME"
HELP = """
Creates an auth method, through which identities of another system log in.

    $ consul acl auth-method create -type jwt -name ci -config @jwt.json
    $ consul acl auth-method create -type kubernetes -name minikube \\
          -kubernetes-host https://apiserver.example.com:8443 \\
          -kubernetes-ca-cert @ca.crt -kubernetes-service-account-jwt "JWT"
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what the auth method is."""
    flags.string("type", "Type of the auth method: jwt, kubernetes or aws-iam.")
    flags.string("name", "Name of the auth method.")
    method_flags(flags)
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Create and print it."""
    for name in ("type", "name"):
        if not args.string(name):
            raise UsageFailed(f"Missing required '-{name}' flag", spaced=False)
    client = console.connect(args)
    definition = _definition(args, console)
    with failing("Failed to create new auth method"):
        method = read_auth_method(client.acl.auth_method_create(definition))
    return show(args, console, lambda: auth_method_text(method, meta=args.boolean("meta")), method)


def _definition(args: Args, console: Console) -> Json:
    """The auth method of the flags. Raises Failed."""
    config = config_of(args, console, "flags", "Error parsing JSON configuration file")
    if args.string("type") == KUBERNETES:
        require_kubernetes(args)
        config = kubernetes_settings(args, console)
    named = {"Type": args.string("type"), "Name": args.string("name")}
    return {**named, **described(args), "Config": config}
