"""DigitalOcean: droplets by tag, their private address. API v2, ``GET /v2/droplets``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api

PAGE_SIZE: Final = 200


class _Address(Struct):
    ip_address: str
    type: str


class _Networks(Struct):
    v4: list[_Address] = []


class _Region(Struct):
    slug: str = ""


class _Droplet(Struct):
    id: int
    name: str = ""
    region: _Region | None = None
    networks: _Networks | None = None

    def private_address(self) -> str:
        """The first private IPv4 address, or nothing."""
        found = self.networks.v4 if self.networks else []
        return next((each.ip_address for each in found if each.type == "private"), "")


class _Pages(Struct):
    next: str = ""


class _Links(Struct):
    pages: _Pages | None = None


class _Page(Struct):
    droplets: list[_Droplet]
    links: _Links | None = None

    def is_last(self) -> bool:
        """Whether no page follows."""
        return not (self.links and self.links.pages and self.links.pages.next)


@dataclass
class DigitalOcean:
    """Droplets with a tag, in one region or all."""

    api: str = "https://api.digitalocean.com"

    title = "DigitalOcean"
    parameters = (
        Parameter("region", "Slug of the only region wanted; all where it is left out."),
        Parameter("tag_name", "Tag that droplets must have.", required=True),
        Parameter("api_token", "Token with read access.", required=True, secret=True),
    )
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The private IPv4 address of each droplet; those without one are left out."""
        region, tag = ask.get("region"), ask.need("tag_name")
        ask.debug(f"Using region={region} tag_name={tag}")
        headers = {"Authorization": f"Bearer {ask.need('api_token')}"}
        found: list[str] = []
        async with Api(ask, headers=headers) as api:
            for droplet in await self._droplets(api, tag):
                address = droplet.private_address()
                if address and (not region or (droplet.region and droplet.region.slug == region)):
                    ask.info(f"Found instance {droplet.name} ({droplet.id}) with private IP: {address}")
                    found.append(address)
        return found

    async def _droplets(self, api: Api, tag: str) -> list[_Droplet]:
        droplets: list[_Droplet] = []
        for number in api.pages():
            params = {"tag_name": tag, "page": str(number), "per_page": str(PAGE_SIZE)}
            page = await api.get(f"{self.api}/v2/droplets", _Page, params)
            droplets += page.droplets
            if page.is_last():
                break
        return droplets
