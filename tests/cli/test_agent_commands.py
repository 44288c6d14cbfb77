"""Commands that talk to the local agent: members, info, maint, join, leave, event, rtt and their kin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run


def member(name: str, role: str = "consul", status: int = 1, **tags: str) -> dict[str, Any]:
    """A gossip member as the agent's API has it."""
    found = {"role": role, "build": "1.21.4:abc", "vsn": "2", "dc": "dc1", **tags}
    return {"Name": name, "Addr": "10.0.0.1", "Port": 8301, "Status": status, "Tags": found}


def test_members_are_servers_first_then_by_name(agent: FakeAgent, run: Run) -> None:
    """Servers stand above clients, and an unknown role leaves its columns empty."""
    members = [member("b", "node"), member("z"), member("a", "node", 4), member("x", "other")]
    agent.on("GET", "/v1/agent/members", members)
    lines = run("members").out.splitlines()
    assert lines[0] == "Node  Address        Status  Type     Build   Protocol  DC   Partition  Segment"
    assert [line.split()[0] for line in lines[1:]] == ["z", "a", "b", "x"]
    assert lines[1] == "z     10.0.0.1:8301  alive   server   1.21.4  2         dc1  default    <all>"
    assert lines[2] == "a     10.0.0.1:8301  failed  client   1.21.4  2         dc1  default    <default>"
    assert lines[4].rstrip() == "x     10.0.0.1:8301  alive   unknown"
    assert agent.asked[0].params == {"segment": ["_all"]}


def test_members_are_chosen_by_status(agent: FakeAgent, run: Run) -> None:
    """The pattern is Go's; no member at all means exit code 2 and silence."""
    agent.on("GET", "/v1/agent/members", [member("a"), member("b", status=3)])
    assert [line.split()[0] for line in run("members", "-status=al.*").out.splitlines()] == ["Node", "a"]
    result = run("members", "-status=failed")
    assert (result.code, result.out, result.err) == (2, "", "")
    told = run("members", "-status=(").err
    assert told == "Failed to compile status regexp: error parsing regexp: missing closing ): `(`\n"


def test_detailed_members_show_all_tags(agent: FakeAgent, run: Run) -> None:
    """Tags stand in order, with partition and segment as they are shown."""
    agent.on("GET", "/v1/agent/members", [member("a")])
    row = run("members", "-detailed").out.splitlines()[1]
    assert row.endswith("alive   ap=default,build=1.21.4:abc,dc=dc1,role=consul,segment=<all>,vsn=2")


def test_info_is_sorted_by_section_and_figure(agent: FakeAgent, run: Run) -> None:
    """Each section has a heading, each figure a line below it."""
    agent.on("GET", "/v1/agent/self", {"Stats": {"raft": {"state": "Leader", "index": "5"}, "agent": {"x": "1"}}})
    assert run("info").out == "agent:\n\tx = 1\nraft:\n\tindex = 5\n\tstate = Leader\n"


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"Config": {"A": 1}}, "Agent response did not contain 'Stats' key: map[Config:map[A:1]]"),
        ({"Stats": {"raft": "odd"}}, "Got invalid subkey in stats: map[]"),
    ],
)
def test_an_agent_without_figures_is_an_error(about: Any, sentence: str, agent: FakeAgent, run: Run) -> None:
    """Something else answers there."""
    agent.on("GET", "/v1/agent/self", about)
    result = run("info")
    assert (result.code, result.err) == (1, sentence + "\n")


@pytest.mark.parametrize(
    ("words", "path", "sentence"),
    [
        (["leave"], "/v1/agent/leave", "Graceful leave complete"),
        (["reload"], "/v1/agent/reload", "Configuration reload triggered"),
        (["maint", "-enable", "-reason=x"], "/v1/agent/maintenance", "Node maintenance is now enabled"),
        (["maint", "-disable"], "/v1/agent/maintenance", "Node maintenance is now disabled"),
        (
            ["maint", "-enable", "-service=web"],
            "/v1/agent/service/maintenance/web",
            'Service maintenance is now enabled for "web"',
        ),
        (["join", "10.0.0.1"], "/v1/agent/join/10.0.0.1", "Successfully joined cluster by contacting 1 nodes."),
    ],
)
def test_orders_are_carried_out(words: list[str], path: str, sentence: str, agent: FakeAgent, run: Run) -> None:
    """One request, one sentence, code 0."""
    agent.on("PUT", path, b"")
    result = run(*words)
    assert (result.code, result.out, result.err) == (0, sentence + "\n", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["maint", "-enable", "-disable"], "Only one of -enable or -disable may be provided"),
        (["maint", "-reason=x"], "Reason may only be provided with -enable"),
        (["maint", "-service=web"], "Service requires either -enable or -disable"),
        (
            ["event", "-name=a", "-node=("],
            "Failed to compile node filter regexp: error parsing regexp: missing closing ): `(`",
        ),
        (["event", "-name=a", "-tag=x"], "Cannot provide tag filter without service filter."),
        (["rtt", "-wan", "a", "b"], "Node names must be specified as <node name>.<datacenter> with -wan"),
    ],
)
def test_orders_that_make_no_sense_are_refused(words: list[str], sentence: str, run: Run) -> None:
    """Contradictions are found before anything is asked."""
    result = run(*words)
    assert (result.code, result.out, result.err) == (1, "", sentence + "\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["event"], "Event name must be specified"),
        (["event", "-name=a", "b", "c"], "Too many command line arguments."),
        (["force-leave"], "A single node name must be specified to force leave."),
        (["join"], "At least one address to join must be specified."),
        (["rtt"], "One or two node names must be specified"),
        (["watch"], "Watch type must be specified"),
        (["exec"], "Must specify a command to execute"),
    ],
)
def test_help_follows_a_call_without_its_subject(words: list[str], sentence: str, run: Run) -> None:
    """What is missing is said, with the command's help below it."""
    result = run(*words)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith(f"{sentence}\n\nUsage: consul {words[0]} ")


def test_maintenance_is_shown(agent: FakeAgent, run: Run) -> None:
    """Node and services in maintenance are listed with their reasons, other checks are not."""
    checks = {
        "_node_maintenance": {"CheckID": "_node_maintenance", "Notes": "new disk"},
        "_service_maintenance:web": {"CheckID": "_service_maintenance:web", "ServiceID": "web", "Notes": "z"},
        "other": {"CheckID": "other"},
    }
    agent.on("GET", "/v1/agent/self", {"Config": {"NodeName": "n1"}})
    agent.on("GET", "/v1/agent/checks", checks)
    assert run("maint").out == "Node:\n  Name:   n1\n  Reason: new disk\n\nService:\n  ID:     web\n  Reason: z\n\n"


def test_joining_needs_one_address_that_works(agent: FakeAgent, run: Run) -> None:
    """Each failure is told; only if all fail the command does."""
    agent.on("PUT", "/v1/agent/join/good", b"")
    result = run("join", "bad", "good")
    assert (result.code, result.out) == (0, "Successfully joined cluster by contacting 1 nodes.\n")
    assert result.err.startswith("Error joining address 'bad': Unexpected response code: 404")
    assert run("join", "bad").err.endswith("Failed to join any nodes.\n")


def test_an_event_carries_payload_and_filters(agent: FakeAgent, run: Run) -> None:
    """The payload is the body, filters are parameters, the id is printed."""
    agent.on("GET", "/v1/agent/self", {"Config": {}})
    agent.on("PUT", "/v1/event/fire/deploy", {"ID": "e-1", "Name": "deploy"})
    result = run("event", "-name=deploy", "-service=web", "-tag=v1", "now")
    assert result.out == "Event ID: e-1\n"
    assert (agent.asked[1].body, agent.asked[1].params) == (b"now", {"service": ["web"], "tag": ["v1"]})


def point(x: float, height: float = 0.0, adjustment: float = 0.0) -> dict[str, Any]:
    """A coordinate on a line, in seconds."""
    return {"Vec": [x, 0.0], "Error": 1.5, "Adjustment": adjustment, "Height": height}


def test_round_trips_are_distances(agent: FakeAgent, run: Run) -> None:
    """Distance, heights and adjustments add up; names match in any letter case."""
    entries = [
        {"Node": "a", "Segment": "", "Coord": point(0.010, height=0.001)},
        {"Node": "b", "Segment": "", "Coord": point(0.030, height=0.002, adjustment=-0.001)},
    ]
    agent.on("GET", "/v1/coordinate/nodes", entries)
    assert run("rtt", "A", "b").out == "Estimated A <-> b rtt: 22.000 ms (using LAN coordinates)\n"
    assert run("rtt", "a", "c").err == 'Could not find a coordinate for node "c"\n'


@pytest.mark.parametrize(
    ("words", "missing"), [(["a", "b"], "a"), (["b", "a"], "b"), (["a", "c"], ""), (["c", "b"], "")]
)
def test_round_trips_stay_in_a_segment(words: list[str], missing: str, agent: FakeAgent, run: Run) -> None:
    """A client is in one, a server in several; of two clients in different ones the first is said to be missing."""
    rows = [("a", "one"), ("b", "two"), ("c", "one"), ("c", "two"), ("c", "")]
    agent.on("GET", "/v1/coordinate/nodes", [{"Node": n, "Segment": s, "Coord": point(0.01)} for n, s in rows])
    told = run("rtt", *words).err
    assert told == (f'Could not find a coordinate for node "{missing}"\n' if missing else "")


def test_the_round_trip_from_here_needs_one_name(agent: FakeAgent, run: Run) -> None:
    """The other end is the agent that is asked."""
    agent.on("GET", "/v1/agent/self", {"Config": {"NodeName": "me", "Datacenter": "dc1"}})
    rows = [{"Node": name, "Segment": "", "Coord": point(at)} for name, at in (("me", 0.0), ("b", 0.1))]
    agent.on("GET", "/v1/coordinate/nodes", rows)
    agent.on(
        "GET",
        "/v1/coordinate/datacenters",
        [{"Datacenter": name, "AreaID": "wan", "Coordinates": rows} for name in ("dc1", "dc2")],
    )
    assert run("rtt", "b").out.startswith("Estimated b <-> me rtt: 100.000 ms ")
    assert run("rtt", "-wan", "b.dc2").out.startswith("Estimated b.dc2 <-> me.dc1 rtt: 100.000 ms ")
    agent.on("GET", "/v1/agent/self", (500, b"no"))
    assert run("rtt", "b").err == "Unable to look up agent info: Unexpected response code: 500 (no)\n"


def test_round_trips_between_datacenters_stay_in_an_area(agent: FakeAgent, run: Run) -> None:
    """Servers are found by datacenter; coordinates of different areas do not mix."""
    agent.on(
        "GET",
        "/v1/coordinate/datacenters",
        [
            {"Datacenter": "dc1", "AreaID": "wan", "Coordinates": [{"Node": "s1", "Coord": point(0.0)}]},
            {"Datacenter": "dc2", "AreaID": "wan", "Coordinates": [{"Node": "s2", "Coord": point(0.1)}]},
            {"Datacenter": "dc3", "AreaID": "x", "Coordinates": [{"Node": "s3", "Coord": point(0.1)}]},
        ],
    )
    assert run("rtt", "-wan", "s1.dc1", "s2.dc2").out.endswith("rtt: 100.000 ms (using WAN coordinates)\n")
    assert run("rtt", "-wan", "s1.dc1", "s3.dc3").code == 1


def test_the_log_is_followed_until_the_agent_ends_it(agent: FakeAgent, run: Run) -> None:
    """Lines are passed on; when the other side is done that is said, and the code is 1."""
    agent.on("GET", "/v1/agent/monitor", b"one\ntwo\n")
    result = run("monitor", "-log-level=debug")
    assert (result.code, result.out.splitlines()[:2]) == (1, ["one", "two"])
    assert "Remote side ended the monitor!" in result.out
    assert agent.asked[0].params == {"loglevel": ["debug"]}


def test_keyring_lists_pools_and_keys(agent: FakeAgent, run: Run) -> None:
    """Each pool has a heading, each key its count of members."""
    pools = [
        {"WAN": True, "Datacenter": "dc1", "Keys": {"k2": 1, "k1": 1}, "PrimaryKeys": {"k1": 1}, "NumNodes": 1},
        {"WAN": False, "Datacenter": "dc1", "Messages": {"n1": "odd"}, "Keys": {"k1": 2}, "NumNodes": 3},
    ]
    agent.on("GET", "/v1/operator/keyring", pools)
    assert run("keyring", "-list", "-local-only").out == (
        "==> Gathering installed encryption keys...\n\nWAN:\n  k1 [1/1]\n  k2 [1/1]\n"
        "\ndc1 (LAN):\n  ===> n1: odd\n  k1 [2/3]\n"
    )
    assert agent.asked[0].params == {"local-only": ["true"]}


@pytest.mark.parametrize(
    ("action", "method", "told"),
    [
        ("install", "POST", "Installing new gossip encryption key..."),
        ("use", "PUT", "Changing primary gossip encryption key..."),
        ("remove", "DELETE", "Removing gossip encryption key..."),
    ],
)
def test_keys_are_installed_used_and_removed(action: str, method: str, told: str, agent: FakeAgent, run: Run) -> None:
    """What is done is said first, so that a failure stands below it."""
    agent.on(method, "/v1/operator/keyring", b"")
    result = run("keyring", f"-{action}=k1", "-relay-factor=2")
    assert (result.code, result.out, result.err) == (0, f"==> {told}\n", "")
    assert (agent.asked[0].body, agent.asked[0].params) == (b'{"Key":"k1"}', {"relay-factor": ["2"]})
    agent.on(method, "/v1/operator/keyring", (500, b"no"))
    result = run("keyring", f"-{action}=k1")
    assert (result.code, result.err) == (1, "error: Unexpected response code: 500 (no)\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-list", "-use=x"], "Only a single action is allowed"),
        (["-list", "-relay-factor=6"], "Error parsing relay factor: Relay factor must be in range: [0, 5]"),
        (["-use=x", "-local-only"], "Error validating local-only: local-only can only be set for list requests"),
    ],
)
def test_keyring_takes_one_action(words: list[str], sentence: str, run: Run) -> None:
    """Contradicting actions are refused."""
    assert run("keyring", *words).err == sentence + "\n"
    assert run("keyring").err.startswith("Usage: consul keyring")


def test_login_writes_the_token_for_its_owner_only(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """The bearer token goes to the agent without another token, the secret id into a file of mode 0600."""
    (tmp_path / "jwt").write_text("abc\n")
    agent.on("POST", "/v1/acl/login", {"SecretID": "s-1"})
    sink = tmp_path / "sink"
    result = run("login", "-method=m", f"-bearer-token-file={tmp_path}/jwt", f"-token-sink-file={sink}")
    assert (result.code, result.err) == (0, "")
    assert (sink.read_text(), sink.stat().st_mode & 0o777) == ("s-1", 0o600)
    assert b'"abc"' in agent.asked[0].body


def test_login_names_what_is_missing(run: Run, tmp_path: Path) -> None:
    """Each needed flag is asked for in turn."""
    (tmp_path / "empty").touch()
    assert run("login").err == "Missing required '-method' flag\n"
    assert run("login", "-method=m").err == "Missing required '-token-sink-file' flag\n"
    assert run("login", "-method=m", "-token-sink-file=s").err == "Missing required '-bearer-token-file' flag\n"
    told = run("login", "-method=m", "-token-sink-file=s", f"-bearer-token-file={tmp_path}/empty").err
    assert told == f"No bearer token found in {tmp_path}/empty\n"
