"""``consul kv``: values, prefixes, check-and-set, locks, export and import."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pyconsul.cli.console import Console
from pyconsul.cli.main import main
from tests.cli.conftest import Asked, FakeAgent, Run


def entry(key: str, value: bytes | None = b"1", **more: Any) -> dict[str, Any]:
    """A key as the agent's API has it."""
    encoded = None if value is None else base64.b64encode(value).decode()
    return {"LockIndex": 0, "Key": key, "Flags": 0, "Value": encoded, "CreateIndex": 5, "ModifyIndex": 6, **more}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["get"], "Error! Missing KEY argument"),
        (["get", "a", "b"], "Too many arguments (expected 1, got 2)"),
        (["put"], "Error! Missing KEY argument"),
        (["put", "a", "b", "c"], "Error! Too many arguments (expected 1 or 2, got 3)"),
        (["put", "-acquire", "a", "b"], "Error! Missing -session (required with -acquire and -release)"),
        (["put", "a", "@none"], "Error! Failed to read file: open none: no such file or directory"),
        (["delete"], "Error! Missing KEY argument"),
        (
            ["delete", "-cas", "a"],
            "Cannot delete a key that does not exist. Provide a -modify-index greater than than 0.",
        ),
        (["delete", "-modify-index=1", "a"], "Cannot specify -modify-index without -cas!"),
        (["delete", "-recurse", "-cas", "-modify-index=1", "a"], "Cannot specify both -cas and -recurse!"),
        (["import"], "Error! Missing DATA argument"),
        (["import", ""], "Error! Empty DATA argument"),
        (["import", "a", "b"], "Error! Too many arguments (expected 1, got 2)"),
    ],
)
def test_misuse_is_refused_before_anything_is_asked(words: list[str], sentence: str, run: Run) -> None:
    """A command line that cannot be right is refused with Consul's sentence and code 1."""
    result = run("kv", *words)
    assert (result.code, result.out, result.err) == (1, "", sentence + "\n")


def test_a_value_is_printed_byte_for_byte(agent: FakeAgent, run: Run) -> None:
    """Bytes that are no text come out unchanged, followed by a line end."""
    agent.on("GET", "/v1/kv/bin", [entry("bin", b"\xff\x00\n")])
    assert run("kv", "get", "/bin").raw == b"\xff\x00\n\n"
    assert run("kv", "get", "-base64", "bin").out == "/wAK\n"


def test_a_missing_key_is_an_error(agent: FakeAgent, run: Run) -> None:
    """No value means code 1 and a sentence."""
    result = run("kv", "get", "none")
    assert (result.code, result.err) == (1, "Error! No key exists at: none\n")


def test_details_are_aligned(agent: FakeAgent, run: Run) -> None:
    """All fields stand under each other, a key without a session has a dash."""
    agent.on("GET", "/v1/kv/a", [entry("a", b"x", Session="s1", LockIndex=2)])
    lines = run("kv", "get", "-detailed", "a").out.splitlines()
    assert lines[0] == "CreateIndex      5"
    assert lines[3:] == ["LockIndex        2", "ModifyIndex      6", "Session          s1", "Value            x"]


def test_recursion_prints_keys_and_values(agent: FakeAgent, run: Run) -> None:
    """Key and value stand on a line, with a colon between them."""
    agent.on("GET", "/v1/kv/r/", [entry("r/a", b"1"), entry("r/b", None)])
    assert run("kv", "get", "-recurse", "r/").out == "r/a:1\nr/b:\n"
    assert run("kv", "get", "-recurse", "-keys", "r/").out == "r/a\nr/b\n"
    assert "recurse" in agent.asked[0].params


def test_keys_are_cut_at_the_separator(agent: FakeAgent, run: Run) -> None:
    """The separator goes to the agent, an empty one is not sent."""
    agent.on("GET", "/v1/kv/", ["a/", "b"])
    assert run("kv", "get", "-keys").out == "a/\nb\n"
    assert agent.asked[0].params == {"keys": [""], "separator": ["/"]}
    run("kv", "get", "-keys", "-separator=")
    assert agent.asked[1].params == {"keys": [""]}


def test_stale_and_datacenter_become_parameters(agent: FakeAgent, run: Run) -> None:
    """The common flags reach the request, and so do those from the environment."""
    agent.on("GET", "/v1/kv/a", [entry("a")])
    run("kv", "get", "-stale", "-datacenter=dc2", "-token=t", "a")
    assert agent.asked[0].params == {"stale": [""], "dc": ["dc2"]}
    assert agent.asked[0].headers["X-Consul-Token"] == "t"
    run("kv", "get", "a", CONSUL_NAMESPACE="ns1", CONSUL_HTTP_TOKEN="e")
    assert agent.asked[1].params == {"ns": ["ns1"]}
    assert agent.asked[1].headers["X-Consul-Token"] == "e"


def test_data_comes_from_argument_file_or_standard_input(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """``@file`` and ``-`` name sources; everything else is the value itself."""
    agent.on("PUT", "/v1/kv/a", b"true")
    (tmp_path / "f").write_bytes(b"\x00file")
    assert run("kv", "put", "a", "text").out == "Success! Data written to: a\n"
    run("kv", "put", "a", f"@{tmp_path}/f")
    run("kv", "put", "a", "-", stdin=b"piped")
    run("kv", "put", "-base64", "-flags=7", "a", "aGk=")
    assert [asked.body for asked in agent.asked] == [b"text", b"\x00file", b"piped", b"hi"]
    assert agent.asked[3].params == {"flags": ["7"]}


def test_bad_base64_is_complained_about_and_written(agent: FakeAgent, run: Run) -> None:
    """Consul writes what it could decode, and says what was wrong."""
    agent.on("PUT", "/v1/kv/a", b"true")
    result = run("kv", "put", "-base64", "a", "aGk=%")
    assert result.code == 0
    assert result.err == "Error! Cannot base 64 decode data: illegal base64 data at input byte 4\n"
    assert agent.asked[0].body == b"hi"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["-cas"], "Error! Did not write to a: CAS performed with index=0 and key already exists."),
        (["-cas", "-modify-index=4"], "Error! Did not write to a: CAS failed"),
        (["-acquire", "-session=s"], "Error! Did not acquire lock"),
        (["-release", "-session=s"], "Error! Did not release lock"),
    ],
)
def test_a_write_that_does_not_fit_fails(flags: list[str], sentence: str, agent: FakeAgent, run: Run) -> None:
    """The agent's ``false`` becomes a sentence and code 1."""
    agent.on("PUT", "/v1/kv/a", b"false")
    result = run("kv", "put", *flags, "a", "x")
    assert (result.code, result.out, result.err) == (1, "", sentence + "\n")


def test_agent_errors_are_shown_with_their_status(agent: FakeAgent, run: Run) -> None:
    """What the agent says stands behind what was tried."""
    agent.on("PUT", "/v1/kv/a", (500, b"no leader"))
    result = run("kv", "put", "a", "x")
    assert result.err == "Error! Failed writing data: Unexpected response code: 500 (no leader)\n"


def test_a_release_that_fails_names_the_key_alone(agent: FakeAgent, run: Run) -> None:
    """Consul forgets the reason there."""
    agent.on("PUT", "/v1/kv/a", (500, b"no leader"))
    result = run("kv", "put", "-release", "-session=s", "a", "x")
    assert (result.code, result.err) == (1, "Error! Failed writing data: a\n")


def test_export_and_import_are_inverse(agent: FakeAgent, run: Run) -> None:
    """What export prints, import writes, with flags and with another prefix."""
    agent.on("GET", "/v1/kv/", [entry("e/a", b"\x00"), entry("e/d/", None, Flags=9)])
    exported = run("kv", "export").out
    assert exported.startswith('[\n\t{\n\t\t"key": "e/a",\n\t\t"flags": 0,\n\t\t"value": "AA=="\n\t},\n')
    agent.on("PUT", "/v1/kv/x/e/a", b"true")
    agent.on("PUT", "/v1/kv/x/e/d/", b"true")
    result = run("kv", "import", "-prefix=x", "-", stdin=exported.encode())
    assert result.out == "Imported: x/e/a\nImported: x/e/d/\n"
    assert [asked.body for asked in agent.asked[1:]] == [b"\x00", b""]


UNFIT = "Cannot unmarshal data: json: cannot unmarshal"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("notjson", "Cannot unmarshal data: invalid character 'o' in literal null (expecting 'u')"),
        ("{}", f"{UNFIT} object into Go value of type []*impexp.Entry"),
        ("[7]", f"{UNFIT} number into Go value of type impexp.Entry"),
        ('[{"key":7}]', f"{UNFIT} number into Go struct field Entry.key of type string"),
        ('[{"flags":"1"}]', f"{UNFIT} string into Go struct field Entry.flags of type uint64"),
        ('[{"flags":-1}]', f"{UNFIT} number -1 into Go struct field Entry.flags of type uint64"),
        ('[{"flags":1e999}]', f"{UNFIT} number 1e999 into Go struct field Entry.flags of type uint64"),
        ('[{"key":"q","value":"%%"}]', "Error base 64 decoding value for key q: illegal base64 data at input byte 0"),
    ],
)
def test_what_is_no_export_is_refused(data: str, sentence: str, agent: FakeAgent, run: Run) -> None:
    """Malformed JSON and malformed values are named."""
    result = run("kv", "import", data)
    assert (result.code, result.err) == (1, sentence + "\n")


@pytest.mark.parametrize("data", ["null", "[]", "[null]"])
def test_an_export_of_nothing_imports_nothing(data: str, agent: FakeAgent, run: Run) -> None:
    """What ``kv export`` prints of an empty tree."""
    result = run("kv", "import", data)
    assert (result.code, result.out, result.err, agent.asked) == (0, "", "", [])


@pytest.mark.parametrize(
    ("prefix", "key", "path"), [("a/../c//", "/b/", "c/b/"), ("./", "b", "b"), ("", "b/./c", "b/c")]
)
def test_an_imported_key_is_a_clean_path(prefix: str, key: str, path: str, agent: FakeAgent, run: Run) -> None:
    """As Go joins them; a folder keeps its slash, and names of fields have any letter case."""
    agent.on("PUT", f"/v1/kv/{path}", b"true")
    result = run("kv", "import", f"-prefix={prefix}", json.dumps([{"KEY": key, "other": 1}]))
    assert (result.out, result.err) == (f"Imported: {path}\n", "")


def test_each_imported_key_is_told_before_the_next_is_sent(agent: FakeAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever breaks an import off knows how far it came."""
    told, seen = io.BytesIO(), list[bytes]()

    def answer(asked: Asked) -> tuple[int, bytes]:
        seen.append(told.getvalue())
        return 200, b"true"

    monkeypatch.setattr(agent, "reply", answer)
    console = Console(io.BufferedWriter(told), io.BytesIO(), io.BytesIO(), {"CONSUL_HTTP_ADDR": agent.address})
    assert main(["kv", "import", '[{"key":"a"},{"key":"b"}]'], console) == 0
    assert seen == [b"", b"Imported: a\n"]


def test_an_imported_key_must_not_begin_with_a_slash(agent: FakeAgent, run: Run) -> None:
    """However many stand there."""
    told = run("kv", "import", "-prefix=//a", '[{"key":"b"}]').err
    assert told == "Error! Failed writing data for key /a/b: Invalid key. Key must not begin with a '/': /a/b\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-acquire", "-session=s"], "Success! Lock acquired on: k"),
        (["-release", "-session=s"], "Success! Lock released on: k"),
        (["-cas", "-modify-index=3"], "Success! Data written to: k"),
    ],
)
def test_a_write_says_what_it_did(words: list[str], sentence: str, agent: FakeAgent, run: Run) -> None:
    """Locks have their own sentences."""
    agent.on("PUT", "/v1/kv/k", b"true")
    assert run("kv", "put", *words, "k", "v").out == sentence + "\n"


def test_details_of_several_keys_are_apart(agent: FakeAgent, run: Run) -> None:
    """By an empty line."""
    agent.on("GET", "/v1/kv/d", [entry("d/a"), entry("d/b", Session="s1")])
    first, second = run("kv", "get", "-recurse", "-detailed", "d").out.split("\n\n")
    assert first.splitlines()[2] == "Key              d/a"
    assert "Session          s1" in second


def test_no_agent_is_said_in_gos_words(run: Run) -> None:
    """A refused connection names method, URL and reason."""
    result = run("kv", "get", "a", CONSUL_HTTP_ADDR="127.0.0.1:1")
    assert result.err == (
        'Error querying Consul agent: Get "http://127.0.0.1:1/v1/kv/a": '
        "dial tcp 127.0.0.1:1: connect: connection refused\n"
    )


@pytest.mark.parametrize(
    ("environ", "flags", "sentence"),
    [
        ({"CONSUL_HTTP_ADDR": "ftp://x"}, [], "Error connecting to Consul agent: Unknown protocol scheme: ftp"),
        (
            {},
            ["-token-file=none"],
            "Error connecting to Consul agent: Error loading token file none : open none: no such file or directory",
        ),
        (
            {},
            ["-ca-file=none"],
            "Error connecting to Consul agent: Error loading CA File: open none: no such file or directory",
        ),
        ({}, ["-client-cert=c"], "Error connecting to Consul agent: both client cert and client key must be provided"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    environ: dict[str, str], flags: list[str], sentence: str, run: Run
) -> None:
    """Wrong addresses and missing files are named before anything is sent."""
    result = run("kv", "get", *flags, "a", **environ)
    assert (result.code, result.err) == (1, sentence + "\n")


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["-ca-file={file}"], "Error loading CA File: Couldn't parse PEM in: {file}"),
        (["-ca-path={folder}"], "Error loading CA Path: Couldn't parse PEM in: {file}"),
        (["-ca-path={folder}/none"], "lstat {folder}/none: no such file or directory"),
        (["-ca-path={folder}/gone"], "Error loading file from CAPath: open {folder}/gone: no such file or directory"),
        (["-ca-file={file}", "-ca-path={folder}/none"], "Error loading CA File: Couldn't parse PEM in: {file}"),
        (["-tls-server-name=a:b:1", "-ca-file=none"], "address a:b:1: too many colons in address"),
        (["-client-cert={file}", "-client-key={file}"], "tls: failed to find any PEM data in certificate input"),
    ],
)
def test_files_without_pem_are_refused(run: Run, tmp_path: Path, flags: list[str], reason: str) -> None:
    """Even where the agent is asked without TLS."""
    file = tmp_path / "deep" / "file"
    file.parent.mkdir()
    file.write_text("no PEM")
    (tmp_path / "gone").symlink_to("nowhere")
    names = {"file": str(file), "folder": str(tmp_path)}
    result = run("kv", "get", *(flag.format(**names) for flag in flags), "a")
    assert result.err == f"Error connecting to Consul agent: {reason.format(**names)}\n"


def test_a_pair_that_is_none_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were switched, and a key of somebody else, are told apart."""
    monkeypatch.chdir(tmp_path)
    run("tls", "ca", "create")
    run("tls", "ca", "create", "-domain=other")
    for certificate, key, reason in (
        ("consul-agent-ca-key", "consul-agent-ca", "PEM inputs may have been switched"),
        ("consul-agent-ca", "other-agent-ca-key", "tls: private key does not match public key"),
    ):
        told = run("kv", "get", f"-client-cert={certificate}.pem", f"-client-key={key}.pem", "a").err
        assert told.startswith("Error connecting to Consul agent: tls: ")
        assert told.endswith(f"{reason}\n")


def test_a_switch_that_is_none_is_warned_about_twice(agent: FakeAgent, run: Run) -> None:
    """As Consul reads its environment twice, it warns twice, and goes on."""
    agent.on("GET", "/v1/kv/a", [entry("a")])
    result = run("kv", "get", "a", CONSUL_HTTP_SSL="maybe")
    assert (result.code, result.out) == (0, "1\n")
    warning = (
        'consul-api: could not parse CONSUL_HTTP_SSL: error="strconv.ParseBool: parsing \\"maybe\\": invalid syntax"'
    )
    assert [line.partition("[WARN]  ")[2] for line in result.err.splitlines()] == [warning] * 2


def test_a_warning_has_its_time_with_gos_offset(live: Run) -> None:
    """Hours and minutes without a colon, as in the agent's log."""
    warning = live("kv", "get", "a", TZ="CET-1", CONSUL_HTTP_SSL="maybe").err
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0100 \[WARN\]  consul-api: ", warning)


def test_a_tree_goes_through_a_live_agent(live: Run) -> None:
    """Put, list, check-and-set, export and delete work against our own agent."""
    assert live("kv", "put", "t/a", "1").out == "Success! Data written to: t/a\n"
    assert live("kv", "put", "-flags=3", "t/b/c", "-", stdin=b"two").code == 0
    assert live("kv", "get", "-keys", "t/").out == "t/a\nt/b/\n"
    assert live("kv", "put", "-cas", "t/a", "x").code == 1
    rows = json.loads(live("kv", "export", "t/").out)
    assert [(row["key"], row["flags"]) for row in rows] == [("t/a", 0), ("t/b/c", 3)]
    assert live("kv", "delete", "-recurse", "t/").out == "Success! Deleted keys with prefix: t/\n"
    assert live("kv", "get", "-recurse", "t/").out == ""
