"""Content hashes of tokens, policies and roles: BLAKE2b with 256 bits over the fields in Consul's order.

There is nothing between two fields, so that different rows may have one hash: it tells that a row has changed, no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from pyconsul.structs.acl import (
    ACLLink,
    ACLNodeIdentity,
    ACLPolicy,
    ACLRole,
    ACLServiceIdentity,
    ACLTemplatedPolicy,
    ACLToken,
)
from pyconsul.structs.wire import UnsetType


def hash_of_token(token: ACLToken) -> bytes:
    """Of what a token grants and says, not of its IDs."""
    return _hash(
        (token.Description, "local" if token.Local else "global"), token.Policies, token.Roles, _identities(token)
    )


def hash_of_policy(policy: ACLPolicy) -> bytes:
    """Of all but its ID and indexes."""
    return _hash((policy.Name, policy.Description, policy.Rules, *(policy.Datacenters or ())))


def hash_of_role(role: ACLRole) -> bytes:
    """Of all but its ID and indexes."""
    return _hash((role.Name, role.Description), role.Policies, None, _identities(role))


def _hash(
    texts: Iterable[str],
    policies: list[ACLLink] | UnsetType | None = None,
    roles: list[ACLLink] | UnsetType | None = None,
    identities: Iterable[str] = (),
) -> bytes:
    content = blake2b(digest_size=32)
    links = (link.ID for link in (*(policies or ()), *(roles or ())))
    for text in (*texts, *links, *identities):
        content.update(text.encode("utf-8", "surrogateescape"))
    return content.digest()


def _identities(row: ACLToken | ACLRole) -> Iterable[str]:
    for service in row.ServiceIdentities or ():
        yield from _service(service)
    for node in row.NodeIdentities or ():
        yield from _node(node)
    for templated in row.TemplatedPolicies or ():
        yield from _templated(templated)


def _service(identity: ACLServiceIdentity) -> Iterable[str]:
    return (identity.ServiceName, *(identity.Datacenters or ()))


def _node(identity: ACLNodeIdentity) -> Iterable[str]:
    return (identity.NodeName, identity.Datacenter)


def _templated(templated: ACLTemplatedPolicy) -> Iterable[str]:
    variables = templated.TemplateVariables
    name = (variables.name or "") if variables else ""
    return (templated.TemplateID or "", templated.TemplateName or "", name, *(templated.Datacenters or ()))
