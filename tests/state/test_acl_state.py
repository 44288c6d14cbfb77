"""Tokens, policies and roles in the state: what may be written, what links do, which index rises."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pyconsul.acl.templated import BUILTIN_POLICIES, MANAGEMENT_ID, TEMPLATES
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.fsm import acl as fsm
from pyconsul.server.state import acl, acl_policies, acl_roles, acl_tokens
from pyconsul.server.state.acl_tokens import TokenRules, set_token
from pyconsul.structs.acl import (
    ANONYMOUS_ACCESSOR,
    ACLLink,
    ACLNodeIdentity,
    ACLPolicy,
    ACLRole,
    ACLServiceIdentity,
    ACLTemplatedPolicy,
    ACLTemplatedPolicyVariables,
    ACLToken,
    ACLTokenBatchSetRequest,
    ACLTokenListRequest,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, changed

NOBODY = "deadbeef-0000-4000-8000-000000000000"
EXPIRED = "2020-01-01T00:00:00.123456789Z"


def numbered(n: int) -> str:
    """A UUID."""
    return f"{n:08d}-0000-4000-8000-000000000000"


def a_token(n: int, **fields: Any) -> ACLToken:
    """A token whose accessor has this number."""
    return ACLToken(AccessorID=numbered(n), SecretID=f"secret-{n}", **fields)


def policy(db: Store, n: int, name: str) -> ACLPolicy:
    """A stored policy."""
    made = ACLPolicy(ID=numbered(n), Name=name, Rules='key "a" { policy = "read" }')
    acl_policies.set_policy(db, 5, made)
    return made


def role(db: Store, n: int, name: str, *policies: str) -> ACLRole:
    """A stored role."""
    made = ACLRole(ID=numbered(n), Name=name, Policies=[ACLLink(ID=one) for one in policies] or UNSET)
    acl_roles.set_role(db, 6, made)
    return made


def stored(db: Store, n: int) -> ACLToken:
    """The token with this number as it is shown."""
    found = acl.token_with_accessor(db, numbered(n))
    assert found is not None
    return acl.with_names(db, found)


def secrets(db: Store, **wish: Any) -> list[str]:
    """The secrets of the listed tokens."""
    return [token.SecretID for token in acl_tokens.listed_tokens(db, ACLTokenListRequest(**wish))]


# Tokens


def test_a_token_keeps_its_first_index_and_gets_a_hash(db: Store) -> None:
    """Writing it again raises ModifyIndex and the table's index only."""
    set_token(db, 7, a_token(1))
    set_token(db, 9, a_token(1, Description="again"))
    found = stored(db, 1)
    assert (found.CreateIndex, found.ModifyIndex, len(found.Hash or b"")) == (7, 9, 32)
    assert acl_tokens.tokens_index(db) == 9


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        (ACLToken(AccessorID=numbered(1)), "Missing ACL Token SecretID"),
        (ACLToken(SecretID="s"), "Missing ACL Token AccessorID"),
        (ACLToken(SecretID="s", AccessorID="x"), "failed acl token lookup: index error: UUID must be 36 characters"),
        (a_token(1, Policies=[ACLLink(ID=NOBODY)]), f"No such policy with ID: {NOBODY}"),
        (a_token(1, Roles=[ACLLink(ID=NOBODY)]), f"No such role with ID: {NOBODY}"),
        (a_token(1, Roles=[ACLLink(Name="x")]), "Encountered a Token with roles linked by Name in the state store"),
        (a_token(1, AuthMethod="absent"), "No such auth method with Name: absent"),
        (
            a_token(1, ServiceIdentities=[ACLServiceIdentity()]),
            "Encountered a Token with an empty service identity name in the state store",
        ),
        (
            a_token(1, NodeIdentities=[ACLNodeIdentity(NodeName="n")]),
            "Encountered a Token with an empty node identity datacenter in the state store",
        ),
    ],
)
def test_what_is_no_good_token_is_refused(db: Store, token: ACLToken, fault: str) -> None:
    """The texts are Consul's, and nothing is written."""
    with pytest.raises(InternalError) as error:
        set_token(db, 7, token)
    assert error.value.text == fault
    assert not db.all(acl.TOKENS)


def test_the_secret_of_a_token_never_changes(db: Store) -> None:
    """Neither may the accessor take on another spelling."""
    set_token(db, 7, ACLToken(AccessorID=NOBODY, SecretID="one"))
    with pytest.raises(InternalError, match="SecretID field is immutable"):
        set_token(db, 8, ACLToken(AccessorID=NOBODY, SecretID="two"))
    with pytest.raises(InternalError, match="AccessorID field is immutable"):
        set_token(db, 8, ACLToken(AccessorID=NOBODY.upper(), SecretID="one"))


def test_a_conditional_write_needs_the_index_that_it_saw(db: Store) -> None:
    """0 means that there must be none; what does not fit is passed over without an error."""
    rules = TokenRules(cas=True)
    set_token(db, 7, a_token(1, Description="new"), rules)
    set_token(db, 8, a_token(1, Description="not new"), rules)
    set_token(db, 8, a_token(2, ModifyIndex=3), rules)
    assert stored(db, 1).Description == "new" and len(db.all(acl.TOKENS)) == 1
    set_token(db, 9, a_token(1, Description="seen", ModifyIndex=7), rules)
    assert stored(db, 1).Description == "seen"


def test_a_batch_is_stored_whole_or_not_at_all(db: Store) -> None:
    """One bad token takes the others along."""
    bad = ACLTokenBatchSetRequest(Tokens=[a_token(1), a_token(2, Policies=[ACLLink(ID=NOBODY)])])
    with pytest.raises(InternalError), db.transaction():
        fsm.apply_token_set(db, 7, bad)
    assert not db.all(acl.TOKENS)


def test_a_login_may_link_to_what_is_not_there_but_must_grant_something(db: Store) -> None:
    """A token with nothing but broken links is refused."""
    rules = TokenRules(allow_missing=True, must_grant=True)
    with pytest.raises(InternalError, match="Token has no privileges"):
        set_token(db, 7, a_token(1, Roles=[ACLLink(ID=NOBODY)]), rules)
    set_token(
        db,
        7,
        a_token(1, Roles=[ACLLink(ID=NOBODY)], NodeIdentities=[ACLNodeIdentity(NodeName="n", Datacenter="dc1")]),
        rules,
    )
    assert stored(db, 1).Roles is UNSET


def test_the_anonymous_token_cannot_be_deleted(db: Store) -> None:
    """Others can; one that is not there is no error and moves no index."""
    set_token(db, 7, ACLToken(AccessorID=ANONYMOUS_ACCESSOR, SecretID="anonymous"))
    with pytest.raises(InternalError, match="Deletion of the builtin anonymous token is not permitted"):
        acl_tokens.delete_token(db, 8, ANONYMOUS_ACCESSOR)
    acl_tokens.delete_token(db, 8, NOBODY)
    assert acl_tokens.tokens_index(db) == 7


def test_links_show_the_names_of_today(db: Store) -> None:
    """A renamed policy shows its new name, a deleted one and a deleted role are left out."""
    one, two = policy(db, 11, "one"), policy(db, 12, "two")
    dev = role(db, 21, "dev", two.ID)
    set_token(db, 7, a_token(1, Policies=[ACLLink(ID=one.ID), ACLLink(ID=two.ID)], Roles=[ACLLink(ID=dev.ID)]))
    acl_policies.set_policy(db, 8, changed(one, Name="renamed"))
    acl_policies.delete_policy(db, 9, two.ID)
    assert stored(db, 1).Policies == [ACLLink(ID=one.ID, Name="renamed")]
    assert stored(db, 1).Roles == [ACLLink(ID=dev.ID, Name="dev")]
    acl_roles.delete_role(db, 10, dev.ID)
    assert stored(db, 1).Roles is UNSET


def test_a_shown_token_is_watched_with_all_that_it_links_to(db: Store) -> None:
    """A kept reply must go when a policy gets another name."""
    one = policy(db, 11, "one")
    set_token(db, 7, a_token(1, Policies=[ACLLink(ID=one.ID)]))
    with WatchSet() as ws:
        acl_tokens.listed_tokens(db, ACLTokenListRequest(), ws)
        acl_policies.set_policy(db, 8, changed(one, Name="renamed"))
        assert ws.fired


def test_tokens_are_found_by_what_they_are_given(db: Store) -> None:
    """Lists are in the order of secrets; a service is found by identity and by template."""
    one = policy(db, 11, "one")
    dev = role(db, 21, "dev", one.ID)
    variables = ACLTemplatedPolicyVariables(name="web")
    set_token(db, 7, a_token(3, Policies=[ACLLink(ID=one.ID)]))
    set_token(db, 7, a_token(2, Roles=[ACLLink(ID=dev.ID)], Local=True))
    set_token(db, 7, a_token(4, ServiceIdentities=[ACLServiceIdentity(ServiceName="web")]))
    made = ACLTemplatedPolicy(TemplateName="builtin/service", TemplateVariables=variables)
    set_token(db, 7, a_token(1, TemplatedPolicies=[made]))
    assert secrets(db) == ["secret-1", "secret-2", "secret-3", "secret-4"]
    assert secrets(db, Policy=one.ID) == ["secret-3"]
    assert secrets(db, Role=dev.ID.upper()) == ["secret-2"]
    assert secrets(db, ServiceName="WEB") == ["secret-1", "secret-4"]
    assert secrets(db, IncludeLocal=True) == ["secret-2"]
    assert secrets(db, IncludeGlobal=True, ServiceName="web") == ["secret-1", "secret-4"]


def test_only_one_filter_of_tokens_counts_at_a_time(db: Store) -> None:
    """Two are an error, and so is an ID that is none."""
    with pytest.raises(InternalError, match="can only filter by one of"):
        secrets(db, Policy=NOBODY, Role=NOBODY)
    with pytest.raises(InternalError, match="failed acl token lookup: index error: UUID must be 36 characters"):
        secrets(db, Role="x")


def test_expired_tokens_are_listed_by_locality_the_oldest_first(db: Store) -> None:
    """Only so many at a time; tokens without an end, or with Go's zero time, never."""
    set_token(db, 7, a_token(1, ExpirationTime="2020-01-02T00:00:00Z"))
    set_token(db, 7, a_token(2, ExpirationTime=EXPIRED))
    set_token(db, 7, a_token(3, ExpirationTime=EXPIRED, Local=True))
    set_token(db, 7, a_token(4, ExpirationTime="0001-01-01T00:00:00Z"))
    set_token(db, 7, a_token(5))
    now = datetime(2021, 1, 1, tzinfo=UTC)
    found = acl_tokens.expired_tokens(db, acl.GLOBAL, now, most=10)
    assert [token.SecretID for token in found] == ["secret-2", "secret-1"]
    assert len(acl_tokens.expired_tokens(db, acl.GLOBAL, now, most=1)) == 1
    assert acl_tokens.next_expiration(db, acl.LOCAL) == datetime(2020, 1, 1, 0, 0, 0, 123456, UTC)


# Bootstrap


def test_the_bootstrap_happens_once_unless_its_index_is_named(db: Store) -> None:
    """The index of the last one opens the door for the next."""
    acl_tokens.bootstrap(db, 7, a_token(1), 0)
    assert not acl_tokens.can_bootstrap(db) and acl_tokens.reset_index(db) == 7
    with pytest.raises(InternalError, match="ACL bootstrap no longer allowed"):
        acl_tokens.bootstrap(db, 8, a_token(2), 0)
    with pytest.raises(InternalError, match="Invalid ACL bootstrap reset index"):
        acl_tokens.bootstrap(db, 8, a_token(2), 6)
    acl_tokens.bootstrap(db, 8, a_token(2), 7)
    assert acl_tokens.reset_index(db) == 8


# Policies and roles


def test_names_of_policies_and_roles_are_unique_in_any_letter_case(db: Store) -> None:
    """The same ID may keep its name."""
    one = policy(db, 11, "one")
    policy(db, 11, "ONE")
    with pytest.raises(InternalError, match='A policy with name "One" already exists'):
        policy(db, 12, "One")
    role(db, 21, "dev", one.ID)
    with pytest.raises(InternalError, match='A role with name "DEV" already exists'):
        role(db, 22, "DEV")


def test_rules_of_a_builtin_policy_are_those_of_this_version(db: Store) -> None:
    """Name and description may be somebody's own; it cannot be deleted."""
    builtin = BUILTIN_POLICIES[MANAGEMENT_ID]
    acl_policies.set_policy(db, 5, builtin)
    acl_policies.set_policy(db, 6, changed(builtin, Name="mine"))
    with pytest.raises(InternalError, match="Changing the Rules for the builtin global-management policy"):
        acl_policies.set_policy(db, 7, changed(builtin, Rules=""))
    with pytest.raises(InternalError, match="Changing the Datacenters of the builtin global-management policy"):
        acl_policies.set_policy(db, 7, changed(builtin, Datacenters=["dc1"]))
    with pytest.raises(InternalError, match="Deletion of the builtin global-management policy is not permitted"):
        acl_policies.delete_policy(db, 7, MANAGEMENT_ID)


def test_lists_of_policies_and_roles_go_by_name(db: Store) -> None:
    """With a policy given, roles go by ID."""
    two, one = policy(db, 11, "two"), policy(db, 12, "One")
    assert [found.Name for found in acl_policies.all_policies(db)] == ["One", "two"]
    role(db, 22, "a", one.ID)
    role(db, 21, "b", one.ID, two.ID)
    assert [found.Name for found in acl_roles.all_roles(db)] == ["a", "b"]
    assert [found.Name for found in acl_roles.all_roles(db, one.ID)] == ["b", "a"]
    assert [found.Name for found in acl_roles.all_roles(db, two.ID)] == ["b"]


def test_a_role_fills_in_the_ids_of_its_templates(db: Store) -> None:
    """A template that does not exist or lacks its variable is refused."""
    made = ACLRole(ID=numbered(21), Name="dns", TemplatedPolicies=[ACLTemplatedPolicy(TemplateName="builtin/dns")])
    acl_roles.set_role(db, 6, made)
    found = acl.role_named(db, "DNS")
    assert found is not None and found.TemplatedPolicies
    assert found.TemplatedPolicies[0].TemplateID == TEMPLATES["builtin/dns"].template_id
    bad = changed(made, TemplatedPolicies=[ACLTemplatedPolicy(TemplateName="builtin/service")])
    with pytest.raises(InternalError, match="with an invalid templated policy: 1 error occurred"):
        acl_roles.set_role(db, 7, bad)


def test_a_deleted_policy_or_role_moves_the_index_of_its_table(db: Store) -> None:
    """One that is not there does not."""
    one = policy(db, 11, "one")
    dev = role(db, 21, "dev", one.ID)
    acl_policies.delete_policy(db, 8, one.ID)
    acl_roles.delete_role(db, 9, dev.ID)
    acl_policies.delete_policy(db, 10, NOBODY)
    acl_roles.delete_role(db, 10, NOBODY)
    assert (acl_policies.policies_index(db), acl_roles.roles_index(db)) == (8, 9)
