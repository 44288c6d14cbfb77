"""OpenStack: servers by metadata. Keystone v3 for a token and the catalog, then the compute API's server list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import METADATA_TIMEOUT, Api

DEFAULT_REGION: Final = "RegionOne"
PARAMETERS: Final = (
    Parameter("tag_key", "Metadata key that servers must have.", required=True),
    Parameter("tag_value", "Value of that key.", required=True),
    Parameter("auth_url", "Where Keystone's version 3 is.", required=True, env="OS_AUTH_URL"),
    Parameter("project_id", "ID of the project; asked from the metadata service if left out.", env="OS_PROJECT_ID"),
    Parameter("region", "Region of the compute service.", env="OS_REGION_NAME", default=DEFAULT_REGION),
    Parameter("user_name", "User; needs a domain.", env="OS_USERNAME"),
    Parameter("password", "Password of that user.", env="OS_PASSWORD", secret=True),
    Parameter("token", "Token, in place of user and password.", env="OS_AUTH_TOKEN", secret=True),
    Parameter("domain_id", "ID of the user's domain.", env="OS_DOMAIN_ID"),
    Parameter("domain_name", "Name of the user's domain.", env="OS_DOMAIN_NAME"),
    Parameter("insecure", "Any value: certificates are not checked.", env="OS_INSECURE"),
)


class _Metadata(Struct):
    project_id: str = ""


class _Endpoint(Struct):
    url: str
    interface: str = ""
    region: str = ""
    region_id: str = ""


class _Service(Struct):
    type: str
    endpoints: list[_Endpoint] = []


class _Token(Struct):
    catalog: list[_Service] = []


class _Authenticated(Struct):
    token: _Token


class _Address(Struct):
    addr: str = ""
    type: str = field(name="OS-EXT-IPS:type", default="")


class _Server(Struct):
    id: str
    metadata: dict[str, str] = {}
    addresses: dict[str, list[_Address]] = {}


class _Link(Struct):
    rel: str = ""
    href: str = ""


class _Page(Struct):
    servers: list[_Server]
    servers_links: list[_Link] = []


@dataclass
class OpenStack:
    """Active servers of a project with a metadata key and value."""

    metadata_url: str = "http://169.254.169.254/openstack/latest/meta_data.json"

    title = "OpenStack"
    parameters = PARAMETERS
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """All addresses of the type ``fixed`` of each server."""
        key, value = ask.need("tag_key"), ask.need("tag_value")
        auth_url = ask.get("auth_url", "OS_AUTH_URL")
        if not auth_url:
            raise ask.error("Auth url must be provided (parameter auth_url or the environment variable OS_AUTH_URL)")
        project = ask.get("project_id", "OS_PROJECT_ID") or await self._own_project(ask)
        ask.debug(f"Using project_id={project} tag_key={key} tag_value={value}")
        async with Api(ask, verify=not ask.get("insecure", "OS_INSECURE")) as api:
            token, compute = await _authenticate(api, ask, auth_url, project)
            servers = await _active_servers(api, compute, token, project)
        return [
            address.addr
            for server in servers
            if server.metadata.get(key) == value
            for network in server.addresses.values()
            for address in network
            if address.type == "fixed" and address.addr
        ]

    async def _own_project(self, ask: Lookup) -> str:
        ask.info("ProjectID not provided. Looking up in metadata...")
        async with Api(ask, timeout=METADATA_TIMEOUT, direct=True) as api:
            project = (await api.get(self.metadata_url, _Metadata)).project_id
        if not project:
            raise ask.error("no project_id in the metadata; give the parameter project_id")
        ask.info(f"ProjectID is {project}")
        return project


async def _authenticate(api: Api, ask: Lookup, auth_url: str, project: str) -> tuple[str, str]:
    """A token, and where the compute service of the region is."""
    url = _identity(ask, auth_url) + "/auth/tokens"
    body = msgspec.json.encode({"auth": {"identity": _identity_of(ask), "scope": {"project": {"id": project}}}})
    ask.debug("Authenticating...")
    answer = await api.send("POST", url, data=body, headers={"Content-Type": "application/json"})
    token = answer.headers.get("x-subject-token", "")
    if not token:
        raise ask.error("Authentication failed: the answer has no X-Subject-Token")
    region = ask.get("region", "OS_REGION_NAME", DEFAULT_REGION)
    for service in api.read(answer.body, _Authenticated, url).token.catalog:
        for endpoint in service.endpoints:
            is_ours = region in (endpoint.region, endpoint.region_id) and endpoint.interface == "public"
            if service.type == "compute" and is_ours:
                return token, endpoint.url.rstrip("/")
    raise ask.error(f"no public compute endpoint in the region {region}; give the parameter region")


def _identity(ask: Lookup, auth_url: str) -> str:
    """Keystone's version 3, whether or not ``auth_url`` says it."""
    url = auth_url.rstrip("/")
    if url.endswith("/v2.0"):
        raise ask.error("auth_url is of the identity API version 2.0, which OpenStack dropped in 2018; use /v3")
    return url if url.endswith("/v3") else f"{url}/v3"


def _identity_of(ask: Lookup) -> Mapping[str, Any]:
    if token := ask.get("token", "OS_AUTH_TOKEN"):
        return {"methods": ["token"], "token": {"id": token}}
    user: dict[str, Any] = {"name": ask.need("user_name", "OS_USERNAME")}
    user["password"] = ask.need("password", "OS_PASSWORD")
    domain_id, domain_name = ask.get("domain_id", "OS_DOMAIN_ID"), ask.get("domain_name", "OS_DOMAIN_NAME")
    if bool(domain_id) == bool(domain_name):
        raise ask.error("give one of the parameters domain_id and domain_name with user_name")
    user["domain"] = {"id": domain_id} if domain_id else {"name": domain_name}
    return {"methods": ["password"], "password": {"user": user}}


async def _active_servers(api: Api, compute: str, token: str, project: str) -> list[_Server]:
    servers: list[_Server] = []
    params = {"status": "ACTIVE", "project_id": project}
    for _ in api.pages():
        page = await api.get(f"{compute}/servers/detail", _Page, params, {"X-Auth-Token": token})
        servers += page.servers
        if not page.servers or not any(link.rel == "next" for link in page.servers_links):
            break
        # The marker, not the link: behind a proxy the link often names a host that cannot be reached.
        params["marker"] = page.servers[-1].id
    return servers
