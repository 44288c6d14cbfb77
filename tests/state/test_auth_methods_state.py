"""Auth methods and binding rules in the state: what they need, what goes with them, and which index rises."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.fsm import acl_auth as fsm
from pyconsul.server.state import acl, acl_auth
from pyconsul.server.state.acl_roles import set_role
from pyconsul.structs.acl import (
    ACLLink,
    ACLNodeIdentity,
    ACLRole,
    ACLServiceIdentity,
    ACLTemplatedPolicy,
    ACLTemplatedPolicyVariables,
    ACLToken,
)
from pyconsul.structs.acl_auth import (
    ACLAuthMethod,
    ACLAuthMethodBatchDeleteRequest,
    ACLAuthMethodBatchSetRequest,
    ACLBindingRule,
    ACLBindingRuleBatchDeleteRequest,
    ACLBindingRuleBatchSetRequest,
)
from pyconsul.structs.errors import InternalError


def numbered(n: int) -> str:
    """A UUID."""
    return f"{n:08d}-0000-4000-8000-00000000000a"


def put_method(db: Store, index: int, name: str = "jwt", **fields: Any) -> None:
    """One log entry with an auth method."""
    given: dict[str, Any] = {"Name": name, "Type": "jwt", **fields}
    method = ACLAuthMethod(**given)
    fsm.apply_auth_method_set(db, index, ACLAuthMethodBatchSetRequest(AuthMethods=[method]))


def put_rule(db: Store, index: int, n: int, method: str = "jwt", **fields: str) -> None:
    """One log entry with a rule."""
    given: dict[str, Any] = {"ID": numbered(n), "AuthMethod": method, **fields}
    rule = ACLBindingRule(**given)
    fsm.apply_binding_rule_set(db, index, ACLBindingRuleBatchSetRequest(BindingRules=[rule]))


def test_a_method_is_found_in_any_letter_case_and_keeps_its_first_index(db: Store) -> None:
    """A second one of that name replaces it."""
    put_method(db, 5)
    put_method(db, 7, "JWT", Description="new")
    (method,) = acl_auth.all_auth_methods(db)
    assert (method.Description, method.CreateIndex, method.ModifyIndex) == ("new", 5, 7)
    assert acl_auth.auth_methods_index(db) == 7
    assert acl.auth_method_named(db, "Jwt") == method


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"Name": ""}, "Missing ACL Auth Method Name"), ({"Type": ""}, "Missing ACL Auth Method Type")],
)
def test_a_method_needs_a_name_and_a_type(db: Store, fields: dict[str, str], text: str) -> None:
    """Nothing is written without."""
    with pytest.raises(InternalError) as refused:
        put_method(db, 5, **fields)
    assert refused.value.text == text
    assert acl_auth.all_auth_methods(db) == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"ID": ""}, "Missing ACL Binding Rule ID"),
        ({"AuthMethod": ""}, "Missing ACL Binding Rule Auth Method"),
        ({"AuthMethod": "absent"}, "failed inserting acl binding rule: auth method not found"),
        (
            {"ID": "x"},
            "failed acl binding rule lookup: index error: UUID must be 36 characters",
        ),
    ],
)
def test_a_rule_needs_an_id_and_a_method_that_is_there(db: Store, fields: dict[str, str], text: str) -> None:
    """In whatever letter case its method is spelled."""
    put_method(db, 5)
    put_rule(db, 6, 1, "JWT")
    with pytest.raises(InternalError) as refused:
        put_rule(db, 7, 2, **fields)
    assert refused.value.text == text
    assert [rule.ID for rule in acl_auth.binding_rules(db)] == [numbered(1)]


def test_rules_are_listed_by_id_and_for_one_method(db: Store) -> None:
    """A rule that is written again keeps its first index."""
    put_method(db, 5)
    put_method(db, 5, "k8s")
    for index, (n, method) in enumerate([(2, "jwt"), (1, "k8s"), (2, "jwt")], start=6):
        put_rule(db, index, n, method)
    assert [rule.ID for rule in acl_auth.binding_rules(db)] == [numbered(1), numbered(2)]
    (rule,) = acl_auth.binding_rules(db, "JWT")
    assert (rule.CreateIndex, rule.ModifyIndex, acl_auth.binding_rules_index(db)) == (6, 8, 8)
    assert acl_auth.binding_rule_with_id(db, rule.ID.upper()) == rule


def test_a_rule_that_goes_raises_the_index_and_one_that_is_not_there_does_not(db: Store) -> None:
    """Who waits for it hears of that."""
    put_method(db, 5)
    put_rule(db, 6, 1)
    ws = WatchSet()
    acl_auth.binding_rule_with_id(db, numbered(1), ws)
    fsm.apply_binding_rule_delete(db, 7, ACLBindingRuleBatchDeleteRequest(BindingRuleIDs=[numbered(9)]))
    assert (acl_auth.binding_rules_index(db), ws.fired) == (6, False)
    fsm.apply_binding_rule_delete(db, 8, ACLBindingRuleBatchDeleteRequest(BindingRuleIDs=[numbered(1)]))
    assert (acl_auth.binding_rules_index(db), ws.fired) == (8, True)


def test_with_a_method_go_its_rules_and_the_tokens_of_its_logins(db: Store) -> None:
    """Those of other methods stay, and a method that is not there takes nothing along."""
    put_method(db, 5)
    put_method(db, 5, "k8s")
    for n, method in enumerate(("jwt", "k8s"), start=1):
        put_rule(db, 6, n, method)
        token = ACLToken(AccessorID=numbered(n), SecretID=f"secret-{n}", AuthMethod=method)
        db.put(acl.TOKENS, token)
    fsm.apply_auth_method_delete(db, 7, ACLAuthMethodBatchDeleteRequest(AuthMethodNames=["absent", "JWT"]))
    assert [method.Name for method in acl_auth.all_auth_methods(db)] == ["k8s"]
    assert [rule.ID for rule in acl_auth.binding_rules(db)] == [numbered(2)]
    assert [token.AccessorID for token in db.all(acl.TOKENS)] == [numbered(2)]
    assert (acl_auth.auth_methods_index(db), acl_auth.binding_rules_index(db)) == (7, 7)


NAMED = ACLTemplatedPolicyVariables(name="web")
ROLE = "encountered a Role r (00000001-0000-4000-8000-00000000000a)"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"ID": ""}, "Missing ACL Role ID"),
        ({"Name": ""}, "Missing ACL Role Name"),
        ({"Policies": [ACLLink(ID=numbered(9))]}, f"No such policy with ID: {numbered(9)}"),
        ({"Policies": [ACLLink(Name="x")]}, "Encountered a Role with policies linked by Name in the state store"),
        (
            {"ServiceIdentities": [ACLServiceIdentity()]},
            "Encountered a Role with an empty service identity name in the state store",
        ),
        (
            {"NodeIdentities": [ACLNodeIdentity(Datacenter="dc1")]},
            "Encountered a Role with an empty node identity name in the state store",
        ),
        (
            {"TemplatedPolicies": [ACLTemplatedPolicy()]},
            f"{ROLE} with an empty templated policy name in the state store",
        ),
        (
            {"TemplatedPolicies": [ACLTemplatedPolicy(TemplateName="x", TemplateVariables=NAMED)]},
            f'{ROLE} with an invalid templated policy name "x"',
        ),
    ],
)
def test_what_is_no_good_role_is_refused(db: Store, fields: dict[str, Any], text: str) -> None:
    """The texts are Consul's, and nothing is written."""
    given: dict[str, Any] = {"ID": numbered(1), "Name": "r", **fields}
    with pytest.raises(InternalError) as refused:
        set_role(db, 7, ACLRole(**given))
    assert refused.value.text == text
    assert not db.all(acl.ROLES)
