"""The ``pretty`` layout of ``acl token read -expanded``: every rule that counts for a token, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyconsul.acl.templated import policy_of_node, policy_of_service, synthetic_policy
from pyconsul.cli.acl.shapes import ExpandedToken, NodeIdentity, Policy, Role, ServiceIdentity, TemplatedPolicy, Token
from pyconsul.cli.acl.text import datacenters, node_line, service_line, token_head
from pyconsul.lang.strconv import quote
from pyconsul.structs import acl

_DEFAULT_POLICY: Final = (
    "Description: Backstop rule used if no preceding layer has a matching rule "
    "(refer to default_policy option in agent configuration)"
)
_DOWN_POLICY: Final = (
    "Description: Defines what to do if this Token's information cannot be read from the primary_datacenter "
    "(refer to down_policy option in agent configuration)"
)
_AGENT_LAYER: Final = (
    "Description: Defined at request-time by the agent that resolves the ACL token; "
    "other agents may have different configuration defaults"
)


def expanded_text(token: Token, expanded: ExpandedToken, *, meta: bool = False) -> str:
    """The token, all that it links to, and the defaults of the agent that resolved it."""
    layer = _Layer(expanded)
    return "".join([token_head(token, meta=meta), *layer.of_token(token), *_defaults(expanded)])


class _Layer:
    """Writes what a token or role is given; policies and roles are found by their IDs."""

    def __init__(self, expanded: ExpandedToken) -> None:
        self._policies = {policy.ID: policy for policy in expanded.ExpandedPolicies or ()}
        self._roles = {role.ID: role for role in expanded.ExpandedRoles or ()}

    def of_token(self, token: Token) -> Iterator[str]:
        """The groups of a token, each under its heading."""
        yield from self._identities(token, "", "\t", with_templated=True)
        if token.Roles:
            yield "Roles:\n"
            for link in token.Roles:
                yield from self._role(self._roles.get(link.ID, Role()), "\t")
        yield "=== End of Authorizer Layer 0: Token ===\n"

    def _role(self, role: Role, indent: str) -> Iterator[str]:
        """A role; Consul does not show its templated policies here."""
        yield f"{indent}Role Name: {role.Name}\n{indent}\tID: {role.ID}\n{indent}\tDescription: {role.Description}\n"
        yield from self._identities(role, f"{indent}\t", f"{indent}\t\t", with_templated=False)

    def _identities(self, row: Token | Role, head: str, indent: str, *, with_templated: bool) -> Iterator[str]:
        if row.Policies:
            yield f"{head}Policies:\n"
            for link in row.Policies:
                yield _policy(self._policies.get(link.ID, Policy()), indent)
        if row.ServiceIdentities:
            yield f"{head}Service Identities:\n"
            for service in row.ServiceIdentities:
                yield f"{indent}Name: {service_line(service)}\n" + _service_rules(service, indent)
        if row.NodeIdentities:
            yield f"{head}Node Identities:\n"
            for node in row.NodeIdentities:
                yield f"{indent}Name: {node_line(node)}\n" + _node_rules(node, indent)
        if row.TemplatedPolicies and with_templated:
            yield f"{head}Templated Policies:\n"
            for templated in row.TemplatedPolicies:
                yield _templated(templated, indent)


def _policy(policy: Policy, indent: str) -> str:
    rules = policy.Rules.replace("\n", f"\n{indent}\t\t")
    head = f"{indent}Policy Name: {policy.Name}\n{indent}\tID: {policy.ID}\n"
    return f"{head}{indent}\tDescription: {policy.Description}\n{indent}\tRules:\n{indent}\t\t{rules}\n\n"


def _service_rules(identity: ServiceIdentity, indent: str) -> str:
    return _synthetic(policy_of_service(acl.ACLServiceIdentity(ServiceName=identity.ServiceName)), indent)


def _node_rules(identity: NodeIdentity, indent: str) -> str:
    return _synthetic(policy_of_node(acl.ACLNodeIdentity(NodeName=identity.NodeName)), indent)


def _templated(templated: TemplatedPolicy, indent: str) -> str:
    name = templated.TemplateVariables.Name if templated.TemplateVariables else ""
    variables = acl.ACLTemplatedPolicyVariables(name=name)
    policy = synthetic_policy(acl.ACLTemplatedPolicy(TemplateName=templated.TemplateName, TemplateVariables=variables))
    named = f"{indent}\tName: {name}\n" if name else ""
    head = f"{indent}{templated.TemplateName}\n{named}{indent}\tDatacenters: {datacenters(templated)}\n"
    return head + _synthetic(policy, indent)


def _synthetic(policy: acl.ACLPolicy | None, indent: str) -> str:
    """The rules that an identity stands for; none for a template of a newer Consul."""
    if policy is None:
        return "\n"
    rules = policy.Rules.replace("\n", f"\n{indent}\t\t")
    return f"{indent}\tDescription: {policy.Description}\n{indent}\tRules:{rules}\n\n"


def _defaults(expanded: ExpandedToken) -> Iterator[str]:
    yield "=== Start of Authorizer Layer 2: Agent Configuration Defaults (Inherited) ===\n"
    yield f"{_AGENT_LAYER}\nResolved By Agent: {quote(expanded.ResolvedByAgent)}\n\n"
    yield f"Default Policy: {expanded.AgentACLDefaultPolicy}\n\t{_DEFAULT_POLICY}\n\n"
    yield f"Down Policy: {expanded.AgentACLDownPolicy}\n\t{_DOWN_POLICY}\n\n"
