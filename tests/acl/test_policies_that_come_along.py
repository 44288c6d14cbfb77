"""Builtin policies, identities and templated policies: IDs, hashes, and what they allow."""

from __future__ import annotations

import base64

import pytest

from pyconsul.acl import Access, Authorizer, Base, parse_rules
from pyconsul.acl.hashing import hash_of_role, hash_of_token
from pyconsul.acl.names import is_identity_name, is_role_name, policy_name_fault
from pyconsul.acl.templated import (
    BUILTIN_POLICIES,
    MANAGEMENT_ID,
    READ_ONLY_ID,
    TEMPLATES,
    policies_of_identities,
    synthetic_policy,
    variables_fault,
)
from pyconsul.structs.acl import (
    ACLLink,
    ACLNodeIdentity,
    ACLPolicy,
    ACLRole,
    ACLServiceIdentity,
    ACLTemplatedPolicy,
    ACLTemplatedPolicyVariables,
    ACLToken,
)

RESOURCES = ("agent", "event", "key", "node", "query", "service", "session", "keyring", "mesh", "operator", "peering")


def base64_of(data: bytes | None) -> str:
    """As the HTTP API prints it."""
    return base64.b64encode(data or b"").decode()


def holder(*policies: ACLPolicy) -> Authorizer:
    """Whoever has these policies and nothing by default."""
    return Authorizer.of_policies([parse_rules(policy.Rules) for policy in policies], Base.DENY)


def templated(name: str, variable: str | None = None) -> ACLTemplatedPolicy:
    """A templated policy with its variable."""
    variables = None if variable is None else ACLTemplatedPolicyVariables(name=variable)
    return ACLTemplatedPolicy(TemplateName=name, TemplateVariables=variables)


def of_template(name: str, variable: str = "web") -> Authorizer:
    """Whoever has a templated policy."""
    made = synthetic_policy(templated(name, variable))
    assert made is not None
    return holder(made)


# Builtin policies


def test_the_management_policy_grants_everything() -> None:
    """ACLs and the intentions of all services included."""
    authorizer = holder(BUILTIN_POLICIES[MANAGEMENT_ID])
    assert all(authorizer.allows(resource, Access.WRITE, "x") for resource in (*RESOURCES, "acl"))
    assert authorizer.allows("intention", Access.WRITE, "*") and authorizer.writes_keys_below("")


def test_the_read_only_policy_grants_reading_of_everything() -> None:
    """And nothing more."""
    authorizer = holder(BUILTIN_POLICIES[READ_ONLY_ID])
    assert all(authorizer.allows(resource, Access.READ, "x") for resource in (*RESOURCES, "acl"))
    assert not any(authorizer.allows(resource, Access.WRITE, "x") for resource in (*RESOURCES, "acl"))


def test_builtin_policies_have_the_hashes_of_consul() -> None:
    """They go over name, description and every space of the rules."""
    assert base64_of(BUILTIN_POLICIES[READ_ONLY_ID].Hash) == "4jtyawyzzig+Ys5HfPI91O3UHLHiXtPlNG7aHEmlesk="
    assert base64_of(BUILTIN_POLICIES[MANAGEMENT_ID].Hash).startswith("+TzVGrd3uSVx3Bl8FV5O0BsK")


# Hashes of tokens and roles


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        (ACLToken(), "NLOoV2WBU8ieJIrYXXx8NRb5C2xU61pVVWRDLEIMxlU="),
        (ACLToken(Description="Anonymous Token"), "RNVFSWnfd5DUOuB8vplp+imivlIna3fKQVnkUHh21cA="),
        (
            ACLToken(Description="Initial Management Token", Policies=[ACLLink(ID=MANAGEMENT_ID, Name="x")]),
            "tqqwFU6g05D0TFVusPUxoli6BJKS+EV1CCZnyxmjZpQ=",
        ),
    ],
)
def test_a_token_hashes_what_it_grants_and_says(token: ACLToken, shown: str) -> None:
    """The figures are from a real agent; names of links are not in them."""
    assert base64_of(hash_of_token(token)) == shown


def test_a_role_hashes_its_name() -> None:
    """The figure is from a real agent."""
    assert base64_of(hash_of_role(ACLRole(Name="x"))) == "0WHXEUWr7sXvFavPBFnOxgonMh4vCsDves5SVPWURHY="


def test_everything_that_a_token_grants_changes_its_hash() -> None:
    """Locality and datacenters too."""
    service = ACLServiceIdentity(ServiceName="web")
    tokens = [
        ACLToken(),
        ACLToken(Local=True),
        ACLToken(ServiceIdentities=[service]),
        ACLToken(ServiceIdentities=[ACLServiceIdentity(ServiceName="web", Datacenters=["dc1"])]),
        ACLToken(NodeIdentities=[ACLNodeIdentity(NodeName="n", Datacenter="dc1")]),
        ACLToken(TemplatedPolicies=[templated("builtin/dns")]),
        ACLToken(TemplatedPolicies=[templated("builtin/service", "web")]),
        ACLToken(Roles=[ACLLink(ID="r")]),
    ]
    assert len({hash_of_token(token) for token in tokens}) == len(tokens)


# Identities and templates


def test_a_service_identity_registers_the_service_and_its_sidecar() -> None:
    """And discovers everything."""
    authorizer = of_template("builtin/service")
    assert authorizer.allows("service", Access.WRITE, "web")
    assert authorizer.allows("service", Access.WRITE, "web-sidecar-proxy")
    assert not authorizer.allows("service", Access.WRITE, "web2")
    assert authorizer.reads_service("web2") and authorizer.reads_node("n2")


def test_a_node_identity_registers_its_node() -> None:
    """And sees services, but no other node."""
    authorizer = of_template("builtin/node", "n1")
    assert authorizer.allows("node", Access.WRITE, "n1") and not authorizer.allows("node", Access.READ, "n2")
    assert authorizer.reads_service("web")


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("builtin/dns", ["node:read", "service:read", "query:read"], ["service:write", "key:read", "agent:read"]),
        (
            "builtin/nomad-server",
            ["acl:write", "agent:read", "node:read", "service:write"],
            ["agent:write", "node:write", "key:read"],
        ),
        (
            "builtin/nomad-client",
            ["agent:read", "node:read", "service:write", "key:read"],
            ["acl:read", "key:write", "node:write"],
        ),
        ("builtin/api-gateway", ["mesh:read", "node:read", "service:read"], ["mesh:write", "service:write"]),
    ],
)
def test_a_template_grants_what_its_users_need(name: str, allowed: list[str], refused: list[str]) -> None:
    """Asked about a segment of another name than the variable's."""
    authorizer = of_template(name)
    for text, wanted in (*((one, True) for one in allowed), *((one, False) for one in refused)):
        resource, access = text.split(":")
        assert authorizer.allows(resource, Access(access), "other") is wanted, text


def test_identities_become_policies_of_their_datacenters() -> None:
    """A service everywhere or where it is named, a node in its own datacenter."""
    row = ACLToken(
        ServiceIdentities=[ACLServiceIdentity(ServiceName="web", Datacenters=["dc2"])],
        NodeIdentities=[ACLNodeIdentity(NodeName="n", Datacenter="dc1")],
        TemplatedPolicies=[templated("builtin/dns"), templated("builtin/of-tomorrow")],
    )
    found = policies_of_identities(row)
    assert [policy.Datacenters or [] for policy in found] == [["dc2"], ["dc1"], []]
    assert found[0].Description == "synthetic policy generated from templated policy: builtin/service"


def test_the_same_identity_is_the_same_policy() -> None:
    """Its ID is made from the rules, as Consul does it: in full, and with the sum of nothing behind them."""
    one, other = synthetic_policy(templated("builtin/dns")), synthetic_policy(templated("builtin/dns", "x"))
    assert one is not None and other is not None and one.ID == other.ID
    assert one.Name == f"synthetic-policy-{one.ID}" and one.ID.endswith("6c62272e07bb014262b821756295c58d")
    assert bytes.fromhex(one.ID[:-32]).decode() == one.Rules


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (templated("builtin/dns"), ""),
        (templated("builtin/service", "web"), ""),
        (templated("builtin/api-gateway", "Any Name"), ""),
        (
            templated("builtin/service"),
            "1 error occurred:\n\t* Invalid type. Expected: object, given: null\n\n",
        ),
        (templated("builtin/api-gateway", ""), "1 error occurred:\n\t* name is required\n\n"),
        (
            templated("builtin/service", "Web"),
            'service identity "Web" has an invalid name. '
            "Only lowercase alphanumeric characters, '-' and '_' are allowed",
        ),
        (
            templated("builtin/node", ""),
            "node identity \"\"  has an invalid name. Only lowercase alphanumeric characters, '-' and '_' are allowed",
        ),
    ],
)
def test_the_variables_of_a_template_are_checked(given: ACLTemplatedPolicy, fault: str) -> None:
    """Only where it has any."""
    assert variables_fault(given) == fault


def test_every_template_makes_rules_that_can_be_read() -> None:
    """With the name filled in."""
    for name in TEMPLATES:
        made = synthetic_policy(templated(name, "web"))
        assert made is not None and parse_rules(made.Rules) and "{{" not in made.Rules


# Names


def test_names_of_identities_are_small_letters_digits_and_inner_dashes() -> None:
    """256 bytes at most."""
    good = ("a", "web-1", "a_b", "0", "a" * 256)
    bad = ("", "-a", "a-", "Web", "a.b", "a" * 257, "é", "a\n")
    assert all(map(is_identity_name, good)) and not any(map(is_identity_name, bad))


def test_names_of_roles_have_no_slash() -> None:
    """Those of policies may have one, but not in front."""
    assert is_role_name("a-B_9") and is_role_name("r" * 256)
    assert not any(map(is_role_name, ("", "a/b", "a b", "r" * 257)))
    assert not any(map(policy_name_fault, ("a", "team/web", "p" * 128, "_", "a/")))
    assert policy_name_fault("p" * 129) == policy_name_fault("") != ""
    assert (
        policy_name_fault("/a") == policy_name_fault("builtin/x") == ("Names cannot be prefixed with '/' or 'builtin/'")
    )
    assert policy_name_fault("a/b/c") == policy_name_fault("a b") != ""
