"""Kept replies: whatever was written, each read answers the same from the cache and past it."""

import http.client
import json
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pyconsul.agent.agent import Agent
from pyconsul.testing import InProcessAgent
from tests.insides import kept_replies

KEYS = st.sampled_from(["a", "a/b", "a/c", "b", "ä"])
NAMES = st.sampled_from(["web", "db", "web-2"])
NODES = st.sampled_from(["n1", "n2"])
READS = [
    "/v1/kv/a",
    "/v1/kv/a?raw",
    "/v1/kv/a?recurse",
    "/v1/kv/?keys&separator=/",
    "/v1/kv/b?stale",
    "/v1/kv/b?pretty",
    "/v1/kv/b?consistent",
    "/v1/kv/%C3%A4",
    "/v1/kv/a?%69ndex=1&wait=1ns",
    "/v1/catalog/nodes",
    "/v1/catalog/nodes?near=_ip",
    "/v1/catalog/nodes?filter=" + quote('Meta.k == "1"'),
    "/v1/catalog/services",
    "/v1/catalog/service/web",
    "/v1/catalog/service/web?tag=t1&near=n1",
    "/v1/catalog/node/n1",
    "/v1/catalog/node-services/n1",
    "/v1/catalog/datacenters",
    "/v1/health/service/web",
    "/v1/health/service/web?passing&near=_agent",
    "/v1/health/service/db?filter=" + quote("Service.Port == 1"),
    "/v1/health/node/n1",
    "/v1/health/checks/web",
    "/v1/health/state/any",
    "/v1/session/list",
    "/v1/session/node/test-node",
    "/v1/coordinate/nodes",
    "/v1/status/leader",
    "/v1/status/peers",
    "/v1/agent/services",
    "/v1/agent/services?filter=" + quote("Port == 1"),
    "/v1/agent/checks",
    "/v1/query",
    "/v1/kv/none",
    "/v1/catalog/nodes?filter=x",
    "/v1/catalog/nodes?token=t",
]
FORWARDED, CACHE_CONTROL, TOKEN = (
    {"X-Forwarded-For": "127.0.0.2"},
    {"Cache-Control": "max-age=1"},
    {"X-Consul-Token": "t"},
)
# What is asked after each write: path, headers, and from which of two addresses.
REQUESTS: list[tuple[str, dict[str, str], int]] = [
    *((path, {}, 0) for path in READS),
    ("/v1/catalog/nodes?near=_ip", {}, 1),
    ("/v1/catalog/nodes?near=_ip", FORWARDED, 0),
    ("/v1/health/service/web?near=_ip", {}, 1),
    ("/v1/health/service/web?near=_ip", {}, 0),
    ("/v1/health/service/web", CACHE_CONTROL, 0),
    ("/v1/kv/a", TOKEN, 0),
]


class CachedReads(RuleBasedStateMachine):
    """Random writes; after each, reads, each asked in bytes that were asked before, and in new ones."""

    @initialize()
    def start(self) -> None:
        """A fresh agent."""
        self.agent = InProcessAgent().start()
        host, _, port = self.agent.http_address.rpartition(":")
        self.connections = [
            http.client.HTTPConnection(host, int(port), timeout=60, source_address=(source, 0))
            for source in ("127.0.0.1", "127.0.0.2")
        ]
        self.sessions: list[str] = []
        self.asked = 0
        self.saved = b""

    def teardown(self) -> None:
        """Stop it."""
        for connection in self.connections:
            connection.close()
        self.agent.stop()

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, client: int = 0
    ) -> tuple[int, dict[str, str], bytes]:
        """One request."""
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self.connections[client].request(method, path, raw, headers or {})
        reply = self.connections[client].getresponse()
        found = {name: value for name, value in reply.getheaders() if name != "Date"}
        return reply.status, found, reply.read()

    @invariant()
    def reads_are_fresh(self) -> None:
        """The answer to the usual bytes is the answer to bytes that nobody has asked yet."""
        for path, headers, client in REQUESTS:
            for attempt in range(3):  # the agent's own sync may come between
                self.ask("GET", path, headers=headers, client=1 - client)
                usual = self.ask("GET", path, headers=headers, client=client)
                self.asked += 1
                fresh = self.ask("GET", path, headers=headers | {"X-New": str(self.asked)}, client=client)
                if usual == fresh:
                    break
                assert attempt < 2, f"{path} {headers}: {usual} but newly asked {fresh}"

    @rule(key=KEYS, value=st.binary(max_size=3))
    def put(self, key: str, value: bytes) -> None:
        """Write a key."""
        self.ask("PUT", f"/v1/kv/{quote(key)}", value)

    @rule(key=KEYS, how=st.sampled_from(["", "?recurse", "?cas=1"]))
    def delete(self, key: str, how: str) -> None:
        """Delete keys."""
        self.ask("DELETE", f"/v1/kv/{quote(key)}{how}")

    @rule(key=KEYS)
    def transaction(self, key: str) -> None:
        """Write and delete at once."""
        operations = [{"KV": {"Verb": "set", "Key": key, "Value": "eA=="}}, {"KV": {"Verb": "delete", "Key": "b"}}]
        self.ask("PUT", "/v1/txn", operations)

    @rule(key=KEYS, behaviour=st.sampled_from(["release", "delete"]))
    def lock(self, key: str, behaviour: str) -> None:
        """Take a lock with a new session."""
        made = self.ask("PUT", "/v1/session/create", {"Behavior": behaviour, "LockDelay": "0s"})
        session = json.loads(made[2])["ID"]
        self.sessions.append(session)
        self.ask("PUT", f"/v1/kv/{quote(key)}?acquire={session}", b"l")

    @rule()
    def end_session(self) -> None:
        """End the oldest session."""
        if self.sessions:
            self.ask("PUT", f"/v1/session/destroy/{self.sessions.pop(0)}")

    @rule(
        node=NODES,
        name=NAMES,
        port=st.integers(1, 2),
        status=st.sampled_from(["passing", "critical"]),
        meta=st.sampled_from(["1", "2"]),
    )
    def register(self, node: str, name: str, port: int, status: str, meta: str) -> None:
        """Register an instance with a check in the catalog."""
        service = {"ID": name, "Service": name, "Port": port, "Tags": [f"t{port}"]}
        check = {"CheckID": f"c-{name}", "ServiceID": name, "Name": "c", "Status": status}
        body = {
            "Node": node,
            "Address": f"127.0.0.{node[1]}",
            "NodeMeta": {"k": meta},
            "Service": service,
            "Check": check,
        }
        assert self.ask("PUT", "/v1/catalog/register", body)[0] == 200

    @rule(node=NODES, name=NAMES, whole=st.booleans())
    def deregister(self, node: str, name: str, whole: bool) -> None:
        """Take an instance or a node out of the catalog."""
        self.ask("PUT", "/v1/catalog/deregister", {"Node": node} if whole else {"Node": node, "ServiceID": name})

    @rule(name=NAMES, port=st.integers(1, 2))
    def register_locally(self, name: str, port: int) -> None:
        """Register a service of the agent."""
        body = {"Name": name, "Port": port, "Check": {"TTL": "1h"}}
        assert self.ask("PUT", "/v1/agent/service/register", body)[0] == 200

    @rule(name=NAMES, status=st.sampled_from(["pass", "warn", "fail"]))
    def report(self, name: str, status: str) -> None:
        """Report a TTL check."""
        self.ask("PUT", f"/v1/agent/check/{status}/service:{name}")

    @rule(name=NAMES, on=st.sampled_from(["true", "false"]))
    def maintain(self, name: str, on: str) -> None:
        """Put a local service into maintenance, or take it out."""
        self.ask("PUT", f"/v1/agent/service/maintenance/{name}?enable={on}")

    @rule(name=NAMES)
    def deregister_locally(self, name: str) -> None:
        """Take a local service out."""
        self.ask("PUT", f"/v1/agent/service/deregister/{name}")

    @rule(node=NODES, far=st.floats(0, 1))
    def move(self, node: str, far: float) -> None:
        """Give a node another place."""
        where = {"Vec": [far] * 8, "Error": 1.0, "Adjustment": 0.0, "Height": 1e-5}
        self.ask("PUT", "/v1/coordinate/update", {"Node": node, "Coord": where})

    @rule()
    def save_or_restore(self) -> None:
        """Put the whole state back to an earlier one."""
        if not self.saved:
            self.saved = self.ask("GET", "/v1/snapshot")[2]
        else:
            assert self.ask("PUT", "/v1/snapshot", self.saved)[0] == 200
            self.saved = b""

    @rule(value=st.sampled_from(["1", "2"]))
    def reload(self, value: str) -> None:
        """Reload a configuration with other node meta data."""

        async def work(agent: Agent) -> None:
            changed = msgspec.structs.replace(agent.config, node_meta={"m": value})
            agent._read_config = lambda: changed  # pyright: ignore[reportPrivateUsage]
            await agent.reload()

        self.agent.run(work)


@pytest.mark.timeout(300)
def test_no_read_is_answered_from_the_past() -> None:
    """Over keys, sessions, catalog, agent, filters, distance, restores and reloads."""
    unhurried = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    rules = settings(
        max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=unhurried, database=None
    )
    run_state_machine_as_test(CachedReads, settings=rules)


def test_the_cache_is_used_and_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above would prove nothing."""
    for switch, expected in (("", 1), ("1", 0)):
        monkeypatch.setenv("PYCONSUL_NO_REPLY_CACHE", switch)
        with InProcessAgent() as agent:
            host, _, port = agent.http_address.rpartition(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=60)
            for _ in range(2):
                connection.request("GET", "/v1/catalog/nodes")
                assert connection.getresponse().read()
            connection.close()
            assert kept_replies(agent.agent) == expected
