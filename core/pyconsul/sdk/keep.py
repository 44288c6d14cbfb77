"""Sessions that are kept alive while a block runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import msgspec

from pyconsul.primitives.durations import DurationError, parse_duration, to_seconds
from pyconsul.sdk.caller import Caller
from pyconsul.sdk.errors import ConsulError, SessionExpired
from pyconsul.sdk.request import NO_OPTIONS, QueryOptions, Request
from pyconsul.sdk.session import destroy_request, renew_request
from pyconsul.sdk.tasks import PATIENCE, Background, Signal, now, sleep, whole

_RETRY_RENEWAL = 1.0  # seconds until a failed renewal is tried again
_LAST_CHANCE = 1.0  # seconds for a renewal that comes too late, because the program was busy with something else


class KeptSession:
    """A session that is renewed every half TTL. ``id`` names it; ``lost`` is set when it could not be kept.

    That is when the servers do not know it any more, or when its TTL has passed since the last renewal that was
    answered was sent: they may end it then. Without a TTL nothing is renewed. ``on_lost`` is called with ``lost``,
    ``on_failure`` with the error of a renewal that failed after one that did not.
    """

    def __init__(
        self,
        client: Caller,
        request: Request[str],
        *,
        ttl: float | str,
        options: QueryOptions | None = None,
        on_lost: Callable[[], None] | None = None,
        on_failure: Callable[[ConsulError], None] | None = None,
    ) -> None:
        self.id = ""
        self.lost = Signal()
        self._client = client
        self._request = request
        self._options = options or NO_OPTIONS
        self._ttl = _seconds_of(ttl)
        self._on_lost = on_lost
        self._on_failure = on_failure
        self._renewed = 0.0
        self._is_gone = False
        self._renewal: Background | None = None

    async def start(self) -> str:
        """Create the session and begin to renew it; its ID comes back."""
        self.lost.clear()
        self._is_gone = False
        try:
            await whole(self._create)
            self._renewal = self._client.background(self._renew)
        except BaseException:
            await self.stop()
            raise
        return self.id

    async def stop(self) -> None:
        """Stop renewing and destroy the session, as far as the agent can be reached."""
        await whole(self._end)

    async def __aenter__(self) -> KeptSession:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _create(self) -> None:
        self._renewed = now()
        self.id = await self._client.call(self._request, self._options)

    async def _end(self) -> None:
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            await renewal.stop()
        session_id, self.id = self.id, ""
        if session_id and not self._is_gone:
            with suppress(ConsulError):  # it ends with its TTL, and whoever stops has better errors to tell
                options = msgspec.structs.replace(self._options, timeout=PATIENCE)
                await self._client.call(destroy_request(session_id), options)

    async def _renew(self) -> None:
        """Renew until stopped; an error is tried again each second until the TTL has run out."""
        if not self._ttl:
            return
        pause = self._ttl / 2
        failing = False
        while self.id and (left := self._left()) > 0:
            await sleep(min(pause, left))
            asked = now()
            options = msgspec.structs.replace(self._options, timeout=max(self._left(), _LAST_CHANCE))
            try:
                session = await self._client.call(renew_request(self.id), options)
            except ConsulError as error:
                if self._on_failure is not None and not failing:
                    self._on_failure(error)
                failing = True
                pause = min(_RETRY_RENEWAL, self._ttl / 4)
                continue
            failing = False
            if session is None:
                self._is_gone = True
                break
            self._renewed = asked
            self._ttl = _seconds_of(session.TTL) or self._ttl  # the server may have changed it
            pause = self._ttl / 2
        self.lost.set()
        if self._on_lost is not None:
            self._on_lost()

    def _left(self) -> float:
        """Seconds until the servers may end the session."""
        return self._renewed + self._ttl - now()

    def check(self) -> None:
        """Raise SessionExpired if the session could not be kept."""
        if self.lost.is_set():
            raise SessionExpired


def _seconds_of(value: float | str) -> float:
    """Seconds of a duration that may be Go duration text; 0 for "" and for text that is none."""
    if not isinstance(value, str):
        return float(value)
    try:
        return to_seconds(parse_duration(value)) if value else 0.0
    except DurationError:
        return 0.0
