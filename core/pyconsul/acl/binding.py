"""What a login is given: the binding rules whose selectors fit the identity, their names filled in from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from pyconsul.acl.methods.protocol import Identity
from pyconsul.acl.names import is_identity_name, is_role_name, policy_name_fault
from pyconsul.acl.templated import TEMPLATES, variables_fault
from pyconsul.lang.bexpr import FilterError, compile_evaluator
from pyconsul.lang.strconv import quote
from pyconsul.structs.acl import (
    ACLLink,
    ACLNodeIdentity,
    ACLPolicy,
    ACLRole,
    ACLServiceIdentity,
    ACLTemplatedPolicy,
    ACLTemplatedPolicyVariables,
)
from pyconsul.structs.acl_auth import ACLBindingRule
from pyconsul.structs.wire import UNSET


class BindingError(ValueError):
    """A rule whose names do not work out; the text is Consul's."""


class Bindings(msgspec.Struct):
    """What the matching rules give together."""

    policies: list[ACLLink] = msgspec.field(default_factory=list[ACLLink])
    roles: list[ACLLink] = msgspec.field(default_factory=list[ACLLink])
    services: list[ACLServiceIdentity] = msgspec.field(default_factory=list[ACLServiceIdentity])
    nodes: list[ACLNodeIdentity] = msgspec.field(default_factory=list[ACLNodeIdentity])
    templated: list[ACLTemplatedPolicy] = msgspec.field(default_factory=list[ACLTemplatedPolicy])

    def __bool__(self) -> bool:
        """Whether they give anything."""
        return bool(self.policies or self.roles or self.services or self.nodes or self.templated)


class Binder(msgspec.Struct, frozen=True):
    """Collects bindings; policies and roles that are not there give nothing."""

    datacenter: str
    policy_named: Callable[[str], ACLPolicy | None]
    role_named: Callable[[str], ACLRole | None]

    def bind(self, rules: Iterable[ACLBindingRule], identity: Identity) -> Bindings:
        """What an identity is given. Raises BindingError."""
        found = Bindings()
        for rule in rules:
            if _selects(rule.Selector, identity):
                self._add(found, rule, identity.variables)
        return found

    def _add(self, found: Bindings, rule: ACLBindingRule, variables: Mapping[str, str]) -> None:
        if rule.BindType == "templated-policy":
            found.templated.append(_templated(rule, variables))
            return
        check = _CHECKS.get(rule.BindType)
        if check is None:
            return
        # Consul checks a policy's name by the rule for roles' names here, which knows no slash.
        name = _name(rule.BindName, variables, is_role_name if rule.BindType == "policy" else check)
        match rule.BindType:
            case "service":
                found.services.append(ACLServiceIdentity(ServiceName=name))
            case "node":
                found.nodes.append(ACLNodeIdentity(NodeName=name, Datacenter=self.datacenter))
            case "policy":
                if (policy := self.policy_named(name)) is not None:
                    found.policies.append(ACLLink(ID=policy.ID, Name=policy.Name))
            case _:
                if (role := self.role_named(name)) is not None:
                    found.roles.append(ACLLink(ID=role.ID))


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "service": is_identity_name,
    "node": is_identity_name,
    "role": is_role_name,
    "policy": lambda name: not policy_name_fault(name),
}


def rule_fault(rule: ACLBindingRule, variables: Iterable[str]) -> str:
    """Why a rule can never give anything to identities with these variables; "" for a good one."""
    values = dict.fromkeys(variables, "fake")  # any value that is good in every name; errors show it, as Consul's do
    try:
        if rule.BindType == "templated-policy":
            _templated(rule, values)
        elif rule.BindType in _CHECKS:
            _name(rule.BindName, values, _CHECKS[rule.BindType])
        else:
            return f"invalid Binding Rule: unknown BindType {quote(rule.BindType)}"
    except BindingError as error:
        return f"failed to validate bindType {quote(rule.BindType)}: {error}"
    return ""


def selector_fault(selector: str, identity: Identity) -> str:
    """Why a selector cannot be used on identities of this kind; "" for a good one."""
    try:
        compile_evaluator(selector, _row_type(identity))
    except FilterError as error:
        return str(error)
    return ""


def _selects(selector: str, identity: Identity) -> bool:
    """Whether a rule is for this identity: no selector is for all, one that does not work out for nobody."""
    if not selector:
        return True
    try:
        return compile_evaluator(selector, _row_type(identity))(identity.fields)
    except FilterError:
        return False


def _row_type(identity: Identity) -> type[object]:
    fields: object = identity.fields
    return type(fields)


def _name(template: str, variables: Mapping[str, str], check: Callable[[str], bool]) -> str:
    try:
        name = _filled(template, variables)
    except BindingError as error:
        raise BindingError(f"error interpreting template: {error}") from None
    if not check(name):
        raise BindingError(f"invalid bind name: {quote(name)}")
    return name


def _filled(template: str, variables: Mapping[str, str]) -> str:
    """A template with its variables, which go in in lower case. Raises BindingError."""
    if "${" not in template:
        return template
    from pyconsul.lang.hil import HilError, Scope, evaluate, parse  # only logins and who writes their rules need it

    try:
        return evaluate(parse(template), Scope({name: value.lower() for name, value in variables.items()}))
    except HilError as error:
        raise BindingError(str(error)) from None


def _templated(rule: ACLBindingRule, variables: Mapping[str, str]) -> ACLTemplatedPolicy:
    template = TEMPLATES.get(rule.BindName)
    if template is None:
        raise BindingError(
            f"Bind name for templated-policy bind type does not match existing template name: {rule.BindName}"
        )
    filled: ACLTemplatedPolicyVariables | None = None
    if rule.BindVars:
        try:
            name = _filled(rule.BindVars.name or "", variables)
        except BindingError as error:
            raise BindingError(f"failed to interpret templated policy variables: {error}") from None
        filled = ACLTemplatedPolicyVariables(name=name or UNSET)
    made = ACLTemplatedPolicy(
        TemplateID=template.template_id, TemplateName=template.name, TemplateVariables=filled or UNSET
    )
    if fault := variables_fault(made):
        raise BindingError(f"templated policy failed validation: {fault}")
    return made
