"""Clouds that exchange credentials for a token first: OpenStack, Azure, Google Compute Engine."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers.azure import Azure
from pyconsul_autojoin.providers.gce import Gce
from pyconsul_autojoin.providers.openstack import OpenStack
from tests.autojoin.conftest import Asks, Cloud, Clouds, Reply, Seen

USER = "user_name=u password=p domain_id=default"


def a_server(name: str, address: str, role: str) -> dict[str, Any]:
    """A server with a fixed and a floating address."""
    addresses = [
        {"addr": address, "version": 4, "OS-EXT-IPS:type": "fixed"},
        {"addr": "203.0.113.9", "version": 4, "OS-EXT-IPS:type": "floating"},
    ]
    return {"id": name, "name": name, "metadata": {"role": role}, "addresses": {"net": addresses}}


class Stack:
    """Keystone, Nova and the metadata service in one."""

    def __init__(self) -> None:
        self.url = ""

    def __call__(self, seen: Seen) -> object:
        """One answer."""
        if seen.path == "/meta_data.json":
            return {"project_id": "from-metadata"}
        if seen.path == "/identity/v3/auth/tokens":
            return Reply({"token": {"catalog": self.catalog()}}, 201, {"X-Subject-Token": "gAAA"})
        if seen.headers.get("X-Auth-Token") != "gAAA":
            return Reply({"error": {"message": "unauthorized"}}, 401)
        if "marker" not in seen.query:
            link = {"rel": "next", "href": "http://unreachable.invalid/servers/detail?marker=s1"}
            return {"servers": [a_server("s1", "10.0.0.1", "server")], "servers_links": [link]}
        return {"servers": [a_server("s2", "10.0.0.2", "client"), a_server("s3", "10.0.0.3", "server")]}

    def catalog(self) -> list[dict[str, Any]]:
        """Two services; compute in two regions, with an internal endpoint."""
        endpoints = [
            {"interface": "internal", "region": "RegionOne", "url": "http://internal.invalid"},
            {"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": f"{self.url}/one"},
            {"interface": "public", "region": "two", "region_id": "two", "url": f"{self.url}/two/"},
        ]
        return [{"type": "image", "endpoints": endpoints[:1]}, {"type": "compute", "endpoints": endpoints}]


@pytest.fixture
async def stack(cloud: Clouds) -> Cloud:
    """A running stack."""
    answers = Stack()
    there = await cloud(answers)
    answers.url = there.url
    return there


async def test_openstack_asks_keystone_then_every_page(stack: Cloud, ask: Asks) -> None:
    """Fixed addresses of active servers with the metadata; the next page is asked by marker, not by link."""
    asked = ask(f"provider=os auth_url={stack.url}/identity project_id=p1 tag_key=role tag_value=server {USER}")
    assert await OpenStack().addresses(asked) == ["10.0.0.1", "10.0.0.3"]
    identity = stack.seen[0].json()["auth"]
    assert identity["identity"]["password"]["user"] == {"name": "u", "password": "p", "domain": {"id": "default"}}
    assert identity["scope"] == {"project": {"id": "p1"}}
    assert [(each.path, each.query.get("marker")) for each in stack.seen[1:]] == [
        ("/one/servers/detail", None),
        ("/one/servers/detail", "s1"),
    ]


async def test_openstack_takes_region_and_project_from_their_places(stack: Cloud, ask: Asks) -> None:
    """Everything may come from the environment; the project, where nobody says it, from the metadata service."""
    environ = {"OS_AUTH_URL": f"{stack.url}/identity/v3", "OS_REGION_NAME": "two", "OS_AUTH_TOKEN": "old"}
    asked = ask("provider=os tag_key=role tag_value=client", **environ)
    assert await OpenStack(f"{stack.url}/meta_data.json").addresses(asked) == ["10.0.0.2"]
    assert stack.seen[1].json()["auth"]["identity"] == {"methods": ["token"], "token": {"id": "old"}}
    assert stack.seen[1].json()["auth"]["scope"] == {"project": {"id": "from-metadata"}}
    assert stack.seen[2].path == "/two/servers/detail"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("tag_value=b auth_url=URL/identity", "tag_key is missing"),
        ("tag_key=a tag_value=b", "Auth url must be provided"),
        ("tag_key=a tag_value=b auth_url=URL/v2.0 project_id=p", "identity API version 2.0"),
        ("tag_key=a tag_value=b auth_url=URL/identity project_id=p", r"user_name is missing \(or .* OS_USERNAME\)"),
        (
            "tag_key=a tag_value=b auth_url=URL/identity project_id=p user_name=u password=p",
            "domain_id and domain_name",
        ),
        (f"tag_key=a tag_value=b auth_url=URL/identity project_id=p region=three {USER}", "in the region three"),
    ],
)
async def test_openstack_names_the_bad_setting(stack: Cloud, ask: Asks, text: str, fault: str) -> None:
    """What is missing or does not fit is named by its parameter."""
    with pytest.raises(DiscoverError, match=fault):
        await OpenStack().addresses(ask("provider=os " + text.replace("URL", stack.url)))


AZURE = 'provider=azure tenant_id=t client_id=c subscription_id=sub secret_access_key="s=="'


def an_interface(name: str, tags: dict[str, str] | None, *addresses: str) -> dict[str, Any]:
    """A network interface with these private addresses."""
    configurations = [{"properties": {"privateIPAddress": each}} for each in addresses]
    return {"id": name, "tags": tags, "properties": {"ipConfigurations": [*configurations, {"properties": {}}]}}


class Manager:
    """Azure's login and Resource Manager in one, with two pages of interfaces."""

    def __init__(self) -> None:
        self.url = ""

    def __call__(self, seen: Seen) -> object:
        """One answer."""
        if seen.path == "/t/oauth2/v2.0/token":
            return {"access_token": "eyJ", "token_type": "Bearer", "expires_in": 3599}
        if seen.headers.get("Authorization") != "Bearer eyJ":
            return Reply({"error": {"code": "AuthenticationFailed"}}, 401)
        if "skip" in seen.query:
            return {"value": [an_interface("c", {"role": "server"}, "10.0.0.3")]}
        first = [
            an_interface("a", {"role": "server"}, "10.0.0.1", "10.0.0.2"),
            an_interface("b", {"role": "client"}, "10.0.0.8"),
            an_interface("d", None, "10.0.0.9"),
        ]
        return {"value": first, "nextLink": f"{self.url}{seen.path}?skip=3"}


@pytest.fixture
async def manager(cloud: Clouds) -> Cloud:
    """A running login and Resource Manager."""
    answers = Manager()
    there = await cloud(answers)
    answers.url = there.url
    return there


@pytest.mark.parametrize("key", ["tag_name", "tag_key"])
async def test_azure_reads_interfaces_by_tag(manager: Cloud, ask: Asks, key: str) -> None:
    """The secret becomes a token, every page is read, and all addresses of interfaces with the tag come back."""
    asked = ask(f"{AZURE} {key}=role tag_value=server")
    assert await Azure(manager.url, manager.url).addresses(asked) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert dict(parse_qsl(manager.seen[0].body.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "c",
        "client_secret": "s==",
        "scope": "https://management.azure.com/.default",
    }
    assert manager.seen[1].path == "/subscriptions/sub/providers/Microsoft.Network/networkInterfaces"


async def test_azure_reads_interfaces_of_a_scale_set(manager: Cloud, ask: Asks) -> None:
    """Without tags all interfaces of the scale set count."""
    asked = ask(f"{AZURE} resource_group=rg vm_scale_set=vmss")
    found = await Azure(manager.url, manager.url).addresses(asked)
    assert found == ["10.0.0.1", "10.0.0.2", "10.0.0.8", "10.0.0.9", "10.0.0.3"]
    path = "/subscriptions/sub/resourceGroups/rg/providers/microsoft.Compute/virtualMachineScaleSets/vmss"
    assert manager.seen[1].path == f"{path}/networkInterfaces"


async def test_azure_sends_its_token_nowhere_else(cloud: Clouds, ask: Asks) -> None:
    """A next page on another host is refused before anything is sent there."""
    other = await cloud(lambda _: {})

    def answer(seen: Seen) -> object:
        return {"access_token": "eyJ", "value": [an_interface("a", {}, "1.1.1.1")], "nextLink": f"{other.url}/next"}

    there = await cloud(answer)
    with pytest.raises(DiscoverError, match="the next page is on another host"):
        await Azure(there.url, there.url).addresses(ask(f"{AZURE} tag_name=a tag_value=b"))
    assert other.seen == []


async def test_azure_falls_back_to_the_usual_chain(
    manager: Cloud, cloud: Clouds, ask: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a secret azure-identity finds the managed identity of the place where we run."""
    token = {"access_token": "eyJ", "expires_on": "4102444800", "resource": "x", "token_type": "Bearer"}
    identity = await cloud(lambda _: token)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{identity.url}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "h3ader")
    asked = ask("provider=azure subscription_id=sub tag_name=role tag_value=client")
    assert await Azure(manager.url, manager.url).addresses(asked) == ["10.0.0.8"]
    assert identity.seen[0].headers["X-IDENTITY-HEADER"] == "h3ader"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("provider=azure tag_name=a tag_value=b", "subscription_id not provided"),
        (f"{AZURE} tag_name=a", "unclear configuration"),
        (f"{AZURE} tag_name=a tag_value=b vm_scale_set=c resource_group=d", "unclear configuration"),
    ],
)
async def test_azure_names_the_bad_setting(ask: Asks, text: str, fault: str) -> None:
    """A missing subscription, and both or neither way to choose, are told."""
    with pytest.raises(DiscoverError, match=fault):
        await Azure().addresses(ask(text))


async def test_azure_without_interfaces_is_an_error(cloud: Clouds, ask: Asks) -> None:
    """An empty answer is an error in go-discover's words, so that a wrong subscription is noticed."""
    there = await cloud(lambda _: {"access_token": "eyJ", "value": []})
    with pytest.raises(DiscoverError, match=r"^discover-azure: no interfaces$"):
        await Azure(there.url, there.url).addresses(ask(f"{AZURE} tag_name=a tag_value=b"))


def padded(text: str) -> bytes:
    """Base64 of a JWT."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Google:
    """Token endpoint, metadata server and Compute API in one."""

    def __init__(self, public: Any) -> None:
        self.public = public

    def __call__(self, seen: Seen) -> object:
        """One answer."""
        if seen.path == "/token":
            return self.exchange(dict(parse_qsl(seen.body.decode()))["assertion"])
        if seen.path == "/computeMetadata/v1/project/project-id":
            assert seen.headers["Metadata-Flavor"] == "Google"
            return b"own-project"
        assert seen.headers["Authorization"] == "Bearer ya29"
        second = "pageToken" in seen.query
        if seen.path.endswith("/zones"):
            return {"items": [{"name": "b"}]} if second else {"items": [{"name": "a"}], "nextPageToken": "2"}
        return self.instances(seen.path.split("/")[-2], second)

    def exchange(self, assertion: str) -> object:
        """A token for an assertion that is rightly signed."""
        signed, _, signature = assertion.rpartition(".")
        self.public.verify(padded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        claims = json.loads(padded(signed.split(".")[1]))
        assert claims["scope"] == "https://www.googleapis.com/auth/compute"
        return {"access_token": "ya29", "expires_in": 3600, "token_type": "Bearer"}

    def instances(self, zone: str, second: bool) -> object:
        """Two pages in zone a, none in b (which has no items at all)."""
        if zone == "b":
            return {"id": "x"}
        wanted = {"name": "w", "tags": {"items": ["consul"]}, "networkInterfaces": [{"networkIP": "10.0.0.2"}]}
        if second:
            return {"items": [wanted]}
        others = [{**wanted, "tags": {"items": ["x"]}}, {**wanted, "networkInterfaces": []}, {"name": "no tags"}]
        return {"items": [{**wanted, "networkInterfaces": [{"networkIP": "10.0.0.1"}]}, *others], "nextPageToken": "2"}


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    """The key of a service account."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
async def google(cloud: Clouds, private_key: rsa.RSAPrivateKey, tmp_path: Path) -> tuple[Any, Path]:
    """A running Google, and a credentials file for it."""
    there = await cloud(Google(private_key.public_key()))
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "join@p.iam.gserviceaccount.com",
        "private_key_id": "k1",
        "private_key": private_key.private_bytes(*encoding).decode(),
        "token_uri": f"{there.url}/token",
    }
    path = tmp_path / "key.json"
    path.write_text(json.dumps(account))
    return there, path


async def test_gce_reads_zones_and_instances_page_by_page(google: tuple[Any, Path], ask: Asks) -> None:
    """The file's key signs for a token; the project is the machine's own; tagged instances give their address."""
    there, path = google
    asked = ask(f'provider=gce tag_value=consul credentials_file="{path}"', GCE_METADATA_HOST=there.host)
    assert await Gce(f"{there.url}/compute/v1").addresses(asked) == ["10.0.0.1", "10.0.0.2"]
    assert {each.path for each in there.seen if each.path.endswith("/zones")} == {
        "/compute/v1/projects/own-project/zones"
    }


async def test_gce_filters_zones_by_pattern(google: tuple[Any, Path], ask: Asks) -> None:
    """The pattern goes to the API as a filter on names."""
    there, path = google
    text = f'provider=gce project_name=p tag_value=x zone_pattern=us-.* credentials_file="{path}"'
    await Gce(f"{there.url}/compute/v1").addresses(ask(text))
    zones = [each for each in there.seen if each.path == "/compute/v1/projects/p/zones"]
    assert {each.query["filter"] for each in zones} == {"name eq us-.*"}


async def test_gce_falls_back_to_the_usual_chain(
    google: tuple[Any, Path], ask: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without credentials_file google-auth takes the file that the environment names."""
    there, path = google
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    asked = ask("provider=gce project_name=p tag_value=x")
    found = await Gce(f"{there.url}/compute/v1").addresses(asked)
    assert (found, there.seen[0].path) == (["10.0.0.2"], "/token")


@pytest.mark.parametrize("content", ["", "{}", '{"type": "service_account"}'])
async def test_gce_names_a_bad_credentials_file(ask: Asks, tmp_path: Path, content: str) -> None:
    """A file that is not there or no key is named."""
    path = tmp_path / "bad.json"
    if content:
        path.write_text(content)
    with pytest.raises(DiscoverError, match=f"^discover-gce: credentials_file {path}: "):
        await Gce().addresses(ask(f'provider=gce project_name=p tag_value=x credentials_file="{path}"'))
