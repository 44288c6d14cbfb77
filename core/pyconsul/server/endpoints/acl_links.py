"""What tokens and roles are given, made canonical before it is written: links by ID, each thing once.

Tokens and roles say the same faults in slightly different words; ``owner`` is "token" or "role".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pyconsul.acl.names import IDENTITY_RULE, is_identity_name
from pyconsul.acl.templated import TEMPLATES
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store
from pyconsul.structs.acl import ACLLink, ACLNodeIdentity, ACLServiceIdentity, ACLTemplatedPolicy
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UnsetType, changed, omit

T = TypeVar("T")
Given = list[T] | UnsetType | None
Find = Callable[[Store, str], Any]


def links_by_id(db: Store, given: Given[ACLLink], kind: str, named: Find, with_id: Find | None) -> Given[ACLLink]:
    """Links to what exists, by ID alone: names may change. Raises InternalError for what is not there.

    ``with_id`` None leaves links that come with an ID to whoever stores them, as Consul does for roles: they are told
    of a missing policy in other words.
    """
    found = (_link(db, link, kind, named, with_id) for link in given or ())
    return omit(list({link.ID: link for link in found}.values()))


def _link(db: Store, link: ACLLink, kind: str, named: Find, with_id: Find | None) -> ACLLink:
    if not link.ID:
        target = named(db, link.Name)
        if target is None:
            raise InternalError(f"No such ACL {kind} with name {quote(link.Name)}")
        return ACLLink(ID=target.ID)
    if with_id is not None:
        try:
            target = with_id(db, link.ID)
        except InternalError as error:
            raise InternalError(f"Error looking up {kind} for ID: {quote(link.ID)}: {error.text}") from error
        if target is None:
            raise InternalError(f"No such ACL {kind} with ID {quote(link.ID)}")
    return ACLLink(ID=link.ID)


def service_identities(
    given: Given[ACLServiceIdentity], owner: str, *, local: bool = False
) -> Given[ACLServiceIdentity]:
    """Each service once, with the datacenters of all mentions, sorted. Raises InternalError."""
    found: dict[str, ACLServiceIdentity] = {}
    for one in given or ():
        _refuse_bad_service(one, owner, local=local)
        known = found.get(one.ServiceName)
        places = list(one.Datacenters or ())
        if known is not None:
            places = list({*places, *(known.Datacenters or ())})
        found[one.ServiceName] = changed(one, Datacenters=omit(sorted(places)))
    return omit(list(found.values()))


def _refuse_bad_service(one: ACLServiceIdentity, owner: str, *, local: bool) -> None:
    name = one.ServiceName
    if not name:
        raise InternalError(f"Service identity is missing the service name field on this {owner}")
    if local and one.Datacenters:
        raise InternalError(f"Service identity {quote(name)} cannot specify a list of datacenters on a local {owner}")
    if not is_identity_name(name):
        raise InternalError(f"Service identity {quote(name)} has an invalid name. {IDENTITY_RULE}")


def node_identities(given: Given[ACLNodeIdentity], owner: str) -> Given[ACLNodeIdentity]:
    """Each node of a datacenter once. Raises InternalError."""
    for one in given or ():
        if not one.NodeName:
            raise InternalError(f"Node identity is missing the node name field on this {owner}")
        if not one.Datacenter:
            raise InternalError(f"Node identity is missing the datacenter field on this {owner}")
        if not is_identity_name(one.NodeName):
            raise InternalError(f"Node identity has an invalid name. {IDENTITY_RULE}")
    return omit(_once(given or (), lambda one: (one.NodeName, one.Datacenter)))


def each_template_once(given: Iterable[ACLTemplatedPolicy]) -> Given[ACLTemplatedPolicy]:
    """Each template once for the same variables; one without variables once at all."""
    return omit(_once(given, _template_key))


def _template_key(one: ACLTemplatedPolicy) -> tuple[str, str]:
    name, variables = one.TemplateName or "", one.TemplateVariables
    return name, ((variables.name or "") if variables and TEMPLATES[name].schema else "")


def _once(given: Iterable[T], key: Callable[[T], object]) -> list[T]:
    found: dict[object, T] = {}
    for one in given:
        found.setdefault(key(one), one)
    return list(found.values())
