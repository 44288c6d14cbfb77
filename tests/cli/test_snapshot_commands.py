"""``consul snapshot``: save, restore, inspect, decode."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pyconsul.raft.archive import Meta, write_archive
from pyconsul.raft.records import header, record
from pyconsul.server.state.virtual_ips import FreeVirtualIP, ServiceVirtualIP, ip_of
from pyconsul.structs import gomsgpack
from pyconsul.structs.acl_auth import ACLAuthMethod
from pyconsul.structs.catalog import NodeService, RegisterRequest
from pyconsul.structs.config_entries.requests import ConfigEntryRequest
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.messages import MessageType
from tests.cli.conftest import FakeAgent, Run


def an_archive() -> bytes:
    """A snapshot of two keys and one index."""
    rows = [
        record(MessageType.KVS, DirEntry(Key="a/b/c", Value=b"\xff")),
        record(MessageType.KVS, DirEntry(Key="a/b/d", Value=b"22")),
        record(MessageType.KVS, DirEntry(Key="x", Value=b"3")),
    ]
    out = io.BytesIO()
    write_archive(out, Meta(index=12, term=2, id="2-12-99"), io.BytesIO(header(12) + b"".join(rows)))
    return out.getvalue()


@pytest.fixture
def snap(tmp_path: Path) -> str:
    """The path of a snapshot file."""
    path = tmp_path / "s.snap"
    path.write_bytes(an_archive())
    return str(path)


@pytest.mark.parametrize("command", ["save", "restore", "inspect", "decode"])
def test_exactly_one_file_is_needed(command: str, run: Run) -> None:
    """None and two are refused alike."""
    assert run("snapshot", command).err == "Missing FILE argument\n"
    assert run("snapshot", command, "a", "b").err == "Too many arguments (expected 1, got 2)\n"


@pytest.mark.parametrize("command", ["restore", "inspect", "decode"])
def test_a_file_that_is_not_there_is_named(command: str, agent: FakeAgent, run: Run) -> None:
    """The reason is the operating system's, in Go's form."""
    told = run("snapshot", command, "none.snap").err
    assert told == "Error opening snapshot file: open none.snap: no such file or directory\n"


@pytest.mark.parametrize("command", ["inspect", "decode"])
def test_a_folder_is_no_snapshot(command: str, run: Run, tmp_path: Path) -> None:
    """Go opens it, and fails to read."""
    told = run("snapshot", command, str(tmp_path)).err
    assert told == f"Error reading snapshot: failed to decompress snapshot: read {tmp_path}: is a directory\n"


@pytest.mark.parametrize("command", ["inspect", "decode"])
def test_a_state_that_is_cut_is_told(command: str, run: Run, tmp_path: Path) -> None:
    """Only the raw state of a data folder may be: archives have check sums."""
    state = header(5) + record(MessageType.KVS, DirEntry(Key="k"))
    (tmp_path / "meta.json").write_bytes(Meta(index=5, term=3).to_json())
    (tmp_path / "state.bin").write_bytes(state[:-3])
    result = run("snapshot", command, f"{tmp_path}/state.bin")
    told = "Error extracting snapshot data: failed to decode msg type KVS, error unexpected EOF\n"
    assert (result.code, result.err) == (1, told)
    (tmp_path / "state.bin").write_bytes(header(5) + bytes([MessageType.KVS]))
    assert run("snapshot", command, f"{tmp_path}/state.bin").err.endswith("msg type KVS, error EOF\n")
    (tmp_path / "state.bin").write_bytes(header(5) + bytes([MessageType.KVS, 0xC1]))
    assert "failed to decode msg type KVS, error " in run("snapshot", command, f"{tmp_path}/state.bin").err
    (tmp_path / "meta.json").write_text("{")
    told = run("snapshot", command, f"{tmp_path}/state.bin").err
    assert told.startswith("Error parsing meta.json from internal snapshot dir: ")


def test_inspect_counts_records(snap: str, run: Run) -> None:
    """Meta data, then a table by kind with a total."""
    lines = run("snapshot", "inspect", snap).out.splitlines()
    assert lines[0] == " ID           2-12-99"
    assert lines[2] == " Index        12"
    assert lines[6:8] == [" Type       Count      Size", " ----       ----       ----"]
    assert lines[8].split()[:2] == ["KVS", "3"]
    assert lines[10].startswith(" Total")


def test_inspect_groups_keys_by_prefix(snap: str, run: Run) -> None:
    """Depth and filter say which parts of keys count as prefix."""
    text = run("snapshot", "inspect", "-kvdetails", snap).out
    assert "\n Key Name      Count      Size\n" in text
    assert [line.split()[:2] for line in text.splitlines()[-4:-2]] == [["a/b", "2"], ["x", "1"]]
    deep = run("snapshot", "inspect", "-kvdetails", "-kvdepth=3", "-kvfilter=a", "-format=json", snap).out
    assert {row["Name"] for row in json.loads(deep)["StatsKV"]} == {"a/b/c", "a/b/d"}
    assert json.loads(deep)["Meta"]["Index"] == 12


def test_inspect_refuses_other_formats_and_files(snap: str, run: Run, tmp_path: Path) -> None:
    """An unknown format and a file that is no snapshot are told apart."""
    assert run("snapshot", "inspect", "-format=xml", snap).err == (
        "Error outputting enhanced snapshot data: Unknown format: xml\n"
    )
    (tmp_path / "bad").write_bytes(b"not a snapshot")
    assert run("snapshot", "inspect", f"{tmp_path}/bad").err == (
        "Error reading snapshot: failed to decompress snapshot: gzip: invalid header\n"
    )


def test_the_raw_state_of_a_data_folder_is_inspected(run: Run, tmp_path: Path) -> None:
    """``state.bin`` takes its meta data from the ``meta.json`` beside it."""
    (tmp_path / "state.bin").write_bytes(header(5) + record(MessageType.KVS, DirEntry(Key="k")))
    told = run("snapshot", "inspect", f"{tmp_path}/state.bin").err
    assert told.startswith("Error reading meta.json from internal snapshot dir: open ")
    (tmp_path / "meta.json").write_bytes(Meta(index=5, term=3).to_json())
    assert " Term         3\n" in run("snapshot", "inspect", f"{tmp_path}/state.bin").out


def test_decode_prints_a_line_a_record(snap: str, run: Run) -> None:
    """The header comes first; values that are no text are base64."""
    rows = [json.loads(line) for line in run("snapshot", "decode", snap).out.splitlines()]
    assert [row["Type"] for row in rows] == ["SnapshotHeader", "KVS", "KVS", "KVS"]
    assert rows[0]["Data"]["Index"] == 12
    assert (rows[1]["Data"]["Key"], rows[1]["Data"]["Value"]) == ("a/b/c", "/w==")


def test_decode_shows_rows_as_the_api_does(run: Run, tmp_path: Path) -> None:
    """Times as text, config entries open, nothing that JSON leaves out."""
    web = NodeService(ID="web", Service="web")
    rows = [
        record(MessageType.REGISTER, RegisterRequest(Node="n", NodeMeta={"b": "", "a": ""}, Service=web)),
        record(
            MessageType.CONFIG_ENTRY,
            ConfigEntryRequest(Op="upsert", Entry=ServiceDefaults(Kind="service-defaults", Name="web")),
        ),
    ]
    file = tmp_path / "s.snap"
    with file.open("wb") as out:
        write_archive(out, Meta(index=1, term=1), io.BytesIO(header(1) + b"".join(rows)))
    _, node, entry = (json.loads(line)["Data"] for line in run("snapshot", "decode", str(file)).out.splitlines())
    assert node["Service"]["Proxy"] == {"Mode": "", "MeshGateway": {}, "Expose": {}}
    assert (entry["Entry"]["Kind"], entry["Entry"]["Name"]) == ("service-defaults", "web")
    assert list(node)[-4:] == ["PeerName", "Token", "CreateIndex", "ModifyIndex"]
    assert list(node["NodeMeta"]) == ["a", "b"]


def test_decode_shows_values_as_gos_types_print_themselves(run: Run, tmp_path: Path) -> None:
    """Addresses as text, and the lifetime of an auth method's tokens as a duration, in front."""
    rows = [
        record(MessageType.SERVICE_VIRTUAL_IP, ServiceVirtualIP(IP=ip_of(8))),
        record(MessageType.FREE_VIRTUAL_IP, FreeVirtualIP()),
        record(MessageType.ACL_AUTH_METHOD_SET, ACLAuthMethod(MaxTokenTTL=300 * 10**9, Config={"b": 1, "a": 2})),
    ]
    file = tmp_path / "s.snap"
    with file.open("wb") as out:
        write_archive(out, Meta(index=1, term=1), io.BytesIO(header(1) + b"".join(rows)))
    _, used, free, method = (json.loads(line)["Data"] for line in run("snapshot", "decode", str(file)).out.splitlines())
    assert (used["IP"], free["IP"]) == ("0.0.0.8", "")
    assert (next(iter(method.items())), list(method["Config"])) == (("MaxTokenTTL", "5m0s"), ["a", "b"])


def test_decode_keeps_messages_that_it_cannot_read(run: Run, tmp_path: Path) -> None:
    """As base64: those of peering are protocol buffers."""
    row = bytes([MessageType.PEERING_WRITE]) + gomsgpack.pack(b"\n\x03foo\xff")
    file = tmp_path / "s.snap"
    with file.open("wb") as out:
        write_archive(out, Meta(index=1, term=1), io.BytesIO(header(1) + row))
    told = json.loads(run("snapshot", "decode", str(file)).out.splitlines()[1])
    assert told == {"Data": "CgNmb2//", "Type": "Peering"}


def test_decode_shows_records_of_kinds_that_are_none_of_ours(run: Run, tmp_path: Path) -> None:
    """As they stand, names in order; octets that are no text are lost."""
    row = bytes([99]) + gomsgpack.pack({"Name": "x", "Holds": [1, {"b": b"\xff", "a": None}]})
    file = tmp_path / "s.snap"
    with file.open("wb") as out:
        write_archive(out, Meta(index=1, term=1), io.BytesIO(header(1) + row))
    told = run("snapshot", "decode", str(file)).out.splitlines()[1]
    assert told == '{"Data":{"Holds":[1,{"a":null,"b":"\\ufffd"}],"Name":"x"},"Type":"Unknown(99)"}'


def test_save_verifies_before_it_names_the_file(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """A good archive gets its name, and nothing else is left behind."""
    agent.on("GET", "/v1/snapshot", an_archive())
    result = run("snapshot", "save", f"{tmp_path}/new.snap")
    assert (result.code, result.out) == (0, "Saved and verified snapshot to index 7\n")
    assert [path.name for path in tmp_path.iterdir()] == ["new.snap"]
    assert (tmp_path / "new.snap").stat().st_mode & 0o777 == 0o600


def test_a_broken_download_leaves_nothing(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """An archive that does not verify is an error, and no file remains."""
    agent.on("GET", "/v1/snapshot", an_archive()[:-30])
    result = run("snapshot", "save", f"{tmp_path}/new.snap")
    assert result.code == 1
    assert result.err.startswith("Error verifying snapshot file: ")
    assert list(tmp_path.iterdir()) == []


def test_save_into_a_missing_folder_names_the_file(agent: FakeAgent, run: Run) -> None:
    """The temporary name shows, as Consul's does."""
    agent.on("GET", "/v1/snapshot", an_archive())
    told = run("snapshot", "save", "none/x.snap").err
    assert told.startswith("Error writing unverified snapshot file: open none/x.snap.unverified.tmp")
    assert told.endswith(": no such file or directory\n")


def test_save_cannot_take_the_place_of_a_folder(
    agent: FakeAgent, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both names are told, the temporary one first."""
    agent.on("GET", "/v1/snapshot", an_archive())
    (tmp_path / "d").mkdir()
    monkeypatch.chdir(tmp_path)
    told = run("snapshot", "save", "d").err
    assert told == 'Error renaming "d.unverified" to "d": rename d.unverified d: file exists\n'


def test_version_and_datacenter_become_part_of_the_name(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """They stand before the extension; unknown parts are ignored."""
    agent.on("GET", "/v1/snapshot", an_archive())
    agent.on("GET", "/v1/agent/self", {"Config": {"Datacenter": "dc9"}})
    agent.on("GET", "/v1/operator/autopilot/health", {"Servers": [{"Leader": True, "Version": "1.21.4"}]})
    run("snapshot", "save", "-append-filename=version,dc,bogus", f"{tmp_path}/s.snap")
    assert [path.name for path in tmp_path.iterdir()] == ["s-1.21.4-dc9.snap"]


def test_restore_sends_the_file(agent: FakeAgent, snap: str, run: Run) -> None:
    """The bytes of the file are the body of the request."""
    agent.on("PUT", "/v1/snapshot", b"")
    assert run("snapshot", "restore", snap).out == "Restored snapshot\n"
    assert agent.asked[0].body == Path(snap).read_bytes()


def test_a_snapshot_goes_through_a_live_agent(live: Run, tmp_path: Path) -> None:
    """What was saved comes back after it was deleted."""
    live("kv", "put", "snap/a", "1")
    assert live("snapshot", "save", "x.snap", cwd=tmp_path).code == 0
    live("kv", "delete", "-recurse", "snap/")
    assert live("snapshot", "restore", "x.snap", cwd=tmp_path).out == "Restored snapshot\n"
    assert live("kv", "get", "snap/a").out == "1\n"
