"""TTL checks kept alive: a heartbeat in the background that reports the status the program last gave."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Literal, TypeAlias

from pyconsul.sdk.agent import update_check_request
from pyconsul.sdk.caller import Caller
from pyconsul.sdk.errors import ConsulError, NotFound
from pyconsul.sdk.tasks import Background, sleep

CheckStatus: TypeAlias = Literal["passing", "warning", "critical"]

_RETRY = 1.0  # seconds until a report that failed is tried again, if the heartbeat is slower


class TTLCheck:
    """Reports to one TTL check three times per ``ttl`` (seconds) until the block ends; then it reports critical.

    ``error`` is what the last report failed with, None when it arrived.
    """

    def __init__(self, client: Caller, check_id: str, *, ttl: float = 30.0, output: str = "") -> None:
        self.status: CheckStatus = "passing"
        self.output = output
        self.error: ConsulError | None = None
        self._client = client
        self._check_id = check_id
        self._interval = ttl / 3
        self._beat: Background | None = None

    async def report(self, status: CheckStatus, output: str = "") -> None:
        """Report now, and this from now on. Raises ConsulError."""
        self.status, self.output = status, output
        await self._send()

    async def start(self) -> None:
        """Report once, then begin the heartbeat. Raises ConsulError, such as NotFound for an unknown check."""
        await self._send()
        self._beat = self._client.background(self._keep_beating)

    async def stop(self, output: str = "the program that reports this check has ended") -> None:
        """End the heartbeat and report critical; a check that is gone needs no report. Raises ConsulError."""
        beat, self._beat = self._beat, None
        if beat is not None:
            await beat.stop()
        with suppress(NotFound):
            await self.report("critical", output)

    async def __aenter__(self) -> TTLCheck:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.stop()
        else:
            with suppress(ConsulError):  # what ended the block matters more
                await self.stop(f"{type(error).__name__}: {error}")

    async def _keep_beating(self) -> None:
        while True:
            await sleep(self._interval if self.error is None else min(_RETRY, self._interval))
            try:
                await self._send()
            except ConsulError as error:
                self.error = error

    async def _send(self) -> None:
        request = update_check_request(self._check_id, self.status, output=self.output)
        await self._client.call(request)
        self.error = None
