"""Tencent Cloud: running CVM instances by tag. API 3.0 (2017-03-12) with its signature TC3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from pyconsul.toolkit.discovery import DiscoverError, Lookup, Parameter
from pyconsul_autojoin.api import Api

PAGE_SIZE: Final = 100
API_VERSION: Final = "2017-03-12"
SERVICE: Final = "cvm"
CONTENT_TYPE: Final = "application/json; charset=utf-8"
ADDRESS_TYPES: Final = ("private_v4", "public_v4")


class _Instance(Struct, rename="pascal"):
    private_ip_addresses: list[str] = []
    public_ip_addresses: list[str] = []


class _Error(Struct, rename="pascal"):
    code: str = ""
    message: str = ""


class _Response(Struct, rename="pascal"):
    total_count: int = 0
    instance_set: list[_Instance] = []
    error: _Error | None = None


class _Page(Struct, rename="pascal"):
    response: _Response = field(default_factory=_Response)


@dataclass
class TencentCloud:
    """Running instances with a tag in a region."""

    api: str = "https://cvm.tencentcloudapi.com/"

    title = "Tencent Cloud"
    parameters = (
        Parameter("region", "Region, such as ap-guangzhou.", required=True),
        Parameter("tag_key", "Key of the tag that instances must have.", required=True),
        Parameter("tag_value", "Value of that tag.", required=True),
        Parameter("address_type", f"One of {', '.join(ADDRESS_TYPES)}.", default="private_v4"),
        Parameter("access_key_id", "Secret ID.", required=True),
        Parameter("access_key_secret", "Secret key.", required=True, secret=True),
    )
    notes = "The key needs the permission cvm:DescribeInstances and nothing else."

    async def addresses(self, ask: Lookup) -> list[str]:
        """The first address of the wanted type of each instance; those without one are left out."""
        if not ask.get("region"):
            raise ask.error("region missing")
        kind = ask.get("address_type", default="private_v4")
        if kind not in ADDRESS_TYPES:
            raise ask.error(f"invalid address_type {kind}")
        key, value = ask.need("tag_key"), ask.need("tag_value")
        ask.debug(f"Filter instances with {key}={value}")
        user = (ask.need("access_key_id"), ask.need("access_key_secret"))
        wanted = [
            {"Name": "instance-state", "Values": ["RUNNING"]},
            {"Name": f"tag:{key}", "Values": [value]},
        ]
        async with Api(ask) as api:
            instances = await self._instances(api, ask, wanted, user)
        ask.debug(f"Found {len(instances)} instances")
        lists = [each.public_ip_addresses if kind == "public_v4" else each.private_ip_addresses for each in instances]
        return [found[0] for found in lists if found]

    async def _instances(self, api: Api, ask: Lookup, wanted: object, user: tuple[str, str]) -> list[_Instance]:
        instances: list[_Instance] = []
        for _ in api.pages():
            body = msgspec.json.encode({"Filters": wanted, "Offset": len(instances), "Limit": PAGE_SIZE})
            headers = signed_headers(self.api, "DescribeInstances", ask.get("region"), body, *user, int(time.time()))
            page = (await api.post(self.api, _Page, data=body, headers=headers)).response
            if page.error is not None:
                raise _failed(ask, page.error)
            instances += page.instance_set
            # An empty page ends it as well: the total may shrink while pages are read.
            if not page.instance_set or len(instances) >= page.total_count:
                break
        return instances


def _failed(ask: Lookup, error: _Error) -> DiscoverError:
    return ask.error(f"DescribeInstances failed, [{error.code}] {error.message}")


def signed_headers(
    url: str, action: str, region: str, body: bytes, key_id: str, secret: str, at: int
) -> Mapping[str, str]:
    """The headers of a POST, its signature among them; ``at`` is the time in seconds since 1970."""
    host = urlsplit(url).netloc
    names = "content-type;host;x-tc-action"
    canonical = f"content-type:{CONTENT_TYPE}\nhost:{host}\nx-tc-action:{action.lower()}\n"
    request = f"POST\n/\n\n{canonical}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    date = time.strftime("%Y-%m-%d", time.gmtime(at))
    scope = f"{date}/{SERVICE}/tc3_request"
    text = f"TC3-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{secret}".encode()
    for part in (date, SERVICE, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signed = hmac.new(key, text.encode(), "sha256").hexdigest()
    credential = f"TC3-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signed}"
    return {
        "Authorization": credential,
        "Content-Type": CONTENT_TYPE,
        "X-TC-Action": action,
        "X-TC-Version": API_VERSION,
        "X-TC-Region": region,
        "X-TC-Timestamp": str(at),
        "X-TC-Language": "en-US",
    }
