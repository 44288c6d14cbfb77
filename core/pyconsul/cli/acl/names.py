"""IDs of ACL objects from what was typed: a whole ID, the beginning of one, or a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from pyconsul.cli.console import Failed
from pyconsul.sdk.errors import ConsulError, InvalidArgument

if TYPE_CHECKING:
    from pyconsul.cli.console import Console
    from pyconsul.lang.goflags import Args
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

_WHOLE: Final = 36  # characters of a UUID; a text of that length is taken as it is
_ANONYMOUS: Final = "00000000-0000-0000-0000-000000000002"
_BUILTIN_POLICIES: Final = {
    "global-management": "00000000-0000-0000-0000-000000000001",
    "builtin/global-read-only": "00000000-0000-0000-0000-000000000002",
}


def accessor_of(args: Args, console: Console, missing: str, warning: str) -> str:
    """What names the token: ``-accessor-id``, or the older ``-id`` with a ``warning``. Raises Failed(``missing``)."""
    if args.string("accessor-id"):
        return args.string("accessor-id")
    if not args.string("id"):
        raise Failed(missing)
    console.complain(warning)
    return args.string("id")


def token_id(client: Client, typed: str) -> str:
    """The accessor ID of a token. Raises ConsulError."""
    if typed == "anonymous":
        return _ANONYMOUS
    if len(typed) == _WHOLE:
        return typed
    return _only_match(typed, (str(row["AccessorID"]) for row in client.acl.token_list()), "token")


def policy_id(client: Client, typed: str) -> str:
    """The ID of a policy; the builtin ones may be named. Raises ConsulError."""
    if typed in _BUILTIN_POLICIES:
        return _BUILTIN_POLICIES[typed]
    if len(typed) == _WHOLE:
        return typed
    return _only_match(typed, _ids(client.acl.policy_list()), "policy")


def policy_by_id(client: Client, found: str) -> Json:
    """The policy with that ID; one that does not exist is an error here. Raises ConsulError."""
    from msgspec.structs import replace

    from pyconsul.sdk.acl import policy_read_request

    policy = client.call(replace(policy_read_request(found), accept=(200,)))
    return policy or {}


def policy_id_of_name(client: Client, name: str) -> str:
    """The ID of the policy with that name. Raises ConsulError."""
    found = policy_named(client, name)
    if found is None:
        raise InvalidArgument(f"No such policy with name: {name}")
    return str(found["ID"])


def policy_named(client: Client, name: str) -> Json | None:
    """The policy with that name, None without one. Raises InvalidArgument."""
    try:
        return client.acl.policy_read_by_name(name)
    except ConsulError as error:
        raise InvalidArgument(f"Failed to find policy with name {name}: {error}") from error


def role_id(client: Client, typed: str) -> str:
    """The ID of a role. Raises ConsulError."""
    return typed if len(typed) == _WHOLE else _only_match(typed, _ids(client.acl.role_list()), "role")


def role_id_of_name(client: Client, name: str) -> str:
    """The ID of the role with that name. Raises ConsulError."""
    for row in client.acl.role_list():
        if row["Name"] == name:
            return str(row["ID"])
    raise InvalidArgument(f"No such role with name {name}")


def binding_rule_id(client: Client, typed: str) -> str:
    """The ID of a binding rule. Raises ConsulError."""
    if len(typed) == _WHOLE:
        return typed
    found = [one for one in _ids(client.acl.binding_rule_list()) if one.startswith(typed)]
    if not found:
        raise InvalidArgument(f"no such rule ID with prefix: {typed}: ACL not found")
    return _single(found, "rule")


def _ids(rows: list[Json]) -> Iterable[str]:
    return (str(row["ID"]) for row in rows)


def _only_match(typed: str, ids: Iterable[str], what: str) -> str:
    """The one ID that begins so. Raises InvalidArgument."""
    found = [one for one in ids if one.startswith(typed)]
    if not found:
        raise InvalidArgument(f"No such {what} ID with prefix: {typed}")
    return _single(found, what)


def _single(found: list[str], what: str) -> str:
    if len(found) > 1:
        raise InvalidArgument(f"Partial {what} ID is not unique")
    return found[0]
