"""What a token or role is given, from flags: links, identities and templated policies, as bodies of the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from pyconsul.cli.console import Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

_VARIABLES: Final = frozenset({"name"})


class TemplateFlags(NamedTuple):
    """The pair of flags that names a templated policy, or a file with several."""

    name: str
    file: str


ATTACH: Final = TemplateFlags("templated-policy", "templated-policy-file")
APPEND: Final = TemplateFlags("append-templated-policy", "append-templated-policy-file")
PREVIEW: Final = TemplateFlags("name", "file")
REPLACE: Final = TemplateFlags("replace-templated-policy", "replace-templated-policy-file")


def policy_flags(flags: FlagSet) -> None:
    """Declare policies."""
    flags.strings("policy-id", "ID of a policy, or the beginning of one. May be repeated.")
    flags.strings("policy-name", "Name of a policy. May be repeated.")


def role_flags(flags: FlagSet) -> None:
    """Declare roles."""
    flags.strings("role-id", "ID of a role, or the beginning of one. May be repeated.")
    flags.strings("role-name", "Name of a role. May be repeated.")


def identity_flags(flags: FlagSet) -> None:
    """Declare service and node identities."""
    flags.strings(
        "service-identity", "Service whose rights are given: NAME or NAME:DATACENTER1,DATACENTER2. May be repeated."
    )
    flags.strings("node-identity", "Node whose rights are given: NAME:DATACENTER. May be repeated.")


def attach_flags(flags: FlagSet) -> None:
    """Declare templated policies of something new."""
    flags.string("templated-policy", "Name of a templated policy; -var gives its variables.")
    flags.string("templated-policy-file", "File with templated policies and their variables, in HCL or JSON.")
    variable_flag(flags)


def change_flags(flags: FlagSet) -> None:
    """Declare what happens to templated policies that are there already."""
    flags.string("append-templated-policy", "Name of a templated policy to add; -var gives its variables.")
    flags.string("replace-templated-policy", "Name of the templated policy to have instead of those that are there.")
    flags.string("append-templated-policy-file", "The same from a file, instead of `-append-templated-policy`.")
    flags.string(
        "replace-templated-policy-file",
        "The same from a file, instead of `-replace-templated-policy`.",
    )
    variable_flag(flags)


def variable_flag(flags: FlagSet) -> None:
    """Declare the variables of a templated policy."""
    flags.strings("var", "Variable of the templated policy: NAME:VALUE. May be repeated.")


def any_given(args: Args, names: Iterable[str]) -> bool:
    """Whether one of these flags has a value."""
    return any(args.value(name) for name in names)


def linked(names: list[str], typed_ids: list[str], what: str, resolve: Callable[[str], str]) -> list[Json]:
    """Links to policies or roles: the server resolves names, ``resolve`` IDs. Raises Failed."""
    links: list[Json] = [{"Name": name} for name in names]
    return links + [{"ID": one} for one in resolved(typed_ids, what, resolve)]


def resolved(typed_ids: list[str], what: str, resolve: Callable[[str], str]) -> Iterable[str]:
    """Whole IDs. Raises Failed, in whose text Consul forgets what was typed."""
    for typed in typed_ids:
        with failing(f"Error resolving {what} ID "):
            found = resolve(typed)
        yield found


def policies_of(args: Args, client: Client, prefix: str = "") -> list[Json]:
    """The policies of ``-policy-name`` and ``-policy-id``, or of the flags with that ``prefix``. Raises Failed."""
    from pyconsul.cli.acl.names import policy_id

    names, ids = args.strings(f"{prefix}policy-name"), args.strings(f"{prefix}policy-id")
    return linked(names, ids, "policy", lambda typed: policy_id(client, typed))


def roles_of(args: Args, client: Client, prefix: str = "") -> list[Json]:
    """The roles of ``-role-name`` and ``-role-id``, or of the flags with that ``prefix``. Raises Failed."""
    from pyconsul.cli.acl.names import role_id

    names, ids = args.strings(f"{prefix}role-name"), args.strings(f"{prefix}role-id")
    return linked(names, ids, "role", lambda typed: role_id(client, typed))


def service_identities(texts: list[str]) -> list[Json]:
    """Service identities. Raises Failed."""
    return [_service_identity(text) for text in texts]


def _service_identity(text: str) -> Json:
    name, *places = text.split(":")
    if len(places) > 1:
        raise Failed(f"Malformed -service-identity argument: {quote(text)}")
    return {"ServiceName": name, "Datacenters": places[0].split(",")} if places else {"ServiceName": name}


def node_identities(texts: list[str]) -> list[Json]:
    """Node identities. Raises Failed."""
    return [_node_identity(text) for text in texts]


def _node_identity(text: str) -> Json:
    parts = text.split(":")
    if len(parts) != 2:
        raise Failed(f"Malformed -node-identity argument: {quote(text)}")
    return {"NodeName": parts[0], "Datacenter": parts[1]}


def templated_policies(args: Args, flags: TemplateFlags) -> list[Json]:
    """Templated policies of flags and file. Raises Failed."""
    from pyconsul.cli.acl.template_file import templated_policies_in

    found: list[Json] = []
    if args.string(flags.name):
        variables = _variables(args.strings("var"))
        named = {"TemplateName": args.string(flags.name)}
        found.append({**named, "TemplateVariables": variables} if variables is not None else named)
    if args.string(flags.file):
        found += templated_policies_in(args.string(flags.file))
    return found


def variables_of(pairs: dict[str, str]) -> Json | None:
    """The variables that templates know, in any letter case, None where none was given at all; others are ignored."""
    if not pairs:
        return None
    known = [value for name, value in sorted(pairs.items()) if name.lower() in _VARIABLES]
    return {"Name": pairs.get("Name", known[-1] if known else "")}


def _variables(texts: list[str]) -> Json | None:
    pairs: dict[str, str] = {}
    for text in texts:
        name, *rest = text.split(":")
        if len(rest) != 1:
            raise Failed(f"malformed -var argument: {quote(text)}, expecting VariableName:Value")
        pairs[name] = rest[0]
    return variables_of(pairs)
