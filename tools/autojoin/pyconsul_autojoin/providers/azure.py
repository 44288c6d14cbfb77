"""Microsoft Azure: network interfaces by tag, or those of a scale set. Resource Manager, ``Microsoft.Network``.

A client secret in the parameters is exchanged here; every other kind of credential is azure-identity's business.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from msgspec import Struct, field

from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import Api, missing_extra, quieten

API_VERSION: Final = "2023-09-01"
# Interfaces of scale sets are served by an older version of the same API.
SCALE_SET_API_VERSION: Final = "2018-10-01"
PARAMETERS: Final = (
    Parameter("tenant_id", "ID of the tenant.", env="ARM_TENANT_ID"),
    Parameter("client_id", "ID of the client.", env="ARM_CLIENT_ID"),
    Parameter("subscription_id", "ID of the subscription.", required=True, env="ARM_SUBSCRIPTION_ID"),
    Parameter("secret_access_key", "Secret of the client; quote it.", env="ARM_CLIENT_SECRET", secret=True),
    Parameter("tag_name", "Name of the tag that interfaces must have."),
    Parameter("tag_key", "The same as tag_name."),
    Parameter("tag_value", "Value of that tag."),
    Parameter("resource_group", "Resource group of the scale set."),
    Parameter("vm_scale_set", "Name of the scale set (uniform mode)."),
)


class _IpProperties(Struct, rename={"address": "privateIPAddress"}):
    address: str = ""


class _IpConfiguration(Struct):
    properties: _IpProperties = field(default_factory=_IpProperties)


class _Properties(Struct, rename={"ip_configurations": "ipConfigurations"}):
    ip_configurations: list[_IpConfiguration] = []


class _Interface(Struct):
    id: str = "unknown_interface_id"
    tags: dict[str, str] = {}
    properties: _Properties = field(default_factory=_Properties)


class _Page(Struct, rename={"next_link": "nextLink"}):
    value: list[_Interface] = []
    next_link: str = ""


class _Token(Struct):
    access_token: str


@dataclass
class Azure:
    """Interfaces with a tag, or of a scale set."""

    api: str = "https://management.azure.com"
    login: str = "https://login.microsoftonline.com"

    title = "Microsoft Azure"
    parameters = PARAMETERS
    notes = """
Give tag_name and tag_value, or resource_group and vm_scale_set.

Without a tenant, a client and a secret the usual chain of Azure's SDK is asked: environment, workload identity,
managed identity, command line.

With tags the only permission needed is Microsoft.Network/networkInterfaces/read, with a scale set
Microsoft.Compute/virtualMachineScaleSets/*/read.
"""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The private addresses of all IP configurations of each interface."""
        subscription = ask.get("subscription_id", "ARM_SUBSCRIPTION_ID")
        if not subscription:
            text = "subscription_id not provided as argument or environment variable (ARM_SUBSCRIPTION_ID)"
            raise ask.error(text)
        tag, value = ask.get("tag_name") or ask.get("tag_key"), ask.get("tag_value")
        group, scale_set = ask.get("resource_group"), ask.get("vm_scale_set")
        by_tag = bool(tag and value and not group and not scale_set)
        if not by_tag and not (group and scale_set and not tag and not value):
            text = "use (tag name and value: tag_name, tag_value) or (resource_group and vm_scale_set)"
            raise ask.error(f"unclear configuration. {text}")
        root = f"{self.api}/subscriptions/{quote(subscription, safe='')}"
        if by_tag:
            ask.debug(f"using tag method. tag_name: {tag}, tag_value: {value}")
            url = f"{root}/providers/Microsoft.Network/networkInterfaces?api-version={API_VERSION}"
        else:
            ask.debug(f"using vm scale set method. resource_group: {group}, vm_scale_set: {scale_set}")
            path = f"resourceGroups/{quote(group, safe='')}/providers/microsoft.Compute/virtualMachineScaleSets"
            url = f"{root}/{path}/{quote(scale_set, safe='')}/networkInterfaces?api-version={SCALE_SET_API_VERSION}"
        interfaces = await self._interfaces(ask, url)
        chosen = [each for each in interfaces if not by_tag or each.tags.get(tag) == value]
        found = [one.properties.address for each in chosen for one in each.properties.ip_configurations]
        return [address for address in found if address]

    async def _interfaces(self, ask: Lookup, url: str) -> list[_Interface]:
        interfaces: list[_Interface] = []
        async with Api(ask) as api:
            headers = {"Authorization": f"Bearer {await self._token(api, ask)}"}
            for _ in api.pages():
                page = await api.get(url, _Page, headers=headers)
                interfaces += page.value
                if not page.next_link:
                    break
                url = api.same_origin(self.api, page.next_link)
        if not interfaces:
            raise ask.error("no interfaces")
        return interfaces

    async def _token(self, api: Api, ask: Lookup) -> str:
        tenant, client = ask.get("tenant_id", "ARM_TENANT_ID"), ask.get("client_id", "ARM_CLIENT_ID")
        secret = ask.get("secret_access_key", "ARM_CLIENT_SECRET")
        scope = "https://management.azure.com/.default"
        if not (tenant and client and secret):
            return await asyncio.to_thread(_default_token, ask, scope)
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": scope}
        answer = await api.post(
            f"{self.login}/{quote(tenant, safe='')}/oauth2/v2.0/token",
            _Token,
            data=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        return answer.access_token


def _default_token(ask: Lookup, scope: str) -> str:
    """A token of Azure's usual chain; blocks."""
    try:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
    except ImportError as error:
        raise missing_extra(ask, "azure", error) from error
    quieten("azure")
    chain: Any = DefaultAzureCredential()
    try:
        return chain.get_token(scope).token
    except (AzureError, ValueError) as error:
        text = " ".join(str(error).split())
        raise ask.error(
            f"(EnvironmentCredentials): {text}; or give tenant_id, client_id and secret_access_key"
        ) from error
    finally:
        chain.close()
