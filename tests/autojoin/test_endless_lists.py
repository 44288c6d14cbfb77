"""Whoever answers in a cloud's place may name a next page for ever: then the look-up ends, with an error."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.toolkit.discovery import DiscoverError, Lookup, look_up
from pyconsul_autojoin import api
from pyconsul_autojoin.providers import gce, softlayer
from pyconsul_autojoin.providers.aliyun import Aliyun
from pyconsul_autojoin.providers.digitalocean import DigitalOcean
from pyconsul_autojoin.providers.gce import Gce
from pyconsul_autojoin.providers.linode import Linode
from pyconsul_autojoin.providers.scaleway import Scaleway
from pyconsul_autojoin.providers.softlayer import SoftLayer
from pyconsul_autojoin.providers.tencentcloud import TencentCloud
from tests.autojoin.conftest import Asks, Clouds, Reply, Seen

LIMIT = 3
KEY = "region=r tag_key=k tag_value=v access_key_id=i access_key_secret=s"

CLOUDS: list[tuple[Any, str, object]] = [
    (Aliyun, f"provider=aliyun {KEY}", {"TotalCount": 1 << 40, "Instances": {"Instance": [{}]}}),
    (
        DigitalOcean,
        "provider=digitalocean tag_name=t api_token=t",
        {"droplets": [{"id": 1}], "links": {"pages": {"next": "n"}}},
    ),
    (Gce, "provider=gce project_name=p tag_value=t", {"items": [{"name": "z"}], "nextPageToken": "n"}),
    (Linode, "provider=linode api_token=t", {"data": [{"id": 1}], "pages": 1 << 40}),
    (
        Scaleway,
        "provider=scaleway region=r organization=o tag_name=t token=t",
        Reply({"servers": [{"id": "1"}]}, headers={"X-Total-Count": str(1 << 40)}),
    ),
    (SoftLayer, "provider=softlayer datacenter=d tag_value=t username=u api_key=k", [{"id": 1}]),
    (TencentCloud, f"provider=tencentcloud {KEY}", {"Response": {"TotalCount": 1 << 40, "InstanceSet": [{}]}}),
]


def token(_ask: Lookup, _path: str) -> str:
    """In place of Google's library."""
    return "t"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of three pages at most, and no credentials of Google's."""
    monkeypatch.setattr(api, "PAGE_LIMIT", LIMIT)
    monkeypatch.setattr(softlayer, "PAGE_SIZE", 1)
    monkeypatch.setattr(gce, "_token", token)


@pytest.mark.parametrize(("provider", "text", "page"), CLOUDS, ids=[each[0].__name__ for each in CLOUDS])
async def test_a_list_without_end_is_an_error(cloud: Clouds, ask: Asks, provider: Any, text: str, page: object) -> None:
    """Every page is asked for once, up to the limit."""
    there = await cloud(lambda _: page)
    with pytest.raises(DiscoverError, match=r"the list has no end: more than 3 pages$"):
        await provider(there.url).addresses(ask(text))
    assert len(there.seen) == LIMIT


async def test_packet_s_next_page_without_end(cloud: Clouds) -> None:
    """Its place is a parameter."""

    def page(seen: Seen) -> object:
        device: dict[str, object] = {}
        return {"devices": [device], "meta": {"next": {"href": seen.path}}}

    there = await cloud(page)
    with pytest.raises(DiscoverError, match="discover-packet: the list has no end"):
        await look_up(f"provider=packet project=p auth_token=t url={there.url}")
    assert [each.query["page"] for each in there.seen] == ["1", "2", "3"]
