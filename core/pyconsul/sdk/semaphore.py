"""Semaphores over a prefix, as Consul's own client keeps them: contender keys and one entry with the holders.

The layout and its constants are those of Consul's client library, so that holders of both kinds count together.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import msgspec

from pyconsul.sdk.caller import Caller
from pyconsul.sdk.contender import Contender
from pyconsul.sdk.errors import (
    ConsulError,
    CoordinationFailed,
    InvalidArgument,
    SemaphoreConflict,
    SemaphoreHeld,
    SemaphoreInUse,
    SemaphoreNotAcquired,
    SemaphoreNotHeld,
    ServerError,
    TransportError,
)
from pyconsul.sdk.kv import delete_request, get_request, list_request, put_request
from pyconsul.sdk.request import QueryOptions
from pyconsul.sdk.session import create_request
from pyconsul.sdk.tasks import now, sleep
from pyconsul.structs.kv import DirEntry

SEMAPHORE_FLAG = 0xE0F69A2BAA414DE0  # marks the keys of a semaphore
DEFAULT_NAME = "Consul API Semaphore"
DEFAULT_TTL = 15.0
DEFAULT_WAIT = 15.0
HOLDERS_KEY = ".lock"


class Holders(msgspec.Struct):
    """The entry that all contenders agree on; ``Holders`` is a set of session IDs."""

    Limit: int = 0
    Holders: dict[str, bool] | None = None


class Semaphore(Contender):
    """One semaphore handle. ``is_held`` says whether it has a slot; ``lost`` is set when the slot is gone."""

    already_held = SemaphoreHeld
    not_held = SemaphoreNotHeld
    not_acquired = SemaphoreNotAcquired

    def __init__(
        self,
        client: Caller,
        prefix: str,
        limit: int,
        *,
        value: bytes | str = b"",
        session: str = "",
        name: str = DEFAULT_NAME,
        ttl: float | str = DEFAULT_TTL,
        try_once: bool = False,
        wait: float = DEFAULT_WAIT,
        monitor_retries: int = 0,
        monitor_retry_time: float = 2.0,
    ) -> None:
        if not prefix:
            raise InvalidArgument("missing prefix")
        if limit <= 0:
            raise InvalidArgument("semaphore limit must be positive")
        super().__init__(
            client,
            create_request(name=name, ttl=ttl, behavior="delete"),
            session=session,
            ttl=ttl,
            monitor_retries=monitor_retries,
            monitor_retry_time=monitor_retry_time,
        )
        self.prefix = prefix
        self.limit = limit
        self._value = value
        self._try_once = try_once
        self._wait = wait

    async def destroy(self) -> None:
        """Delete the holders' entry. Raises SemaphoreHeld, SemaphoreInUse or SemaphoreConflict."""
        if self.is_held:
            raise SemaphoreHeld
        entry, holders, _ = await self._read(QueryOptions())
        if not entry.ModifyIndex:
            return
        if holders.Holders:
            raise SemaphoreInUse
        try:
            removed = await self._client.call(delete_request(entry.Key, cas=entry.ModifyIndex))
        except ConsulError as error:
            raise CoordinationFailed(f"failed to remove semaphore: {error}") from error
        if not removed:
            raise SemaphoreInUse

    async def _become_contender(self) -> None:
        key = _join(self.prefix, self.session)
        request = put_request(key, self._value, flags=SEMAPHORE_FLAG, acquire=self.session)
        self._is_unsure = self._kept is None  # else the key goes with the session
        try:
            made = await self._client.call(request)
        except ConsulError as error:
            raise CoordinationFailed(f"failed to make contender entry: {error}") from error
        if not made:
            raise CoordinationFailed("failed to make contender entry: <nil>")

    async def _contend(self) -> bool:
        """Try until there is a slot for us; False when trying once took too long."""
        await self._become_contender()
        started = now()
        wait, index, is_first = self._wait, 0, True
        while True:
            if self._try_once and not is_first:
                wait = self._wait - (now() - started)
                if wait <= 0:
                    return False
            is_first = False
            self._require_session()
            entry, holders, newest = await self._read(QueryOptions(index=index, wait=wait))
            self._check_limit(holders)
            present = holders.Holders or {}
            if self.session not in present and len(present) >= self.limit:
                index = newest
                continue
            if await self._write({**present, self.session: True}, entry.ModifyIndex):
                return True
            # another contender wrote first: look again at once

    async def _give_back(self) -> None:
        try:
            await self._leave_holders()
            await self._client.call(delete_request(_join(self.prefix, self.session)))
        except ConsulError as error:
            raise CoordinationFailed(f"failed to update lock: {error}") from error

    async def _read(self, options: QueryOptions) -> tuple[DirEntry, Holders, int]:
        """The holders' entry, what it says with dead holders left out, and the index to wait on."""
        try:
            reply = await self._client.ask(list_request(self.prefix), options)
        except ConsulError as error:
            raise CoordinationFailed(f"failed to read prefix: {error}") from error
        key = _join(self.prefix, HOLDERS_KEY)
        entry = next((each for each in reply.value if each.Key == key), None)
        if entry is None:
            return DirEntry(Key=key, Flags=SEMAPHORE_FLAG), Holders(Limit=self.limit), reply.meta.index
        if entry.Flags != SEMAPHORE_FLAG:
            raise SemaphoreConflict
        return entry, _alive(_decoded(entry.Value, self.limit), reply.value), reply.meta.index

    async def _write(self, holders: dict[str, bool], index: int) -> bool:
        body = msgspec.json.encode(Holders(Limit=self.limit, Holders=holders))
        key = _join(self.prefix, HOLDERS_KEY)
        try:
            return await self._client.call(put_request(key, body, flags=SEMAPHORE_FLAG, cas=index))
        except ConsulError as error:
            raise CoordinationFailed(f"failed to update lock: {error}") from error

    async def _leave_holders(self) -> None:
        """Take ourselves out of the holders, however often others write in between."""
        while True:
            entry = await self._client.call(get_request(_join(self.prefix, HOLDERS_KEY)))
            holders = _decoded(entry.Value if entry else None, self.limit).Holders or {}
            if self.session not in holders:
                return
            del holders[self.session]
            if await self._write(holders, entry.ModifyIndex if entry else 0):
                return

    def _check_limit(self, holders: Holders) -> None:
        if holders.Limit != self.limit:
            text = f"semaphore limit conflict (lock: {holders.Limit}, local: {self.limit})"
            raise SemaphoreConflict(text)

    async def _watch(self) -> None:
        """Set ``lost`` when we are no holder any more, or when the agent cannot be asked for too long."""
        index, retries = 0, self._monitor_retries
        while True:
            try:
                options = QueryOptions(consistency="consistent", index=index)
                _, holders, newest = await self._read(options)
            except CoordinationFailed as error:
                if retries <= 0 or not isinstance(error.__cause__, TransportError | ServerError):
                    break
                retries, index = retries - 1, 0
                await sleep(self._monitor_retry_time)
                continue
            except ConsulError:
                break
            if self.session not in (holders.Holders or {}):
                break
            retries, index = self._monitor_retries, newest
        self.lost.set()


def _join(prefix: str, name: str) -> str:
    """A key below the prefix, cleaned as Go's ``path.Join`` does."""
    return posixpath.normpath(posixpath.join(prefix, name))


def _decoded(value: bytes | None, limit: int) -> Holders:
    if not value:
        return Holders(Limit=limit)
    try:
        return msgspec.json.decode(value, type=Holders)
    except msgspec.DecodeError as error:
        raise CoordinationFailed(f"lock decoding failed: {error}") from error


def _alive(holders: Holders, entries: Sequence[DirEntry]) -> Holders:
    """The holders whose contender key still has its session."""
    sessions = {entry.Session for entry in entries if entry.Session}
    alive = {session: True for session in holders.Holders or {} if session in sessions}
    return Holders(Limit=holders.Limit, Holders=alive)
