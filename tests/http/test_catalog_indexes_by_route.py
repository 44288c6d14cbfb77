"""Which routes' indexes move with which change: the recorded matrix of ``wire/blocking.md``, section 2."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.door import DoorClient, leading_agent

ROUTES = {
    "nodes": "catalog/nodes",
    "services": "catalog/services",
    "web": "catalog/service/web",
    "nosuch": "catalog/service/nosuch",
    "n1": "catalog/node/n1",
    "n1-list": "catalog/node-services/n1",
    "no-node": "catalog/node/nosuch",
    "connect": "catalog/connect/web",
    "h-node": "health/node/n1",
    "h-checks": "health/checks/web",
    "h-web": "health/service/web",
    "h-passing": "health/service/web?passing",
    "h-nosuch": "health/service/nosuch",
    "h-any": "health/state/any",
    "h-critical": "health/state/critical",
    "ui-nodes": "internal/ui/nodes",
    "ui-services": "internal/ui/services",
}
NODE = {"Node": "n1", "Address": "10.0.0.1"}
CHECK = {"Node": "n1", "CheckID": "c", "Name": "c", "ServiceID": "web", "Status": "passing"}
NODE_CHECK = {"Node": "n1", "CheckID": "mem", "Name": "mem", "Status": "passing"}

CHECK_ROWS = "h-node h-checks h-any h-critical"
WEB_ROWS = "web h-web h-passing"
ABSENT = "nosuch h-nosuch"  # as long as no service ever went away
UI = "ui-nodes ui-services"
N1 = "n1 n1-list"

# What is done, with which body, and whose index moves.
STEPS: list[tuple[str, str, dict[str, Any], str]] = [
    ("a node comes", "register", NODE, f"nodes {WEB_ROWS} connect {N1} {ABSENT} {UI}"),
    ("the same again", "register", NODE, ""),
    (
        "an instance of web comes",
        "register",
        {**NODE, "Service": {"Service": "web"}},
        f"nodes services {WEB_ROWS} connect {N1} {ABSENT} {UI}",
    ),
    ("its check comes", "register", {**NODE, "Check": CHECK}, f"{WEB_ROWS} connect {CHECK_ROWS} h-nosuch {UI}"),
    ("the same check again", "register", {**NODE, "Check": CHECK}, ""),
    (
        "the check turns critical",
        "register",
        {**NODE, "Check": {**CHECK, "Status": "critical"}},
        f"{WEB_ROWS} connect {CHECK_ROWS} h-nosuch {UI}",
    ),
    (
        "another service comes",
        "register",
        {**NODE, "Service": {"Service": "db"}},
        f"nodes services {N1} {ABSENT} {UI}",
    ),
    (
        "a check of the node comes",
        "register",
        {**NODE, "Check": NODE_CHECK},
        f"{WEB_ROWS} connect {CHECK_ROWS} h-nosuch {UI}",
    ),
    (
        "a service comes on another node",
        "register",
        {"Node": "n2", "Address": "10.0.0.2", "Service": {"Service": "api"}},
        f"nodes services {ABSENT} {UI}",
    ),
    (
        "the node's address changes",
        "register",
        {"Node": "n1", "Address": "10.0.0.9"},
        f"nodes {WEB_ROWS} connect {N1} {ABSENT} {UI}",
    ),
    (
        "the other service goes",
        "deregister",
        {"Node": "n1", "ServiceID": "db"},
        f"nodes services connect {N1} {CHECK_ROWS} {ABSENT} {UI}",
    ),
    (
        "the node's check turns critical",
        "register",
        {"Node": "n1", "Address": "10.0.0.9", "Check": {**NODE_CHECK, "Status": "critical"}},
        f"{WEB_ROWS} {CHECK_ROWS} {UI}",
    ),
    (
        "the node goes",
        "deregister",
        {"Node": "n1"},
        f"nodes services {WEB_ROWS} connect {N1} no-node {CHECK_ROWS} {ABSENT} {UI}",
    ),
    (
        "the other node goes",
        "deregister",
        {"Node": "n2"},
        f"nodes services {WEB_ROWS} connect {N1} no-node {CHECK_ROWS} {ABSENT} {UI}",
    ),
]


@pytest.fixture
async def api() -> AsyncIterator[DoorClient]:
    """A dev agent whose server leads; no port is opened."""
    async with leading_agent() as agent:
        yield DoorClient(agent)


async def index_of(api: DoorClient, route: str) -> str:
    """The index that a route answers with."""
    return (await api.get(route)).headers["X-Consul-Index"]


async def test_each_change_moves_the_recorded_indexes_and_no_others(api: DoorClient) -> None:
    """In the order in which they were recorded on a real server."""
    before = {name: await index_of(api, route) for name, route in ROUTES.items()}
    for what, method, body, moves in STEPS:
        assert (await api.put(f"catalog/{method}", body)).status == 200, what
        after = {name: await index_of(api, route) for name, route in ROUTES.items()}
        assert {name for name in ROUTES if after[name] != before[name]} == set(moves.split()), what
        before = after
