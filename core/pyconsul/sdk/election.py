"""Leader election: a lock that is fought for again whenever it is lost, and the question who has it."""

from __future__ import annotations

from types import TracebackType

from pyconsul.sdk.caller import Caller
from pyconsul.sdk.errors import ConsulError, LockConflict
from pyconsul.sdk.kv import get_request
from pyconsul.sdk.lock import DEFAULT_TTL, DEFAULT_WAIT, DELAY_RETRY, LOCK_FLAG, Lock
from pyconsul.sdk.retry import backoff
from pyconsul.sdk.tasks import Background, Signal, dice, sleep, whole
from pyconsul.structs.kv import DirEntry


class LeaderElection:
    """A campaign for one key that goes on in the background as long as the block runs.

    ``elected`` is set while we lead and ``deposed`` while we do not; wait for either. Leadership is as good as the
    lock under it (``lock.py``): work that must not be done twice needs fencing by ``ModifyIndex`` or a session check.
    """

    def __init__(
        self,
        client: Caller,
        key: str,
        *,
        value: bytes | str = b"",
        name: str = "leader election",
        ttl: float | str = DEFAULT_TTL,
        lock_delay: float | None = None,
        wait: float = DEFAULT_WAIT,
        delay_retry: float = DELAY_RETRY,
    ) -> None:
        self.elected = Signal()
        self.deposed = Signal()
        self.deposed.set()
        self.error: ConsulError | None = None
        self._client = client
        self._lock = Lock(
            client,
            key,
            value=value,
            name=name,
            ttl=ttl,
            lock_delay=lock_delay,
            wait=wait,
            delay_retry=delay_retry,
        )
        self._campaign_work: Background | None = None

    @property
    def is_leader(self) -> bool:
        """Whether we lead, as far as we know."""
        return self.elected.is_set()

    async def leader(self) -> DirEntry | None:
        """The entry of whoever leads (its value is what they campaigned with), None while nobody does."""
        entry = await self._client.call(get_request(self._lock.key))
        if entry is not None and entry.Flags != LOCK_FLAG:
            raise LockConflict
        return entry if entry is not None and entry.Session else None

    async def start(self) -> None:
        """Begin to campaign."""
        self._campaign_work = self._client.background(self._campaign)

    async def stop(self) -> None:
        """End the campaign and give up leadership."""
        await whole(self._end)

    async def __aenter__(self) -> LeaderElection:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.stop()
        except ConsulError:
            if error is None:  # else what ended the block matters more
                raise

    async def _end(self) -> None:
        work, self._campaign_work = self._campaign_work, None
        try:
            if work is not None:
                await work.stop()
        finally:
            await self._step_down()

    async def _campaign(self) -> None:
        failures = 0
        while True:
            try:
                await self._lock.acquire()
            except ConsulError as error:
                failures += 1
                self.error = error
                await sleep(backoff(failures, 1.0, 30.0, dice()))
                continue
            failures, self.error = 0, None
            self.deposed.clear()
            self.elected.set()
            await self._lock.lost.wait()
            try:
                await self._step_down()
            except ConsulError as error:
                self.error = error

    async def _step_down(self) -> None:
        self.elected.clear()
        self.deposed.set()
        if self._lock.is_held:
            await self._lock.release()
