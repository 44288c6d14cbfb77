"""Access control: ``/v1/acl``; objects are plain dicts as in the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pyconsul.sdk.decode import json_of, nothing, one_or_none, truth
from pyconsul.sdk.request import QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    Json,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

JsonList: TypeAlias = list[Json]


def bootstrap_request(*, secret: str = "") -> Request[Json]:
    """Make the first management token."""
    return Request(
        "PUT", "/v1/acl/bootstrap", json_of(Json), body=json_body({"BootstrapSecret": secret}) if secret else None
    )


def replication_request() -> Request[Json]:
    """How far ACL replication from the primary datacenter has come."""
    return Request("GET", "/v1/acl/replication", json_of(Json))


def login_request(auth_method: str, bearer_token: str, *, meta: Mapping[str, str] | None = None) -> Request[Json]:
    """Exchange a bearer token for an ACL token."""
    return Request(
        "POST",
        "/v1/acl/login",
        json_of(Json),
        body=json_body({"AuthMethod": auth_method, "BearerToken": bearer_token, "Meta": meta}),
    )


def logout_request() -> Request[None]:
    """Destroy the token that a login made."""
    return Request("POST", "/v1/acl/logout", nothing)


def token_list_request(
    *, policy: str = "", role: str = "", auth_method: str = "", service: str = ""
) -> Request[JsonList]:
    """All tokens, without their secrets, or those of a policy or role (IDs), auth method or service (names)."""
    return Request(
        "GET",
        "/v1/acl/tokens",
        json_of(list[Json]),
        params=params_of(("policy", policy), ("role", role), ("authmethod", auth_method), ("servicename", service)),
    )


def token_create_request(definition: Mapping[str, Any]) -> Request[Json]:
    """Create a token."""
    return Request("PUT", "/v1/acl/token", json_of(Json), body=json_body(definition))


def token_read_request(accessor_id: str, *, expanded: bool = False) -> Request[Json]:
    """Read a token; ``expanded`` adds what its policies and roles resolve to."""
    return Request(
        "GET",
        f"/v1/acl/token/{escape_path(accessor_id)}",
        json_of(Json),
        params=params_of(("expanded", "true" if expanded else "")),
    )


def token_read_self_request() -> Request[Json]:
    """Read the token that the request carries."""
    return Request("GET", "/v1/acl/token/self", json_of(Json))


def token_update_request(accessor_id: str, definition: Mapping[str, Any]) -> Request[Json]:
    """Change a token."""
    return Request(
        "PUT", f"/v1/acl/token/{escape_path(accessor_id)}", json_of(Json), body=json_body(definition), idempotent=True
    )


def token_clone_request(accessor_id: str, *, description: str = "") -> Request[Json]:
    """Make a token with the same rights."""
    return Request(
        "PUT",
        f"/v1/acl/token/{escape_path(accessor_id)}/clone",
        json_of(Json),
        body=json_body({"Description": description}),
    )


def token_delete_request(accessor_id: str) -> Request[bool]:
    """Delete a token."""
    return Request("DELETE", f"/v1/acl/token/{escape_path(accessor_id)}", truth)


def policy_list_request() -> Request[JsonList]:
    """All policies, without their rules."""
    return Request("GET", "/v1/acl/policies", json_of(list[Json]))


def policy_create_request(definition: Mapping[str, Any]) -> Request[Json]:
    """Create a policy."""
    return Request("PUT", "/v1/acl/policy", json_of(Json), body=json_body(definition))


def policy_read_request(policy_id: str) -> Request[Json | None]:
    """Read a policy, None when there is none."""
    return Request("GET", f"/v1/acl/policy/{escape_path(policy_id)}", one_or_none(Json), accept=(200, 404))


def policy_update_request(policy_id: str, definition: Mapping[str, Any]) -> Request[Json]:
    """Change a policy."""
    return Request(
        "PUT", f"/v1/acl/policy/{escape_path(policy_id)}", json_of(Json), body=json_body(definition), idempotent=True
    )


def policy_delete_request(policy_id: str) -> Request[bool]:
    """Delete a policy."""
    return Request("DELETE", f"/v1/acl/policy/{escape_path(policy_id)}", truth)


def policy_read_by_name_request(name: str) -> Request[Json | None]:
    """Read a policy by its name, None when there is none."""
    return Request("GET", f"/v1/acl/policy/name/{escape_path(name)}", one_or_none(Json), accept=(200, 404))


def role_list_request(*, policy: str = "") -> Request[JsonList]:
    """All roles."""
    return Request("GET", "/v1/acl/roles", json_of(list[Json]), params=params_of(("policy", policy)))


def role_create_request(definition: Mapping[str, Any]) -> Request[Json]:
    """Create a role."""
    return Request("PUT", "/v1/acl/role", json_of(Json), body=json_body(definition))


def role_read_request(role_id: str) -> Request[Json | None]:
    """Read a role, None when there is none."""
    return Request("GET", f"/v1/acl/role/{escape_path(role_id)}", one_or_none(Json), accept=(200, 404))


def role_update_request(role_id: str, definition: Mapping[str, Any]) -> Request[Json]:
    """Change a role."""
    return Request(
        "PUT", f"/v1/acl/role/{escape_path(role_id)}", json_of(Json), body=json_body(definition), idempotent=True
    )


def role_delete_request(role_id: str) -> Request[bool]:
    """Delete a role."""
    return Request("DELETE", f"/v1/acl/role/{escape_path(role_id)}", truth)


def role_read_by_name_request(name: str) -> Request[Json | None]:
    """Read a role by its name, None when there is none."""
    return Request("GET", f"/v1/acl/role/name/{escape_path(name)}", one_or_none(Json), accept=(200, 404))


def auth_method_list_request() -> Request[JsonList]:
    """All auth methods."""
    return Request("GET", "/v1/acl/auth-methods", json_of(list[Json]))


def auth_method_create_request(definition: Mapping[str, Any]) -> Request[Json]:
    """Create an auth method."""
    return Request("PUT", "/v1/acl/auth-method", json_of(Json), body=json_body(definition))


def auth_method_read_request(name: str) -> Request[Json | None]:
    """Read an auth method, None when there is none."""
    return Request("GET", f"/v1/acl/auth-method/{escape_path(name)}", one_or_none(Json), accept=(200, 404))


def auth_method_update_request(name: str, definition: Mapping[str, Any]) -> Request[Json]:
    """Change an auth method."""
    return Request(
        "PUT", f"/v1/acl/auth-method/{escape_path(name)}", json_of(Json), body=json_body(definition), idempotent=True
    )


def auth_method_delete_request(name: str) -> Request[bool]:
    """Delete an auth method."""
    return Request("DELETE", f"/v1/acl/auth-method/{escape_path(name)}", truth)


def binding_rule_list_request(*, auth_method: str = "") -> Request[JsonList]:
    """All binding rules."""
    return Request("GET", "/v1/acl/binding-rules", json_of(list[Json]), params=params_of(("authmethod", auth_method)))


def binding_rule_create_request(definition: Mapping[str, Any]) -> Request[Json]:
    """Create a binding rule."""
    return Request("PUT", "/v1/acl/binding-rule", json_of(Json), body=json_body(definition))


def binding_rule_read_request(rule_id: str) -> Request[Json | None]:
    """Read a binding rule, None when there is none."""
    return Request("GET", f"/v1/acl/binding-rule/{escape_path(rule_id)}", one_or_none(Json), accept=(200, 404))


def binding_rule_update_request(rule_id: str, definition: Mapping[str, Any]) -> Request[Json]:
    """Change a binding rule."""
    return Request(
        "PUT",
        f"/v1/acl/binding-rule/{escape_path(rule_id)}",
        json_of(Json),
        body=json_body(definition),
        idempotent=True,
    )


def binding_rule_delete_request(rule_id: str) -> Request[bool]:
    """Delete a binding rule."""
    return Request("DELETE", f"/v1/acl/binding-rule/{escape_path(rule_id)}", truth)


def templated_policy_list_request() -> Request[Json]:
    """The templated policies by name."""
    return Request("GET", "/v1/acl/templated-policies", json_of(Json))


def templated_policy_read_request(name: str) -> Request[Json | None]:
    """One templated policy."""
    return Request("GET", f"/v1/acl/templated-policy/name/{escape_path(name)}", one_or_none(Json), accept=(200, 404))


def templated_policy_preview_request(name: str, variables: Mapping[str, Any]) -> Request[Json]:
    """The policy that a templated policy becomes."""
    return Request(
        "POST",
        f"/v1/acl/templated-policy/preview/{escape_path(name)}",
        json_of(Json),
        body=json_body(variables),
        idempotent=True,
    )


class ACL:
    """Tokens, policies, roles, auth methods and binding rules."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def bootstrap(self, options: QueryOptions | None = None, *, secret: str = "") -> Json:
        """Make the first management token."""
        return await self._client.call(bootstrap_request(secret=secret), options)

    async def replication(self, options: QueryOptions | None = None) -> Json:
        """How far ACL replication from the primary datacenter has come."""
        return await self._client.call(replication_request(), options)

    async def login(
        self,
        auth_method: str,
        bearer_token: str,
        options: QueryOptions | None = None,
        *,
        meta: Mapping[str, str] | None = None,
    ) -> Json:
        """Exchange a bearer token for an ACL token."""
        return await self._client.call(login_request(auth_method, bearer_token, meta=meta), options)

    async def logout(self, options: QueryOptions | None = None) -> None:
        """Destroy the token that a login made."""
        return await self._client.call(logout_request(), options)

    async def token_list(
        self,
        options: QueryOptions | None = None,
        *,
        policy: str = "",
        role: str = "",
        auth_method: str = "",
        service: str = "",
    ) -> JsonList:
        """All tokens, without their secrets, or those of a policy or role (IDs), auth method or service (names)."""
        request = token_list_request(policy=policy, role=role, auth_method=auth_method, service=service)
        return await self._client.call(request, options)

    async def token_create(self, definition: Mapping[str, Any], options: QueryOptions | None = None) -> Json:
        """Create a token."""
        return await self._client.call(token_create_request(definition), options)

    async def token_read(
        self, accessor_id: str, options: QueryOptions | None = None, *, expanded: bool = False
    ) -> Json:
        """Read a token; ``expanded`` adds what its policies and roles resolve to."""
        return await self._client.call(token_read_request(accessor_id, expanded=expanded), options)

    async def token_read_self(self, options: QueryOptions | None = None) -> Json:
        """Read the token that the request carries."""
        return await self._client.call(token_read_self_request(), options)

    async def token_update(
        self, accessor_id: str, definition: Mapping[str, Any], options: QueryOptions | None = None
    ) -> Json:
        """Change a token."""
        return await self._client.call(token_update_request(accessor_id, definition), options)

    async def token_clone(
        self, accessor_id: str, options: QueryOptions | None = None, *, description: str = ""
    ) -> Json:
        """Make a token with the same rights."""
        return await self._client.call(token_clone_request(accessor_id, description=description), options)

    async def token_delete(self, accessor_id: str, options: QueryOptions | None = None) -> bool:
        """Delete a token."""
        return await self._client.call(token_delete_request(accessor_id), options)

    async def policy_list(self, options: QueryOptions | None = None) -> JsonList:
        """All policies, without their rules."""
        return await self._client.call(policy_list_request(), options)

    async def policy_create(self, definition: Mapping[str, Any], options: QueryOptions | None = None) -> Json:
        """Create a policy."""
        return await self._client.call(policy_create_request(definition), options)

    async def policy_read(self, policy_id: str, options: QueryOptions | None = None) -> Json | None:
        """Read a policy, None when there is none."""
        return await self._client.call(policy_read_request(policy_id), options)

    async def policy_update(
        self, policy_id: str, definition: Mapping[str, Any], options: QueryOptions | None = None
    ) -> Json:
        """Change a policy."""
        return await self._client.call(policy_update_request(policy_id, definition), options)

    async def policy_delete(self, policy_id: str, options: QueryOptions | None = None) -> bool:
        """Delete a policy."""
        return await self._client.call(policy_delete_request(policy_id), options)

    async def policy_read_by_name(self, name: str, options: QueryOptions | None = None) -> Json | None:
        """Read a policy by its name, None when there is none."""
        return await self._client.call(policy_read_by_name_request(name), options)

    async def role_list(self, options: QueryOptions | None = None, *, policy: str = "") -> JsonList:
        """All roles."""
        return await self._client.call(role_list_request(policy=policy), options)

    async def role_create(self, definition: Mapping[str, Any], options: QueryOptions | None = None) -> Json:
        """Create a role."""
        return await self._client.call(role_create_request(definition), options)

    async def role_read(self, role_id: str, options: QueryOptions | None = None) -> Json | None:
        """Read a role, None when there is none."""
        return await self._client.call(role_read_request(role_id), options)

    async def role_update(
        self, role_id: str, definition: Mapping[str, Any], options: QueryOptions | None = None
    ) -> Json:
        """Change a role."""
        return await self._client.call(role_update_request(role_id, definition), options)

    async def role_delete(self, role_id: str, options: QueryOptions | None = None) -> bool:
        """Delete a role."""
        return await self._client.call(role_delete_request(role_id), options)

    async def role_read_by_name(self, name: str, options: QueryOptions | None = None) -> Json | None:
        """Read a role by its name, None when there is none."""
        return await self._client.call(role_read_by_name_request(name), options)

    async def auth_method_list(self, options: QueryOptions | None = None) -> JsonList:
        """All auth methods."""
        return await self._client.call(auth_method_list_request(), options)

    async def auth_method_create(self, definition: Mapping[str, Any], options: QueryOptions | None = None) -> Json:
        """Create an auth method."""
        return await self._client.call(auth_method_create_request(definition), options)

    async def auth_method_read(self, name: str, options: QueryOptions | None = None) -> Json | None:
        """Read an auth method, None when there is none."""
        return await self._client.call(auth_method_read_request(name), options)

    async def auth_method_update(
        self, name: str, definition: Mapping[str, Any], options: QueryOptions | None = None
    ) -> Json:
        """Change an auth method."""
        return await self._client.call(auth_method_update_request(name, definition), options)

    async def auth_method_delete(self, name: str, options: QueryOptions | None = None) -> bool:
        """Delete an auth method."""
        return await self._client.call(auth_method_delete_request(name), options)

    async def binding_rule_list(self, options: QueryOptions | None = None, *, auth_method: str = "") -> JsonList:
        """All binding rules."""
        return await self._client.call(binding_rule_list_request(auth_method=auth_method), options)

    async def binding_rule_create(self, definition: Mapping[str, Any], options: QueryOptions | None = None) -> Json:
        """Create a binding rule."""
        return await self._client.call(binding_rule_create_request(definition), options)

    async def binding_rule_read(self, rule_id: str, options: QueryOptions | None = None) -> Json | None:
        """Read a binding rule, None when there is none."""
        return await self._client.call(binding_rule_read_request(rule_id), options)

    async def binding_rule_update(
        self, rule_id: str, definition: Mapping[str, Any], options: QueryOptions | None = None
    ) -> Json:
        """Change a binding rule."""
        return await self._client.call(binding_rule_update_request(rule_id, definition), options)

    async def binding_rule_delete(self, rule_id: str, options: QueryOptions | None = None) -> bool:
        """Delete a binding rule."""
        return await self._client.call(binding_rule_delete_request(rule_id), options)

    async def templated_policy_list(self, options: QueryOptions | None = None) -> Json:
        """The templated policies by name."""
        return await self._client.call(templated_policy_list_request(), options)

    async def templated_policy_read(self, name: str, options: QueryOptions | None = None) -> Json | None:
        """One templated policy."""
        return await self._client.call(templated_policy_read_request(name), options)

    async def templated_policy_preview(
        self, name: str, variables: Mapping[str, Any], options: QueryOptions | None = None
    ) -> Json:
        """The policy that a templated policy becomes."""
        return await self._client.call(templated_policy_preview_request(name, variables), options)
