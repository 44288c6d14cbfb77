"""Data for the measures: instances in the catalog, services of an agent, keys by the transaction."""

from __future__ import annotations

import base64
import json
from typing import Any

from bench.agents import RunningAgent

VALUE = b"v" * 150
SETS_AT_ONCE = 64


def instances(agent: RunningAgent, count: int, service: str = "web") -> None:
    """So many nodes, each with one passing instance of a service."""
    for n in range(count):
        node = f"{service}-node-{n}"
        check = {
            "Node": node,
            "CheckID": f"{service}-check",
            "Name": "alive",
            "Status": "passing",
            "ServiceID": service,
        }
        entry: dict[str, Any] = {
            "Node": node,
            "Address": f"10.0.{n // 250}.{n % 250 + 1}",
            "Service": {"ID": service, "Service": service, "Port": 8000 + n, "Tags": ["v1", "primary"]},
            "Checks": [check],
        }
        agent.put("/v1/catalog/register", entry)


def services(agent: RunningAgent, count: int) -> None:
    """So many services of one node in the catalog."""
    for n in range(count):
        service: dict[str, Any] = {"ID": f"s{n}", "Service": f"service-{n}", "Port": 8000 + n, "Tags": ["v1", "blue"]}
        agent.put("/v1/catalog/register", {"Node": "many", "Address": "10.1.0.1", "Service": service})


def agent_services(agent: RunningAgent, count: int) -> None:
    """So many services of the agent itself."""
    for n in range(count):
        service = {"ID": f"s{n}", "Name": f"service-{n}", "Port": 8000 + n, "Tags": ["v1"], "Meta": {"rack": "r1"}}
        agent.put("/v1/agent/service/register", service)


def transaction(first: int, count: int, prefix: str = "bulk", value: bytes = VALUE, digits: int = 7) -> str:
    """The body of a transaction that sets so many keys, named by a number of so many digits below the prefix."""
    text = base64.b64encode(value).decode()
    numbers = range(first, first + count)
    return json.dumps([{"KV": {"Verb": "set", "Key": f"{prefix}/{n:0{digits}}", "Value": text}} for n in numbers])


def keys(agent: RunningAgent, count: int, prefix: str = "bulk", value: bytes = VALUE, digits: int = 7) -> None:
    """So many keys, named as in ``transaction``; digits 0: the number as it is."""
    for first in range(0, count, SETS_AT_ONCE):
        agent.put("/v1/txn", transaction(first, min(SETS_AT_ONCE, count - first), prefix, value, digits).encode())
