"""``/v1/operator`` and ``/v1/snapshot`` over a real server in memory: answers, and the texts of refusals."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import unquote

import pytest

from pyconsul.acl import Authorizer
from pyconsul.agent.http import families
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import ROUTER
from pyconsul.agent.keyring import Keyrings
from pyconsul.memdb import WatchSet
from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.archive import verify_archive
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.leader.autopilot import Autopilot
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs import gojson
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.kv import DirEntry, KVSRequest
from pyconsul.structs.messages import MessageType
from pyconsul.structs.session import Session, SessionRequest

_ = families.MODULES  # importing them filled the route table

NODE_ID = "6a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34"
ADDRESS = "127.0.0.1:8300"
KEY, OTHER = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2))


@dataclass
class Agent:
    """As much of an agent as the routes look at."""

    server: Server
    keyrings: Keyrings
    datacenter: str = "dc1"
    node_name: str = "web-1"
    config: Any = field(
        default_factory=lambda: SimpleNamespace(http_config=SimpleNamespace(use_cache=True), discovery_max_stale=0)
    )

    def default_token(self) -> str:
        """None."""
        return ""

    def authorizer(self, token: str, ws: WatchSet | None = None) -> Authorizer:
        """What the server says."""
        return self.server.acl.authorizer(token, ws)

    async def rpc(self, method: str, ask: Any) -> Any:
        """A plain call."""
        return await self.server.call(method, ask)


@dataclass
class Answer:
    """What came back; ``body`` is parsed JSON where it is JSON."""

    status: int
    raw: bytes
    index: int = 0

    @property
    def text(self) -> str:
        """The body as text."""
        return self.raw.decode()

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return json.loads(self.raw)


async def ask(agent: Agent, method: str, target: str, body: Any = b"") -> Answer:
    """Run one route as the door would."""
    path, _, query = target.partition("?")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = ROUTER.find(unquote(path))
    assert found is not None
    request = Request(
        agent=cast("Any", agent),
        method=method,
        url_path=unquote(path),
        raw_path=path,
        raw_query=query,
        headers={},
        body=data,
        remote="127.0.0.1:1",
    )
    request.path = found[1]
    try:
        reply = await found[0].handlers[method](request)
    except ConsulError as error:
        return Answer(error.http_status, error.text.encode())
    index = reply.meta.Index if reply.meta else 0
    if reply.stream is not None:
        return Answer(reply.status, b"".join([piece async for piece in reply.stream]), index)
    return Answer(reply.status, gojson.encode(reply.value) if reply.raw is None else reply.raw, index)


def keyrings(configured: str = "", data_dir: str = "") -> Keyrings:
    """Rings of an agent in both pools."""
    rings = Keyrings.empty("web-1", "dc1", wan=True)
    rings.load(data_dir, configured)
    return rings


@pytest.fixture
async def agent() -> AsyncGenerator[Agent, None]:
    """An agent with a fresh server."""
    config = ServerConfig(datacenter="dc1", node_name="web-1", node_id=NODE_ID)
    server = Server(config, lambda fsm: MemoryVoter(fsm, Peer(NODE_ID, ADDRESS)))
    await server.start()
    yield Agent(server, keyrings())
    await server.stop()


async def put(agent: Agent, key: str) -> None:
    """Write a key."""
    await agent.server.propose(MessageType.KVS, KVSRequest(Op="set", DirEnt=DirEntry(Key=key, Value=b"v")))


async def keys(agent: Agent) -> list[str]:
    """All keys."""
    return (await ask(agent, "GET", "/v1/kv/?keys")).body


async def test_the_raft_configuration_is_this_server(agent: Agent) -> None:
    """One voter that leads; how far its log is, autopilot noted when it looked last."""
    [seen] = (await ask(agent, "GET", "/v1/operator/autopilot/state")).body["Servers"].values()
    assert (seen["ID"], seen["Name"], seen["Address"]) == (NODE_ID, "web-1", ADDRESS)
    found = (await ask(agent, "GET", "/v1/operator/raft/configuration")).body
    assert found["Index"] == 0
    [server] = found["Servers"]
    assert server.pop("LastIndex") == seen["LastIndex"] > 0
    assert server == {
        "ID": NODE_ID,
        "Node": "web-1",
        "Address": ADDRESS,
        "Leader": True,
        "ProtocolVersion": "3",
        "Voter": True,
    }


@pytest.mark.parametrize(
    ("method", "target", "status", "text"),
    [
        ("POST", "raft/transfer-leader", 500, "cannot find peer"),
        ("POST", "raft/transfer-leader?id=x", 500, "Could not find address for server id x"),
        ("POST", f"raft/transfer-leader?id={NODE_ID}", 500, "cannot transfer leadership to itself"),
        ("DELETE", "raft/peer?id=x&address=y", 400, "Must specify only one of ?id or ?address"),
        ("DELETE", "raft/peer?id=x", 500, 'id "x" was not found in the Raft configuration'),
        ("DELETE", "raft/peer?address=y", 500, 'address "y" was not found in the Raft configuration'),
        ("DELETE", f"raft/peer?id={NODE_ID}", 500, "need at least one voter in configuration: {[]}"),
        ("DELETE", f"raft/peer?address={ADDRESS}", 500, "need at least one voter in configuration: {[]}"),
        ("GET", "raft/configuration?dc=other", 500, "No path to datacenter"),
    ],
)
async def test_what_a_single_server_cannot_do(agent: Agent, method: str, target: str, status: int, text: str) -> None:
    """Membership changes of one server are refused in Raft's words."""
    answer = await ask(agent, method, f"/v1/operator/{target}")
    assert (answer.status, answer.text) == (status, text)


async def test_autopilot_settings_start_with_the_configured_ones(agent: Agent) -> None:
    """The leader wrote them, durations are texts."""
    found = (await ask(agent, "GET", "/v1/operator/autopilot/configuration")).body
    assert (found["LastContactThreshold"], found["ServerStabilizationTime"]) == ("200ms", "10s")
    assert found["CreateIndex"] == found["ModifyIndex"] > 0


async def test_autopilot_settings_left_out_get_their_defaults(agent: Agent) -> None:
    """A write replaces all settings."""
    await ask(agent, "PUT", "/v1/operator/autopilot/configuration", {"MaxTrailingLogs": 5})
    await ask(agent, "PUT", "/v1/operator/autopilot/configuration", {"lastcontactthreshold": 1e9})
    found = (await ask(agent, "GET", "/v1/operator/autopilot/configuration")).body
    assert (found["MaxTrailingLogs"], found["LastContactThreshold"]) == (250, "1s")


async def test_autopilot_settings_are_checked_and_set(agent: Agent) -> None:
    """With ``?cas`` only the right index writes."""
    target = "/v1/operator/autopilot/configuration"
    index = (await ask(agent, "GET", target)).body["ModifyIndex"]
    assert (await ask(agent, "PUT", f"{target}?cas={index + 1}", {"MinQuorum": 3})).body is False
    assert (await ask(agent, "PUT", f"{target}?cas={index}", {"MinQuorum": 3})).body is True
    assert (await ask(agent, "GET", target)).body["MinQuorum"] == 3


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "EOF"),
        (b"junk", "invalid character 'j' looking for beginning of value"),
        ({"Bogus": 1}, 'json: unknown field "Bogus"'),
        ({"LastContactThreshold": "x"}, 'time: invalid duration "x"'),
        ({"LastContactThreshold": True}, 'strconv.ParseFloat: parsing "true": invalid syntax'),
        (
            {"MinQuorum": -1},
            "json: cannot unmarshal number -1 into Go struct field AutopilotConfiguration.MinQuorum of type uint",
        ),
    ],
)
async def test_bad_autopilot_settings_are_refused_in_gos_words(agent: Agent, body: Any, text: str) -> None:
    """The body's fault is named."""
    answer = await ask(agent, "PUT", "/v1/operator/autopilot/configuration", body)
    assert (answer.status, answer.text) == (400, f"Error parsing autopilot config: {text}")


async def test_a_leading_server_is_healthy(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Health and state agree; the time in health is rounded to whole seconds."""
    monkeypatch.setattr(agent.server.leader.autopilot, "_stable_since", "2026-11-30T23:59:59.5Z")
    health = (await ask(agent, "GET", "/v1/operator/autopilot/health")).body
    state = (await ask(agent, "GET", "/v1/operator/autopilot/state")).body
    assert health["Healthy"]
    assert health["Servers"][0]["StableSince"] == "2026-12-01T00:00:00Z"
    assert (state["Leader"], state["Voters"]) == (NODE_ID, [NODE_ID])
    assert state["Servers"][NODE_ID]["Status"] == "leader"


async def test_the_servers_logs_are_looked_at_every_two_seconds(agent: Agent) -> None:
    """Between two looks the newest entry stays the one that was seen, at first that from before the no-op."""
    now = 100.0
    autopilot = Autopilot(agent.server, clock=lambda: now)
    autopilot.look()
    seen = autopilot.last_index()
    assert seen == agent.server.consensus.last_index - 1
    await put(agent, "k")
    assert autopilot.last_index() == seen
    now += 2
    assert autopilot.last_index() == agent.server.consensus.last_index > seen


async def test_before_leading_nobody_is_healthy(agent: Agent) -> None:
    """Health answers 429 until autopilot has looked."""
    agent.server.leader.autopilot = Autopilot(agent.server)
    assert (await ask(agent, "GET", "/v1/operator/autopilot/health")).status == 429
    answer = await ask(agent, "GET", "/v1/operator/autopilot/state")
    assert answer.text == "Failed to get autopilot state: no state found"


async def test_usage_counts_instances_by_kind(agent: Agent) -> None:
    """The server's own service counts, but is not billable."""
    usage = (await ask(agent, "GET", "/v1/operator/usage")).body["Usage"]["dc1"]
    assert (usage["Services"], usage["ServiceInstances"], usage["Nodes"]) == (1, 1, 1)
    assert usage["BillableServiceInstances"] == 0
    assert sum(usage["ConnectServiceInstances"].values()) == 0


async def test_a_snapshot_goes_back_to_where_it_was(agent: Agent) -> None:
    """Keys written after the save are gone after the restore, and writes go on."""
    await put(agent, "before")
    saved = await ask(agent, "GET", "/v1/snapshot")
    assert verify_archive(io.BytesIO(saved.raw)).index == saved.index
    await put(agent, "after")
    assert (await ask(agent, "PUT", "/v1/snapshot", saved.raw)).status == 200
    await put(agent, "later")
    assert await keys(agent) == ["before", "later"]


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("/v1/snapshot", "failed to decompress snapshot: unexpected EOF"),
        ("/v1/snapshot?stale", "stale not allowed for restore"),
        ("/v1/snapshot?dc=other", "No path to datacenter"),
    ],
)
async def test_a_restore_that_cannot_be_leaves_the_state(agent: Agent, target: str, text: str) -> None:
    """The refusal is Consul's, and everything is as before."""
    await put(agent, "kept")
    answer = await ask(agent, "PUT", target, b"garbage")
    assert (answer.status, answer.text) == (500, text)
    assert await keys(agent) == ["kept"]


async def test_a_restored_foreign_state_is_taken_over(agent: Agent) -> None:
    """After an empty state came in, the leader has written its settings and its node again."""
    empty = await ask(agent, "GET", "/v1/snapshot")
    await put(agent, "k")
    await ask(agent, "PUT", "/v1/snapshot", empty.raw)
    assert (await ask(agent, "GET", "/v1/operator/autopilot/configuration")).status == 200
    assert (await ask(agent, "GET", "/v1/operator/usage")).body["Usage"]["dc1"]["Nodes"] == 1


async def test_a_server_stays_in_health_over_a_restore(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """It led all the while."""
    since = "2026-11-30T00:00:00Z"
    monkeypatch.setattr(agent.server.leader.autopilot, "_stable_since", since)
    saved = await ask(agent, "GET", "/v1/snapshot")
    assert (await ask(agent, "PUT", "/v1/snapshot", saved.raw)).status == 200
    assert (await ask(agent, "GET", "/v1/operator/autopilot/health")).body["Servers"][0]["StableSince"] == since


async def test_keys_are_installed_used_and_removed(agent: Agent) -> None:
    """A key rotation, as operators do it."""
    agent.keyrings = keyrings(KEY)
    assert (await ask(agent, "POST", "/v1/operator/keyring", {"Key": OTHER})).text == ""
    assert (await ask(agent, "PUT", "/v1/operator/keyring", {"Key": OTHER})).text == ""
    assert (await ask(agent, "DELETE", "/v1/operator/keyring", {"Key": KEY})).text == ""
    wan, lan = (await ask(agent, "GET", "/v1/operator/keyring")).body
    assert (wan["WAN"], lan["WAN"]) == (True, False)
    assert wan["Keys"] == lan["Keys"] == lan["PrimaryKeys"] == {OTHER: 1}


@pytest.mark.parametrize(
    ("method", "key", "text"),
    [
        ("DELETE", KEY, "Removing the primary key is not allowed"),
        ("PUT", OTHER, "Requested key is not in the keyring"),
        ("POST", "AAAA", "key size must be 16, 24 or 32 bytes"),
    ],
)
async def test_a_refusal_of_the_ring_names_pool_and_member(agent: Agent, method: str, key: str, text: str) -> None:
    """Each pool reports, then each member of it."""
    agent.keyrings = keyrings(KEY)
    answer = await ask(agent, method, "/v1/operator/keyring", {"Key": key})
    assert answer.status == 500
    assert answer.text == (
        "4 errors occurred:\n\t* WAN error: 1/1 nodes reported failure\n"
        f"\t* web-1.dc1: {text}\n\t* dc1 (LAN) error: 1/1 nodes reported failure\n\t* web-1: {text}\n\n"
    )


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("?relay-factor=6", "Invalid relay-factor: Relay factor must be in range: [0, 5]"),
        ("?relay-factor=x", 'Error parsing relay factor: strconv.Atoi: parsing "x": invalid syntax'),
        ("?local-only=x", 'Error parsing local-only: strconv.ParseBool: parsing "x": invalid syntax'),
    ],
)
async def test_bad_keyring_parameters_are_refused(agent: Agent, target: str, text: str) -> None:
    """Parameters are checked before any ring is asked."""
    answer = await ask(agent, "GET", f"/v1/operator/keyring{target}")
    assert (answer.status, answer.text) == (400, text)


async def test_local_only_leaves_the_wan_out(agent: Agent) -> None:
    """And is for reading only."""
    agent.keyrings = keyrings(KEY)
    [lan] = (await ask(agent, "GET", "/v1/operator/keyring?local-only=true")).body
    assert lan["WAN"] is False
    answer = await ask(agent, "PUT", "/v1/operator/keyring?local-only=true", {"Key": KEY})
    assert answer.text == "Invalid use of local-only: local-only can only be set for list requests"


@pytest.mark.parametrize(
    ("kept", "configured", "text"),
    [
        ("{", "", "unexpected end of JSON input"),
        ("{}", "", "json: cannot unmarshal object into Go value of type []string"),
        ("[1]", "", "json: cannot unmarshal number into Go value of type string"),
        ("[]", "", "no keys present in keyring: "),
        ("null", "", "no keys present in keyring: "),
        ("[null]", "", "Empty primary key not allowed"),
        (f'["{KEY}", null]', "", "key size must be 16, 24 or 32 bytes"),
        ('["x"]', "", "illegal base64 data at input byte 0"),
        ('["YWJj"]', KEY, "key size must be 16, 24 or 32 bytes"),
        (None, "YWJj", "Invalid key: key size must be 16, 24 or 32 bytes"),
    ],
)
def test_a_ring_that_makes_no_sense_is_refused(tmp_path: Path, kept: str | None, configured: str, text: str) -> None:
    """The agent does not start with it; the words are those of Go and memberlist."""
    file = tmp_path / "serf" / "local.keyring"
    file.parent.mkdir()
    if kept is not None:
        file.write_text(kept)
    with pytest.raises(ValueError, match=re.escape(text)):
        keyrings(configured, str(tmp_path))


def test_a_kept_ring_wins_over_another_key(tmp_path: Path) -> None:
    """The log says which pool goes by its file."""
    keyrings(OTHER, str(tmp_path))
    assert keyrings(KEY, str(tmp_path)).lan.listed() == ([OTHER], OTHER)


def test_rings_survive_a_restart(tmp_path: Path) -> None:
    """What was installed is read from the data directory again, whatever is configured then."""
    keyrings(KEY, str(tmp_path)).install(OTHER)
    again = keyrings("", str(tmp_path))
    assert again.lan.listed() == ([KEY, OTHER], KEY)
    assert (tmp_path / "serf/local.keyring").stat().st_mode & 0o777 == 0o600


async def test_a_restored_state_knows_no_lock_delays(agent: Agent) -> None:
    """They belonged to the one that is gone."""
    saved = await ask(agent, "GET", "/v1/snapshot")

    async def acquired() -> bool:
        create = SessionRequest(Op="create", Session=Session(Node="web-1", LockDelay=15_000_000_000))
        session = await agent.rpc("Session.Apply", create)
        lock = KVSRequest(Op="lock", DirEnt=DirEntry(Key="a", Session=session))
        taken = await agent.rpc("KVS.Apply", lock)
        await agent.rpc("Session.Apply", SessionRequest(Op="destroy", Session=Session(ID=session)))
        return taken

    assert [await acquired(), await acquired()] == [True, False]
    await ask(agent, "PUT", "/v1/snapshot", saved.raw)
    assert await acquired() is True
