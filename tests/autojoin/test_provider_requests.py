"""What clouds want to be told, and when a provider has read all pages."""

from __future__ import annotations

import re

import pytest

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers import softlayer
from pyconsul_autojoin.providers.aliyun import Aliyun
from pyconsul_autojoin.providers.openstack import OpenStack
from pyconsul_autojoin.providers.softlayer import SoftLayer
from pyconsul_autojoin.providers.tencentcloud import TencentCloud
from tests.autojoin.conftest import Answer, Asks, Clouds, Reply, Seen


def always(answer: object) -> Answer:
    """A cloud that gives the same to every request."""

    def give(_seen: Seen) -> object:
        return answer

    return give


KEYS = "region=eu-1 tag_key=role tag_value=server access_key_id=id access_key_secret=s3"


async def test_aliyun_is_told_who_asks_for_which_region(cloud: Clouds, ask: Asks) -> None:
    """Its interface wants all of these, and each region has a host of its own."""
    there = await cloud(always({"TotalCount": 0, "Instances": {"Instance": []}}))
    assert await Aliyun(f"{there.url}/{{region}}").addresses(ask(f"provider=aliyun {KEYS}")) == []
    (seen,) = there.seen
    wanted = {"Format": "JSON", "AccessKeyId": "id", "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}
    wanted |= {"Version": "2014-05-26", "RegionId": "eu-1", "PageNumber": "1"}
    assert wanted.items() <= dict(seen.query).items()
    assert seen.path == "/eu-1/" and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", seen.query["Timestamp"])


async def test_tencent_is_asked_page_by_page_until_one_is_empty(cloud: Clouds, ask: Asks) -> None:
    """Whatever number it promises."""
    there = await cloud(always({"Response": {"TotalCount": 9, "InstanceSet": [], "RequestId": "x"}}))
    assert await TencentCloud(f"{there.url}/").addresses(ask(f"provider=tencentcloud {KEYS}")) == []
    (seen,) = there.seen
    assert (seen.json()["Offset"], seen.json()["Limit"]) == (0, 100)
    assert (seen.headers["X-TC-Region"], seen.headers["X-TC-Version"]) == ("eu-1", "2017-03-12")


async def test_softlayer_is_asked_until_a_page_is_not_full(
    cloud: Clouds, ask: Asks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last guests have addresses as well."""
    monkeypatch.setattr(softlayer, "PAGE_SIZE", 2)
    guests = [{"id": n, "hostname": "a", "domain": "x", "primaryBackendIpAddress": f"10.2.0.{n}"} for n in range(4)]

    def page(seen: Seen) -> object:
        offset, limit = map(int, seen.query["resultLimit"].split(","))
        return guests[offset : offset + limit]

    there = await cloud(page)
    asked = ask("provider=softlayer datacenter=dal06 tag_value=consul username=u api_key=k")
    assert await SoftLayer(there.url).addresses(asked) == [f"10.2.0.{n}" for n in range(4)]
    assert [seen.query["resultLimit"] for seen in there.seen] == ["0,2", "2,2", "4,2"]


OPENSTACK = "provider=os tag_key=role tag_value=server user_name=u password=p domain_name=d"


async def test_openstack_is_told_how_somebody_logs_in(cloud: Clouds, ask: Asks) -> None:
    """With a name of a domain, as JSON; a slash at the end of its address does not count."""
    there = await cloud(always(Reply({"token": {"catalog": []}}, 201, {"X-Subject-Token": "t"})))
    with pytest.raises(DiscoverError, match="no public compute endpoint in the region RegionOne"):
        await OpenStack().addresses(ask(f"{OPENSTACK} project_id=p1 auth_url={there.url}/"))
    (seen,) = there.seen
    assert (seen.path, seen.headers["Content-Type"]) == ("/v3/auth/tokens", "application/json")
    user = {"name": "u", "password": "p", "domain": {"name": "d"}}
    assert seen.json()["auth"]["identity"] == {"methods": ["password"], "password": {"user": user}}


async def test_openstack_without_a_project_cannot_be_asked(cloud: Clouds, ask: Asks) -> None:
    """Where neither a setting nor the machine knows one."""
    there = await cloud(always({}))
    with pytest.raises(DiscoverError, match=r"no project_id in the metadata; give the parameter project_id$"):
        await OpenStack(f"{there.url}/meta").addresses(ask(f"{OPENSTACK} auth_url={there.url}"))
    assert [seen.path for seen in there.seen] == ["/meta"]
