"""The policies that Consul brings along: the two builtin ones, and the templates behind identities.

Names, IDs and rules are Consul's (``spec/acl.tsv``: builtin_policy, identity, templated_policy), down to their white
space: its API prints them, and their hashes go over them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pyconsul.acl.hashing import hash_of_policy
from pyconsul.acl.names import IDENTITY_RULE, is_identity_name
from pyconsul.lang.strconv import quote
from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.acl import (
    ACLNodeIdentity,
    ACLPolicy,
    ACLRole,
    ACLServiceIdentity,
    ACLTemplatedPolicy,
    ACLTemplatedPolicyVariables,
    ACLToken,
)
from pyconsul.structs.wire import UNSET, changed

MANAGEMENT_ID: Final = "00000000-0000-0000-0000-000000000001"
READ_ONLY_ID: Final = "00000000-0000-0000-0000-000000000002"
SERVICE_TEMPLATE: Final = "builtin/service"
NODE_TEMPLATE: Final = "builtin/node"


def _prefix_rules(*rules: tuple[str, str], indent: str = "\t") -> str:
    return "\n".join(f'{name} "" {{\n{indent}policy = "{level}"\n}}' for name, level in rules)


def _global_rules(level: str) -> str:
    """The rules that grant one level on everything."""
    before = _prefix_rules(("agent_prefix", level), ("event_prefix", level), ("key_prefix", level))
    services = f'service_prefix "" {{\n\tpolicy = "{level}"\n\tintentions = "{level}"\n}}'
    lines = (
        "",
        f'acl = "{level}"',
        before,
        f'keyring = "{level}"',
        _prefix_rules(("node_prefix", level)),
        *(f'{name} = "{level}"' for name in ("operator", "mesh", "peering")),
        _prefix_rules(("query_prefix", level)),
        services,
        _prefix_rules(("session_prefix", level)),
    )
    return "\n".join(lines)


def _builtin(policy_id: str, name: str, description: str, level: str) -> ACLPolicy:
    policy = ACLPolicy(ID=policy_id, Name=name, Description=description, Rules=_global_rules(level))
    return changed(policy, Hash=hash_of_policy(policy))


BUILTIN_POLICIES: Final = {
    policy.ID: policy
    for policy in (
        _builtin(
            MANAGEMENT_ID,
            "global-management",
            "A built-in policy that grants read and write access to all Consul features",
            "write",
        ),
        _builtin(
            READ_ONLY_ID,
            "builtin/global-read-only",
            "A built-in policy that grants read-only access to all Consul features",
            "read",
        ),
    )
}


class Template(msgspec.Struct, frozen=True):
    """A templated policy; ``schema`` is the JSON schema of its variables as the API shows it, empty without any."""

    name: str
    template_id: str
    schema: str
    text: str
    description: str


# What the variables of all templates that have any must be: an object with a name of one character at least.
_NAMED: Final = (
    '{\n\t"type": "object",\n\t"properties": {\n\t\t"name": '
    '{ "type": "string", "$ref": "#/definitions/min-length-one" }\n\t},\n\t"required": ["name"],\n'
    '\t"definitions": {\n\t\t"min-length-one": {\n\t\t\t\t"type": "string",\n\t\t\t\t"minLength": 1\n\t\t}\n\t}\n}'
)


def _writes(name: str) -> str:
    return f'service "{name}" {{\n\tpolicy = "write"\n}}'


def _nomad(*rules: tuple[str, str]) -> str:
    return _prefix_rules(*rules, indent="  ")


_DISCOVERY: Final = (("service_prefix", "read"), ("node_prefix", "read"))

TEMPLATES: Final = {
    template.name: template
    for template in (
        Template(
            SERVICE_TEMPLATE,
            "00000000-0000-0000-0000-000000000003",
            _NAMED,
            "\n".join(("", _writes("{{.Name}}"), _writes("{{.Name}}-sidecar-proxy"), _prefix_rules(*_DISCOVERY))),
            "Gives the token or role permissions to register a service and discover services in the Consul catalog. It "
            "also gives the specified service's sidecar proxy the permission to discover and route traffic to other "
            "services.",
        ),
        Template(
            NODE_TEMPLATE,
            "00000000-0000-0000-0000-000000000004",
            _NAMED,
            '\nnode "{{.Name}}" {\n\tpolicy = "write"\n}\n' + _prefix_rules(("service_prefix", "read")),
            "Gives the token or role permissions for a register an agent/node into the catalog. A node is typically a "
            "consul agent but can also be a physical server, cloud instance or a container.",
        ),
        Template(
            "builtin/dns",
            "00000000-0000-0000-0000-000000000005",
            "",
            "\n" + _prefix_rules(("node_prefix", "read"), ("service_prefix", "read"), ("query_prefix", "read")),
            "Gives the token or role permissions for the Consul DNS to query services in the network.",
        ),
        Template(
            "builtin/nomad-server",
            "00000000-0000-0000-0000-000000000006",
            "",
            '\nacl = "write"\n'
            + _nomad(("agent_prefix", "read"), ("node_prefix", "read"), ("service_prefix", "write")),
            "Gives the token or role permissions required for integration with a nomad server.",
        ),
        Template(
            "builtin/api-gateway",
            "00000000-0000-0000-0000-000000000008",
            _NAMED,
            'mesh = "read"\n'
            + _prefix_rules(("node_prefix", "read"), ("service_prefix", "read"))
            + "\n"
            + _writes("{{.Name}}"),
            "Gives the token or role permissions for a Consul api gateway",
        ),
        Template(
            "builtin/nomad-client",
            "00000000-0000-0000-0000-000000000009",
            "",
            _nomad(
                ("agent_prefix", "read"), ("node_prefix", "read"), ("service_prefix", "write"), ("key_prefix", "read")
            ),
            "Gives the token or role permissions required for integration with a nomad client.",
        ),
    )
}


def synthetic_policy(templated: ACLTemplatedPolicy) -> ACLPolicy | None:
    """The policy that a template makes with its variables; None where there is no such template.

    Its ID is derived from its rules, as in Consul: two tokens with the same identity share one policy.
    """
    template = TEMPLATES.get(templated.TemplateName or "")
    if template is None:
        return None
    variables = templated.TemplateVariables
    rules = template.text.replace("{{.Name}}", (variables.name or "") if variables else "")
    policy_id = _synthetic_id(rules)
    policy = ACLPolicy(
        ID=policy_id,
        Name=f"synthetic-policy-{policy_id}",
        Description=f"synthetic policy generated from templated policy: {template.name}",
        Rules=rules,
        Datacenters=templated.Datacenters or UNSET,
    )
    return changed(policy, Hash=hash_of_policy(policy))


def variables_fault(templated: ACLTemplatedPolicy) -> str:
    """What is wrong with the variables of a template that there is, "" for nothing."""
    name = templated.TemplateName or ""
    variables = templated.TemplateVariables
    if not TEMPLATES[name].schema:
        return ""
    if not variables:
        return multi_error(["Invalid type. Expected: object, given: null"])
    value = variables.name or ""
    if name in (SERVICE_TEMPLATE, NODE_TEMPLATE) and not is_identity_name(value):
        what = "service identity" if name == SERVICE_TEMPLATE else "node identity"
        gap = " " if name == SERVICE_TEMPLATE else "  "
        return f"{what} {quote(value)}{gap}has an invalid name. {IDENTITY_RULE}"
    return "" if value else multi_error(["name is required"])


def policy_of_service(identity: ACLServiceIdentity) -> ACLPolicy | None:
    """What a service identity stands for."""
    variables = ACLTemplatedPolicyVariables(name=identity.ServiceName)
    return synthetic_policy(
        ACLTemplatedPolicy(
            TemplateName=SERVICE_TEMPLATE, TemplateVariables=variables, Datacenters=identity.Datacenters or UNSET
        )
    )


def policy_of_node(identity: ACLNodeIdentity) -> ACLPolicy | None:
    """What a node identity stands for, in its datacenter only."""
    variables = ACLTemplatedPolicyVariables(name=identity.NodeName)
    return synthetic_policy(
        ACLTemplatedPolicy(TemplateName=NODE_TEMPLATE, TemplateVariables=variables, Datacenters=[identity.Datacenter])
    )


def policies_of_identities(row: ACLToken | ACLRole) -> list[ACLPolicy]:
    """The policies behind a token's or role's identities and templates."""
    made = (
        *(policy_of_service(one) for one in row.ServiceIdentities or ()),
        *(policy_of_node(one) for one in row.NodeIdentities or ()),
        *(synthetic_policy(one) for one in row.TemplatedPolicies or ()),
    )
    return [policy for policy in made if policy is not None]


def _synthetic_id(rules: str) -> str:
    """Hexadecimal of the rules, then of an empty FNV-1a hash: Consul appends the sum where it means to hash."""
    return rules.encode().hex() + "6c62272e07bb014262b821756295c58d"
