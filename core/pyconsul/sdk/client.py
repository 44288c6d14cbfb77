"""The client: one method a kind of round trip, one attribute a family of the HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar, Unpack, cast, overload

import msgspec

from pyconsul.sdk.cursor import Cursor
from pyconsul.sdk.decode import whole
from pyconsul.sdk.encode import Encoder, Wire
from pyconsul.sdk.errors import ServerError, TooManyRequests, TransportError, status_error
from pyconsul.sdk.http1 import redirected
from pyconsul.sdk.request import NO_OPTIONS, Answer, Body, QueryMeta, QueryOptions, Reply, Request
from pyconsul.sdk.retry import backoff
from pyconsul.sdk.settings import Settings
from pyconsul.sdk.streams import Stream, Transport
from pyconsul.sdk.tasks import Background, Work, dice, now, sleep

if TYPE_CHECKING:
    from pyconsul.sdk.acl import ACL
    from pyconsul.sdk.agent import Agent
    from pyconsul.sdk.catalog import Catalog
    from pyconsul.sdk.config import ConfigEntries
    from pyconsul.sdk.connect import Mesh
    from pyconsul.sdk.coordinate import Coordinates
    from pyconsul.sdk.election import LeaderElection
    from pyconsul.sdk.event import Events
    from pyconsul.sdk.health import Health
    from pyconsul.sdk.internal import Internal
    from pyconsul.sdk.kv import KV
    from pyconsul.sdk.lock import Lock
    from pyconsul.sdk.operator import Operator
    from pyconsul.sdk.peering import Peerings
    from pyconsul.sdk.query import PreparedQueries
    from pyconsul.sdk.semaphore import Semaphore
    from pyconsul.sdk.session import Sessions
    from pyconsul.sdk.snapshot import Snapshots
    from pyconsul.sdk.status import Status
    from pyconsul.sdk.ttl import TTLCheck
    from pyconsul.sdk.txn import Transactions
    from pyconsul.sdk.views import View

T = TypeVar("T")

_WATCH_RETRY_BASE = 1.0
_WATCH_RETRY_LIMIT = 60.0
_TOO_MANY = 429  # the agent did not look at the request, only at how many there are
_MAX_REQUESTS = 10  # of which all but the first follow a redirection


class LockSettings(TypedDict, total=False):
    """What ``lock`` takes; see ``Lock``."""

    value: bytes | str
    session: str
    name: str
    ttl: float | str
    lock_delay: float | None
    try_once: bool
    wait: float
    monitor_retries: int
    monitor_retry_time: float
    delay_retry: float


class SemaphoreSettings(TypedDict, total=False):
    """What ``semaphore`` takes; see ``Semaphore``."""

    value: bytes | str
    session: str
    name: str
    ttl: float | str
    try_once: bool
    wait: float
    monitor_retries: int
    monitor_retry_time: float


class ElectionSettings(TypedDict, total=False):
    """What ``leader_election`` takes; see ``LeaderElection``."""

    value: bytes | str
    name: str
    ttl: float | str
    lock_delay: float | None
    wait: float
    delay_retry: float


class AsyncClient:
    """A client of one agent. Cheap to make; it connects with the first request and keeps its connections.

    ``settings`` is a Settings, an address, or None for what the ``CONSUL_*`` variables say. Use it as a context
    manager, or close it.
    """

    def __init__(self, settings: Settings | str | None = None) -> None:
        if not isinstance(settings, Settings):
            settings = Settings.from_env(address=settings)
        self.settings = settings
        self._encoder = Encoder(settings)
        self._transport = Transport(self._encoder, settings)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections, for good: requests and watches that are under way end with ClientClosed."""
        await self._transport.aclose()

    async def call(self, request: Request[T], options: QueryOptions | None = None) -> T:
        """The value of one request. Raises ConsulError."""
        return request.read(await self._answer(request, options))

    async def ask(self, request: Request[T], options: QueryOptions | None = None) -> Reply[T]:
        """The value of one request with what the headers say about it. Raises ConsulError."""
        answer = await self._answer(request, options)
        return Reply(request.read(answer), QueryMeta.of(answer))

    async def watch(
        self,
        request: Request[T],
        options: QueryOptions | None = None,
        wait: float = 300.0,
        errors: Literal["retry", "raise"] = "retry",
    ) -> AsyncIterator[Reply[T]]:
        """The present reply, then every later one whose index (or content hash) differs.

        ``wait`` is how long one query may block, seconds. Errors that may pass (no connection, 429, 5xx) are
        retried with back-off unless ``errors`` is "raise"; others are always raised.
        """
        cursor = Cursor(options or NO_OPTIONS, wait)
        failures = 0
        while True:
            if pause := cursor.pause(now()):
                await sleep(pause)
            try:
                answer = await self._send(self._encoder.encode(request, cursor.options))
                reply = Reply(request.read(answer), QueryMeta.of(answer))
            except (TransportError, ServerError, TooManyRequests):
                if errors == "raise":
                    raise
                failures += 1
                cursor.failed()
                await sleep(backoff(failures, _WATCH_RETRY_BASE, _WATCH_RETRY_LIMIT, dice()))
                continue
            failures = 0
            if cursor.took(reply.meta, answer.body):
                yield reply

    async def stream(self, request: Request[Any], options: QueryOptions | None = None) -> Stream:
        """An answer whose body is read in pieces; the caller closes it. Raises ConsulError.

        The agent may stay silent between the pieces as long as it likes, unless ``options.timeout`` says else.
        """
        wire, location = self._streamed(request, options), ""
        for _ in range(_MAX_REQUESTS):
            stream = await self._transport.open(wire)
            if stream.status in request.accept:
                return stream
            async with stream:
                following = redirected(wire, stream.headers, stream.status, self._encoder.endpoint)
                if following is None:
                    raise status_error(stream.status, (await stream.read()).body)
            wire, location = following, stream.headers["location"]
        raise self._led_around(wire, location)

    @overload
    async def raw(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: Body = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        options: QueryOptions | None = None,
        stream: Literal[False] = False,
    ) -> Answer: ...

    @overload
    async def raw(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: Body = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        options: QueryOptions | None = None,
        stream: Literal[True],
    ) -> Stream: ...

    async def raw(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: Body = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        *,
        options: QueryOptions | None = None,
        stream: bool = False,
    ) -> Answer | Stream:
        """Any request, any status: for routes that have no method here. ``path`` is escaped already.

        With ``stream`` the body is read in pieces, and the caller closes the Stream. Raises TransportError.
        """
        request = Request(method, path, whole, params=_pairs(params), headers=_pairs(headers), body=body)
        if stream:
            return await self._transport.open(self._streamed(request, options))
        return await self._answer(request, options)

    def background(self, work: Work) -> Background:
        """Start work beside the caller that uses this client; ``stop()`` of what is returned ends it."""
        return Background(work, self._transport)

    def lock(self, key: str, **settings: Unpack[LockSettings]) -> Lock:
        """A lock over ``key``, for ``async with`` or ``acquire`` and ``release``."""
        from pyconsul.sdk.lock import Lock

        return Lock(self, key, **settings)

    def semaphore(self, prefix: str, limit: int, **settings: Unpack[SemaphoreSettings]) -> Semaphore:
        """One of ``limit`` slots under ``prefix``, for ``async with`` or ``acquire`` and ``release``."""
        from pyconsul.sdk.semaphore import Semaphore

        return Semaphore(self, prefix, limit, **settings)

    def leader_election(self, key: str, **settings: Unpack[ElectionSettings]) -> LeaderElection:
        """A campaign for ``key`` that goes on while an ``async with`` block runs."""
        from pyconsul.sdk.election import LeaderElection

        return LeaderElection(self, key, **settings)

    def ttl_check(self, check_id: str, *, ttl: float = 30.0, output: str = "") -> TTLCheck:
        """A heartbeat for a TTL check of ``ttl`` seconds while an ``async with`` block runs."""
        from pyconsul.sdk.ttl import TTLCheck

        return TTLCheck(self, check_id, ttl=ttl, output=output)

    def view(self, request: Request[T], options: QueryOptions | None = None, *, wait: float = 300.0) -> View[T]:
        """The newest reply to ``request``, kept fresh while an ``async with`` block runs."""
        from pyconsul.sdk.views import View

        return View(self, request, options, wait=wait)

    async def _answer(self, request: Request[Any], options: QueryOptions | None) -> Answer:
        """One answer of any status, repeated as the settings' ``retry`` says."""
        wire = self._encoder.encode(request, options)
        retry = self.settings.retry
        failures = 0
        while True:
            try:
                answer = await self._send(wire)
            except TransportError as error:
                failures += 1
                may_repeat = request.is_idempotent and not error.timed_out  # the caller's patience counts once
                pause = retry.pause(failures, dice()) if may_repeat else None
                if pause is None:
                    raise
            else:
                if answer.status in request.accept or not retry.is_temporary(answer.status):
                    return answer
                failures += 1
                was_put_off = answer.status == _TOO_MANY and isinstance(wire.body, bytes | None)
                may_repeat = request.is_idempotent or was_put_off
                pause = retry.pause(failures, dice()) if may_repeat else None
                if pause is None:
                    return answer
            await sleep(pause)

    async def _send(self, wire: Wire) -> Answer:
        """One exchange, following the redirections within the agent."""
        location = ""
        for _ in range(_MAX_REQUESTS):
            answer = await self._transport.send(wire)
            following = redirected(wire, answer.headers, answer.status, self._encoder.endpoint)
            if following is None:
                return answer
            wire, location = following, answer.header("location")
        raise self._led_around(wire, location)

    def _led_around(self, wire: Wire, location: str) -> TransportError:
        return TransportError(
            wire.method, location, self._encoder.endpoint.authority, f"stopped after {_MAX_REQUESTS} redirects"
        )

    def _streamed(self, request: Request[Any], options: QueryOptions | None) -> Wire:
        """A request whose answer is read in pieces, between which the agent may be silent."""
        silence = None if options is None else options.timeout
        return msgspec.structs.replace(self._encoder.encode(request, options), silence=silence)

    @cached_property
    def acl(self) -> ACL:
        """Tokens, policies, roles, auth methods and binding rules."""
        from pyconsul.sdk.acl import ACL

        return ACL(self)

    @cached_property
    def agent(self) -> Agent:
        """The agent itself, its services and checks."""
        from pyconsul.sdk.agent import Agent

        return Agent(self)

    @cached_property
    def catalog(self) -> Catalog:
        """The servers' view of nodes and services."""
        from pyconsul.sdk.catalog import Catalog

        return Catalog(self)

    @cached_property
    def config(self) -> ConfigEntries:
        """Config entries."""
        from pyconsul.sdk.config import ConfigEntries

        return ConfigEntries(self)

    @cached_property
    def connect(self) -> Mesh:
        """The service mesh."""
        from pyconsul.sdk.connect import Mesh

        return Mesh(self)

    @cached_property
    def coordinate(self) -> Coordinates:
        """Network coordinates."""
        from pyconsul.sdk.coordinate import Coordinates

        return Coordinates(self)

    @cached_property
    def event(self) -> Events:
        """User events."""
        from pyconsul.sdk.event import Events

        return Events(self)

    @cached_property
    def health(self) -> Health:
        """Checks, and instances by their health."""
        from pyconsul.sdk.health import Health

        return Health(self)

    @cached_property
    def internal(self) -> Internal:
        """Routes for the web UI and for Consul's own tools."""
        from pyconsul.sdk.internal import Internal

        return Internal(self)

    @cached_property
    def kv(self) -> KV:
        """Keys and values."""
        from pyconsul.sdk.kv import KV

        return KV(self)

    @cached_property
    def operator(self) -> Operator:
        """Raft, Autopilot, the gossip keyring and usage."""
        from pyconsul.sdk.operator import Operator

        return Operator(self)

    @cached_property
    def peering(self) -> Peerings:
        """Cluster peering."""
        from pyconsul.sdk.peering import Peerings

        return Peerings(self)

    @cached_property
    def query(self) -> PreparedQueries:
        """Prepared queries."""
        from pyconsul.sdk.query import PreparedQueries

        return PreparedQueries(self)

    @cached_property
    def session(self) -> Sessions:
        """Sessions; called, one that lives as long as a block runs."""
        from pyconsul.sdk.session import Sessions

        return Sessions(self)

    @cached_property
    def snapshot(self) -> Snapshots:
        """Snapshots of the servers' whole state."""
        from pyconsul.sdk.snapshot import Snapshots

        return Snapshots(self)

    @cached_property
    def status(self) -> Status:
        """Who leads and who takes part."""
        from pyconsul.sdk.status import Status

        return Status(self)

    @cached_property
    def txn(self) -> Transactions:
        """Transactions over KV, nodes, services and checks."""
        from pyconsul.sdk.txn import Transactions

        return Transactions(self)


def _pairs(given: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    if isinstance(given, Mapping):
        return tuple(cast("Mapping[str, str]", given).items())
    return tuple(given)
