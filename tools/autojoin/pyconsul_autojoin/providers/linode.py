"""Linode: instances by region and tag, then the addresses of each. API v4."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct, field

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api

ADDRESS_TYPES: Final = ("private_v4", "public_v4", "private_v6", "public_v6")
AT_ONCE: Final = 8  # requests for addresses in flight; the API allows 1600 in two minutes


class _Instance(Struct):
    id: int


class _Page(Struct):
    data: list[_Instance]
    pages: int = 1


class _Address(Struct):
    address: str = ""


class _V4(Struct):
    public: list[_Address] = []
    private: list[_Address] = []


class _V6(Struct):
    slaac: _Address | None = None
    link_local: _Address | None = None


class _Addresses(Struct):
    ipv4: _V4 = field(default_factory=_V4)
    ipv6: _V6 | None = None

    def first(self, kind: str) -> str:
        """The first address of that type, or nothing."""
        v6 = self.ipv6 or _V6()
        if kind == "public_v6":
            return v6.slaac.address if v6.slaac else ""
        if kind == "private_v6":
            return v6.link_local.address if v6.link_local else ""
        found = self.ipv4.public if kind == "public_v4" else self.ipv4.private
        return found[0].address if found else ""


@dataclass
class Linode:
    """Instances in a region with a tag; both may be left out."""

    api: str = "https://api.linode.com/v4"

    title = "Linode"
    parameters = (
        Parameter("api_token", "Token with read access.", required=True, env="LINODE_TOKEN", secret=True),
        Parameter("region", "Only instances of this region."),
        Parameter("tag_name", "Only instances with this tag."),
        Parameter("address_type", f"One of {', '.join(ADDRESS_TYPES)}.", default="private_v4"),
    )
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The first address of the wanted type of each instance; those without one are left out."""
        kind = ask.choice("address_type", ADDRESS_TYPES, "private_v4")
        wanted = {"region": ask.get("region"), "tags": ask.get("tag_name")}
        ask.debug(f"Using address_type={kind} region={wanted['region']} tag_name={wanted['tags']}")
        headers = {"Authorization": f"Bearer {ask.need('api_token', 'LINODE_TOKEN')}"}
        async with Api(ask, headers=headers) as api:
            chosen = {key: value for key, value in wanted.items() if value}
            instances = await self._instances(api, msgspec.json.encode(chosen).decode())
            gate = asyncio.Semaphore(AT_ONCE)
            try:
                async with asyncio.TaskGroup() as group:
                    asked = [group.create_task(self._of_instance(api, each.id, gate)) for each in instances]
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None
        return [address for task in asked if (address := task.result().first(kind))]

    async def _instances(self, api: Api, wanted: str) -> list[_Instance]:
        instances: list[_Instance] = []
        for number in api.pages():
            params = {"page": str(number), "page_size": "100"}
            page = await api.get(f"{self.api}/linode/instances", _Page, params, {"X-Filter": wanted})
            instances += page.data
            if number >= page.pages:
                break
        return instances

    async def _of_instance(self, api: Api, instance: int, gate: asyncio.Semaphore) -> _Addresses:
        async with gate:
            return await api.get(f"{self.api}/linode/instances/{instance}/ips", _Addresses)
