"""Scaleway: servers of an organization by tag, their private address. Instance API v1, ``GET …/servers``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api

PAGE_SIZE: Final = 100
# The region names of the API that go-discover was written for, as today's zones.
OLD_REGIONS: Final = {"par1": "fr-par-1", "ams1": "nl-ams-1"}


class _Server(Struct):
    id: str
    name: str = ""
    hostname: str = ""
    private_ip: str | None = None
    tags: list[str] = []


class _Page(Struct):
    servers: list[_Server]


@dataclass
class Scaleway:
    """Servers with a tag in a zone, in any state."""

    api: str = "https://api.scaleway.com"

    title = "Scaleway"
    parameters = (
        Parameter("region", "Zone such as fr-par-1, or the old names par1 and ams1.", required=True),
        Parameter("organization", "ID of the organization.", required=True),
        Parameter("tag_name", "Tag that servers must have.", required=True),
        Parameter("token", "Secret key of an API key.", required=True, secret=True),
    )
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The private address of each server; those without one are left out."""
        region, organization, tag = ask.need("region"), ask.need("organization"), ask.need("tag_name")
        zone = OLD_REGIONS.get(region, region)
        ask.info(f'Organization is "{organization}"')
        ask.info(f'Region is "{region}"')
        async with Api(ask, headers={"X-Auth-Token": ask.need("token")}) as api:
            servers = await self._servers(api, zone, organization)
        found: list[str] = []
        for server in servers:
            if tag in server.tags and server.private_ip:
                ask.debug(f"Found server ({server.name}) - {server.hostname} with private IP: {server.private_ip}")
                found.append(server.private_ip)
        return found

    async def _servers(self, api: Api, zone: str, organization: str) -> list[_Server]:
        servers: list[_Server] = []
        url = f"{self.api}/instance/v1/zones/{quote(zone, safe='')}/servers"
        for number in api.pages():
            params = {"organization": organization, "page": str(number), "per_page": str(PAGE_SIZE)}
            answer = await api.send("GET", url, params=params)
            page = api.read(answer.body, _Page, url)
            servers += page.servers
            total = answer.headers.get("x-total-count", "")
            if not page.servers or len(servers) >= (int(total) if total.isdecimal() else 0):
                break
        return servers
