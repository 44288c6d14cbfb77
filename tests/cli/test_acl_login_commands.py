"""``consul acl auth-method``, ``acl binding-rule``, ``login`` and ``logout``: layouts, bodies, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run

RULE = "dddddddd-1111-2222-3333-444444444444"
METHOD = {
    "Name": "m",
    "Type": "jwt",
    "DisplayName": "M",
    "Description": "d",
    "MaxTokenTTL": "5m0s",
    "TokenLocality": "global",
    "Config": {"b": 1, "a": ["<"]},
    "CreateIndex": 3,
    "ModifyIndex": 4,
}
ONE_RULE = {
    "ID": RULE,
    "Description": "d",
    "AuthMethod": "m",
    "Selector": "a == b",
    "BindType": "templated-policy",
    "BindName": "builtin/node",
    "BindVars": {"name": "n"},
    "CreateIndex": 3,
    "ModifyIndex": 4,
}
KUBERNETES = {"Host": "h", "CACert": "c", "ServiceAccountJWT": "j"}
ALL_SETTINGS = ["-kubernetes-host=h", "-kubernetes-ca-cert=c", "-kubernetes-service-account-jwt=j"]


def _sent(agent: FakeAgent) -> Any:
    return json.loads(agent.asked[-1].body)


@pytest.fixture
def known(agent: FakeAgent) -> FakeAgent:
    """An agent with one auth method and one binding rule."""
    agent.on("GET", "/v1/acl/auth-methods", [{**METHOD, "Config": None}])
    agent.on("GET", "/v1/acl/auth-method/m", METHOD)
    agent.on("GET", "/v1/acl/auth-method/k", {"Name": "k", "Type": "kubernetes", "Config": KUBERNETES})
    agent.on("GET", "/v1/acl/binding-rules", [ONE_RULE])
    agent.on("GET", f"/v1/acl/binding-rule/{RULE}", ONE_RULE)
    for path in ("auth-method", "auth-method/m", "auth-method/k"):
        agent.on("PUT", f"/v1/acl/{path}", METHOD)
    for path in ("binding-rule", f"binding-rule/{RULE}"):
        agent.on("PUT", f"/v1/acl/{path}", ONE_RULE)
    for path in ("auth-method/m", f"binding-rule/{RULE}"):
        agent.on("DELETE", f"/v1/acl/{path}", b"true")
    return agent


def test_an_auth_method_ends_with_its_configuration(known: FakeAgent, run: Run) -> None:
    """Its JSON is indented by two, its keys are in order."""
    assert run("acl", "auth-method", "read", "-name=m", "-meta").out == (
        "Name:          m\nType:          jwt\nDisplayName:   M\nDescription:   d\nMaxTokenTTL:   5m0s\n"
        "TokenLocality: global\nCreate Index:  3\nModify Index:  4\nConfig:\n"
        '{\n  "a": [\n    "\\u003c"\n  ],\n  "b": 1\n}\n'
    )
    known.on("GET", "/v1/acl/auth-method/m", {"Name": "m", "Type": "jwt"})
    bare = "Name:          m\nType:          jwt\nDescription:   \nConfig:\nnull\n"
    assert run("acl", "auth-method", "read", "-name=m").out == bare


def test_in_json_the_life_time_comes_first(known: FakeAgent, run: Run) -> None:
    """That is where the client's own encoder puts it; keys of the configuration are in order."""
    shown = json.loads(run("acl", "auth-method", "read", "-name=m", "-format=json").out)
    assert list(shown)[:2] == ["MaxTokenTTL", "Name"]
    assert list(shown["Config"]) == ["a", "b"]
    listed = json.loads(run("acl", "auth-method", "list", "-format=json").out)[0]
    assert list(listed)[:2] + list(listed)[-3:] == [
        "MaxTokenTTL",
        "Name",
        "TokenLocality",
        "CreateIndex",
        "ModifyIndex",
    ]


def test_auth_methods_of_the_list(known: FakeAgent, run: Run) -> None:
    """Headed by their names."""
    body = "   Type:         jwt\n   DisplayName:  M\n   Description:  d\n"
    assert run("acl", "auth-method", "list").out == f"m:\n{body}\n"
    meta = "   Create Index: 3\n   Modify Index: 4\n"
    assert run("acl", "auth-method", "list", "-meta").out == f"m:\n{body}{meta}\n"


def test_an_auth_method_is_created_from_json(known: FakeAgent, run: Run, tmp_path: Path) -> None:
    """The configuration comes from the flag, a file or standard input."""
    file = tmp_path / "c.json"
    file.write_text('{"x": 1}')
    for given in ('{"x": 1}', f"@{file}", "-"):
        words = ["-type=jwt", "-name=m", f"-config={given}", "-max-token-ttl=90s", "-token-locality=local"]
        assert run("acl", "auth-method", "create", *words, stdin=b'{"x": 1}').code == 0
        assert _sent(known) == {
            "Type": "jwt",
            "Name": "m",
            "DisplayName": "",
            "Description": "",
            "TokenLocality": "local",
            "MaxTokenTTL": "1m30s",
            "Config": {"x": 1},
        }


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("{bad", "invalid character 'b' looking for beginning of object key string"),
        ("[1]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ('{"a": 1} x', "invalid character 'x' after top-level value"),
        ("{", "unexpected end of JSON input"),
    ],
)
def test_bad_json_is_told_as_go_tells_it(known: FakeAgent, run: Run, config: str, reason: str) -> None:
    """With other words in front where an auth method is changed."""
    created = run("acl", "auth-method", "create", "-type=jwt", "-name=m", f"-config={config}").err
    assert created == f"Error parsing JSON configuration file: {reason}\n"
    changed = run("acl", "auth-method", "update", "-name=m", f"-config={config}").err
    assert changed == f"Error parsing JSON for auth method config: {reason}\n"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("create -type=jwt", "Missing required '-name' flag\nUsage: "),
        ("create -name=m", "Missing required '-type' flag\nUsage: "),
        ("create -type=kubernetes -name=m", "Missing required '-kubernetes-host' flag\n"),
        ("create -type=kubernetes -name=m -kubernetes-host=h", "Missing required '-kubernetes-ca-cert' flag\n"),
        (
            "create -type=jwt -name=m -config={} -kubernetes-host=h",
            "Cannot use command line arguments with '-config' flags\n",
        ),
        ("update -name=m -config={} -kubernetes-host=h", "Cannot use command line arguments with '-config' flag\n"),
        ("update", "Cannot update an auth method without specifying the -name parameter\n"),
        ("update -name=zz", 'Auth method not found with name "zz"\n'),
        ("update -name=k -no-merge", "Missing required '-kubernetes-host' flag\n"),
        (
            "update -name=m -config=@/none",
            "Error loading configuration file: Failed to read file: open /none: no such file or directory\n",
        ),
        (
            "update -name=m -kubernetes-ca-cert=@/none",
            "Invalid '-kubernetes-ca-cert' value: Failed to read file: open /none: no such file or directory\n",
        ),
        ("update -name=m -kubernetes-ca-cert=@/dev/null", "Kubernetes CA Cert is empty\n"),
        ("read", "Must specify the -name parameter\n"),
        ("read -name=zz", 'Auth method not found with name "zz"\n'),
        ("delete", "Must specify the -name parameter\n"),
    ],
)
def test_auth_methods_refuse_what_does_not_fit(known: FakeAgent, run: Run, line: str, error: str) -> None:
    """The code is 1, and nothing is changed."""
    result = run("acl", "auth-method", *line.split())
    assert (result.code, result.out, result.err[: len(error)]) == (1, "", error)
    assert not [one for one in known.asked if one.method == "PUT"]


def test_kubernetes_has_flags_of_its_own(known: FakeAgent, run: Run) -> None:
    """They make up the configuration, and change parts of it."""
    run("acl", "auth-method", "create", "-type=kubernetes", "-name=k", *ALL_SETTINGS)
    assert _sent(known)["Config"] == KUBERNETES
    run("acl", "auth-method", "update", "-name=k", "-kubernetes-host=other")
    assert _sent(known)["Config"] == {**KUBERNETES, "Host": "other"}
    run("acl", "auth-method", "update", "-name=k", "-no-merge", *ALL_SETTINGS)
    assert _sent(known)["Config"] == KUBERNETES
    run("acl", "auth-method", "update", "-name=m", "-kubernetes-host=other")
    assert _sent(known)["Config"] == METHOD["Config"]


def test_an_update_of_an_auth_method_keeps_what_no_flag_names(known: FakeAgent, run: Run) -> None:
    """Without merging the rest becomes empty, but for name and type."""
    run("acl", "auth-method", "update", "-name=m", "-description=e")
    assert _sent(known) == {**METHOD, "Description": "e"}
    run("acl", "auth-method", "update", "-name=m", "-no-merge", "-description=e")
    kept = {"Name": "m", "Type": "jwt", "Description": "e", "DisplayName": "", "TokenLocality": "", "Config": None}
    assert _sent(known) == kept
    deleted = run("acl", "auth-method", "delete", "-name=m").out
    assert deleted == 'Auth method "m" deleted successfully\n'


def test_a_binding_rule_is_shown_with_its_variables(known: FakeAgent, run: Run) -> None:
    """In the list they are indented by one blank more than there."""
    head, tail = "AuthMethod:   m\n", "Create Index: 3\nModify Index: 4\n"
    out = run("acl", "binding-rule", "read", f"-id={RULE[:5]}", "-meta").out
    middle = "Description:  d\nBindType:     templated-policy\nBindName:     builtin/node\n"
    assert out == (
        f"ID:           {RULE}\n{head}{middle}BindVars:     \n     - Name: n\nSelector:     a == b\n{tail}\n"
    )
    listed = run("acl", "binding-rule", "list", "-method=m").out
    assert listed.startswith(f"{RULE}:\n   AuthMethod:   m\n   Description:  d\n")
    assert listed.endswith("   BindVars:     \n      - Name: n\n   Selector:     a == b\n\n")
    assert known.asked[-1].params == {"authmethod": ["m"]}


def test_a_binding_rule_is_created_from_its_flags(known: FakeAgent, run: Run) -> None:
    """It binds a service unless it says otherwise."""
    run("acl", "binding-rule", "create", "-method=m", "-bind-name=web", "-selector=a == b")
    expected = {"AuthMethod": "m", "Description": "", "Selector": "a == b", "BindType": "service", "BindName": "web"}
    assert _sent(known) == {**expected, "BindVars": None}
    words = ["-method=m", "-bind-name=builtin/node", "-bind-type=templated-policy", "-bind-vars=name=n"]
    run("acl", "binding-rule", "create", *words)
    assert _sent(known)["BindVars"] == {"Name": "n"}


def test_an_update_makes_a_rule_bind_a_service_again(known: FakeAgent, run: Run) -> None:
    """The type has a default, which counts; variables go with the type, an empty selector is one."""
    run("acl", "binding-rule", "update", f"-id={RULE}", "-selector=")
    assert _sent(known) == {**ONE_RULE, "BindType": "service", "BindVars": None, "Selector": ""}
    run("acl", "binding-rule", "update", f"-id={RULE}", "-bind-type=templated-policy", "-description=e")
    assert _sent(known) == {**ONE_RULE, "Description": "e"}
    run("acl", "binding-rule", "update", f"-id={RULE}", "-no-merge", "-bind-name=web")
    sent = {"ID": RULE, "AuthMethod": "m", "Description": "", "BindType": "service", "BindName": "web", "Selector": ""}
    assert _sent(known) == {**sent, "BindVars": None}


def test_a_binding_rule_is_deleted_by_the_beginning_of_its_id(known: FakeAgent, run: Run) -> None:
    """The whole ID is told."""
    known.on("DELETE", f"/v1/acl/binding-rule/{RULE}", b"true")
    result = run("acl", "binding-rule", "delete", f"-id={RULE[:4]}")
    assert (result.code, result.out) == (0, f'Binding rule "{RULE}" deleted successfully\n')
    known.on("DELETE", f"/v1/acl/binding-rule/{RULE}", (500, b"no"))
    told = run("acl", "binding-rule", "delete", f"-id={RULE}").err
    assert told == f'Error deleting binding rule "{RULE}": Unexpected response code: 500 (no)\n'


@pytest.mark.parametrize("command", ["login", "logout"])
def test_logins_take_nothing_but_flags(command: str, run: Run) -> None:
    """Neither does the way back."""
    result = run(command, "x")
    assert (result.code, result.err) == (1, "Should have no non-flag arguments.\n")


def test_a_logout_says_nothing(known: FakeAgent, run: Run) -> None:
    """Unless it failed."""
    known.on("POST", "/v1/acl/logout", b"true")
    result = run("logout", "-token=x")
    assert (result.code, result.out, result.err) == (0, "", "")


def test_a_bearer_token_comes_from_a_file_that_can_be_read(run: Run) -> None:
    """Else its reason is told."""
    told = run("login", "-method=m", "-bearer-token-file=none", "-token-sink-file=x").err
    assert told == "open none: no such file or directory\n"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("create", "Missing required '-method' flag\n"),
        ("create -method=m -bind-type=", "Missing required '-bind-type' flag\n"),
        ("create -method=m", "Missing required '-bind-name' flag\n"),
        (
            "create -method=m -bind-name=n -bind-vars=a=b",
            "Cannot specify -bind-vars when -bind-type is not templated-policy\n",
        ),
        ("read", "Must specify the -id parameter.\n"),
        ("read -id=zz", "Error determining binding rule ID: no such rule ID with prefix: zz: ACL not found\n"),
        ("update", "Cannot update a binding rule without specifying the -id parameter\n"),
        (f"update -id={RULE} -no-merge", "Missing required '-bind-name' flag\n"),
        (
            f"update -id={RULE} -no-merge -bind-name=n -bind-vars=a=b",
            "-bind-vars cannot be specified when -bind-type is not templated-policy\n",
        ),
        (f"update -id={RULE[:-1]}0", f'Binding rule not found with ID "{RULE[:-1]}0"\n'),
        (f"read -id={RULE[:-1]}0", f'Binding rule not found with ID "{RULE[:-1]}0"\n'),
        ("delete", "Must specify the -id parameter\n"),
    ],
)
def test_binding_rules_refuse_what_does_not_fit(known: FakeAgent, run: Run, line: str, error: str) -> None:
    """The code is 1, and nothing is changed."""
    result = run("acl", "binding-rule", *line.split())
    assert (result.code, result.out, result.err[: len(error)]) == (1, "", error)
    assert not [one for one in known.asked if one.method == "PUT"]


def test_a_login_does_not_look_at_the_flags_of_a_token(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """A token file that is not there does no harm; the identity is what counts."""
    (tmp_path / "jwt").write_text("a.b.c\n")
    agent.on("POST", "/v1/acl/login", {"SecretID": "s"})
    words = ["-method=m", f"-bearer-token-file={tmp_path}/jwt", f"-token-sink-file={tmp_path}/sink", "-meta=a=b"]
    result = run("login", *words, "-token=x", "-token-file=/none")
    assert (result.code, (tmp_path / "sink").read_text()) == (0, "s")
    assert _sent(agent) == {"AuthMethod": "m", "BearerToken": "a.b.c", "Meta": {"a": "b"}}
    assert "X-Consul-Token" not in agent.asked[-1].headers


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("-aws-region=x", "Missing '-aws-auto-bearer-token' flag"),
        ("-aws-auto-bearer-token -aws-access-key-id=a", "Missing '-aws-secret-access-key' flag"),
        ("-aws-auto-bearer-token -aws-secret-access-key=a", "Missing '-aws-access-key-id' flag"),
        (
            "-aws-auto-bearer-token -aws-session-token=a",
            "Missing '-aws-access-key-id' and '-aws-secret-access-key' flags",
        ),
        (
            "-aws-auto-bearer-token -bearer-token-file=f",
            "Cannot use '-bearer-token-file' flag with '-aws-auto-bearer-token'",
        ),
    ],
)
def test_flags_of_aws_need_each_other(run: Run, words: str, error: str) -> None:
    """Nothing is asked of anybody."""
    assert run("login", "-method=m", "-token-sink-file=s", *words.split()).err == f"{error}\n"
