"""Clouds that take a token or a password: DigitalOcean, Linode, Packet, Scaleway, SoftLayer."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin import api
from pyconsul_autojoin.providers import scaleway, softlayer
from pyconsul_autojoin.providers.digitalocean import DigitalOcean
from pyconsul_autojoin.providers.linode import Linode
from pyconsul_autojoin.providers.packet import Packet
from pyconsul_autojoin.providers.scaleway import Scaleway
from pyconsul_autojoin.providers.softlayer import SoftLayer
from tests.autojoin.conftest import Asks, Clouds, Reply, Seen


def a_droplet(number: int, region: str = "ams3", private: str = "") -> dict[str, Any]:
    """A droplet as the API shows it; its public address stands first."""
    v4 = [{"ip_address": f"203.0.113.{number}", "netmask": "255.255.240.0", "type": "public"}]
    if private:
        v4.append({"ip_address": private, "netmask": "255.255.0.0", "type": "private"})
    return {"id": number, "name": f"web-{number}", "region": {"slug": region}, "networks": {"v4": v4, "v6": []}}


def droplets(seen: Seen) -> object:
    """Two pages of droplets, the second one the last."""
    if seen.query["page"] == "1":
        pages = {"next": "https://api.digitalocean.com/v2/droplets?page=2", "last": "…"}
        return {"droplets": [a_droplet(1, private="10.0.0.1"), a_droplet(2)], "links": {"pages": pages}}
    return {"droplets": [a_droplet(3, "nyc1", "10.0.0.3")], "links": {"pages": {"prev": "…"}}, "meta": {"total": 3}}


async def test_digitalocean_reads_every_page_of_a_tag(cloud: Clouds, ask: Asks) -> None:
    """Private addresses of all droplets come back; one without is left out; the token is in every request."""
    there = await cloud(droplets)
    asked = ask("provider=digitalocean tag_name=consul api_token=t0k")
    assert await DigitalOcean(there.url).addresses(asked) == ["10.0.0.1", "10.0.0.3"]
    assert [each.query["tag_name"] for each in there.seen] == ["consul", "consul"]
    assert {each.headers["Authorization"] for each in there.seen} == {"Bearer t0k"}


async def test_digitalocean_takes_only_the_region(cloud: Clouds, ask: Asks) -> None:
    """With a region, droplets elsewhere are left out."""
    there = await cloud(droplets)
    asked = ask("provider=digitalocean region=nyc1 tag_name=consul api_token=t0k")
    assert await DigitalOcean(there.url).addresses(asked) == ["10.0.0.3"]


async def test_a_refusal_says_what_the_cloud_said(cloud: Clouds, ask: Asks) -> None:
    """A status of 401 is an error with path, status and the cloud's words."""
    there = await cloud(lambda _: Reply({"id": "Unauthorized", "message": "Unable to authenticate you"}, 401))
    with pytest.raises(DiscoverError, match=r"discover-digitalocean: GET .*/v2/droplets: 401 .*Unable to authenticate"):
        await DigitalOcean(there.url).addresses(ask("provider=digitalocean tag_name=consul api_token=t0k"))


async def test_an_answer_without_end_is_not_kept(cloud: Clouds, ask: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers in the cloud's place cannot fill the memory."""
    monkeypatch.setattr(api, "BODY_LIMIT_BYTES", 1 << 20)
    there = await cloud(lambda _: b" " * ((1 << 20) + 1))
    with pytest.raises(DiscoverError, match=r"GET .*/v2/droplets: the answer is larger than 1 MiB$"):
        await DigitalOcean(there.url).addresses(ask("provider=digitalocean tag_name=consul api_token=t0k"))


def linodes(seen: Seen) -> object:
    """Two pages of one instance each, and their addresses."""
    if seen.path == "/linode/instances":
        return {"data": [{"id": int(seen.query["page"]), "label": "a"}], "page": int(seen.query["page"]), "pages": 2}
    number = seen.path.split("/")[3]
    if number == "2":
        return {"ipv4": {"public": [], "private": []}, "ipv6": None}
    v4 = {"public": [{"address": f"192.0.2.{number}"}], "private": [{"address": f"192.168.0.{number}"}], "shared": []}
    v6 = {"slaac": {"address": f"2001:db8::{number}"}, "link_local": {"address": f"fe80::{number}"}}
    return {"ipv4": v4, "ipv6": {**v6, "global": []}}


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("private_v4", "192.168.0.1"),
        ("public_v4", "192.0.2.1"),
        ("public_v6", "2001:db8::1"),
        ("private_v6", "fe80::1"),
        ("nonsense", "192.168.0.1"),
    ],
)
async def test_linode_takes_the_first_address_of_the_type(cloud: Clouds, ask: Asks, kind: str, address: str) -> None:
    """Each instance gives one address of the type; an unknown type is private_v4; one without gives none."""
    there = await cloud(linodes)
    asked = ask(f"provider=linode address_type={kind}", LINODE_TOKEN="t0k")
    assert await Linode(there.url).addresses(asked) == [address]
    assert {each.headers["Authorization"] for each in there.seen} == {"Bearer t0k"}


async def test_linode_sends_region_and_tag_as_a_filter(cloud: Clouds, ask: Asks) -> None:
    """The filter is in a header, with the API's names."""
    there = await cloud(linodes)
    await Linode(there.url).addresses(ask("provider=linode region=us-east tag_name=consul api_token=t"))
    assert json.loads(there.seen[0].headers["X-Filter"]) == {"region": "us-east", "tags": "consul"}


async def test_linode_fails_as_a_whole_when_one_instance_does(cloud: Clouds, ask: Asks) -> None:
    """An error of one of the concurrent requests is a plain error, no group."""
    there = await cloud(lambda seen: Reply({}, 500) if seen.path.endswith("/ips") else linodes(seen))
    with pytest.raises(DiscoverError, match="500"):
        await Linode(there.url).addresses(ask("provider=linode api_token=t"))


def a_device(number: int, facility: str, tags: list[str]) -> dict[str, Any]:
    """A device with one address of each type."""
    v4: dict[str, Any] = {"address_family": 4}
    addresses = [
        {**v4, "address": f"192.0.2.{number}", "public": True},
        {"address_family": 6, "address": f"2001:db8::{number}", "public": True},
        {**v4, "address": f"10.0.0.{number}", "public": False},
    ]
    return {"id": str(number), "facility": {"code": facility}, "tags": tags, "ip_addresses": addresses}


def devices(seen: Seen) -> object:
    """Two pages of devices."""
    if seen.query["page"] == "1":
        meta = {"next": {"href": f"{seen.path}?page=2"}}
        return {"devices": [a_device(1, "ewr1", ["a"]), a_device(2, "ams1", ["b"])], "meta": meta}
    return {"devices": [a_device(3, "sjc1", ["a", "b"])], "meta": {"next": None}}


@pytest.mark.parametrize(
    ("settings", "addresses"),
    [
        ("", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("address_type=public_v4 facility=ewr1,sjc1", ["192.0.2.1", "192.0.2.3"]),
        ("address_type=public_v6 tag=b,c", ["2001:db8::2", "2001:db8::3"]),
        ("facility=ewr1 tag=b", []),
    ],
)
async def test_packet_filters_by_facility_and_tag(
    cloud: Clouds, ask: Asks, settings: str, addresses: list[str]
) -> None:
    """All pages of the project's devices are filtered; the type chooses among their addresses."""
    there = await cloud(devices)
    asked = ask(f"provider=packet project=p-1 auth_token=t0k url={there.url}/metal/v1/ {settings}")
    assert await Packet().addresses(asked) == addresses
    assert [each.path for each in there.seen] == ["/metal/v1/projects/p-1/devices"] * 2
    assert {each.headers["X-Auth-Token"] for each in there.seen} == {"t0k"}


async def test_packet_names_the_missing_project(ask: Asks) -> None:
    """Without project there is no request but an error that names it."""
    with pytest.raises(DiscoverError, match="'project' parameter"):
        await Packet().addresses(ask("provider=packet auth_token=t"))


async def test_scaleway_reads_every_page_of_a_zone(cloud: Clouds, ask: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old region names are today's zones; servers with the tag give their private address."""
    monkeypatch.setattr(scaleway, "PAGE_SIZE", 2)
    servers: list[dict[str, Any]] = [
        {"id": "a", "name": "a", "private_ip": "10.1.0.1", "tags": ["consul", "x"]},
        {"id": "b", "name": "b", "private_ip": "10.1.0.2", "tags": []},
        {"id": "c", "name": "c", "private_ip": None, "tags": ["consul"]},
        {"id": "d", "name": "d", "private_ip": "10.1.0.4", "tags": ["consul"]},
    ]

    def page(seen: Seen) -> object:
        begin = (int(seen.query["page"]) - 1) * 2
        return Reply({"servers": servers[begin : begin + 2]}, headers={"X-Total-Count": "4"})

    there = await cloud(page)
    asked = ask("provider=scaleway region=par1 organization=org tag_name=consul token=t0k")
    assert await Scaleway(there.url).addresses(asked) == ["10.1.0.1", "10.1.0.4"]
    assert [each.path for each in there.seen] == ["/instance/v1/zones/fr-par-1/servers"] * 2
    assert {(each.headers["X-Auth-Token"], each.query["organization"]) for each in there.seen} == {("t0k", "org")}


async def test_softlayer_asks_with_filter_and_password(
    cloud: Clouds, ask: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Datacenter and tag are in the object filter, pages by offset, user and key as basic authentication."""
    monkeypatch.setattr(softlayer, "PAGE_SIZE", 1)
    guests = [{"id": 1, "hostname": "a", "domain": "x", "primaryBackendIpAddress": "10.2.0.1"}, {"id": 2}]

    def page(seen: Seen) -> object:
        offset, limit = map(int, seen.query["resultLimit"].split(","))
        return guests[offset : offset + limit]

    there = await cloud(page)
    asked = ask("provider=softlayer datacenter=dal06 tag_value=consul username=u api_key=k")
    assert await SoftLayer(there.url).addresses(asked) == ["10.2.0.1"]
    assert there.seen[0].headers["Authorization"] == "Basic " + b64encode(b"u:k").decode()
    assert json.loads(there.seen[0].query["objectFilter"])["virtualGuests"] == {
        "datacenter": {"name": {"operation": "dal06"}},
        "tagReferences": {"tag": {"name": {"operation": "consul"}}},
    }
