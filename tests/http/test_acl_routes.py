"""``/v1/acl`` through the door of an agent whose ACLs are on, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.config import load
from tests.door import Answer, DoorClient, leading_agent
from tests.waiting import comes_true

ROOT = "b8a5e0b4-7a9e-4f0c-9d5e-1f2a3b4c5d6e"
NOBODY = "deadbeef-0000-4000-8000-000000000000"
MANAGEMENT = "00000000-0000-0000-0000-000000000001"
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbrHsozjR6F5YjtxL0Jv9Q09CCJP8
371TPS4Sb+NXkOks4Pov+UXWFj6Vf4szsFUlxueQ8fMVqTsWeviMhVQNeQ==
-----END PUBLIC KEY-----
"""
ANONYMOUS = "00000000-0000-0000-0000-000000000002"


class Api(DoorClient):
    """Asks the door of one agent, as root unless told otherwise."""

    def __init__(self, agent: Agent) -> None:
        super().__init__(agent, "/v1/acl/", ROOT)

    async def made(self, kind: str, **definition: Any) -> Any:
        """What comes back for a new token, policy or role."""
        answer = await self.ask("PUT", kind, definition)
        assert answer.status == 200, answer.text
        return answer.body


def an_agent(hcl: str, data_dir: Path | None = None) -> Agent:
    """An agent that is not started; with a data directory its log is on disk."""
    mode: dict[str, Any] = {"dev": True}
    if data_dir is not None:
        mode = {"server": True, "bootstrap-expect": "1", "data-dir": str(data_dir)}
    flags = {"node": "here", "bind": "127.0.0.1", "log-level": "ERROR", "hcl": [hcl], **mode}
    return Agent(load(flags, {}).runtime)


def with_acls(secret: str = ROOT) -> str:
    """A configuration with ACLs on; without a secret nobody has bootstrapped."""
    tokens = f'tokens {{ initial_management = "{secret}" }}' if secret else ""
    return f'acl {{\n enabled = true\n default_policy = "deny"\n {tokens}\n}}'


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An agent whose server leads and whose doors are closed."""
    async with leading_agent(with_acls()) as agent:
        yield Api(agent)


# Off, and not yet bootstrapped


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "bootstrap"),
        ("GET", "replication"),
        ("GET", "tokens"),
        ("GET", "token/self"),
        ("PUT", "token"),
        ("DELETE", "token/"),
        ("GET", "policy/"),
        ("PUT", "policy"),
        ("GET", "role/name/"),
        ("GET", "templated-policies"),
        ("POST", "templated-policy/preview/"),
        ("POST", "/v1/internal/acl/authorize"),
        ("GET", "auth-methods"),
        ("POST", "login"),
    ],
)
async def test_with_acls_off_every_route_says_so(method: str, path: str) -> None:
    """Before it looks at anything else."""
    answer = await Api(an_agent("")).ask(method, path, b"no json")
    assert (answer.status, answer.text) == (401, "ACL support disabled")


async def test_the_bootstrap_makes_one_management_token(tmp_path: Path) -> None:
    """The next one needs a file with the index of the last, and uses it up."""
    agent = an_agent(with_acls(secret=""), tmp_path)
    await agent.server.start()
    api = Api(agent)
    assert "must be bootstrapped" in (await api.get("tokens", token=NOBODY)).text
    assert (await api.ask("PUT", "bootstrap", {"BootstrapSecret": "short"})).text == "uuid string is wrong length"
    first = (await api.ask("PUT", "bootstrap", {"BootstrapSecret": ROOT})).body
    assert first["ID"] == first["SecretID"] == ROOT and first["Policies"] == [
        {"ID": MANAGEMENT, "Name": "global-management"}
    ]
    refused = await api.ask("PUT", "bootstrap")
    assert refused.status == 403 and refused.text.startswith(
        "Permission denied: ACL bootstrap no longer allowed (reset"
    )
    index = refused.text.rpartition(" ")[2].rstrip(")")
    file = tmp_path / "acl-bootstrap-reset"
    file.write_text("1")
    assert (await api.ask("PUT", "bootstrap")).text.startswith("Invalid bootstrap reset index (specified 1,")
    file.write_text(f" {index}\n")
    again = await api.ask("PUT", "bootstrap")
    assert again.status == 200 and again.body["SecretID"] != ROOT and not file.exists()
    await agent.server.stop()


# Tokens


async def test_a_token_goes_around(api: Api) -> None:
    """Created, read, listed, changed, cloned, deleted."""
    policy = await api.made("policy", Name="reader", Rules='key_prefix "" { policy = "read" }')
    token = await api.made("token", Description="one", Policies=[{"Name": "reader"}, {"ID": policy["ID"]}])
    assert token["Policies"] == [{"ID": policy["ID"], "Name": "reader"}]
    path = f"token/{token['AccessorID']}"
    assert (await api.get(path)).body == token
    assert (await api.get("token/self", token=token["SecretID"])).body == token
    listed = (await api.get(f"tokens?policy={policy['ID']}")).body
    assert [one["AccessorID"] for one in listed] == [token["AccessorID"]]
    changed = (await api.ask("PUT", path, {"Description": "two"})).body
    assert changed["Description"] == "two" and "Policies" not in changed and changed["SecretID"] == token["SecretID"]
    clone = (await api.ask("PUT", f"{path}/clone", {"Description": "copy"})).body
    assert clone["Description"] == "copy" and clone["AccessorID"] != token["AccessorID"]
    assert (await api.ask("DELETE", path)).body is True
    assert (await api.ask("DELETE", path)).status == 404
    for query in ("", "?index=1&wait=1ms"):
        gone = await api.get(f"token/self{query}", token=token["SecretID"])
        assert (gone.status, gone.text) == (403, "token does not exist: ACL not found")


async def test_who_only_reads_acls_sees_no_secrets(api: Api) -> None:
    """But its own; and may write nothing."""
    await api.made("policy", Name="watch", Rules='acl = "read"')
    reader = await api.made("token", Policies=[{"Name": "watch"}])
    listed = (await api.get("tokens", token=reader["SecretID"])).body
    assert {one["SecretID"] for one in listed} == {"<hidden>"}
    one = await api.get(f"token/{ANONYMOUS}", token=reader["SecretID"])
    assert one.body["SecretID"] == "<hidden>"
    assert (await api.get("token/self", token=reader["SecretID"])).body["SecretID"] == reader["SecretID"]
    refused = await api.ask("PUT", "token", {}, token=reader["SecretID"])
    assert refused.status == 403 and refused.text.endswith("lacks permission 'acl:write'")


async def test_an_expanded_token_shows_all_that_it_grants(api: Api) -> None:
    """Policies of roles and identities too, each once."""
    policy = await api.made("policy", Name="p", Rules="")
    links = [{"ID": policy["ID"]}]
    role = await api.made("role", Name="r", Policies=links, ServiceIdentities=[{"ServiceName": "web"}])
    given = {"Roles": [{"Name": "r"}], "Policies": links, "TemplatedPolicies": [{"TemplateName": "builtin/dns"}]}
    token = await api.made("token", **given)
    found = (await api.get(f"token/{token['AccessorID']}?expanded")).body
    names = [one["Name"].partition("-")[0] for one in found["ExpandedPolicies"]]
    assert names == ["p", "synthetic", "synthetic"]
    assert [one["ID"] for one in found["ExpandedRoles"]] == [role["ID"]]
    assert (found["AgentACLDefaultPolicy"], found["ResolvedByAgent"]) == ("deny", "here")


async def test_a_revoked_token_is_worth_nothing_at_once(api: Api) -> None:
    """Whatever it was allowed a moment before."""
    token = await api.made("token", Policies=[{"ID": MANAGEMENT}])
    assert (await api.get("policies", token=token["SecretID"])).status == 200
    await api.ask("DELETE", f"token/{token['AccessorID']}")
    refused = await api.get("policies", token=token["SecretID"])
    assert (refused.status, refused.text) == (403, "ACL not found")


async def test_a_blocking_list_returns_with_the_next_token(api: Api) -> None:
    """The index is that of the table of tokens."""
    index = (await api.get("tokens")).headers["X-Consul-Index"]
    waiting = asyncio.create_task(api.get(f"tokens?index={index}&wait=60s"))
    await asyncio.sleep(0)
    made = await api.made("token", Description="new")
    answer = await waiting
    assert made["AccessorID"] in {one["AccessorID"] for one in answer.body}
    assert int(answer.headers["X-Consul-Index"]) == made["ModifyIndex"] > int(index)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "Token decoding failed: EOF"),
        (
            b'{"Policies": "x"}',
            400,
            "Token decoding failed: json: cannot unmarshal string into Go struct field "
            ".Alias.Policies of type []structs.ACLTokenPolicyLink",
        ),
        (
            b'{"Namespace": "x"}',
            400,
            'Token decoding failed: json: unknown field "Namespace" - Namespaces are a Consul Enterprise feature',
        ),
        (
            b'{"Policies": [{"ID": "x"}]}',
            500,
            'Error looking up policy for ID: "x": failed acl policy lookup: index error: UUID must be 36 characters',
        ),
        (b'{"Roles": [{"Name": "x"}]}', 500, 'No such ACL role with name "x"'),
        (
            b'{"AccessorID": "00000000-0000-0000-0000-000000000002"}',
            500,
            'Invalid Token: AccessorID - UUIDs with the prefix "00000000-0000-0000-0000-0000000000" are reserved',
        ),
        (b'{"SecretID": "b8a5e0b4-7a9e-4f0c-9d5e-1f2a3b4c5d6e"}', 500, "Invalid Token: SecretID is already in use"),
        (b'{"ExpirationTTL": "soon"}', 400, 'Token decoding failed: time: invalid duration "soon"'),
        (b'{"ExpirationTTL": "soon", "Nope": 1}', 400, 'Token decoding failed: json: unknown field "Nope"'),
        (b'{"ExpirationTTL": "59s"}', 500, "ExpirationTime cannot be less than 1m0s in the future (was 59s)"),
        (b'{"ExpirationTTL": -1}', 500, "Token Expiration TTL '-1ns' should be > 0"),
        (b'{"ExpirationTime": "2001-01-01T00:00:00Z"}', 500, "ExpirationTime cannot be before CreateTime"),
        (
            b'{"ExpirationTime": "2001-13-01T00:00:00Z"}',
            400,
            'Token decoding failed: parsing time "2001-13-01T00:00:00Z": month out of range',
        ),
        (
            b'{"AccessorID": 1, "CreateTime": [1]}',
            400,
            "Token decoding failed: Time.UnmarshalJSON: input is not a JSON string",
        ),
        (b'{"AuthMethod": "x"}', 500, "AuthMethod field is disallowed outside of login"),
        (
            b'{"ServiceIdentities": [{"ServiceName": "a", "Datacenters": ["dc1"]}], "Local": true}',
            500,
            'Service identity "a" cannot specify a list of datacenters on a local token',
        ),
        (
            b'{"NodeIdentities": [{"NodeName": "a"}]}',
            500,
            "Node identity is missing the datacenter field on this token",
        ),
        (b'{"TemplatedPolicies": [{"TemplateName": "x"}]}', 500, 'no such ACL templated policy with Name "x"'),
    ],
)
async def test_a_bad_token_is_refused(api: Api, body: bytes, status: int, text: str) -> None:
    """In Consul's words; nothing is written."""
    answer = await api.ask("PUT", "token", body)
    assert (answer.status, answer.text) == (status, text)
    assert len((await api.get("tokens")).body) == 2


async def test_an_index_belongs_to_a_struct_inside_a_binding_rule(api: Api) -> None:
    """The fault names it, as Go does."""
    answer = await api.ask("PUT", "binding-rule", {"CreateIndex": -1})
    field = "Go struct field ACLBindingRule.RaftIndex.CreateIndex of type uint64"
    assert answer.text == f"BindingRule decoding failed: json: cannot unmarshal number -1 into {field}"


async def test_an_id_of_a_binding_rule_that_is_none_is_told(api: Api) -> None:
    """In the words of its index."""
    answer = await api.get(f"binding-rule/{NOBODY.replace(NOBODY[0], 'N')}")
    text = "failed acl binding rule lookup: index error: invalid UUID: encoding/hex: invalid byte: U+004E 'N'"
    assert (answer.status, answer.text) == (500, text)


async def test_what_a_token_is_cannot_be_changed(api: Api) -> None:
    """Secret, locality, auth method and expiration."""
    token = await api.made("token", ExpirationTTL="1h")
    path = f"token/{token['AccessorID']}"
    for change, fault in (
        ({"SecretID": NOBODY}, "Changing a token's SecretID is not permitted"),
        ({"Local": True}, f"Cannot toggle local mode of {token['AccessorID']}"),
        ({"AuthMethod": "x"}, f"Cannot change AuthMethod of {token['AccessorID']}"),
        ({"ExpirationTTL": "2h"}, f"Cannot change expiration time of {token['AccessorID']}"),
        ({"ExpirationTime": "2099-01-01T00:00:00Z"}, f"Cannot change expiration time of {token['AccessorID']}"),
        ({"SecretID": "deny"}, "Permission denied: Cannot modify root ACL"),
        ({"AccessorID": NOBODY}, "Token Accessor ID in URL and payload do not match"),
    ):
        assert (await api.ask("PUT", path, change)).text == fault
    same = await api.ask("PUT", path, {"ExpirationTime": token["ExpirationTime"]})
    assert same.body["ExpirationTime"] == token["ExpirationTime"]


async def test_neither_the_anonymous_token_nor_ones_own_can_be_deleted(api: Api) -> None:
    """Nor what is no accessor."""
    own = (await api.get("token/self")).body["AccessorID"]
    for accessor, fault in (
        (ANONYMOUS, "Delete operation not permitted on the anonymous token"),
        (own, "Deletion of the request's authorization token is not permitted"),
        ("x", "Accessor ID is missing or an invalid UUID"),
        ("", "Missing token AccessorID"),
    ):
        assert (await api.ask("DELETE", f"token/{accessor}")).text == fault


# Policies and roles


async def test_a_policy_goes_around(api: Api) -> None:
    """Created, found by ID and by a name with a slash, listed without rules, changed, deleted."""
    policy = await api.made("policy", Name="team/web", Rules='acl = "read"', Datacenters=[])
    assert "Datacenters" not in policy
    for path in (f"policy/{policy['ID']}", "policy/name/team/web", "policy/name/team%2Fweb"):
        assert (await api.get(path)).body == policy
    listed = {one["Name"]: one for one in (await api.get("policies")).body}
    assert listed["team/web"]["Datacenters"] == [] and listed["global-management"]["Datacenters"] is None
    assert "Rules" not in listed["team/web"]
    assert (await api.ask("PUT", f"policy/{policy['ID']}", {"Name": "web"})).body["Name"] == "web"
    assert (await api.ask("DELETE", f"policy/{policy['ID']}")).body is True
    gone = await api.get(f"policy/{policy['ID']}")
    assert (gone.status, gone.text) == (404, "Requested policy does not exist: ACL not found")
    assert "X-Consul-Index" not in gone.headers
    assert (await api.ask("DELETE", f"policy/{policy['ID']}")).text == "Cannot find policy to delete"


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("policy", {"ID": NOBODY, "Name": "x"}, 400, "Cannot specify the ID when creating a new policy"),
        ("policy", {}, 500, "Invalid Policy: no Name is set"),
        (
            "policy",
            {"Name": "/x"},
            500,
            "Invalid Policy: invalid Name. Names cannot be prefixed with '/' or 'builtin/'",
        ),
        (
            "policy",
            {"Name": "GLOBAL-management"},
            500,
            'Invalid Policy: A Policy with Name "GLOBAL-management" already exists',
        ),
        ("policy", {"Name": "x", "Rules": 'acl = "x"'}, 500, 'Invalid acl policy: "x"'),
        (f"policy/{NOBODY}", {"Name": "x"}, 500, f"cannot find policy {NOBODY}"),
        (f"policy/{NOBODY}", {"ID": MANAGEMENT, "Name": "x"}, 400, "Policy ID in URL and payload do not match"),
        ("policy/x", {"Name": "x"}, 500, "Policy ID invalid UUID"),
        (
            f"policy/{MANAGEMENT}",
            {"Name": "x", "Rules": ""},
            500,
            "Changing the Rules for the builtin global-management policy is not permitted",
        ),
        (
            f"policy/{MANAGEMENT}",
            {"Name": "x", "Datacenters": []},
            500,
            "Changing the Datacenters of the global-management policy is not permitted",
        ),
        ("role", {"ID": NOBODY, "Name": "x"}, 400, "Role ID in URL and payload do not match"),
        ("role", {}, 500, "Invalid Role: no Name is set"),
        (
            "role",
            {"Name": "a/b"},
            500,
            "Invalid Role: invalid Name. Only alphanumeric characters, '-' and '_' are allowed",
        ),
        (
            "role",
            {"Name": "x", "Policies": [{"ID": NOBODY}]},
            500,
            f"Failed to apply role upsert request: No such policy with ID: {NOBODY}",
        ),
        ("role", {"Name": "x", "Policies": [{"Name": "y"}]}, 500, 'No such ACL policy with name "y"'),
        (
            "role",
            {"Name": "x", "TemplatedPolicies": [{"TemplateName": "y"}]},
            500,
            "templated policy with an invalid templated name: y for this role",
        ),
        (f"role/{NOBODY}", {"Name": "x"}, 500, f"cannot find role {NOBODY}"),
        ("role/x", {"Name": "x"}, 500, "Role ID invalid UUID"),
    ],
)
async def test_a_bad_policy_or_role_is_refused(
    api: Api, path: str, body: dict[str, Any], status: int, text: str
) -> None:
    """In Consul's words."""
    answer = await api.ask("PUT", path, body)
    assert (answer.status, answer.text) == (status, text)


async def test_a_builtin_policy_cannot_be_deleted(api: Api) -> None:
    """The refusal names it."""
    answer = await api.ask("DELETE", f"policy/{MANAGEMENT}")
    assert answer.text == "Delete operation not permitted on the builtin global-management policy"


async def test_a_role_goes_around(api: Api) -> None:
    """What it gives is made canonical: links by ID and once, datacenters together."""
    policy = await api.made("policy", Name="p")
    twice = [{"ServiceName": "web", "Datacenters": ["b"]}, {"ServiceName": "web", "Datacenters": ["a"]}]
    role = await api.made("role", Name="r", Policies=[{"Name": "p"}, {"ID": policy["ID"]}], ServiceIdentities=twice)
    assert role["Policies"] == [{"ID": policy["ID"], "Name": "p"}]
    assert role["ServiceIdentities"] == [{"ServiceName": "web", "Datacenters": ["a", "b"]}]
    assert (await api.get("role/name/R")).body == (await api.get(f"roles?policy={policy['ID']}")).body[0] == role
    await api.ask("DELETE", f"policy/{policy['ID']}")
    assert "Policies" not in (await api.get(f"role/{role['ID']}")).body
    assert (await api.ask("DELETE", f"role/{role['ID']}")).body is True
    assert (await api.ask("DELETE", f"role/{role['ID']}")).text == "Cannot find role to delete"


# Templated policies, questions, replication


async def test_templated_policies_are_listed_and_previewed(api: Api) -> None:
    """Reading them needs acl:read."""
    listed = (await api.get("templated-policies")).body
    assert (await api.get("templated-policy/name/builtin/node")).body == listed["builtin/node"]
    made = await api.ask("POST", "templated-policy/preview/builtin/node", {"name": "n1"})
    assert 'node "n1"' in made.body["Rules"]
    bad = await api.ask("POST", "templated-policy/preview/builtin/node", {})
    assert bad.status == 400 and bad.text.startswith('validation error for templated policy: "builtin/node":')
    assert (await api.get("templated-policies", token="")).status == 403
    assert (await api.get("templated-policy/name/x")).text == "Invalid templated policy Name: x"


async def test_a_token_may_ask_what_it_is_allowed(api: Api) -> None:
    """Up to 64 questions at once; empty segments are left out of the answer."""
    path = "/v1/internal/acl/authorize"
    questions = [{"Resource": "key", "Segment": "a", "Access": "write"}, {"Resource": "acl", "Access": "read"}]
    answered = (await api.ask("POST", path, questions, token="")).body
    assert answered == [{**questions[0], "Allow": False}, {**questions[1], "Allow": False}]
    assert all(one["Allow"] for one in (await api.ask("POST", path, questions)).body)
    many = await api.ask("POST", path, questions[:1] * 65)
    assert (many.status, many.text) == (400, "Refusing to process more than 64 authorizations at once")
    assert (await api.ask("POST", path, [{"Resource": "x"}])).text == 'Invalid ACL resource requested: "x"'
    assert (await api.ask("POST", path, [])).body == []


async def test_a_single_datacenter_replicates_nothing(api: Api) -> None:
    """Nobody needs a token to see that."""
    answer = await api.get("replication", token="")
    assert answer.body["Enabled"] is False and answer.body["LastSuccess"] == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("policy", {"Name": "{}"}),
        ("role", {"Name": "{}"}),
        ("token", {"Description": "{}"}),
        ("auth-method", {"Name": "{}", "Type": "jwt", "Config": {"JWTValidationPubKeys": [PUBLIC_KEY]}}),
        ("binding-rule", {"AuthMethod": "m", "BindType": "service", "BindName": "{}"}),
    ],
)
async def test_who_waits_for_one_thing_hears_nothing_of_others(kind: str, definition: dict[str, Any], api: Api) -> None:
    """Another of its kind ends the wait of whoever asked for all; this one's ends when the thing itself changes."""
    method = {"Name": "m", "Type": "jwt", "Config": {"JWTValidationPubKeys": [PUBLIC_KEY]}}
    await api.ask("PUT", "auth-method", method)

    def named(name: str) -> dict[str, Any]:
        return {field: name if value == "{}" else value for field, value in definition.items()}

    async def change_of(path: str) -> Answer:
        index = (await api.get(path)).headers["X-Consul-Index"]
        return await api.get(f"{path}?index={index}&wait=60s")

    made = (await api.ask("PUT", kind, named("one"))).body
    path = f"{kind}/{made.get('ID') or made.get('AccessorID') or made['Name']}"
    one = asyncio.create_task(change_of(path))
    await comes_true(lambda: len(api.agent.server.shared_reads) == 1)
    every = asyncio.create_task(change_of("policies" if kind == "policy" else f"{kind}s"))
    await comes_true(lambda: len(api.agent.server.shared_reads) == 2)
    await api.ask("PUT", kind, named("other"))
    await every
    assert not one.done()
    await api.ask("PUT", path, {**made, "Description": "new"})
    assert (await one).body["Description"] == "new"


async def test_zeros_in_the_settings_of_an_auth_method_are_kept(api: Api) -> None:
    """Its ``Config`` is the writer's: nothing in it is left out where it is shown, and nothing of it goes unchecked."""
    config = {"JWTValidationPubKeys": [PUBLIC_KEY], "BoundIssuer": "", "ClockSkewLeeway": 0, "ClaimMappings": {"a": ""}}
    made = await api.ask("PUT", "auth-method", {"Name": "m", "Type": "jwt", "Config": config})
    assert made.body["Config"] == (await api.get("auth-method/m")).body["Config"] == config
    refused = await api.ask("PUT", "auth-method", {"Name": "n", "Type": "jwt", "Config": {**config, "Bogus": False}})
    assert refused.text == (
        "Invalid Auth Method: error decoding config: 1 error(s) decoding:\n\n* '' has invalid keys: Bogus"
    )


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "auth-method", {"Name": "m", "Type": "jwt"}),
        ("PUT", "auth-method/m", {"Type": "jwt"}),
        ("DELETE", "auth-method/m", None),
        ("PUT", "binding-rule", {"AuthMethod": "m", "BindType": "service", "BindName": "web"}),
        ("PUT", f"binding-rule/{NOBODY}", {"AuthMethod": "m", "BindType": "service", "BindName": "web"}),
        ("DELETE", f"binding-rule/{NOBODY}", None),
    ],
)
async def test_methods_and_their_rules_are_written_where_the_request_says(
    api: Api, method: str, path: str, body: Any
) -> None:
    """Each datacenter has its own, so that ``?dc=`` counts; policies, roles and tokens go to the primary one."""
    answer = await api.ask(method, f"{path}?dc=elsewhere", body or b"")
    assert (answer.status, answer.text) == (500, "No path to datacenter")


@pytest.mark.parametrize("path", [f"policy/{NOBODY}", f"role/{NOBODY}", f"binding-rule/{NOBODY}", "auth-method/m"])
async def test_what_is_missing_can_be_waited_for_by_those_that_take_gzip(api: Api, path: str) -> None:
    """Consul's answers lose the index of a 404 unless its packing holds the status back; the SDKs all take gzip."""
    plain, packed = await api.get(path), await api.get(path, accept_encoding="gzip")
    assert (plain.status, packed.status) == (404, 404)
    assert "X-Consul-Index" not in plain.headers
    assert int(packed.headers["X-Consul-Index"]) > 0


async def test_who_asks_nothing_needs_no_token(api: Api) -> None:
    """An unknown one is not even looked up."""
    answer = await api.ask("POST", "/v1/internal/acl/authorize", b"[]", token=NOBODY)
    assert (answer.status, answer.body) == (200, [])


async def test_the_configuration_of_an_auth_method_is_kept_as_given(api: Api) -> None:
    """What counts as zero stands there again, and is looked at before it is: an unknown name is one in any case."""
    config = {"JWTValidationPubKeys": [PUBLIC_KEY], "BoundIssuer": "", "ExpirationLeeway": 0, "BoundAudiences": None}
    made = await api.made("auth-method", Name="m", Type="jwt", Config=config)
    assert made["Config"] == config
    refused = await api.put("auth-method", {"Name": "m", "Type": "jwt", "Config": {**config, "Nope": None}})
    assert refused.text.endswith("* '' has invalid keys: Nope")
