"""Sessions that are kept alive while a block runs."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType

from pyconsul.primitives.durations import DurationError, parse_duration, to_seconds
from pyconsul.sdk.caller import Caller
from pyconsul.sdk.errors import ConsulError, SessionExpired
from pyconsul.sdk.request import QueryOptions, Request
from pyconsul.sdk.session import destroy_request, renew_request
from pyconsul.sdk.tasks import Background, Signal, now, sleep

_RETRY_RENEWAL = 1.0  # seconds until a failed renewal is tried again


class KeptSession:
    """A session that is renewed every half TTL. ``id`` names it; ``lost`` is set when it could not be kept."""

    def __init__(
        self,
        client: Caller,
        request: Request[str],
        *,
        ttl: float | str,
        options: QueryOptions | None = None,
    ) -> None:
        self.id = ""
        self.lost = Signal()
        self._client = client
        self._request = request
        self._options = options
        self._ttl = _seconds_of(ttl)
        self._renewal: Background | None = None

    async def start(self) -> str:
        """Create the session and begin to renew it; its ID comes back."""
        self.lost.clear()
        self.id = await self._client.call(self._request, self._options)
        self._renewal = self._client.background(self._renew)
        return self.id

    async def stop(self) -> None:
        """Stop renewing and destroy the session, as far as the agent can be reached."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            await renewal.stop()
        session_id, self.id = self.id, ""
        if session_id and not self.lost.is_set():
            with suppress(ConsulError):  # it ends with its TTL, and whoever stops has better errors to tell
                await self._client.call(destroy_request(session_id), self._options)

    async def __aenter__(self) -> KeptSession:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _renew(self) -> None:
        """Renew until stopped; an error is tried again each second until the TTL has run out."""
        renewed = now()
        pause = self._ttl / 2
        while now() - renewed <= self._ttl:
            await sleep(pause)
            try:
                session = await self._client.call(renew_request(self.id), self._options)
            except ConsulError:
                pause = min(_RETRY_RENEWAL, self._ttl / 4)
                continue
            if session is None:
                break
            renewed = now()
            self._ttl = _seconds_of(session.TTL) or self._ttl  # the server may have changed it
            pause = self._ttl / 2
        self.lost.set()

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
