"""What an agent keeps of its services and checks in the data directory, in the files that Consul itself writes there.

``services/<sha256 of the ID>``, ``checks/<…>`` and ``checks/state/<…>`` (results of TTL checks): JSON, written beside
and renamed, so that a file is whole or not there; outside the event loop. Without a data directory nothing is kept.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from pyconsul.lang.gojson_syntax import syntax_error
from pyconsul.lang.strconv import quote
from pyconsul.primitives.system_errors import file_text, system_text, words_of
from pyconsul.primitives.whole_files import replacing
from pyconsul.structs import gojson
from pyconsul.structs.catalog import HealthCheck, NodeService
from pyconsul.structs.checks import CheckType
from pyconsul.structs.scalar_kinds import DecodeError, go_numbers
from pyconsul.structs.wire import UNSET, OmitBool, WireStruct, changed
from pyconsul.telemetry import logger

__all__ = ["KeptCheck", "KeptCheckState", "KeptService", "LocalFiles", "Unkept", "UnreadableFile", "write_whole"]

_log = logger("agent")
T = TypeVar("T")

SOURCE_LOCAL = "local"
SOURCE_REMOTE = "remote"


class KeptService(WireStruct, frozen=True, kw_only=True):
    """A service that was registered through the API."""

    Token: str = ""
    Service: NodeService | None = None
    Source: str = SOURCE_REMOTE
    LocallyRegisteredAsSidecar: OmitBool = UNSET


class KeptCheck(WireStruct, frozen=True, kw_only=True):
    """A check that was registered through the API; maintenance marks have no ``ChkType``."""

    Check: HealthCheck | None = None
    ChkType: CheckType | None = None
    Token: str = ""
    Source: str = SOURCE_REMOTE


class KeptCheckState(WireStruct, frozen=True, kw_only=True):
    """The last word of a TTL check; worth nothing from ``Expires`` (Unix seconds) on."""

    CheckID: str = ""
    Output: str = ""
    Status: str = ""
    Expires: int = 0


class UnreadableFile(Exception):
    """A kept file that is there and cannot be read; the text is what the agent says before it gives up."""


class Unkept(OSError):
    """A file could not be written or removed; the text says in Go's words which step failed, and why."""


class _Note:
    """What is to be done with one file (``data`` None: drop it), and how that ended.

    ``undo`` is called in the loop where it failed. ``why`` goes before the text of a fault.
    """

    __slots__ = ("data", "error", "path", "sync", "told", "undo", "why")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data: bytes | None = None
        self.sync = False
        self.why = ""
        self.undo: list[Callable[[], None]] = []
        self.error: OSError | None = None
        self.told = ""

    def do(self) -> None:
        """Do it, and take down what goes wrong."""
        try:
            if self.data is not None:
                write_whole(self.path, self.data, sync=self.sync)
            else:
                self.path.unlink()
        except (FileNotFoundError, NotADirectoryError) as error:
            if self.data is not None:  # else it is gone
                self._failed(error)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self.error = error
        step = f"remove {self.path}: {system_text(error)}" if self.data is None else file_text(error)
        self.told = self.why + step


class LocalFiles:
    """The files below one data directory; ``data_dir`` "" keeps nothing.

    Writing and dropping only notes what to do. ``flush`` does it in a thread, one batch after the other: whoever comes
    while one is written shares the next one, and its end. Readers do it themselves first.
    """

    def __init__(self, data_dir: str) -> None:
        self._root = Path(data_dir) if data_dir else None
        self._waiting: dict[Path, _Note] = {}
        self._unclaimed: list[_Note] = []  # noted since the last flush
        self._writing: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    def flush(self) -> Awaitable[None]:
        """Done when all that was noted until now is on disk; what failed is not tried again.

        To be called in the turn of the loop that noted it: another one's batch may be on its way in the next. Raises
        Unkept for the first that failed of what was noted since the last call.
        """
        mine, self._unclaimed = self._unclaimed, []
        self._start_batch()
        return _settled(self._next or self._writing, mine)

    def _start_batch(self) -> None:
        if self._waiting and self._next is None:
            self._next = asyncio.create_task(self._write_batch(self._writing))

    async def _write_batch(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._writing, self._next = self._next, None
        work, self._waiting = self._waiting, {}
        await asyncio.to_thread(_do_all, work.values())
        self._undo(work.values())
        self._start_batch()  # what undoing drops

    def flush_now(self) -> None:
        """``flush`` without a thread, for the start and for a reload. Raises OSError."""
        work, self._waiting, self._unclaimed = self._waiting, {}, []
        _do_all(work.values())
        self._undo(work.values())
        for note in work.values():
            if note.error is not None:
                raise note.error

    def _undo(self, notes: Iterable[_Note]) -> None:
        """Take back what could not be kept, but where it is about to be tried anew."""
        for note in notes:
            again = self._waiting.get(note.path)
            if note.error is None:
                continue
            if again is not None and again.data is not None:
                again.undo = [*note.undo, *again.undo]
                continue
            for undo in note.undo:
                undo()

    @property
    def enabled(self) -> bool:
        """Whether anything is kept."""
        return self._root is not None

    def save_service(self, kept: KeptService, undo: Callable[[], None]) -> None:
        """Keep a service under its ID; ``undo`` is called where that fails."""
        if kept.Service is not None:
            self._write("services", kept.Service.ID, kept, undo)

    def save_check(self, kept: KeptCheck, undo: Callable[[], None] | None = None) -> None:
        """Keep a check under its ID; ``undo`` is called where that fails."""
        if kept.Check is not None:
            self._write("checks", kept.Check.CheckID, kept, undo)

    def save_state(self, kept: KeptCheckState) -> None:
        """Keep a TTL check's last word; often called, so not synced."""
        note = self._write("checks/state", kept.CheckID, kept)
        if note is not None:
            note.sync, note.why = False, f"failed persisting state for check {quote(kept.CheckID)}: "

    def drop_service(self, service_id: str) -> None:
        """Forget a service."""
        self._drop("services", service_id)

    def drop_check(self, check_id: str) -> None:
        """Forget a check."""
        self._drop("checks", check_id)

    def drop_state(self, check_id: str) -> None:
        """Forget a TTL check's last word."""
        self._drop("checks/state", check_id)

    def services(self) -> Iterator[tuple[str, KeptService]]:
        """All kept services with their files; what is none is logged and left alone, as are files half written.

        A file under another name gets its own, so that it goes when its service goes. Raises OSError for a folder that
        cannot be read, UnreadableFile for a file.
        """
        for path, kept in self._all("services", KeptService, "service"):
            if kept.Service is None:
                continue
            try:
                service = _with_go_numbers(kept.Service)
            except DecodeError as error:
                _log.error("Failed decoding service file", file=str(path), error=error)
                continue
            self._name_after(service.ID, path, "services", "service")
            yield str(path), changed(kept, Service=service)

    def checks(self) -> Iterator[tuple[str, KeptCheck]]:
        """All kept checks with their files, as ``services``."""
        for path, kept in self._all("checks", KeptCheck, "check"):
            if kept.Check is not None:
                self._name_after(kept.Check.CheckID, path, "checks", "check")
                yield str(path), kept

    def state(self, check_id: str, now: float) -> KeptCheckState | None:
        """The kept word of a TTL check that is still good at ``now`` (Unix seconds). Raises OSError."""
        data = self._read(check_id)
        if data is None:
            return None
        try:
            kept = msgspec.json.decode(data, type=KeptCheckState)
        except msgspec.MsgspecError as error:
            _log.error("failed decoding check state", error=error)
            self.drop_state(check_id)
            return None
        if now >= kept.Expires:
            _log.debug("check state expired, not restoring", check=check_id)
            self.drop_state(check_id)
            return None
        return kept

    def _read(self, check_id: str) -> bytes | None:
        if self._root is None:
            return None
        path = self._path("checks/state", check_id)
        if path in self._waiting:
            return self._waiting[path].data
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def _path(self, folder: str, key: str) -> Path:
        assert self._root is not None
        name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
        return self._root / folder / name

    def _write(
        self, folder: str, key: str, value: msgspec.Struct, undo: Callable[[], None] | None = None
    ) -> _Note | None:
        if self._root is None:
            return None
        note = self._note(folder, key)
        note.data, note.sync = gojson.encode(value), True
        if undo is not None:
            note.undo.append(undo)
        return note

    def _drop(self, folder: str, key: str) -> None:
        if self._root is not None:
            self._note(folder, key).data = None

    def _note(self, folder: str, key: str) -> _Note:
        """The note on a file, for the caller to fill in; one that waits already is changed."""
        path = self._path(folder, key)
        note = self._waiting.setdefault(path, _Note(path))
        self._unclaimed.append(note)
        return note

    def _paths(self, folder: str) -> list[Path]:
        if self._root is None:
            return []
        try:
            return sorted((self._root / folder).iterdir())
        except FileNotFoundError:
            return []

    def _all(self, folder: str, kind: type[T], what: str) -> Iterator[tuple[Path, T]]:
        self.flush_now()
        for path in self._paths(folder):
            if path.is_dir():
                continue
            if folder == "services" and path.name.endswith("tmp"):  # a check's reads like any other, in Consul, too
                _log.warn(f"Ignoring temporary {what} file", file=path.name)
                continue
            data = _content(path, what)
            try:
                kept = msgspec.json.decode(data, type=kind)
            except msgspec.MsgspecError as error:
                _log.error(f"Failed decoding {what} file", file=str(path), error=syntax_error(data) or words_of(error))
            else:
                yield path, kept

    def _name_after(self, key: str, path: Path, folder: str, what: str) -> None:
        """Give a file the name that it would be written under: Consul 1.10 and older made it otherwise."""
        target = self._path(folder, key)
        if path == target:
            return
        try:
            path.rename(target)
        except OSError as error:
            text = file_text(error)
            _log.error(f"Failed renaming {what} file", file=str(path), targetFile=str(target), error=text)


def _content(path: Path, what: str) -> bytes:
    """What a file holds. Raises UnreadableFile."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"failed reading {what} file {quote(str(path))}: {file_text(error)}") from None


def _with_go_numbers(service: NodeService) -> NodeService:
    """The service with its opaque configuration as Go's JSON reader would have it."""
    proxy = service.Proxy
    if proxy.Config:
        proxy = changed(proxy, Config=go_numbers(proxy.Config))
    if proxy.Upstreams:
        upstreams = [changed(u, Config=go_numbers(u.Config)) if u.Config else u for u in proxy.Upstreams]
        proxy = changed(proxy, Upstreams=upstreams)
    return changed(service, Proxy=proxy)


def _do_all(notes: Iterable[_Note]) -> None:
    """Do it all, whatever of it fails."""
    for note in notes:
        note.do()


async def _settled(batch: asyncio.Task[None] | None, notes: Iterable[_Note]) -> None:
    """Return when the batch is written. Raises Unkept."""
    if batch is not None and not batch.done():
        await asyncio.shield(batch)  # which is also that of others
    for note in notes:
        if note.error is not None:
            raise Unkept(note.told) from note.error


def write_whole(path: Path, data: bytes, *, sync: bool) -> None:
    """Put a file there, readable by us alone, that is whole at any time. Raises OSError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        taken = next(each for each in path.parents if each.exists())
        raise FileExistsError(errno.EEXIST, os.strerror(errno.ENOTDIR), str(taken)) from error  # as Go's mkdir has it
    with replacing(path, sync=sync) as file:
        file.write(data)
