"""``consul peering`` and ``consul services export``: layouts, bodies, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run

PENDING = {"ID": "i", "Name": "p", "State": "PENDING", "Meta": {"b": "2", "a": "1"}, "CreateIndex": 3, "ModifyIndex": 4}
ACTIVE = {
    "ID": "j",
    "Name": "o",
    "State": "ACTIVE",
    "DeletedAt": "2026-01-02T03:04:05.6Z",
    "PeerID": "k",
    "PeerCAPems": ["pem"],
    "PeerServerName": "server.dc2",
    "PeerServerAddresses": ["1.2.3.4:5", "6.7.8.9:0"],
    "StreamStatus": {"ExportedServices": ["web", "db"], "LastSend": "2026-01-02T03:04:05.6Z"},
}
HEAD = "Name:         p\nID:           i\nState:        PENDING\nMeta:\n    a=1\n    b=2\n\n"
NO_PEER = "Peer ID:               \nPeer Server Name:      \nPeer CA Pems:          0\n\n"
COUNTS = "Imported Services: 0\nExported Services: 0\n\n"
NO_TIMES = "Last Heartbeat:    <nil>\nLast Send:         <nil>\nLast Receive:      <nil>\n\n"


def _sent(agent: FakeAgent) -> Any:
    return json.loads(agent.asked[-1].body)


def test_a_pending_peering_is_shown_without_a_peer(agent: FakeAgent, run: Run) -> None:
    """Metadata is in order, times that never were are ``<nil>``."""
    agent.on("GET", "/v1/peering/p", PENDING)
    out = run("peering", "read", "-name=p").out
    assert out == f"{HEAD}{NO_PEER}{COUNTS}{NO_TIMES}Create Index: 3\nModify Index: 4\n\n"


def test_the_addresses_of_a_peer_stand_in_one_line(agent: FakeAgent, run: Run) -> None:
    """Consul breaks no line there, and so leaves none empty below."""
    agent.on("GET", "/v1/peering/o", ACTIVE)
    out = run("peering", "read", "-name=o").out
    assert "DeletedAt:    2026-01-02T03:04:05Z\n" in out
    assert "Peer Server Addresses:\n    1.2.3.4:5    6.7.8.9:0\nImported Services: 0\nExported Services: 2\n" in out
    assert "Last Send:         2026-01-02 03:04:05.6 +0000 UTC\n" in out


def test_peerings_in_json_are_compact_and_in_the_clients_order(agent: FakeAgent, run: Run) -> None:
    """Where the peer is comes last."""
    agent.on("GET", "/v1/peerings", [PENDING, ACTIVE])
    text = run("peering", "list", "-format=json").out
    assert (text.count("\n"), [one["Name"] for one in json.loads(text)]) == (1, ["o", "p"])
    assert list(json.loads(text)[1])[-4:] == ["StreamStatus", "CreateIndex", "ModifyIndex", "Remote"]


def test_peerings_are_listed_by_name(agent: FakeAgent, run: Run) -> None:
    """With what is imported and exported counted."""
    agent.on("GET", "/v1/peerings", [PENDING, ACTIVE])
    header = "Name  State    Imported Svcs  Exported Svcs  Meta\n"
    rows = "o     ACTIVE   0              2              \np     PENDING  0              0              a=1,b=2\n"
    assert run("peering", "list").out == header + rows
    agent.on("GET", "/v1/peerings", [])
    assert run("peering", "list").out == "There are no peering connections.\n"


def test_services_exported_to_a_peer(agent: FakeAgent, run: Run) -> None:
    """Names a line, or objects with an ID."""
    agent.on("GET", "/v1/peering/o", ACTIVE)
    agent.on("GET", "/v1/peering/p", PENDING)
    assert run("peering", "exported-services", "-name=o").out == "web\ndb\n"
    assert run("peering", "exported-services", "-name=o", "-format=json").out == '[{"ID":"web"},{"ID":"db"}]\n'
    assert run("peering", "exported-services", "-name=p").out == "\n"


def test_a_token_is_made_taken_and_ended(agent: FakeAgent, run: Run) -> None:
    """The token is printed as it is, or as JSON."""
    agent.on("POST", "/v1/peering/token", {"PeeringToken": "t"})
    assert run("peering", "generate-token", "-name=p", "-server-external-addresses=a:1,b:2").out == "t\n"
    assert _sent(agent)["ServerExternalAddresses"] == ["a:1", "b:2"]
    assert run("peering", "generate-token", "-name=p", "-format=json").out == '{"PeeringToken":"t"}\n'
    agent.on("POST", "/v1/peering/establish", {})
    done = run("peering", "establish", "-name=p", "-peering-token=t", "-meta=a=b").out
    assert done == "Successfully established peering connection with p\n"
    assert _sent(agent) == {"PeerName": "p", "PeeringToken": "t", "Meta": {"a": "b"}}
    agent.on("DELETE", "/v1/peering/p", b"")
    done = run("peering", "delete", "-name=p").out
    assert done == "Successfully submitted peering connection, p, for deletion\n"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        *((f"peering {verb}", "Missing the required -name flag") for verb in ("read", "delete", "establish")),
        ("peering establish -name=p", "Missing the required -peering-token flag"),
        ("peering list -format=x", "Invalid format, valid formats are {json|pretty}"),
        ("peering read -name=zz", "No peering with name zz found."),
        ("services exported-services -format=x", "Invalid format, valid formats are {pretty|json}"),
        ("services export", "Missing the required -name flag"),
        ("services export -name=a", "Missing the required -consumer-peers or -consumer-partitions flag"),
        ("services export -name=a -consumer-peers=b,", 'Invalid peer ""'),
    ],
)
def test_a_command_that_lacks_something_says_so(agent: FakeAgent, run: Run, line: str, error: str) -> None:
    """The code is 1."""
    result = run(*line.split())
    assert (result.code, result.out, result.err) == (1, "", f"{error}\n")


def test_exporting_adds_consumers_to_the_config_entry(agent: FakeAgent, run: Run) -> None:
    """Those that are there stay and are not doubled; the index guards the change."""
    agent.on("PUT", "/v1/config", b"true")
    new = {"Name": "web", "Consumers": [{"Peer": "a"}]}
    done = run("services", "export", "-name=web", "-consumer-peers=a").out
    assert done == 'Successfully exported service "web" to cluster peers "a"\n'
    assert _sent(agent) == {"Kind": "exported-services", "Name": "default", "Services": [new]}
    agent.on("GET", "/v1/config/exported-services/default", {**_sent(agent), "ModifyIndex": 7})
    run("services", "export", "-name=web", "-consumer-peers=a,b")
    assert _sent(agent)["Services"] == [{"Name": "web", "Consumers": [{"Peer": "a"}, {"Peer": "b"}]}]
    assert agent.asked[-1].params == {"cas": ["7"]}
    run("services", "export", "-name=db", "-consumer-peers=a")
    assert _sent(agent)["Services"] == [new, {"Name": "db", "Consumers": [{"Peer": "a"}]}]
    agent.on("PUT", "/v1/config", b"false")
    refusal = "Config entry was changed during update. Please try again\n"
    assert run("services", "export", "-name=db", "-consumer-peers=a").err == refusal


def test_exported_services_are_filtered_here(agent: FakeAgent, run: Run) -> None:
    """The agent gives all of them."""
    rows = [
        {"Service": "web", "Consumers": {"Peers": ["a", "b"]}},
        {"Service": "db", "Consumers": {"Peers": ["a"]}},
    ]
    agent.on("GET", "/v1/exported-services", rows)
    assert run("services", "exported-services").out == "Service  Consumer Peers\nweb      a, b\ndb       a\n"
    found = run("services", "exported-services", "-filter=Service == db", "-format=json").out
    assert json.loads(found) == rows[1:]
    assert run("services", "exported-services", "-filter=Service == x").out == "No exported services found\n"
    told = run("services", "exported-services", "-filter=bad =").err
    assert told.startswith("Error while creating filter: Failed to create boolean expression evaluator: 1:5 (4): ")
