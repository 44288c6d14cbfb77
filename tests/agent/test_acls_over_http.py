"""ACLs through the sockets of a whole agent: kept replies, watches of the configuration, services of files."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pyconsul.sdk import Client
from pyconsul.testing import InProcessAgent
from tests.waiting import until

SEES_WEB = 'service "web" { policy = "read" } node_prefix "" { policy = "read" }'
WRITES_WEB = 'service "web" { policy = "write" }'


def ask(agent: InProcessAgent, path: str, token: str) -> tuple[int, str]:
    """Status and body of a GET on a connection of its own; the same bytes each time, so that a reply may be kept."""
    connection = http.client.HTTPConnection(agent.http_address, timeout=10)
    connection.request("GET", path, headers={"X-Consul-Token": token} if token else {})
    reply = connection.getresponse()
    found = reply.status, reply.read().decode()
    connection.close()
    return found


def accessor(agent: InProcessAgent, secret: str) -> str:
    """The public ID of a token."""
    with Client(agent.settings.replace(token=secret)) as client:
        return str(client.acl.token_read_self()["AccessorID"])


@pytest.mark.parametrize("path", ["/v1/agent/services", "/v1/catalog/service/web", "/v1/health/service/web"])
@pytest.mark.consul_agent(acl=True)
def test_a_kept_reply_goes_with_the_rights_it_was_given_by(consul_agent: InProcessAgent, path: str) -> None:
    """A changed policy, another role for the token, its end: each is seen by the very next request."""
    consul_agent.client.agent.register_service({"Name": "web"})
    acl, secret = consul_agent.client.acl, consul_agent.new_token(SEES_WEB)
    own = accessor(consul_agent, secret)
    policy = acl.token_read(own)["Policies"][0]
    assert [("web" in ask(consul_agent, path, secret)[1]) for _ in range(3)] == [True] * 3
    acl.policy_update(policy["ID"], {"Name": policy["Name"], "Rules": ""})
    assert "web" not in ask(consul_agent, path, secret)[1]
    acl.policy_update(policy["ID"], {"Name": policy["Name"], "Rules": SEES_WEB})
    assert "web" in ask(consul_agent, path, secret)[1]
    acl.token_update(own, {"Policies": []})
    assert "web" not in ask(consul_agent, path, secret)[1]
    acl.token_delete(own)
    assert ask(consul_agent, path, secret) == (403, "ACL not found")


@pytest.mark.consul_agent(acl=True)
def test_a_new_default_token_is_seen_at_once(consul_agent: InProcessAgent) -> None:
    """By requests that bring none, whose replies may be kept."""
    consul_agent.client.agent.register_service({"Name": "web"})
    assert [ask(consul_agent, "/v1/agent/services", "")[1].strip() for _ in range(3)] == ["{}"] * 3
    consul_agent.client.agent.set_token("default", consul_agent.new_token(SEES_WEB))
    assert list(json.loads(ask(consul_agent, "/v1/agent/services", "")[1])) == ["web"]


def test_a_watch_of_the_configuration_asks_with_its_token(
    make_consul_agent: Callable[..., InProcessAgent], tmp_path: Path
) -> None:
    """Or with the default token."""
    acl = 'acl { enabled = true default_policy = "deny" tokens { initial_management = "root" default = "root" } }'
    for number, token in enumerate(("", ' token = "root"')):
        seen = tmp_path / f"seen-{number}"
        watch = f'watches = [{{ type = "key" key = "a"{token} args = ["sh", "-c", "cat > {seen}"] }}]'
        agent = make_consul_agent(config=f"{acl} {watch}")
        with Client(agent.settings.replace(token="root")) as root:
            root.kv.put("a", "1")
        until(lambda seen=seen: seen.exists() and '"Key":"a"' in seen.read_text().replace(" ", ""))


def test_services_of_files_register_with_their_own_token(make_consul_agent: Callable[..., InProcessAgent]) -> None:
    """Else with that of configuration files; what neither allows stays local."""
    config = """
    acl { tokens { config_file_service_registration = "77777777-0000-4000-8000-000000000001" } }
    services = [
      { name = "web" token = "77777777-0000-4000-8000-000000000002" },
      { name = "db" }, { name = "other" token = "77777777-0000-4000-8000-000000000002" },
    ]
    """
    agent = make_consul_agent(acl=True, config=config)
    acl = agent.client.acl
    for number, rules in ((1, 'service "db" { policy = "write" }'), (2, WRITES_WEB)):
        policy = acl.policy_create({"Name": f"p{number}", "Rules": rules})
        secret = f"77777777-0000-4000-8000-{number:012}"
        acl.token_create({"SecretID": secret, "Policies": [{"ID": policy["ID"]}]})
    agent.client.agent.set_token("default", "")  # as an operator would, to have it all tried again
    until(lambda: {"web", "db"} <= set(agent.client.catalog.services()))
    assert "other" not in agent.client.catalog.services()
    assert "other" in agent.client.agent.services()
