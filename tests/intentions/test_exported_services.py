"""``/v1/exported-services``: what the entry comes down to."""

from typing import Any

import pytest

from tests.door import Answer, DoorClient, leading_agent
from tests.intentions.conftest import Api


async def exported(api: Api, *services: tuple[str, dict[str, str]]) -> list[Any]:
    """Export each service to one consumer; returns what is exported then."""
    rows = [{"Name": name, "Consumers": [consumer]} for name, consumer in services]
    entry = {"Kind": "exported-services", "Name": "default", "Services": rows}
    assert (await api.ask("PUT", "config", entry)).status == 200
    return (await api.ask("GET", "exported-services")).body


async def register(api: Api, name: str, **more: Any) -> Answer:
    """Put an instance into the catalog."""
    service = {"Service": name, **more}
    return await api.ask("PUT", "catalog/register", {"Node": "n1", "Address": "1.1.1.1", "Service": service})


async def test_nothing_is_exported_without_the_entry(api: Api) -> None:
    """An empty list, with an index to wait on."""
    answer = await api.ask("GET", "exported-services")
    assert answer.body == [] and int(answer.headers["X-Consul-Index"]) > 0


async def test_consumers_of_one_service_are_gathered(api: Api) -> None:
    """Services and peers are sorted; a consumer that is no peer leaves the service without one."""
    found = await exported(api, ("web", {"Peer": "b"}), ("api", {"Partition": "q"}), ("web", {"Peer": "a"}))
    assert found == [{"Service": "api", "Consumers": {}}, {"Service": "web", "Consumers": {"Peers": ["a", "b"]}}]


async def test_a_wildcard_stands_for_ordinary_services(api: Api) -> None:
    """Not for proxies, and never for ``consul``, even where that is named."""
    await register(api, "web")
    await register(api, "web-proxy", Kind="connect-proxy", Port=1, Proxy={"DestinationServiceName": "web"})
    found = await exported(api, ("*", {"Peer": "a"}), ("web", {"Peer": "b"}), ("consul", {"Peer": "b"}))
    assert found == [{"Service": "web", "Consumers": {"Peers": ["a", "b"]}}]


async def test_a_new_service_behind_a_wildcard_ends_the_wait(api: Api) -> None:
    """The index is the newer one of the entry and of the names."""
    await exported(api, ("*", {"Peer": "a"}))
    before = (await api.ask("GET", "exported-services")).headers["X-Consul-Index"]
    await register(api, "web")
    answer = await api.ask("GET", f"exported-services?index={before}&wait=60s")
    assert [row["Service"] for row in answer.body] == ["web"]
    assert int(answer.headers["X-Consul-Index"]) > int(before)


@pytest.mark.parametrize(("rules", "status"), [("", 403), ('mesh = "read"', 200)])
async def test_reading_it_takes_mesh_read(rules: str, status: int) -> None:
    """As reading the entry does."""
    hcl = 'acl { enabled = true default_policy = "deny" tokens { initial_management = "root" } }'
    async with leading_agent(hcl) as agent:
        api = DoorClient(agent)
        await api.ask("PUT", "acl/policy?token=root", {"Name": "mine", "Rules": rules})
        token = (await api.ask("PUT", "acl/token?token=root", {"Policies": [{"Name": "mine"}]})).body["SecretID"]
        assert (await api.ask("GET", f"exported-services?token={token}")).status == status
