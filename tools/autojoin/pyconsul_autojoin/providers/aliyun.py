"""Alibaba Cloud: running ECS instances by tag. RPC-style API 2014-05-26 with its HMAC-SHA1 signature, version 1.0."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from msgspec import Struct, field

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api

PAGE_SIZE: Final = 100
API_VERSION: Final = "2014-05-26"


class _Addresses(Struct, rename={"addresses": "IpAddress"}):
    addresses: list[str] = []


class _Vpc(Struct, rename="pascal"):
    private_ip_address: _Addresses = field(default_factory=_Addresses)


class _Instance(Struct, rename="pascal"):
    instance_network_type: str = ""
    inner_ip_address: _Addresses = field(default_factory=_Addresses)
    vpc_attributes: _Vpc = field(default_factory=_Vpc)

    def private_addresses(self) -> list[str]:
        """The inner addresses of the classic network, the private ones in a VPC."""
        if self.instance_network_type == "classic":
            return self.inner_ip_address.addresses
        if self.instance_network_type == "vpc":
            return self.vpc_attributes.private_ip_address.addresses
        return []


class _Instances(Struct, rename="pascal"):
    instance: list[_Instance] = []


class _Page(Struct, rename="pascal"):
    total_count: int = 0
    instances: _Instances = field(default_factory=_Instances)


@dataclass
class Aliyun:
    """Running instances with a tag in a region."""

    api: str = "https://ecs.{region}.aliyuncs.com"

    title = "Alibaba Cloud (Aliyun)"
    parameters = (
        Parameter("region", "Region, such as eu-central-1.", required=True),
        Parameter("tag_key", "Key of the tag that instances must have.", required=True),
        Parameter("tag_value", "Value of that tag.", required=True),
        Parameter("access_key_id", "ID of the access key.", required=True),
        Parameter("access_key_secret", "Secret of the access key.", required=True, secret=True),
    )
    notes = "The key needs the permission ecs:DescribeInstances and nothing else."

    async def addresses(self, ask: Lookup) -> list[str]:
        """All private addresses of each instance."""
        region, key, value = ask.need("region"), ask.need("tag_key"), ask.need("tag_value")
        user = (ask.need("access_key_id"), ask.need("access_key_secret"))
        ask.info(f"Region is {region}")
        ask.info(f"Filter instances with {key}={value}")
        wanted = {"Status": "Running", "Tag.1.Key": key, "Tag.1.Value": value}
        async with Api(ask) as api:
            instances = await self._instances(api, region, wanted, user)
        ask.debug(f"Found total {len(instances)} instances")
        return [address for instance in instances for address in instance.private_addresses()]

    async def _instances(
        self, api: Api, region: str, wanted: Mapping[str, str], user: tuple[str, str]
    ) -> list[_Instance]:
        instances: list[_Instance] = []
        for number in api.pages():
            page_wanted = {**wanted, "RegionId": region, "PageNumber": str(number), "PageSize": str(PAGE_SIZE)}
            params = signed("GET", {"Action": "DescribeInstances", "Version": API_VERSION, **page_wanted}, *user)
            page = await api.get(self.api.format(region=region) + "/", _Page, params)
            instances += page.instances.instance
            if not page.instances.instance or len(instances) >= page.total_count:
                break
        return instances


def signed(method: str, params: Mapping[str, str], key_id: str, secret: str) -> dict[str, str]:
    """``params`` with the common ones and the signature over all of them, fresh at each call."""
    full = {
        "Format": "JSON",
        "AccessKeyId": key_id,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": str(uuid.uuid4()),
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **params,
    }
    return {**full, "Signature": signature(method, full, secret)}


def signature(method: str, params: Mapping[str, str], secret: str) -> str:
    """Base64 of HMAC-SHA1 over method, path and the sorted parameters, each percent-encoded as RFC 3986 says."""
    query = "&".join(f"{_encoded(key)}={_encoded(params[key])}" for key in sorted(params))
    text = f"{method}&{_encoded('/')}&{_encoded(query)}"
    return base64.b64encode(hmac.digest(f"{secret}&".encode(), text.encode(), hashlib.sha1)).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
