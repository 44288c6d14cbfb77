"""``consul operator``: Autopilot, Raft members and usage figures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run

CONFIGURATION = {
    "CleanupDeadServers": True,
    "LastContactThreshold": "200ms",
    "MaxTrailingLogs": 250,
    "MinQuorum": 0,
    "ServerStabilizationTime": "10s",
    "RedundancyZoneTag": "",
    "DisableUpgradeMigration": False,
    "UpgradeVersionTag": "",
    "ModifyIndex": 4,
}


def test_autopilots_configuration_is_shown(agent: FakeAgent, run: Run) -> None:
    """One setting a line, texts quoted, booleans as Go prints them."""
    agent.on("GET", "/v1/operator/autopilot/configuration", CONFIGURATION)
    lines = run("operator", "autopilot", "get-config").out.splitlines()
    assert lines[:2] == ["CleanupDeadServers = true", "LastContactThreshold = 200ms"]
    assert lines[5:7] == ['RedundancyZoneTag = ""', "DisableUpgradeMigration = false"]


def test_only_given_settings_change(agent: FakeAgent, run: Run) -> None:
    """The rest goes back as it was, guarded by the index it was read at."""
    agent.on("GET", "/v1/operator/autopilot/configuration", CONFIGURATION)
    agent.on("PUT", "/v1/operator/autopilot/configuration", b"true")
    words = ["-cleanup-dead-servers=false", "-last-contact-threshold=1500ms"]
    assert run("operator", "autopilot", "set-config", *words).out == "Configuration updated!\n"
    sent = json.loads(agent.asked[1].body)
    assert sent == {**CONFIGURATION, "CleanupDeadServers": False, "LastContactThreshold": "1.5s"}
    assert agent.asked[1].params == {"cas": ["4"]}


def test_a_change_by_somebody_else_is_told(agent: FakeAgent, run: Run) -> None:
    """When the index moved meanwhile, nothing is changed and the code is 1."""
    agent.on("GET", "/v1/operator/autopilot/configuration", CONFIGURATION)
    agent.on("PUT", "/v1/operator/autopilot/configuration", b"false")
    result = run("operator", "autopilot", "set-config")
    assert (result.code, result.out[:40]) == (1, "Configuration could not be atomically up")


def test_autopilots_state_names_every_server(agent: FakeAgent, run: Run) -> None:
    """Servers stand in the order of their ids, with optional fields only where they have a value."""
    server = {
        "ID": "s1",
        "Name": "n1",
        "Address": "127.0.0.1:8300",
        "NodeStatus": "alive",
        "Version": "1.21.4",
        "LastContact": "0s",
        "LastTerm": 2,
        "LastIndex": 9,
        "Healthy": True,
        "NodeType": "voter",
        "Status": "leader",
        "Meta": {"b": "2", "a": "1"},
        "ReadReplica": True,
    }
    state = {
        "Healthy": True,
        "FailureTolerance": 0,
        "OptimisticFailureTolerance": 0,
        "Leader": "s1",
        "Voters": ["s1"],
        "Servers": {"s1": server},
        "Upgrade": {"Status": "idle", "TargetVersion": "1", "TargetVersionVoters": ["s1"]},
        "RedundancyZones": {"z": {"FailureTolerance": 1, "Voters": ["s1"], "Servers": ["s1"]}},
    }
    agent.on("GET", "/v1/operator/autopilot/state", state)
    text = run("operator", "autopilot", "state").out
    assert text.startswith("Healthy:                      true\nFailure Tolerance:            0\n")
    assert "Voters:\n   s1\nRedundancy Zones:\n   z:\n      Failure Tolerance: 1\n      Voters:\n         s1\n" in text
    assert "Upgrade:\n   Status:         idle\n   Target Version: 1\n   Target Version Voters:\n      s1\n" in text
    del state["Upgrade"], state["OptimisticFailureTolerance"]  # which not every server tells
    agent.on("GET", "/v1/operator/autopilot/state", state)
    assert "\nOptimistic Failure Tolerance: 0\n" in run("operator", "autopilot", "state").out
    assert '      Last Index:      9\n      Read Replica:    true\n      Meta\n         "a": "1"\n' in text
    assert json.loads(run("operator", "autopilot", "state", "-format=json").out) == state
    assert run("operator", "autopilot", "state", "-format=xml").err == "Unknown format: xml\n"


def test_raft_members_trail_their_leader(agent: FakeAgent, run: Run) -> None:
    """The table tells who leads and by how much others are behind."""
    servers = [
        {
            "ID": "i1",
            "Node": "n1",
            "Address": "a:1",
            "Leader": True,
            "Voter": True,
            "ProtocolVersion": "3",
            "LastIndex": 9,
        },
        {
            "ID": "i2",
            "Node": "n2",
            "Address": "a:2",
            "Leader": False,
            "Voter": False,
            "ProtocolVersion": "",
            "LastIndex": 8,
        },
        {
            "ID": "i3",
            "Node": "n3",
            "Address": "a:3",
            "Leader": False,
            "Voter": True,
            "ProtocolVersion": "3",
            "LastIndex": 4,
        },
    ]
    agent.on("GET", "/v1/operator/raft/configuration", {"Servers": servers, "Index": 1})
    lines = run("operator", "raft", "list-peers").out.splitlines()
    assert lines[0] == "Node  ID  Address  State     Voter  RaftProtocol  Commit Index  Trails Leader By"
    assert lines[1] == "n1    i1  a:1      leader    true   3             9             -"
    assert lines[2] == "n2    i2  a:2      follower  false  <=1           8             1 commit"
    assert lines[3].endswith("5 commits")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Error removing peer: an address or id is required for the peer to remove"),
        (["-id=a", "-address=b"], "Error removing peer: cannot give both an address and id"),
    ],
)
def test_one_peer_is_removed_at_a_time(words: list[str], sentence: str, run: Run) -> None:
    """Exactly one name of one peer is needed."""
    assert run("operator", "raft", "remove-peer", *words).err == sentence + "\n"


@pytest.mark.parametrize(
    ("flag", "params", "named"),
    [
        ("-address=1.2.3.4:8300", {"address": ["1.2.3.4:8300"]}, 'address "1.2.3.4:8300"'),
        ("-id=s1", {"id": ["s1"]}, 'id "s1"'),
    ],
)
def test_a_peer_is_removed_by_address_or_id(flag: str, params: Any, named: str, agent: FakeAgent, run: Run) -> None:
    """It is said which one."""
    agent.on("DELETE", "/v1/operator/raft/peer", b"")
    assert run("operator", "raft", "remove-peer", flag).out == f"Removed peer with {named}\n"
    assert agent.asked[0].params == params


def test_leadership_is_handed_over(agent: FakeAgent, run: Run) -> None:
    """Success is said; a refusal stands behind what was tried."""
    agent.on("POST", "/v1/operator/raft/transfer-leader", {"Success": True})
    assert run("operator", "raft", "transfer-leader").out == "Success\n"
    agent.on("POST", "/v1/operator/raft/transfer-leader", {"Success": False})
    refused = run("operator", "raft", "transfer-leader")
    assert (refused.code, refused.err) == (1, "Error transfering leadership: Failed to transfer leadership\n")
    agent.on("POST", "/v1/operator/raft/transfer-leader", (500, b"cannot find peer"))
    told = (
        "Error transfering leadership: Failed to transfer leadership Unexpected response code: 500 (cannot find peer)\n"
    )
    assert run("operator", "raft", "transfer-leader").err == told


USAGE = {
    "Nodes": 2,
    "Services": 4,
    "ServiceInstances": 5,
    "BillableServiceInstances": 2,
    "ConnectServiceInstances": {"mesh-gateway": 0, "connect-proxy": 1},
}


def test_usage_of_one_datacenter(agent: FakeAgent, run: Run) -> None:
    """Billable instances, nodes and mesh instances stand in three tables."""
    agent.on("GET", "/v1/operator/usage", {"Usage": {"dc1": USAGE}})
    assert run("operator", "usage", "instances").out == (
        "Billable Service Instances Total: 2\ndc1 Billable Service Instances: 2\n\n"
        "Billable Services\nServices      Service instances\n4             2\n\n\n"
        "Nodes\nDatacenter      Count            \ndc1             2\n                \nTotal           2\n\n\n"
        "Connect Services\nType               Service instances\nconnect-proxy      1\nmesh-gateway       0\n"
    )


def test_usage_of_all_datacenters_has_totals(agent: FakeAgent, run: Run) -> None:
    """Each datacenter has its rows, and sums stand below."""
    agent.on("GET", "/v1/operator/usage", {"Usage": {"dc2": USAGE, "dc1": USAGE}})
    text = run("operator", "usage", "instances", "-all-datacenters", "-billable").out
    assert text.startswith("Billable Service Instances Total: 4\ndc1 Billable Service Instances: 2\ndc2 ")
    assert "Total           8             4\n" in text
    assert agent.asked[0].params == {"global": [""]}
    told = run("operator", "usage", "instances", "-connect", "-billable").err
    assert told == "Cannot specify both -billable and -connect flags\n"
