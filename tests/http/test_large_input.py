"""Large input is read beside the loop: while one client's is, others are answered."""

import asyncio
import json
import threading
from typing import Any
from urllib.parse import quote

import pytest

from pyconsul.agent.http import agent_members, agent_services, catalog, config, health
from pyconsul.server.aside import ASIDE_FROM, aside
from pyconsul.server.endpoints import acl_policies, config_entries, filtering
from pyconsul.server.state import prepared_query_template
from tests.http.conftest import Wire, connected, running

ACLS = 'acl { enabled = true default_policy = "allow" tokens { initial_management = "root" } }'
LARGE = "x" * ASIDE_FROM
FILTER = quote(f'"{LARGE}" in Tags')


async def test_small_work_is_done_at_once_and_large_beside_the_loop() -> None:
    """What it gives or raises comes back either way."""

    def work() -> int:
        if threading.current_thread() is threading.main_thread():
            raise ValueError
        return 1

    assert await aside(ASIDE_FROM, work) == 1
    with pytest.raises(ValueError):
        await aside(ASIDE_FROM - 1, work)


@pytest.mark.parametrize(
    ("method", "path", "body", "module", "name"),
    [
        (
            "PUT",
            "/v1/acl/policy",
            {"Name": "a", "Rules": f'key "{LARGE}" {{ policy = "read" }}'},
            acl_policies,
            "parse_rules",
        ),
        (
            "PUT",
            "/v1/config",
            {"Kind": "proxy-defaults", "Name": "global", "Config": {"a": LARGE}},
            config,
            "decode_entry",
        ),
        (
            "PUT",
            "/v1/config",
            {"Kind": "proxy-defaults", "Name": "global", "Config": {"a": LARGE}},
            config_entries,
            "prepared",
        ),
        (
            "PUT",
            "/v1/catalog/register",
            {"Node": "n", "Address": "1.1.1.1", "Check": {"Name": "c", "Output": LARGE}},
            catalog,
            "register_request_from",
        ),
        (
            "POST",
            "/v1/query",
            {"Name": "q", "Template": {"Type": "name_prefix_match"}, "Service": {"Service": "${name.full}" + LARGE}},
            prepared_query_template,
            "compile_ahead",
        ),
        ("GET", f"/v1/catalog/nodes?filter={FILTER}", {}, filtering, "compile_filter"),
        ("GET", f"/v1/health/service/web?index=1&wait=1ms&filter={FILTER}", {}, health, "compile_evaluator"),
        ("GET", f"/v1/agent/services?filter={FILTER}", {}, agent_services, "compile_filter"),
        ("GET", f"/v1/agent/members?filter={FILTER}", {}, agent_members, "compile_filter"),
    ],
    ids=[
        "policy",
        "entry",
        "entry's hash",
        "registration",
        "query template",
        "filter",
        "filter of a stream",
        "filter of services",
        "filter of members",
    ],
)
async def test_others_are_answered_while_large_input_is_read(
    method: str,
    path: str,
    body: dict[str, Any],
    module: Any,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here reading does not end before another client has its answer."""
    begun, answered = threading.Event(), threading.Event()
    read = getattr(module, name)

    def slow(*args: Any, **options: Any) -> Any:
        begun.set()
        assert answered.wait(60)
        return read(*args, **options)

    monkeypatch.setattr(module, name, slow)
    async with running(ACLS) as agent, connected(agent) as wire, connected(agent) as other:
        writing = asyncio.create_task(
            wire.get(path, "X-Consul-Token: root", method=method, body=json.dumps(body).encode())
        )
        assert await asyncio.to_thread(begun.wait, 60)
        assert (await other.get("/v1/status/leader")).status == 200
        answered.set()
        assert (await writing).status in (200, 500)  # a selector that does not fit the rows is refused


async def test_a_large_template_that_does_not_compile_is_refused() -> None:
    """In the words for a small one."""
    async with running() as agent, connected(agent) as wire:
        for filling in ("", LARGE):
            body = {"Name": "q", "Template": {"Type": "name_prefix_match"}, "Service": {"Service": filling + "${"}}
            answer = await wire.get("/v1/query", method="POST", body=json.dumps(body).encode())
            assert answer.status == 500
            assert answer.body.startswith(b"raft apply failed: failed compiling template: Bad format ")


async def test_very_many_parameters_are_no_query(wire: Wire) -> None:
    """Go's bound."""
    assert (await wire.get("/v1/kv/a?raw&" + "a&" * 9_998)).status == 404
    assert (await wire.get("/v1/kv/a?raw&" + "a&" * 10_000)).status == 500
