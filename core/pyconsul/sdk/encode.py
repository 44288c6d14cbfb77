"""From a request to what goes over the wire: settings, options and request become one target and one header list."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec

from pyconsul.sdk.endpoint import Endpoint
from pyconsul.sdk.errors import InvalidArgument
from pyconsul.sdk.request import NO_OPTIONS, Body, Headers, QueryOptions, Request, encode_query, value_bytes
from pyconsul.sdk.settings import Settings

_SERVER_DEFAULT_WAIT = 300.0  # what Consul takes when a blocking query names no wait


_WAITING = frozenset({"index", "hash"})  # parameters of a question that is answered when something has changed


class Wire(msgspec.Struct, frozen=True):
    """One HTTP request, ready to be written.

    ``silence`` is how many seconds the agent may say nothing, None for ever; ``waits`` that it may hold the
    answer back until something changes.
    """

    method: str
    target: str
    headers: Headers
    body: Body
    silence: float | None
    waits: bool = False


class Encoder:
    """Makes :class:`Wire` requests for one client; what never changes between requests is worked out once."""

    def __init__(self, settings: Settings) -> None:
        self.endpoint: Endpoint = settings.endpoint()
        self._settings = settings
        self._defaults = _default_params(settings)
        self._headers = _default_headers(settings)

    def encode(self, request: Request[Any], options: QueryOptions | None) -> Wire:
        """Put ``request`` and ``options`` together; options win over settings, the request over both.

        Raises InvalidArgument for a request that nobody would send.
        """
        if request.refusal:
            raise InvalidArgument(request.refusal)
        given = options or NO_OPTIONS
        return Wire(
            method=request.method,
            target=self._target(request, given),
            headers=self._all_headers(request, given),
            body=request.body,
            silence=self._silence(given),
            waits=given.blocks or any(name in _WAITING and value for name, value in request.params),
        )

    def url(self, wire: Wire) -> str:
        """The URL as Consul's client prints it in its errors."""
        return self.endpoint.url + wire.target

    def _target(self, request: Request[Any], options: QueryOptions) -> str:
        path = self.endpoint.target(request.path)
        params = [] if options is NO_OPTIONS else options.params()
        if self._defaults:
            named = {name for name, _ in params}
            params += [pair for pair in self._defaults if pair[0] not in named]
        params += request.params
        return f"{path}?{encode_query(params)}" if params else path

    def _all_headers(self, request: Request[Any], options: QueryOptions) -> Headers:
        if options is NO_OPTIONS and not request.headers and request.body is None:
            return self._headers
        own = [*options.headers(), *request.headers]
        if request.body is not None:  # first, so that the request may say else
            own.insert(0, ("Content-Type", "application/json"))
        merged = {name.lower(): (name, value) for name, value in (*self._headers, *own)}
        return tuple(merged.values())

    def _silence(self, options: QueryOptions) -> float | None:
        if options.timeout is not None:
            return options.timeout
        patience = self._settings.timeout
        if patience is None or not options.blocks:
            return patience
        wait = options.wait or _SERVER_DEFAULT_WAIT
        return wait + wait / 16 + patience  # the server adds up to a sixteenth by chance


def _default_params(settings: Settings) -> list[tuple[str, str]]:
    pairs = (("dc", settings.datacenter), ("ns", settings.namespace), ("partition", settings.partition))
    return [pair for pair in pairs if pair[1]]


def _default_headers(settings: Settings) -> Headers:
    headers = list(settings.headers.items())
    token = settings.current_token()
    if token:
        headers.append(("X-Consul-Token", token))
    if settings.auth:
        user_and_password = settings.auth if ":" in settings.auth else settings.auth + ":"
        headers.append(("Authorization", "Basic " + b64encode(value_bytes(user_and_password)).decode()))
    return tuple(headers)
