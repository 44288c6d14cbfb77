"""Packet (Equinix Metal): devices of a project by facility and tag. ``GET /projects/{id}/devices``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from msgspec import Struct

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api

ADDRESS_TYPES: Final = ("private_v4", "public_v4", "public_v6")
DEFAULT_URL: Final = "https://api.packet.net/"


class _Facility(Struct):
    code: str = ""


class _Address(Struct):
    address: str
    address_family: int
    public: bool


class _Device(Struct):
    facility: _Facility | None = None
    tags: list[str] = []
    ip_addresses: list[_Address] = []


class _Link(Struct):
    href: str = ""


class _Meta(Struct):
    next: _Link | None = None


class _Page(Struct):
    devices: list[_Device]
    meta: _Meta | None = None


@dataclass
class Packet:
    """Devices of a project."""

    title = "Packet (Equinix Metal)"
    parameters = (
        Parameter("project", "UUID of the project.", required=True, env="PACKET_PROJECT"),
        Parameter("auth_token", "Authentication token.", required=True, env="PACKET_AUTH_TOKEN", secret=True),
        Parameter("url", "Where the API is.", env="PACKET_URL", default=DEFAULT_URL),
        Parameter("address_type", f"One of {', '.join(ADDRESS_TYPES)}.", default="private_v4"),
        Parameter("facility", "Only these facilities, separated by commas."),
        Parameter("tag", "Only devices with one of these tags, separated by commas."),
    )
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """All addresses of the wanted type, device by device."""
        project = ask.get("project", "PACKET_PROJECT")
        if not project:
            raise ask.error("'project' parameter must be provided (or the environment variable PACKET_PROJECT)")
        kind = ask.choice("address_type", ADDRESS_TYPES, "private_v4")
        facilities, tags = _members(ask.get("facility")), _members(ask.get("tag"))
        base = ask.get("url", "PACKET_URL", DEFAULT_URL).rstrip("/") + "/"
        headers = {"X-Auth-Token": ask.need("auth_token", "PACKET_AUTH_TOKEN")}
        async with Api(ask, headers=headers) as api:
            devices = await _devices(api, base, project)
        chosen = [
            device
            for device in devices
            if (not facilities or (device.facility and device.facility.code in facilities))
            and (not tags or not tags.isdisjoint(device.tags))
        ]
        is_public, family = kind.startswith("public"), 6 if kind == "public_v6" else 4
        return [
            each.address
            for device in chosen
            for each in device.ip_addresses
            if each.public == is_public and each.address_family == family
        ]


def _members(text: str) -> set[str]:
    return {each for each in text.split(",") if each}


async def _devices(api: Api, base: str, project: str) -> list[_Device]:
    devices: list[_Device] = []
    url = f"{base}projects/{quote(project, safe='')}/devices"
    for number in api.pages():
        page = await api.get(url, _Page, {"include": "facility", "page": str(number)})
        devices += page.devices
        if not (page.meta and page.meta.next and page.meta.next.href):
            break
    return devices
