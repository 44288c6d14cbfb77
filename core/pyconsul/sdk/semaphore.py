"""Semaphores over a prefix, as Consul's own client keeps them: contender keys and one entry with the holders.

The layout and its constants are those of Consul's client library, so that holders of both kinds count together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from pyconsul.lang import gopath
from pyconsul.sdk.caller import Caller
from pyconsul.sdk.contender import Contender
from pyconsul.sdk.cursor import Cursor
from pyconsul.sdk.errors import (
    ConsulError,
    CoordinationFailed,
    InvalidArgument,
    SemaphoreConflict,
    SemaphoreHeld,
    SemaphoreInUse,
    SemaphoreNotAcquired,
    SemaphoreNotHeld,
)
from pyconsul.sdk.kv import delete_request, get_request, list_request, put_request
from pyconsul.sdk.request import NO_OPTIONS, QueryMeta, QueryOptions
from pyconsul.sdk.session import create_request
from pyconsul.sdk.tasks import PATIENCE
from pyconsul.structs.kv import DirEntry

SEMAPHORE_FLAG = 0xE0F69A2BAA414DE0  # marks the keys of a semaphore
DEFAULT_NAME = "Consul API Semaphore"
DEFAULT_TTL = 15.0
DEFAULT_WAIT = 15.0
HOLDERS_KEY = ".lock"


class Holders(msgspec.Struct):
    """The entry that all contenders agree on; ``Holders`` is a set of session IDs."""

    go_type: ClassVar = "api.semaphoreLock"

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
            try_once=try_once,
            wait=wait,
        )
        self.prefix = prefix
        self.limit = limit
        self._value = value

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
        key = gopath.join(self.prefix, self.session)
        try:
            request = put_request(key, self._value, flags=SEMAPHORE_FLAG, acquire=self.session)
            self._is_unsure = self._kept is None  # else the key goes with the session
            made = await self._client.call(request)
        except ConsulError as error:
            raise CoordinationFailed(f"failed to make contender entry: {error}") from error
        if not made:
            raise CoordinationFailed("failed to make contender entry: <nil>")

    async def _contend(self) -> bool:
        """Try until there is a slot for us; False when trying once took too long."""
        await self._become_contender()
        looks = Cursor(NO_OPTIONS, self._wait)
        while (options := await self._next_look(looks)) is not None:
            entry, holders, meta = await self._read(options)
            self._check_limit(holders)
            present = holders.Holders or {}
            if self.session not in present and len(present) >= self.limit:
                looks.took(meta)
            elif await self._write({**present, self.session: True}, entry.ModifyIndex):
                return True
            else:
                looks.failed()  # another contender wrote first: look again at once
        return False

    async def _give_back(self) -> None:
        parting = QueryOptions(timeout=PATIENCE)
        try:
            await self._leave_holders(parting)
            await self._client.call(delete_request(gopath.join(self.prefix, self.session)), parting)
        except CoordinationFailed:
            raise  # it says already what failed
        except ConsulError as error:
            raise CoordinationFailed(str(error)) from error

    async def _read(self, options: QueryOptions) -> tuple[DirEntry, Holders, QueryMeta]:
        """The holders' entry, what it says with dead holders left out, and the headers."""
        try:
            reply = await self._client.ask(list_request(self.prefix), options)
        except ConsulError as error:
            raise CoordinationFailed(f"failed to read prefix: {error}") from error
        return *self._holders_in(reply.value), reply.meta

    def _holders_in(self, entries: Sequence[DirEntry]) -> tuple[DirEntry, Holders]:
        key = gopath.join(self.prefix, HOLDERS_KEY)
        entry = next((each for each in entries if each.Key == key), None)
        if entry is None:
            return DirEntry(Key=key, Flags=SEMAPHORE_FLAG), Holders(Limit=self.limit)
        if entry.Flags != SEMAPHORE_FLAG:
            raise SemaphoreConflict
        return entry, _alive(_decoded(entry.Value, self.limit), entries)

    async def _write(self, holders: dict[str, bool], index: int, options: QueryOptions = NO_OPTIONS) -> bool:
        body = msgspec.json.encode(Holders(Limit=self.limit, Holders=holders))
        key = gopath.join(self.prefix, HOLDERS_KEY)
        try:
            return await self._client.call(put_request(key, body, flags=SEMAPHORE_FLAG, cas=index), options)
        except ConsulError as error:
            raise CoordinationFailed(f"failed to update lock: {error}") from error

    async def _leave_holders(self, options: QueryOptions) -> None:
        """Take ourselves out of the holders, however often others write in between."""
        while True:
            entry = await self._client.call(get_request(gopath.join(self.prefix, HOLDERS_KEY)), options)
            holders = _decoded(entry.Value if entry else None, self.limit).Holders or {}
            if self.session not in holders:
                return
            del holders[self.session]
            if await self._write(holders, entry.ModifyIndex if entry else 0, options):
                return

    def _check_limit(self, holders: Holders) -> None:
        if holders.Limit != self.limit:
            text = f"semaphore limit conflict (lock: {holders.Limit}, local: {self.limit})"
            raise SemaphoreConflict(text)

    async def _look(self, options: QueryOptions) -> tuple[bool, QueryMeta]:
        reply = await self._client.ask(list_request(self.prefix), options)
        _, holders = self._holders_in(reply.value)
        return self.session in (holders.Holders or {}), reply.meta


def _decoded(value: bytes | None, limit: int) -> Holders:
    from pyconsul.lang.gojson_syntax import GoSyntaxError  # whoever contends for no semaphore does not pay for these
    from pyconsul.structs.godecode import DecodeError, into, parse_whole

    if not value:
        return Holders(Limit=limit)
    try:
        return into(parse_whole(value), Holders, strict=False)
    except (GoSyntaxError, DecodeError) as error:
        raise CoordinationFailed(f"lock decoding failed: {error}") from error


def _alive(holders: Holders, entries: Sequence[DirEntry]) -> Holders:
    """The holders whose contender key still has its session."""
    sessions = {entry.Session for entry in entries if entry.Session}
    alive = {session: True for session in holders.Holders or {} if session in sessions}
    return Holders(Limit=holders.Limit, Holders=alive)
