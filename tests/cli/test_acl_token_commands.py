"""``consul acl token``, ``acl bootstrap`` and ``acl set-agent-token``: layouts, bodies, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run

ACCESSOR = "aaaaaaaa-1111-2222-3333-444444444444"
OTHER = "aaaaaaab-1111-2222-3333-444444444444"
POLICY = "dddddddd-1111-2222-3333-444444444444"
ROLE = "eeeeeeee-1111-2222-3333-444444444444"
PATH = f"/v1/acl/token/{ACCESSOR}"
TOKEN: dict[str, Any] = {
    "AccessorID": ACCESSOR,
    "SecretID": "s",
    "Description": "d <x>",
    "Policies": [{"ID": POLICY, "Name": "p"}],
    "Roles": [{"ID": ROLE, "Name": "r"}],
    "ServiceIdentities": [{"ServiceName": "web", "Datacenters": ["dc1", "dc2"]}, {"ServiceName": "db"}],
    "NodeIdentities": [{"NodeName": "n", "Datacenter": "dc1"}],
    "TemplatedPolicies": [
        {"TemplateID": "x", "TemplateName": "builtin/node", "TemplateVariables": {"name": "n"}},
        {"TemplateName": "builtin/dns", "Datacenters": ["dc1"]},
    ],
    "Local": True,
    "AuthMethod": "m",
    "ExpirationTime": "2026-01-02T04:04:05.5Z",
    "CreateTime": "2026-01-02T03:04:05.12Z",
    "Hash": "q80=",
    "CreateIndex": 3,
    "ModifyIndex": 4,
}
PRETTY = f"""\
AccessorID:       {ACCESSOR}
SecretID:         s
Description:      d <x>
Local:            true
Auth Method:      m (Namespace: )
Create Time:      2026-01-02 03:04:05.12 +0000 UTC
Expiration Time:  2026-01-02 04:04:05.5 +0000 UTC
Hash:             abcd
Create Index:     3
Modify Index:     4
Policies:
   {POLICY} - p
Roles:
   {ROLE} - r
Service Identities:
   web (Datacenters: dc1, dc2)
   db (Datacenters: all)
Node Identities:
   n (Datacenter: dc1)
Templated Policies:
   builtin/node
      Name: n
      Datacenters: all
   builtin/dns
      Datacenters: dc1

"""
BARE = {"AccessorID": ACCESSOR, "SecretID": "s", "CreateTime": "2026-01-02T03:04:05Z"}


def _sent(agent: FakeAgent) -> Any:
    return json.loads(agent.asked[-1].body)


@pytest.fixture
def known(agent: FakeAgent) -> FakeAgent:
    """An agent with one token, one policy and one role."""
    agent.on("GET", "/v1/acl/tokens", [TOKEN])
    agent.on("GET", "/v1/acl/policies", [{"ID": POLICY, "Name": "p"}])
    agent.on("GET", "/v1/acl/roles", [{"ID": ROLE, "Name": "r"}])
    agent.on("GET", PATH, TOKEN)
    agent.on("PUT", PATH, BARE)
    agent.on("PUT", "/v1/acl/token", BARE)
    return agent


def test_a_token_is_shown_with_all_that_it_is_given(known: FakeAgent, run: Run) -> None:
    """Labels are padded to one column; what is given stands under headings, indented by three."""
    assert run("acl", "token", "read", "-meta", "-accessor-id", ACCESSOR).out == PRETTY


def test_json_has_the_order_of_consuls_client(known: FakeAgent, run: Run) -> None:
    """Indexes come first, the server's spelling and its template IDs are gone, empty fields are left out."""
    text = run("acl", "token", "read", "-format=json", "-accessor-id", ACCESSOR).out
    assert list(json.loads(text))[:4] == ["CreateIndex", "ModifyIndex", "AccessorID", "SecretID"]
    first = {"TemplateName": "builtin/node", "TemplateVariables": {"Name": "n"}}
    assert json.loads(text)["TemplatedPolicies"][0] == first
    assert '"Description": "d \\u003cx\\u003e"' in text
    known.on("GET", PATH, {**BARE, "Policies": [], "Roles": None})
    assert list(json.loads(run("acl", "token", "read", "-format=json", "-accessor-id", ACCESSOR).out)) == [
        "CreateIndex",
        "ModifyIndex",
        "AccessorID",
        "SecretID",
        "Description",
        "Local",
        "CreateTime",
    ]


def test_an_unknown_format_is_noticed_after_the_work(known: FakeAgent, run: Run) -> None:
    """The token is made, and then cannot be shown."""
    result = run("acl", "token", "create", "-policy-name=p", "-format=xml")
    assert (result.code, result.out, result.err) == (1, "", "Unknown format: xml\n")
    assert known.asked[-1].path == "/v1/acl/token"


def test_tokens_of_the_list_are_apart_by_an_empty_line(known: FakeAgent, run: Run) -> None:
    """There is none before the first token."""
    known.on("GET", "/v1/acl/tokens", [BARE, BARE])
    head = f"AccessorID:       {ACCESSOR}\nSecretID:         s\nDescription:      \nLocal:            false\n"
    one = head + "Create Time:      2026-01-02 03:04:05 +0000 UTC\n"
    assert run("acl", "token", "list").out == f"{one}\n{one}\n"
    assert '"Hash": null' in run("acl", "token", "list", "-format=json").out


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("aaaaaaa", "Partial token ID is not unique"),
        ("zz", "No such token ID with prefix: zz"),
    ],
)
def test_the_beginning_of_an_accessor_id_must_name_one_token(
    agent: FakeAgent, run: Run, typed: str, error: str
) -> None:
    """None and several are told apart."""
    agent.on("GET", "/v1/acl/tokens", [{"AccessorID": ACCESSOR}, {"AccessorID": OTHER}])
    assert run("acl", "token", "read", "-accessor-id", typed).err == f"Error determining token ID: {error}\n"


def test_whole_ids_and_the_anonymous_token_need_no_list(known: FakeAgent, run: Run) -> None:
    """A text of 36 characters is sent as it is."""
    run("acl", "token", "read", "-accessor-id", ACCESSOR)
    assert [one.path for one in known.asked] == [PATH]
    anonymous = "00000000-0000-0000-0000-000000000002"
    known.on("DELETE", f"/v1/acl/token/{anonymous}", b"true")
    done = run("acl", "token", "delete", "-accessor-id=anonymous")
    assert done.out == f'Token "{anonymous}" deleted successfully\n'


WARNINGS = {
    "read": (
        "Must specify the -accessor-id parameter",
        "Use the -accessor-id parameter to specify token by Accessor ID",
    ),
    "delete": (
        "Must specify the -accessor-id parameter",
        "Use the -accessor-id parameter to specify token by Accessor ID.",
    ),
    "update": (
        "Cannot update a token without specifying the -accessor-id parameter",
        "Use the -accessor-id parameter to specify token by Accessor ID",
    ),
    "clone": (
        "Cannot update a token without specifying the -accessor-id parameter",
        "The -id parameter is deprecated. Use the -accessor-id parameter instead.",
    ),
}


@pytest.mark.parametrize("command", WARNINGS)
def test_the_older_flag_works_with_a_warning(known: FakeAgent, run: Run, command: str) -> None:
    """Each command has its own words for it, and for no token at all."""
    missing, warning = WARNINGS[command]
    known.on("DELETE", PATH, b"true")
    known.on("PUT", f"{PATH}/clone", BARE)
    assert run("acl", "token", command).err == f"{missing}\n"
    result = run("acl", "token", command, "-id", ACCESSOR[:8])
    assert (result.code, result.err) == (0, f"{warning}\n")


def test_ones_own_token_is_read_without_its_id(agent: FakeAgent, run: Run) -> None:
    """It cannot be expanded that way."""
    agent.on("GET", "/v1/acl/token/self", BARE)
    assert run("acl", "token", "read", "-self").out.startswith(f"AccessorID:       {ACCESSOR}\n")
    refusal = "Cannot use both -expanded and -self. Instead, use -expanded and -accessor-id=<accessor id>.\n"
    assert run("acl", "token", "read", "-self", "-expanded").err == refusal


def test_an_expanded_token_shows_every_rule_that_counts(known: FakeAgent, run: Run) -> None:
    """Policies with their text, identities with the rules they stand for, roles with theirs, then the defaults."""
    expanded = {
        **BARE,
        "Policies": [{"ID": POLICY, "Name": "p"}],
        "Roles": [{"ID": ROLE, "Name": "r"}],
        "NodeIdentities": [{"NodeName": "n", "Datacenter": "dc1"}],
        "ExpandedPolicies": [{"ID": POLICY, "Name": "p", "Description": "pd", "Rules": "a\nb"}],
        "ExpandedRoles": [{"ID": ROLE, "Name": "r", "Description": "rd", "Policies": [{"ID": POLICY}]}],
        "AgentACLDefaultPolicy": "deny",
        "AgentACLDownPolicy": "extend-cache",
        "ResolvedByAgent": "srv",
    }
    known.on("GET", PATH, expanded)
    out = run("acl", "token", "read", "-expanded", "-accessor-id", ACCESSOR).out
    policy = f"Policy Name: p\n@\tID: {POLICY}\n@\tDescription: pd\n@\tRules:\n@\t\ta\n@\t\tb\n\n"
    assert "Policies:\n\t" + policy.replace("@", "\t") in out
    role = f"Roles:\n\tRole Name: r\n\t\tID: {ROLE}\n\t\tDescription: rd\n\t\tPolicies:\n\t\t\t"
    assert role + policy.replace("@", "\t\t\t") + "=== End of Authorizer Layer 0: Token ===\n" in out
    assert "Node Identities:\n\tName: n (Datacenter: dc1)\n\t\tDescription: synthetic policy" in out
    assert '\n\t\tRules:\n\t\t\tnode "n" {\n\t\t\t\tpolicy = "write"\n\t\t\t}\n' in out
    assert 'Resolved By Agent: "srv"\n\nDefault Policy: deny\n\tDescription: Backstop rule' in out
    shown = json.loads(run("acl", "token", "read", "-expanded", "-format=json", "-accessor-id", ACCESSOR).out)
    assert list(shown)[:3] == ["ExpandedPolicies", "ExpandedRoles", "NamespaceDefaultPolicyIDs"]
    assert known.asked[-1].params == {"expanded": ["true"]}


def test_an_expanded_token_shows_what_its_identities_stand_for(known: FakeAgent, run: Run) -> None:
    """Services and templates with the rules that they make; a template of another Consul has none here."""
    identities = {
        "ServiceIdentities": [{"ServiceName": "web"}],
        "TemplatedPolicies": [
            {"TemplateName": "builtin/service", "TemplateVariables": {"Name": "api"}, "Datacenters": ["dc1"]},
            {"TemplateName": "builtin/strange"},
        ],
    }
    known.on("GET", PATH, {**BARE, **identities, "ResolvedByAgent": "srv"})
    out = run("acl", "token", "read", "-expanded", "-accessor-id", ACCESSOR).out
    assert "Service Identities:\n\tName: web (Datacenters: all)\n\t\tDescription: synthetic policy" in out
    assert '\n\t\tRules:\n\t\t\tservice "web" {\n' in out
    assert "Templated Policies:\n\tbuiltin/service\n\t\tName: api\n\t\tDatacenters: dc1\n" in out
    assert 'service "api" {' in out
    assert "\tbuiltin/strange\n\t\tDatacenters: all\n\n=== End of Authorizer Layer 0: Token ===\n" in out


def test_a_token_is_created_from_its_flags(known: FakeAgent, run: Run) -> None:
    """Names go as they are, IDs are completed, datacenters and variables are taken apart."""
    words = ["-policy-name=p", f"-policy-id={POLICY[:6]}", f"-role-id={ROLE[:6]}", "-local", "-expires-ttl=1m"]
    words += ["-service-identity=web:dc1,dc2", "-service-identity=db", "-node-identity=n:dc1"]
    run("acl", "token", "create", *words, "-templated-policy=builtin/node", "-var=NAME:n", "-var=other:x")
    assert _sent(known) == {
        "Description": "",
        "Local": True,
        "AccessorID": "",
        "SecretID": "",
        "ExpirationTTL": 60_000_000_000,
        "ServiceIdentities": [{"ServiceName": "web", "Datacenters": ["dc1", "dc2"]}, {"ServiceName": "db"}],
        "NodeIdentities": [{"NodeName": "n", "Datacenter": "dc1"}],
        "TemplatedPolicies": [{"TemplateName": "builtin/node", "TemplateVariables": {"Name": "n"}}],
        "Policies": [{"Name": "p"}, {"ID": POLICY}],
        "Roles": [{"ID": ROLE}],
    }


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("", "Cannot create a token without specifying -policy-name, -policy-id, -role-name, -role-id, "),
        ("-templated-policy=a -templated-policy-file=b", "Cannot combine the use of templated-policy flag with "),
        ("-service-identity=a:b:c", 'Malformed -service-identity argument: "a:b:c"\n'),
        ("-node-identity=a", 'Malformed -node-identity argument: "a"\n'),
        ("-templated-policy=t -var=a", 'malformed -var argument: "a", expecting VariableName:Value\n'),
        ("-templated-policy-file=/none", "Failed to read file: open /none: no such file or directory\n"),
        ("-policy-id=zz", "Error resolving policy ID : No such policy ID with prefix: zz\n"),
        ("-role-id=zz", "Error resolving role ID : No such role ID with prefix: zz\n"),
    ],
)
def test_a_token_of_bad_flags_is_not_sent(known: FakeAgent, run: Run, words: str, error: str) -> None:
    """The reason is told in Consul's words, which forget the ID that was typed."""
    result = run("acl", "token", "create", *words.split())
    assert (result.code, result.err[: len(error)]) == (1, error)
    assert not [one for one in known.asked if one.method == "PUT"]


def test_templated_policies_come_from_a_file(known: FakeAgent, run: Run, tmp_path: Path) -> None:
    """Blocks in HCL, as many as stand there; a number is a name too."""
    file = tmp_path / "t.hcl"
    file.write_text('TemplatedPolicy "builtin/node" { Name = "a" }\nTemplatedPolicy "builtin/node" { name = 5 }\n')
    run("acl", "token", "create", f"-templated-policy-file={file}")
    found = [(one["TemplateName"], one["TemplateVariables"]["Name"]) for one in _sent(known)["TemplatedPolicies"]]
    assert found == [("builtin/node", "a"), ("builtin/node", "5")]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            '{"TemplatedPolicy": {"t": {"Name": true}}}',
            "root.TemplatedPolicy.t[0].Name: unknown type for string *ast.LiteralType",
        ),
        (
            '{"TemplatedPolicy": {"t": [{}, {"Name": ["x"]}]}}',
            "root.TemplatedPolicy.t[1].Name: unknown type for string *ast.ListType",
        ),
        (
            '{"TemplatedPolicy": {"t": {"Name": 1.5}}}',
            "root.TemplatedPolicy.t[0].Name: unknown type for string *ast.LiteralType",
        ),
        ('{"TemplatedPolicy": {"t": 5}}', "unknown slice type: *ast.LiteralType"),
        ('{"Other": 5}', "root.Other: not an object type for map (*ast.LiteralType)"),
    ],
)
def test_a_file_of_another_shape_is_refused(known: FakeAgent, run: Run, tmp_path: Path, text: str, error: str) -> None:
    """In the words of HashiCorp's decoder."""
    file = tmp_path / "t.json"
    file.write_text(text)
    assert run("acl", "token", "create", f"-templated-policy-file={file}").err == f"At -: {error}\n"


UPDATES: list[tuple[str, str, Any]] = [
    ("", "Policies", [{"ID": POLICY, "Name": "p"}]),
    ("-policy-name=q", "Policies", [{"Name": "q"}]),
    ("-append-policy-name=q", "Policies", [{"ID": POLICY, "Name": "p"}, {"Name": "q"}]),
    (f"-append-role-id={ROLE[:5]}", "Roles", [{"ID": ROLE, "Name": "r"}, {"ID": ROLE}]),
    ("", "ServiceIdentities", []),
    ("-node-identity=m:dc1", "NodeIdentities", [{"NodeName": "m", "Datacenter": "dc1"}]),
    (
        "-append-service-identity=web -append-service-identity=new:dc3",
        "ServiceIdentities",
        [{"ServiceName": "web"}, {"ServiceName": "db"}, {"ServiceName": "new", "Datacenters": ["dc3"]}],
    ),
    (
        "-append-node-identity=n:dc1 -append-node-identity=n:dc2",
        "NodeIdentities",
        [{"NodeName": "n", "Datacenter": "dc1"}, {"NodeName": "n", "Datacenter": "dc2"}],
    ),
    ("-replace-templated-policy=builtin/dns", "TemplatedPolicies", [{"TemplateName": "builtin/dns"}]),
    (
        "-append-templated-policy=builtin/dns",
        "TemplatedPolicies",
        [*TOKEN["TemplatedPolicies"], {"TemplateName": "builtin/dns"}],
    ),
    ("-description=", "Description", "d <x>"),
    ("-description=new", "Description", "new"),
]


@pytest.mark.parametrize(("words", "field", "value"), UPDATES)
def test_an_update_changes_what_its_flags_name(known: FakeAgent, run: Run, words: str, field: str, value: Any) -> None:
    """Links stay unless they are named, identities go unless they are added to."""
    assert run("acl", "token", "update", "-accessor-id", ACCESSOR[:9], *words.split()).code == 0
    assert _sent(known)[field] == value


def test_the_older_merging_adds_what_is_not_there(known: FakeAgent, run: Run) -> None:
    """It warns; a role's ID that is new is sent as a name, as Consul does it."""
    words = ["-merge-policies", "-policy-name=p", "-policy-name=q", f"-policy-id={POLICY}", "-merge-roles"]
    result = run("acl", "token", "update", "-accessor-id", ACCESSOR, *words, f"-role-id={OTHER}", "-role-name=r")
    assert result.err == (
        "merge-policies is deprecated and will be removed in a future Consul version. "
        "Use `append-policy-name` or `append-policy-id` instead.\n"
        "merge-roles is deprecated and will be removed in a future Consul version. "
        "Use `append-role-name` or `append-role-id` instead.\n"
    )
    assert _sent(known)["Policies"] == [{"ID": POLICY, "Name": "p"}, {"Name": "q"}]
    assert _sent(known)["Roles"] == [{"ID": ROLE, "Name": "r"}, {"Name": OTHER}]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("-policy-name=a -append-policy-id=b", "Cannot combine the use of policy-id/policy-name flags with append- "),
        ("-role-id=a -append-role-name=b", "Cannot combine the use of role-id/role-name flags with append- variants. "),
        ("-service-identity=a -append-service-identity=b", "Cannot combine the use of service-identity flag with "),
        ("-node-identity=a:b -append-node-identity=c:d", "Cannot combine the use of node-identity flag with "),
        (
            "-append-templated-policy=a -replace-templated-policy-file=b",
            "Cannot combine the use of -append-templated-policy flags with replace-templated-policy. ",
        ),
    ],
)
def test_setting_and_adding_exclude_each_other(known: FakeAgent, run: Run, words: str, error: str) -> None:
    """The token stays as it is."""
    result = run("acl", "token", "update", "-accessor-id", ACCESSOR, *words.split())
    assert (result.code, result.err[: len(error)]) == (1, error)
    assert not [one for one in known.asked if one.method == "PUT"]


def test_the_agents_refusal_is_passed_on(known: FakeAgent, run: Run) -> None:
    """With what was attempted in front."""
    known.on("PUT", f"{PATH}/clone", (403, b"Permission denied"))
    refusal = "Error cloning token: Unexpected response code: 403 (Permission denied)\n"
    assert run("acl", "token", "clone", "-accessor-id", ACCESSOR).err == refusal


def test_bootstrap_takes_its_secret_from_a_file_or_standard_input(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """White space around it is dropped; without a secret no body is sent."""
    agent.on("PUT", "/v1/acl/bootstrap", BARE)
    assert run("acl", "bootstrap").out.startswith("AccessorID:")
    assert agent.asked[-1].body == b""
    run("acl", "bootstrap", "-", stdin=b" abc\n")
    assert _sent(agent) == {"BootstrapSecret": "abc"}
    (tmp_path / "s").write_text("def\n")
    run("acl", "bootstrap", str(tmp_path / "s"))
    assert _sent(agent) == {"BootstrapSecret": "def"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["a", "b"], "This command takes up to one argument"),
        ([""], "Error reading provided token: Failed to load data: must specify a file path or '-' for stdin"),
        (["/none"], "Error reading provided token: Failed to read file: open /none: no such file or directory"),
        (["/"], "Error reading provided token: Failed to read file: read /: is a directory"),
    ],
)
def test_bootstrap_refuses_other_arguments(run: Run, words: list[str], error: str) -> None:
    """Nothing is asked of the agent."""
    assert run("acl", "bootstrap", *words).err == f"{error}\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "Error! Missing TYPE and TOKEN arguments"),
        (["agent"], "Error! Missing TOKEN argument"),
        (["dns"], "Error! MISSING TYPE argument"),
        (["a", "b", "c"], "Error! Too many arguments: expected 2 got 3"),
        (["agent", "@/none"], "Error! Failed to read file: open /none: no such file or directory"),
        (["foo", "t"], "Unknown token type"),
    ],
)
def test_the_agents_tokens_have_names(agent: FakeAgent, run: Run, words: list[str], error: str) -> None:
    """Each wrong command line has its own sentence."""
    assert run("acl", "set-agent-token", *words).err == f"{error}\n"


def test_an_older_agent_knows_its_tokens_by_older_names(agent: FakeAgent, run: Run) -> None:
    """The next name is tried where one is refused; the last refusal counts."""
    agent.on("PUT", "/v1/agent/token/agent_master", b"")
    assert run("acl", "set-agent-token", "recovery", "t").out == 'ACL token "recovery" set successfully\n'
    names = [one.path.rpartition("/")[2] for one in agent.asked]
    assert (names, _sent(agent)) == (["agent_recovery", "agent_master"], {"Token": "t"})
    agent.on("PUT", "/v1/agent/token/acl_token", (403, b"no"))
    refusal = 'Failed to set ACL token "default": Unexpected response code: 403 (no)\n'
    assert run("acl", "set-agent-token", "default", "-", stdin=b"t").err == refusal


def test_a_given_token_wins_over_the_environments_file(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """The order is Consul's: file, text, file of the environment, text of the environment; empty flags do not count."""
    agent.on("GET", "/v1/acl/token/self", BARE)
    own, theirs = tmp_path / "own", tmp_path / "theirs"
    own.write_text("of-own-file\n")
    theirs.write_text("of-their-file")
    environ = {"CONSUL_HTTP_TOKEN": "theirs", "CONSUL_HTTP_TOKEN_FILE": str(theirs)}

    def token_of(*words: str) -> str:
        run("acl", "token", "read", "-self", *words, **environ)
        return agent.asked[-1].headers["X-Consul-Token"]

    assert token_of() == "of-their-file"
    assert token_of("-token=", "-token-file=") == "of-their-file"
    assert token_of("-token=given") == "given"
    assert token_of("-token=given", f"-token-file={own}") == "of-own-file"
    own.write_text("")
    assert token_of(f"-token-file={own}") == "theirs"
