"""Google Compute Engine: instances by network tag, zone by zone. Compute API v1; credentials by google-auth."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from msgspec import Struct, field

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import METADATA_TIMEOUT, Api, missing_extra, quieten

SCOPE: Final = "https://www.googleapis.com/auth/compute"
METADATA_HOST: Final = "metadata.google.internal"


class _Zone(Struct):
    name: str


class _Zones(Struct, rename="camel"):
    items: list[_Zone] = []
    next_page_token: str = ""


class _Tags(Struct):
    items: list[str] = []


class _Interface(Struct, rename={"address": "networkIP"}):
    address: str = ""


class _Instance(Struct, rename="camel"):
    name: str = ""
    tags: _Tags = field(default_factory=_Tags)
    network_interfaces: list[_Interface] = []

    def address(self) -> str:
        """The internal address of the first interface, or nothing."""
        return self.network_interfaces[0].address if self.network_interfaces else ""


class _Instances(Struct, rename="camel"):
    items: list[_Instance] = []
    next_page_token: str = ""


@dataclass
class Gce:
    """Instances with a network tag in the zones of a project."""

    api: str = "https://compute.googleapis.com/compute/v1"

    title = "Google Compute Engine"
    parameters = (
        Parameter("tag_value", "Network tag that instances must have.", required=True),
        Parameter("project_name", "Project; asked from the metadata server if left out."),
        Parameter("zone_pattern", "RE2 expression that zones must match, such as us-west1-.*"),
        Parameter("credentials_file", "JSON key of a service account."),
    )
    notes = """
Without credentials_file the usual chain is asked: the file that GOOGLE_APPLICATION_CREDENTIALS names, gcloud's
application default credentials, the metadata server.
"""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The internal address of the first interface of each instance, zone by zone."""
        tag = ask.need("tag_value")
        project = ask.get("project_name") or await self._own_project(ask)
        ask.info(f'Project name is "{project}"')
        token = await asyncio.to_thread(_token, ask, ask.get("credentials_file"))
        pattern = ask.get("zone_pattern")
        ask.info(f"Looking up zones matching {pattern}" if pattern else "Looking up all zones")
        async with Api(ask, headers={"Authorization": f"Bearer {token}"}) as api:
            root = f"{self.api}/projects/{quote(project, safe=':')}/zones"
            zones = await _zones(api, root, pattern)
            ask.info(f"Found zones [{' '.join(zones)}]")
            found: list[str] = []
            for zone in zones:
                instances = await _instances(api, f"{root}/{quote(zone, safe='')}/instances")
                here = [each.address() for each in instances if tag in each.tags.items and each.address()]
                ask.info(f'Zone "{zone}" has [{" ".join(here)}]')
                found += here
        return found

    async def _own_project(self, ask: Lookup) -> str:
        ask.info("Looking up project name")
        host = ask.environ.get("GCE_METADATA_HOST") or METADATA_HOST
        async with Api(ask, timeout=METADATA_TIMEOUT, direct=True, headers={"Metadata-Flavor": "Google"}) as api:
            answer = await api.send("GET", f"http://{host}/computeMetadata/v1/project/project-id")
        project = answer.body.decode("utf-8", "replace").strip()
        if not project:
            raise ask.error("the metadata server knows no project; give the parameter project_name")
        return project


async def _zones(api: Api, url: str, pattern: str) -> list[str]:
    params = {"filter": f"name eq {pattern}"} if pattern else {}
    names: list[str] = []
    for _ in api.pages():
        page = await api.get(url, _Zones, params)
        names += [zone.name for zone in page.items]
        if not page.next_page_token:
            break
        params["pageToken"] = page.next_page_token
    return names


async def _instances(api: Api, url: str) -> list[_Instance]:
    params: dict[str, str] = {}
    instances: list[_Instance] = []
    for _ in api.pages():
        page = await api.get(url, _Instances, params)
        instances += page.items
        if not page.next_page_token:
            break
        params["pageToken"] = page.next_page_token
    return instances


def _token(ask: Lookup, path: str) -> str:
    """An access token of the file, or of Google's usual chain; blocks."""
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.oauth2.service_account import Credentials
    except ImportError as error:
        raise missing_extra(ask, "gcp", error) from error
    quieten("google")
    library: Any = google.auth  # neither says the types of what it takes
    service_account: Any = Credentials
    try:
        if path:
            ask.info(f"Loading credentials from {path}")
            credentials: Any = service_account.from_service_account_file(path, scopes=[SCOPE])
        else:
            credentials, _project = library.default(scopes=[SCOPE])
        credentials.refresh(Request())
    except (OSError, ValueError, GoogleAuthError) as error:
        where = f"credentials_file {path}" if path else "no credentials; give the parameter credentials_file"
        raise ask.error(f"{where}: {error}") from error
    return credentials.token
