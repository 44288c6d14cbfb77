"""``consul acl auth-method update``: change an auth method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json

USAGE = "[options] -name NAME"
HELP = """
Changes those fields of an auth method that flags name; with -no-merge the
others become empty. The configuration counts as one field.

    $ consul acl auth-method update -name minikube -description "New"
    $ consul acl auth-method update -name ci -config @jwt.json
"""

_BAD_JSON: Final = "Error parsing JSON for auth method config"


def add_flags(flags: FlagSet) -> None:
    """Declare which auth method, and what to change."""
    flags.string("name", "Name of the auth method.")
    method_flags(flags)
    flags.boolean("no-merge", "Empty the fields that no flag names.")
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Read it, change it, write it, print it."""
    name = args.string("name")
    if not name:
        raise Failed("Cannot update an auth method without specifying the -name parameter")
    client = console.connect(args)
    with failing("Error when retrieving current auth method"):
        old = client.acl.auth_method_read(name)
    if old is None:
        raise Failed(f"Auth method not found with name {quote(name)}")
    settings = kubernetes_settings(args, console)
    config = config_of(args, console, "flag", _BAD_JSON)
    changed = _fresh if args.boolean("no-merge") else _merged
    with failing(f"Error updating auth method {quote(name)}"):
        method = read_auth_method(client.acl.auth_method_update(name, changed(old, args, settings, config)))
    return show(args, console, lambda: auth_method_text(method, meta=args.boolean("meta")), method)


def _fresh(old: Json, args: Args, settings: Json, config: Json | None) -> Json:
    """An auth method of nothing but the flags, of the same name and type. Raises Failed."""
    if old["Type"] == KUBERNETES:
        require_kubernetes(args)
        config = settings
    return {"Name": old["Name"], "Type": old["Type"], **described(args), "Config": config}


def _merged(old: Json, args: Args, settings: Json, config: Json | None) -> Json:
    """The auth method as it is, with the fields of the flags."""
    given = {field: value for field, value in described(args).items() if value}
    base: Json = (old.get("Config") or {}) if config is None else config
    return {**old, **given, "Config": {**base, **settings} if old["Type"] == KUBERNETES else base}
