"""Locks over one key, as Consul's own client keeps them: a session, a flag, and a watch over who holds the key.

The algorithm and its constants are those of Consul's client library, so that locks of both kinds exclude each other.
"""

from __future__ import annotations

from pyconsul.sdk.caller import Caller
from pyconsul.sdk.contender import Contender
from pyconsul.sdk.cursor import Cursor
from pyconsul.sdk.errors import (
    ConsulError,
    CoordinationFailed,
    InvalidArgument,
    LockConflict,
    LockHeld,
    LockInUse,
    LockNotAcquired,
    LockNotHeld,
)
from pyconsul.sdk.kv import delete_request, get_request, put_request
from pyconsul.sdk.request import NO_OPTIONS, QueryMeta, QueryOptions
from pyconsul.sdk.session import create_request
from pyconsul.sdk.tasks import PATIENCE, sleep
from pyconsul.structs.kv import DirEntry

LOCK_FLAG = 0x2DDCCBC058A50C18  # marks a key as a lock
DEFAULT_NAME = "Consul API Lock"
DEFAULT_TTL = 15.0
DEFAULT_WAIT = 15.0
DELAY_RETRY = 5.0  # between tries while a lock-delay is in effect; nothing can be waited for then


class Lock(Contender):
    """One lock handle. ``is_held`` says what this handle knows; ``lost`` is set when the key went to somebody else.

    A lock can be lost at any time: the session ends, an operator deletes the key, the agent cannot be reached.
    Work under it must look at ``lost``. Times are seconds.
    """

    already_held = LockHeld
    not_held = LockNotHeld
    not_acquired = LockNotAcquired

    def __init__(
        self,
        client: Caller,
        key: str,
        *,
        value: bytes | str = b"",
        session: str = "",
        name: str = DEFAULT_NAME,
        ttl: float | str = DEFAULT_TTL,
        lock_delay: float | None = None,
        try_once: bool = False,
        wait: float = DEFAULT_WAIT,
        monitor_retries: int = 0,
        monitor_retry_time: float = 2.0,
        delay_retry: float = DELAY_RETRY,
    ) -> None:
        if not key:
            raise InvalidArgument("missing key")
        super().__init__(
            client,
            create_request(name=name, ttl=ttl, lock_delay=lock_delay),
            session=session,
            ttl=ttl,
            monitor_retries=monitor_retries,
            monitor_retry_time=monitor_retry_time,
            try_once=try_once,
            wait=wait,
        )
        self.key = key
        self._value = value
        self._delay_retry = delay_retry

    async def destroy(self) -> None:
        """Delete the key. Raises LockHeld, LockInUse or LockConflict when it is not free to go."""
        if self.is_held:
            raise LockHeld
        try:
            entry = await self._client.call(get_request(self.key))
        except ConsulError as error:
            raise CoordinationFailed(f"failed to read lock: {error}") from error
        if entry is None:
            return
        if entry.Flags != LOCK_FLAG:
            raise LockConflict
        if entry.Session:
            raise LockInUse
        try:
            removed = await self._client.call(delete_request(self.key, cas=entry.ModifyIndex))
        except ConsulError as error:
            raise CoordinationFailed(f"failed to remove lock: {error}") from error
        if not removed:
            raise LockInUse

    async def _contend(self) -> bool:
        """Try until the key is ours; False when trying once took too long."""
        looks = Cursor(NO_OPTIONS, self._wait)
        while (options := await self._next_look(looks)) is not None:
            entry, meta = await self._read(options)
            if _holder(entry) == self.session:
                return True
            if not _holder(entry):
                if await self._take():
                    return True
                before = entry
                entry, meta = await self._read(NO_OPTIONS)
                if not _holder(entry):
                    looks.failed()  # nothing to wait on
                    if _times_locked(entry) == _times_locked(before):  # else somebody was faster, and is gone already
                        await sleep(self._delay_retry)
                    continue
            looks.took(meta)
        return False

    async def _give_back(self) -> None:
        request = put_request(self.key, self._value, flags=LOCK_FLAG, release=self.session)
        try:
            await self._client.call(request, QueryOptions(timeout=PATIENCE))
        except ConsulError as error:
            raise CoordinationFailed(f"failed to release lock: {error}") from error

    async def _read(self, options: QueryOptions) -> tuple[DirEntry | None, QueryMeta]:
        try:
            reply = await self._client.ask(get_request(self.key), options)
        except ConsulError as error:
            raise CoordinationFailed(f"failed to read lock: {error}") from error
        if reply.value is not None and reply.value.Flags != LOCK_FLAG:
            raise LockConflict
        return reply.value, reply.meta

    async def _take(self) -> bool:
        try:
            request = put_request(self.key, self._value, flags=LOCK_FLAG, acquire=self.session)
            self._is_unsure = True
            is_ours = await self._client.call(request)
        except ConsulError as error:
            raise CoordinationFailed(f"failed to acquire lock: {error}") from error
        self._is_unsure = False
        return is_ours

    async def _look(self, options: QueryOptions) -> tuple[bool, QueryMeta]:
        reply = await self._client.ask(get_request(self.key), options)
        return reply.value is not None and reply.value.Session == self.session, reply.meta


def _holder(entry: DirEntry | None) -> str:
    """The session that holds the key, "" for none."""
    return (entry.Session or "") if entry is not None else ""


def _times_locked(entry: DirEntry | None) -> int:
    return entry.LockIndex if entry is not None else 0
