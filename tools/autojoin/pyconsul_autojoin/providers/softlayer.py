"""SoftLayer (IBM Cloud classic): virtual guests by datacenter and tag. REST API v3.1, ``Account/getVirtualGuests``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api

PAGE_SIZE: Final = 100
MASK: Final = "id,hostname,domain,tagReferences[tag[name]],primaryBackendIpAddress,datacenter"


class _Guest(Struct, rename="camel"):
    id: int
    hostname: str = ""
    domain: str = ""
    primary_backend_ip_address: str = ""


@dataclass
class SoftLayer:
    """Virtual guests with a tag in a datacenter."""

    api: str = "https://api.softlayer.com/rest/v3.1"

    title = "SoftLayer (IBM Cloud classic)"
    parameters = (
        Parameter("datacenter", "Name of the datacenter, such as dal06.", required=True),
        Parameter("tag_value", "Tag that guests must have.", required=True),
        Parameter("username", "Name of the API's user.", required=True),
        Parameter("api_key", "Key of that user.", required=True, secret=True),
    )
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The primary backend address of each guest; those without one are left out."""
        datacenter, tag = ask.need("datacenter"), ask.need("tag_value")
        user = (ask.need("username"), ask.need("api_key"))
        ask.info(f'Datacenter is "{datacenter}"')
        async with Api(ask) as api:
            guests = await self._guests(api, _wanted(datacenter, tag), user)
        found: list[str] = []
        for guest in guests:
            address = guest.primary_backend_ip_address
            if address:
                ask.info(f"Found instance ({guest.id}) {guest.hostname}.{guest.domain} with private IP: {address}")
                found.append(address)
        return found

    async def _guests(self, api: Api, wanted: str, user: tuple[str, str]) -> list[_Guest]:
        guests: list[_Guest] = []
        url = f"{self.api}/SoftLayer_Account/getVirtualGuests.json"
        for _ in api.pages():
            params = {"objectMask": MASK, "objectFilter": wanted, "resultLimit": f"{len(guests)},{PAGE_SIZE}"}
            answer = await api.send("GET", url, params=params, basic=user)
            page = api.read(answer.body, list[_Guest], url)
            guests += page  # their number is where the next page begins
            if len(page) < PAGE_SIZE:
                break
        return guests


def _wanted(datacenter: str, tag: str) -> str:
    """The object filter: datacenter and tag must be equal."""
    guests = {
        "datacenter": {"name": {"operation": datacenter}},
        "tagReferences": {"tag": {"name": {"operation": tag}}},
    }
    return msgspec.json.encode({"virtualGuests": guests}).decode()
