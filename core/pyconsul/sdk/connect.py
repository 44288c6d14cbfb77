"""The service mesh: ``/v1/connect``, ``/v1/discovery-chain``, ``/v1/exported-services``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from pyconsul.sdk.decode import json_of, nothing, one_or_none, text, truth
from pyconsul.sdk.request import Params, QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    CARoots,
    Json,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

JsonList: TypeAlias = list[Json]


def ca_roots_request() -> Request[CARoots]:
    """The root certificates."""
    return Request("GET", "/v1/connect/ca/roots", json_of(CARoots))


def ca_roots_pem_request() -> Request[str]:
    """The root certificates and intermediates as one PEM bundle."""
    return Request("GET", "/v1/connect/ca/roots", text, params=(("pem", "true"),))


def ca_configuration_request() -> Request[Json]:
    """The configuration of the certificate authority."""
    return Request("GET", "/v1/connect/ca/configuration", json_of(Json))


def ca_set_configuration_request(configuration: Mapping[str, Any]) -> Request[None]:
    """Change the certificate authority; a new provider rotates the root."""
    return Request("PUT", "/v1/connect/ca/configuration", nothing, body=json_body(configuration))


def intention_list_request() -> Request[JsonList]:
    """All intentions, those of higher precedence first."""
    return Request("GET", "/v1/connect/intentions", json_of(list[Json]))


def _between(source: str, destination: str) -> Params:
    """Both names, also where one is empty: agents tell that from one that is missing, and allow or refuse it so."""
    return ("source", source), ("destination", destination)


def intention_get_request(source: str, destination: str) -> Request[Json | None]:
    """The intention between two services, None when there is none."""
    return Request(
        "GET",
        "/v1/connect/intentions/exact",
        one_or_none(Json),
        params=_between(source, destination),
        accept=(200, 404),
    )


def intention_set_request(source: str, destination: str, definition: Mapping[str, Any]) -> Request[bool]:
    """Write the intention between two services."""
    return Request(
        "PUT",
        "/v1/connect/intentions/exact",
        truth,
        params=_between(source, destination),
        body=json_body(definition),
        idempotent=True,
    )


def intention_delete_request(source: str, destination: str) -> Request[bool]:
    """Delete the intention between two services."""
    return Request(
        "DELETE",
        "/v1/connect/intentions/exact",
        truth,
        params=_between(source, destination),
    )


def intention_with_id_request(intention_id: str) -> Request[Json | None]:
    """An intention of the old kind, None when there is none."""
    return Request("GET", f"/v1/connect/intentions/{escape_path(intention_id)}", one_or_none(Json), accept=(200, 404))


def intention_create_request(definition: Mapping[str, Any]) -> Request[Json]:
    """Store an intention of the old kind; answers its ``ID``."""
    return Request("POST", "/v1/connect/intentions", json_of(Json), body=json_body(definition))


def intention_update_request(intention_id: str, definition: Mapping[str, Any]) -> Request[Json]:
    """Replace an intention of the old kind."""
    path = f"/v1/connect/intentions/{escape_path(intention_id)}"
    return Request("PUT", path, json_of(Json), body=json_body(definition))


def intention_delete_with_id_request(intention_id: str) -> Request[bool]:
    """Delete an intention of the old kind."""
    return Request("DELETE", f"/v1/connect/intentions/{escape_path(intention_id)}", truth)


def intention_match_request(by: str, names: Sequence[str]) -> Request[Json]:
    """The intentions that match services as source or destination, by name."""
    return Request("GET", "/v1/connect/intentions/match", json_of(Json), params=params_of(("by", by), ("name", names)))


def intention_check_request(source: str, destination: str) -> Request[bool]:
    """Whether a service may talk to another one."""
    return Request(
        "GET",
        "/v1/connect/intentions/check",
        truth,
        params=(*_between(source, destination), ("source-type", "consul")),
    )


def discovery_chain_request(service: str, *, compile_datacenter: str = "") -> Request[Json]:
    """The compiled discovery chain of a service."""
    return Request(
        "GET",
        f"/v1/discovery-chain/{escape_path(service)}",
        json_of(Json),
        params=params_of(("compile-dc", compile_datacenter)),
    )


def exported_services_request() -> Request[JsonList]:
    """The services that this partition exports."""
    return Request("GET", "/v1/exported-services", json_of(list[Json]))


class Mesh:
    """Certificate authority, intentions, discovery chains, exports."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def ca_roots(self, options: QueryOptions | None = None) -> CARoots:
        """The root certificates."""
        return await self._client.call(ca_roots_request(), options)

    async def ca_roots_pem(self, options: QueryOptions | None = None) -> str:
        """The root certificates and intermediates as one PEM bundle."""
        return await self._client.call(ca_roots_pem_request(), options)

    async def ca_configuration(self, options: QueryOptions | None = None) -> Json:
        """The configuration of the certificate authority."""
        return await self._client.call(ca_configuration_request(), options)

    async def ca_set_configuration(self, configuration: Mapping[str, Any], options: QueryOptions | None = None) -> None:
        """Change the certificate authority; a new provider rotates the root."""
        return await self._client.call(ca_set_configuration_request(configuration), options)

    async def intention_list(self, options: QueryOptions | None = None) -> JsonList:
        """All intentions, those of higher precedence first."""
        return await self._client.call(intention_list_request(), options)

    async def intention_get(self, source: str, destination: str, options: QueryOptions | None = None) -> Json | None:
        """The intention between two services, None when there is none."""
        return await self._client.call(intention_get_request(source, destination), options)

    async def intention_set(
        self, source: str, destination: str, definition: Mapping[str, Any], options: QueryOptions | None = None
    ) -> bool:
        """Write the intention between two services."""
        return await self._client.call(intention_set_request(source, destination, definition), options)

    async def intention_delete(self, source: str, destination: str, options: QueryOptions | None = None) -> bool:
        """Delete the intention between two services."""
        return await self._client.call(intention_delete_request(source, destination), options)

    async def intention_with_id(self, intention_id: str, options: QueryOptions | None = None) -> Json | None:
        """An intention of the old kind, None when there is none."""
        return await self._client.call(intention_with_id_request(intention_id), options)

    async def intention_create(self, definition: Mapping[str, Any], options: QueryOptions | None = None) -> Json:
        """Store an intention of the old kind; answers its ``ID``."""
        return await self._client.call(intention_create_request(definition), options)

    async def intention_update(
        self, intention_id: str, definition: Mapping[str, Any], options: QueryOptions | None = None
    ) -> Json:
        """Replace an intention of the old kind."""
        return await self._client.call(intention_update_request(intention_id, definition), options)

    async def intention_delete_with_id(self, intention_id: str, options: QueryOptions | None = None) -> bool:
        """Delete an intention of the old kind."""
        return await self._client.call(intention_delete_with_id_request(intention_id), options)

    async def intention_match(self, by: str, names: Sequence[str], options: QueryOptions | None = None) -> Json:
        """The intentions that match services as source or destination, by name."""
        return await self._client.call(intention_match_request(by, names), options)

    async def intention_check(self, source: str, destination: str, options: QueryOptions | None = None) -> bool:
        """Whether a service may talk to another one."""
        return await self._client.call(intention_check_request(source, destination), options)

    async def discovery_chain(
        self, service: str, options: QueryOptions | None = None, *, compile_datacenter: str = ""
    ) -> Json:
        """The compiled discovery chain of a service."""
        return await self._client.call(discovery_chain_request(service, compile_datacenter=compile_datacenter), options)

    async def exported_services(self, options: QueryOptions | None = None) -> JsonList:
        """The services that this partition exports."""
        return await self._client.call(exported_services_request(), options)
