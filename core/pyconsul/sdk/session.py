"""Sessions: ``/v1/session``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from pyconsul.sdk.decode import first_of, json_of, truth
from pyconsul.sdk.request import QueryOptions, Request, duration_text, escape_path, json_body, milliseconds
from pyconsul.structs.session import Session

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller
    from pyconsul.sdk.keep import KeptSession

SessionList: TypeAlias = list[Session]  # inside the class below, "list" is a method
CheckNames: TypeAlias = list[str]
ServiceChecks: TypeAlias = list[dict[str, str]]


class _Created(msgspec.Struct):
    ID: str = ""


def create_request(
    *,
    name: str = "",
    node: str = "",
    ttl: float | str = 0,
    behavior: str = "",
    lock_delay: float | None = None,
    node_checks: CheckNames | None = None,
    service_checks: ServiceChecks | None = None,
) -> Request[str]:
    """Create a session; its ID comes back. ``ttl`` and ``lock_delay`` are seconds, or Go duration text.

    Left out, ``node_checks`` means the node's ``serfHealth``; an empty list ties the session to no check.
    """
    body: dict[str, Any] = {
        "Name": name,
        "Node": node,
        "TTL": duration_text(ttl),
        "Behavior": behavior,
        "LockDelay": milliseconds(lock_delay) if lock_delay is not None else "",
        "ServiceChecks": service_checks,
    }
    body = {key: value for key, value in body.items() if value}
    if node_checks is not None:
        body["NodeChecks"] = node_checks
    decode = json_of(_Created)
    return Request("PUT", "/v1/session/create", lambda answer: decode(answer).ID, body=json_body(body))


def destroy_request(session_id: str) -> Request[bool]:
    """Destroy a session; True also when there is none of this ID."""
    return Request("PUT", f"/v1/session/destroy/{escape_path(session_id)}", truth, idempotent=True)


def renew_request(session_id: str) -> Request[Session | None]:
    """Start the session's TTL again; None when there is no such session."""
    path = f"/v1/session/renew/{escape_path(session_id)}"
    return Request("PUT", path, first_of(Session), accept=(200, 404), idempotent=True)


def info_request(session_id: str) -> Request[Session | None]:
    """Read one session, None when there is none of this ID."""
    return Request("GET", f"/v1/session/info/{escape_path(session_id)}", first_of(Session))


def node_request(node: str) -> Request[list[Session]]:
    """Read the sessions of one node."""
    return Request("GET", f"/v1/session/node/{escape_path(node)}", json_of(list[Session]))


def list_request() -> Request[list[Session]]:
    """Read all sessions of the datacenter."""
    return Request("GET", "/v1/session/list", json_of(list[Session]))


class Sessions:
    """The sessions of one datacenter. Called, it makes one that lives as long as a block runs."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    def __call__(
        self,
        *,
        name: str = "",
        ttl: float | str = 15.0,
        behavior: str = "",
        lock_delay: float | None = None,
        options: QueryOptions | None = None,
    ) -> KeptSession:
        """A session for ``async with``: created at its begin, renewed while it runs, destroyed at its end."""
        from pyconsul.sdk.keep import KeptSession

        request = create_request(name=name, ttl=ttl, behavior=behavior, lock_delay=lock_delay)
        return KeptSession(self._client, request, ttl=ttl, options=options)

    async def create(
        self,
        options: QueryOptions | None = None,
        *,
        name: str = "",
        node: str = "",
        ttl: float | str = 0,
        behavior: str = "",
        lock_delay: float | None = None,
        node_checks: CheckNames | None = None,
        service_checks: ServiceChecks | None = None,
    ) -> str:
        """Create a session and return its ID; times are seconds."""
        request = create_request(
            name=name,
            node=node,
            ttl=ttl,
            behavior=behavior,
            lock_delay=lock_delay,
            node_checks=node_checks,
            service_checks=service_checks,
        )
        return await self._client.call(request, options)

    async def destroy(self, session_id: str, options: QueryOptions | None = None) -> bool:
        """Destroy a session; True also when there is none of this ID."""
        return await self._client.call(destroy_request(session_id), options)

    async def renew(self, session_id: str, options: QueryOptions | None = None) -> Session | None:
        """Start the session's TTL again; None when there is no such session."""
        return await self._client.call(renew_request(session_id), options)

    async def info(self, session_id: str, options: QueryOptions | None = None) -> Session | None:
        """One session, None when there is none of this ID."""
        return await self._client.call(info_request(session_id), options)

    async def node(self, node: str, options: QueryOptions | None = None) -> SessionList:
        """The sessions of one node."""
        return await self._client.call(node_request(node), options)

    async def list(self, options: QueryOptions | None = None) -> SessionList:
        """All sessions of the datacenter."""
        return await self._client.call(list_request(), options)
