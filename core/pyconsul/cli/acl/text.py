"""The ``pretty`` layouts of ACL objects. Labels, widths and blanks are Consul's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pyconsul.cli.acl.shapes import (
    AuthMethod,
    AuthMethodEntry,
    BindingRule,
    NodeIdentity,
    Policy,
    PolicyEntry,
    Role,
    ServiceIdentity,
    Template,
    TemplatedPolicy,
    Token,
)
from pyconsul.cli.output import json_text
from pyconsul.cli.times import go_time

Rows = Iterable[tuple[str, object]]

_STEP: Final = "   "
_TOKEN_WIDTH: Final = 18
_WIDTH: Final = 14
_METHOD_WIDTH: Final = 15
# What a template's variable is, and an example of it.
_NAME_OF: Final = {
    "builtin/service": ("The name of the service", "api"),
    "builtin/node": ("The node name", "node-1"),
    "builtin/api-gateway": ("The api gateway service name", "api-gateway"),
}
_WITHOUT_VARIABLES: Final = ("builtin/dns", "builtin/nomad-server", "builtin/nomad-client")


def token_text(token: Token, *, meta: bool = False) -> str:
    """One token, of the list too; ``meta`` adds hash and indexes."""
    return token_head(token, meta=meta) + _grants(token)


def token_head(token: Token, *, meta: bool = False) -> str:
    """A token without what it is given."""
    rows = [("AccessorID", token.AccessorID), ("SecretID", token.SecretID), *_tenancy(token)]
    rows += [("Description", token.Description), ("Local", "true" if token.Local else "false")]
    if token.AuthMethod:
        rows.append(("Auth Method", f"{token.AuthMethod} (Namespace: {token.AuthMethodNamespace or ''})"))
    rows.append(("Create Time", go_time(token.CreateTime)))
    if token.ExpirationTime:
        rows.append(("Expiration Time", go_time(token.ExpirationTime)))
    return _labelled([*rows, *_meta(token, meta)], _TOKEN_WIDTH)


def policy_text(policy: Policy, *, meta: bool = False) -> str:
    """One policy with its rules."""
    rows = [("ID", policy.ID), ("Name", policy.Name), *_policy_rows(policy, meta)]
    return f"{_labelled(rows)}Rules:\n{policy.Rules}"


def policy_entry_text(policy: PolicyEntry, *, meta: bool = False) -> str:
    """One policy of the list."""
    return f"{policy.Name}:\n" + _labelled([("ID", policy.ID), *_policy_rows(policy, meta)], indent=_STEP)


def _policy_rows(policy: Policy | PolicyEntry, meta: bool) -> Rows:
    rows = [*_tenancy(policy), ("Description", policy.Description)]
    return [*rows, ("Datacenters", ", ".join(policy.Datacenters or ())), *_meta(policy, meta)]


def role_text(role: Role, *, meta: bool = False) -> str:
    """One role."""
    rows = [("ID", role.ID), ("Name", role.Name), *_tenancy(role)]
    return _labelled([*rows, ("Description", role.Description), *_meta(role, meta)]) + _grants(role)


def role_entry_text(role: Role, *, meta: bool = False) -> str:
    """One role of the list."""
    rows = [("ID", role.ID), *_tenancy(role), ("Description", role.Description), *_meta(role, meta)]
    return f"{role.Name}:\n{_labelled(rows, indent=_STEP)}{_grants(role, _STEP)}"


def auth_method_text(method: AuthMethod, *, meta: bool = False) -> str:
    """One auth method with its configuration."""
    rows = [("Name", method.Name), ("Type", method.Type), *_method_rows(method)]
    optional = (("MaxTokenTTL", method.MaxTokenTTL), ("TokenLocality", method.TokenLocality))
    rows += [(label, text) for label, text in optional if text]
    config = json_text(method.Config, "  ")
    return f"{_labelled([*rows, *_meta(method, meta)], _METHOD_WIDTH)}Config:\n{config}"


def auth_method_entry_text(method: AuthMethodEntry, *, meta: bool = False) -> str:
    """One auth method of the list."""
    rows = [("Type", method.Type), *_method_rows(method), *_meta(method, meta)]
    return f"{method.Name}:\n{_labelled(rows, indent=_STEP)}"


def _method_rows(method: AuthMethod | AuthMethodEntry) -> Rows:
    shown = [("DisplayName", method.DisplayName)] if method.DisplayName else []
    return [*_tenancy(method), *shown, ("Description", method.Description or "")]


def binding_rule_text(rule: BindingRule, *, meta: bool = False) -> str:
    """One binding rule."""
    return _binding_rule([("ID", rule.ID)], rule, meta, "", "     ")


def binding_rule_entry_text(rule: BindingRule, *, meta: bool = False) -> str:
    """One binding rule of the list."""
    return f"{rule.ID}:\n" + _binding_rule([], rule, meta, _STEP, "      ")


def _binding_rule(head: Sequence[tuple[str, object]], rule: BindingRule, meta: bool, indent: str, inner: str) -> str:
    rows = [*head, *_tenancy(rule), ("AuthMethod", rule.AuthMethod), ("Description", rule.Description)]
    rows += [("BindType", rule.BindType), ("BindName", rule.BindName)]
    if rule.BindVars and rule.BindVars.Name:
        rows.append(("BindVars", f"\n{inner}- Name: {rule.BindVars.Name}"))
    return _labelled([*rows, ("Selector", rule.Selector), *_meta(rule, meta)], indent=indent)


def template_text(template: Template, *, meta: bool = False) -> str:
    """What a templated policy is for and how it is used; ``meta`` adds schema and text."""
    head = f"Name:            {template.TemplateName}\nDescription:     {template.Description}\nInput variables:"
    return head + _usage(template.TemplateName) + (_source(template) if meta else "")


def _usage(name: str) -> str:
    example = f"Example usage:\n\tconsul acl token create -templated-policy {name}"
    if name in _NAME_OF:
        what, instance = _NAME_OF[name]
        return f"\n\tName: String - Required - {what}.\n{example} -var name:{instance}\n"
    return f" None\n{example}\n" if name in _WITHOUT_VARIABLES else "   None\n"


def _source(template: Template) -> str:
    schema = f"Schema:\n{template.Schema}\n\n" if template.Schema else ""
    return f"{schema}Raw Template:\n{template.Template}\n"


def service_line(identity: ServiceIdentity) -> str:
    """A service identity in one line."""
    return f"{identity.ServiceName} (Datacenters: {datacenters(identity)})"


def node_line(identity: NodeIdentity) -> str:
    """A node identity in one line."""
    return f"{identity.NodeName} (Datacenter: {identity.Datacenter})"


def datacenters(row: ServiceIdentity | TemplatedPolicy) -> str:
    """The datacenters in which something counts."""
    return ", ".join(row.Datacenters) if row.Datacenters else "all"


def _grants(row: Token | Role, indent: str = "") -> str:
    """Under a heading each: policies, roles, service and node identities, templated policies."""
    roles = row.Roles if isinstance(row, Token) else ()
    groups: tuple[tuple[str, Iterable[str]], ...] = (
        ("Policies", (f"{link.ID} - {link.Name}" for link in row.Policies or ())),
        ("Roles", (f"{link.ID} - {link.Name}" for link in roles or ())),
        ("Service Identities", map(service_line, row.ServiceIdentities or ())),
        ("Node Identities", map(node_line, row.NodeIdentities or ())),
        ("Templated Policies", _templated_lines(row.TemplatedPolicies or ())),
    )
    return "".join(_group(heading, list(lines), indent) for heading, lines in groups)


def _group(heading: str, lines: list[str], indent: str) -> str:
    body = "".join(f"{indent}{_STEP}{line}\n" for line in lines)
    return f"{indent}{heading}:\n{body}" if lines else ""


def _templated_lines(policies: Iterable[TemplatedPolicy]) -> Iterator[str]:
    for policy in policies:
        yield policy.TemplateName
        if policy.TemplateVariables and policy.TemplateVariables.Name:
            yield f"{_STEP}Name: {policy.TemplateVariables.Name}"
        yield f"{_STEP}Datacenters: {datacenters(policy)}"


def _tenancy(row: Token | Policy | PolicyEntry | Role | AuthMethod | AuthMethodEntry | BindingRule) -> Rows:
    """Partition and namespace, which servers of the Enterprise edition send."""
    places = (("Partition", row.Partition), ("Namespace", row.Namespace))
    return [(label, name) for label, name in places if name]


def _meta(row: Token | Policy | PolicyEntry | Role | AuthMethod | AuthMethodEntry | BindingRule, meta: bool) -> Rows:
    """Hash (of what has one) and indexes, where they are asked for."""
    if not meta:
        return []
    has_hash = not isinstance(row, AuthMethod | AuthMethodEntry | BindingRule)
    digest = [("Hash", (row.Hash or b"").hex())] if has_hash else []
    return [*digest, ("Create Index", row.CreateIndex), ("Modify Index", row.ModifyIndex)]


def _labelled(rows: Rows, width: int = _WIDTH, indent: str = "") -> str:
    return "".join(f"{indent}{f'{label}:':<{width}}{value}\n" for label, value in rows)
