"""``consul acl policy``, ``acl role`` and ``acl templated-policy``: layouts, bodies, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run

POLICY = "dddddddd-1111-2222-3333-444444444444"
ROLE = "eeeeeeee-1111-2222-3333-444444444444"
OTHER = "eeeeeeef-1111-2222-3333-444444444444"
RULES = 'key "a" { policy = "read" }'
ONE_POLICY = {
    "ID": POLICY,
    "Name": "p",
    "Description": "d",
    "Rules": RULES,
    "Datacenters": ["dc1", "dc2"],
    "Hash": "q80=",
    "CreateIndex": 3,
    "ModifyIndex": 4,
}
ONE_ROLE = {
    "ID": ROLE,
    "Name": "r",
    "Description": "d",
    "Policies": [{"ID": POLICY, "Name": "p"}],
    "ServiceIdentities": [{"ServiceName": "web"}],
    "NodeIdentities": [{"NodeName": "n", "Datacenter": "dc1"}],
    "TemplatedPolicies": [{"TemplateName": "builtin/node", "TemplateVariables": {"name": "n"}}],
    "Hash": "q80=",
    "CreateIndex": 3,
    "ModifyIndex": 4,
}
GRANTS = f"""\
Policies:
   {POLICY} - p
Service Identities:
   web (Datacenters: all)
Node Identities:
   n (Datacenter: dc1)
Templated Policies:
   builtin/node
      Name: n
      Datacenters: all
"""


def _sent(agent: FakeAgent) -> Any:
    return json.loads(agent.asked[-1].body)


def _indented(text: str) -> str:
    return "".join(f"   {line}\n" for line in text.splitlines())


@pytest.fixture
def known(agent: FakeAgent) -> FakeAgent:
    """An agent with one policy and one role."""
    agent.on("GET", "/v1/acl/policies", [{key: ONE_POLICY[key] for key in ONE_POLICY if key != "Rules"}])
    agent.on("GET", "/v1/acl/roles", [ONE_ROLE])
    agent.on("GET", f"/v1/acl/policy/{POLICY}", ONE_POLICY)
    agent.on("GET", "/v1/acl/policy/name/p", ONE_POLICY)
    agent.on("GET", f"/v1/acl/role/{ROLE}", ONE_ROLE)
    agent.on("GET", "/v1/acl/role/name/r", ONE_ROLE)
    for path in ("policy", f"policy/{POLICY}"):
        agent.on("PUT", f"/v1/acl/{path}", ONE_POLICY)
    for path in ("role", f"role/{ROLE}"):
        agent.on("PUT", f"/v1/acl/{path}", ONE_ROLE)
    for path in (f"policy/{POLICY}", f"role/{ROLE}"):
        agent.on("DELETE", f"/v1/acl/{path}", b"true")
    return agent


def test_a_policy_ends_with_its_rules(known: FakeAgent, run: Run) -> None:
    """Hash and indexes are shown on request."""
    plain = f"ID:           {POLICY}\nName:         p\nDescription:  d\nDatacenters:  dc1, dc2\n"
    meta = "Hash:         abcd\nCreate Index: 3\nModify Index: 4\n"
    assert run("acl", "policy", "read", "-name=p").out == f"{plain}Rules:\n{RULES}\n"
    assert run("acl", "policy", "read", "-meta", f"-id={POLICY[:4]}").out == f"{plain}{meta}Rules:\n{RULES}\n"


def test_policies_of_the_list_are_headed_by_their_names(known: FakeAgent, run: Run) -> None:
    """Their rules are not shown; null stands for all datacenters in JSON."""
    body = f"   ID:           {POLICY}\n   Description:  d\n   Datacenters:  dc1, dc2\n"
    assert run("acl", "policy", "list").out == f"p:\n{body}\n"
    known.on("GET", "/v1/acl/policies", [{"ID": POLICY, "Name": "p"}])
    shown = json.loads(run("acl", "policy", "list", "-format=json").out)[0]
    assert (shown["Datacenters"], list(shown)[:3]) == (None, ["ID", "Name", "Description"])


def test_a_policy_that_is_not_there(agent: FakeAgent, run: Run) -> None:
    """By name it is not found; by ID the agent's refusal is passed on."""
    agent.on("GET", f"/v1/acl/policy/{POLICY}", (404, b"Requested policy does not exist: ACL not found"))
    assert run("acl", "policy", "read", "-name=p").err == "Error policy not found: p\n"
    refusal = "Unexpected response code: 404 (Requested policy does not exist: ACL not found)"
    assert run("acl", "policy", "read", f"-id={POLICY}").err == f'Error reading policy "id:{POLICY}": {refusal}\n'


def test_an_agent_without_acls_is_named_twice(agent: FakeAgent, run: Run) -> None:
    """A look-up by name has a sentence of its own within the command's."""
    agent.on("GET", "/v1/acl/policy/name/p", (401, b"ACL support disabled"))
    reason = "Failed to find policy with name p: Unexpected response code: 401 (ACL support disabled)"
    assert run("acl", "policy", "read", "-name=p").err == f'Error reading policy "name:p": {reason}\n'


def test_rules_come_from_the_flag_a_file_or_standard_input(known: FakeAgent, run: Run, tmp_path: Path) -> None:
    """Bytes that are no text become U+FFFD."""
    file = tmp_path / "rules"
    file.write_bytes(b"# \xff")
    for given, text in ((RULES, RULES), (f"@{file}", "# \ufffd"), ("-", "# in"), ("-x", "-x"), ("", "")):
        assert run("acl", "policy", "create", "-name=p", f"-rules={given}", stdin=b"# in").code == 0
        assert _sent(known) == {"Name": "p", "Description": "", "Datacenters": None, "Rules": text}
    refusal = "Error loading rules: Failed to read file: open /none: no such file or directory\n"
    assert run("acl", "policy", "create", "-name=p", "-rules=@/none").err == refusal


@pytest.mark.parametrize("what", ["policy", "role"])
def test_a_missing_name_is_told_above_the_help(run: Run, what: str) -> None:
    """Nothing is asked of the agent."""
    assert run("acl", what, "create").err.startswith("Missing required '-name' flag\n")


def test_an_update_of_a_policy_keeps_what_no_flag_names(known: FakeAgent, run: Run) -> None:
    """An empty text that is given counts; without merging the rest becomes empty."""
    assert run("acl", "policy", "update", "-name=p", "-description=").code == 0
    kept = {"ID": POLICY, "Name": "p", "Description": "", "Datacenters": ["dc1", "dc2"], "Rules": RULES}
    assert _sent(known) == kept
    run("acl", "policy", "update", f"-id={POLICY[:5]}", "-name=q", "-no-merge", "-valid-datacenter=dc3")
    assert _sent(known) == {"ID": POLICY, "Name": "q", "Description": "", "Datacenters": ["dc3"], "Rules": ""}


def test_builtin_policies_may_be_named_where_an_id_stands(agent: FakeAgent, run: Run) -> None:
    """Without asking for the list."""
    path = "/v1/acl/policy/00000000-0000-0000-0000-000000000002"
    agent.on("GET", path, ONE_POLICY)
    assert run("acl", "policy", "read", "-id=builtin/global-read-only").code == 0
    assert [one.path for one in agent.asked] == [path]


def test_a_refused_deletion_of_a_policy_has_no_reason(known: FakeAgent, run: Run) -> None:
    """Consul's client closes that answer before it reads it."""
    assert run("acl", "policy", "delete", f"-id={POLICY[:3]}").out == f'Policy "{POLICY}" deleted successfully\n'
    known.on("DELETE", f"/v1/acl/policy/{POLICY}", (500, b"not permitted"))
    refusal = f'Error deleting policy "{POLICY}": Unexpected response code: 500 ()\n'
    assert run("acl", "policy", "delete", "-name=p").err == refusal


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("policy read", "Must specify either the -id or -name parameters"),
        ("policy read -id=zz", "Error determining policy ID: No such policy ID with prefix: zz"),
        ("policy update", "Must specify either the -id or -name parameters"),
        ("policy update -name=zz", "Error determining policy ID: No such policy with name: zz"),
        (
            "policy update -name=p -rules=@/none",
            "Error loading data source: Failed to read file: open /none: no such file or directory",
        ),
        ("policy delete", "Must specify either the -id or -name parameters"),
        ("policy delete -name=zz", "Error determining policy ID: No such policy with name: zz"),
        ("role read", "Must specify either the -id or -name parameters"),
        ("role read -name=zz", 'Role not found with name "zz"'),
        (f"role read -id={OTHER}", f'Role not found with ID "{OTHER}"'),
        ("role read -id=zz", "Error determining role ID: No such role ID with prefix: zz"),
        ("role update", "Cannot update a role without specifying the -id parameter"),
        (f"role update -id={OTHER}", f'Role not found with ID "{OTHER}"'),
        ("role delete", "Must specify the -id or -name parameters"),
        ("role delete -name=zz", "Error determining role ID: No such role with name zz"),
        (
            "role create -name=r",
            "Cannot create a role without specifying -policy-name, -policy-id, -service-identity, -node-identity, "
            "-templated-policy-file or -templated-policy at least once",
        ),
        ("templated-policy read", "Must specify the -name parameter"),
        ("templated-policy read -name=x", 'Templated policy not found with name "x"'),
        ("templated-policy preview", "Cannot preview a templated policy without specifying -name or -file"),
    ],
)
def test_a_command_that_lacks_something_says_so(known: FakeAgent, run: Run, line: str, error: str) -> None:
    """The code is 1."""
    result = run("acl", *line.split())
    assert (result.code, result.out, result.err) == (1, "", f"{error}\n")


def test_a_role_is_shown_with_what_it_gives(known: FakeAgent, run: Run) -> None:
    """In the list everything below the name is indented by three."""
    head = f"ID:           {ROLE}\n"
    meta = "Hash:         abcd\nCreate Index: 3\nModify Index: 4\n"
    out = run("acl", "role", "read", "-name=r", "-meta").out
    assert out == f"{head}Name:         r\nDescription:  d\n{meta}{GRANTS}\n"
    assert run("acl", "role", "list").out == f"r:\n{_indented(f'{head}Description:  d' + chr(10) + GRANTS)}\n"
    shown = json.loads(run("acl", "role", "read", f"-id={ROLE[:8]}", "-format=json").out)
    assert shown["TemplatedPolicies"][0]["TemplateVariables"] == {"Name": "n"}
    assert list(shown)[-3:] == ["Hash", "CreateIndex", "ModifyIndex"]


def test_an_update_adds_to_a_role(known: FakeAgent, run: Run) -> None:
    """A service identity takes the place of its older self; a node has its rights in one datacenter only."""
    words = ["-policy-name=p", "-policy-name=q", "-service-identity=web:dc1", "-node-identity=n:dc2"]
    words += ["-node-identity=m:dc2", "-append-templated-policy=builtin/dns"]
    assert run("acl", "role", "update", f"-id={ROLE[:6]}", *words).code == 0
    sent = _sent(known)
    assert (sent["Name"], sent["Description"]) == ("r", "d")
    assert sent["Policies"] == [{"ID": POLICY, "Name": "p"}, {"Name": "q"}]
    assert sent["ServiceIdentities"] == [{"ServiceName": "web", "Datacenters": ["dc1"]}]
    assert [(one["NodeName"], one["Datacenter"]) for one in sent["NodeIdentities"]] == [("n", "dc1"), ("m", "dc2")]
    assert [one["TemplateName"] for one in sent["TemplatedPolicies"]] == ["builtin/node", "builtin/dns"]


def test_an_update_without_merging_sends_the_id_as_typed(known: FakeAgent, run: Run) -> None:
    """Consul completes it for the look-up only, so that the beginning of an ID does not do."""
    run("acl", "role", "update", f"-id={ROLE}", "-no-merge", "-name=x", f"-policy-id={POLICY[:4]}")
    assert _sent(known) == {
        "ID": ROLE,
        "Name": "x",
        "Description": "",
        "Policies": [{"ID": POLICY}],
        "ServiceIdentities": [],
        "NodeIdentities": [],
        "TemplatedPolicies": [],
    }
    known.on("PUT", f"/v1/acl/role/{ROLE[:6]}", (400, b"no"))
    refusal = f'Error updating role "{ROLE}": Unexpected response code: 400 (no)\n'
    assert run("acl", "role", "update", f"-id={ROLE[:6]}", "-no-merge").err == refusal


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("builtin/service", "\n\tName: String - Required - The name of the service.\nExample usage:\n"),
        ("builtin/dns", " None\nExample usage:\n\tconsul acl token create -templated-policy builtin/dns\n"),
        ("builtin/new", "   None\n"),
    ],
)
def test_a_templated_policy_tells_how_it_is_used(agent: FakeAgent, run: Run, name: str, usage: str) -> None:
    """Of one that this version does not know, nothing is said."""
    template = {"TemplateName": name, "Description": "d", "Schema": "{}", "Template": "t"}
    agent.on("GET", f"/v1/acl/templated-policy/name/{name}", template)
    out = run("acl", "templated-policy", "read", f"-name={name}", "-meta").out
    assert out.startswith(f"Name:            {name}\nDescription:     d\nInput variables:{usage}")
    assert out.endswith("Schema:\n{}\n\nRaw Template:\nt\n\n")


def test_templated_policies_are_listed_by_name(agent: FakeAgent, run: Run) -> None:
    """An unknown format is refused in other words than elsewhere."""
    agent.on("GET", "/v1/acl/templated-policies", {"b": {"TemplateName": "b"}, "a": {"TemplateName": "a"}})
    assert run("acl", "templated-policy", "list").out == "a\nb\n\n"
    assert list(json.loads(run("acl", "templated-policy", "list", "-format=json").out)) == ["a", "b"]
    assert run("acl", "templated-policy", "list", "-format=x").err == 'unknown format: "x"\n'


def test_a_preview_is_of_one_templated_policy(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """The variables go in the body."""
    agent.on("POST", "/v1/acl/templated-policy/preview/builtin/node", ONE_POLICY)
    out = run("acl", "templated-policy", "preview", "-name=builtin/node", "-var=name:n").out
    assert (out[-len(RULES) - 1 :], _sent(agent)) == (f"{RULES}\n", {"Name": "n"})
    (tmp_path / "t.hcl").write_text('TemplatedPolicy "builtin/dns" {}')
    words = ["-name=builtin/node", f"-file={tmp_path}/t.hcl"]
    refusal = "Can only preview a single templated policy at a time.\n"
    assert run("acl", "templated-policy", "preview", *words).err == refusal
