"""A directory of this machine (or one that is mounted). An archive appears whole, by renaming, or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any, Final

from pyconsul.primitives.system_errors import system_text
from pyconsul.primitives.whole_files import replacing, sync_directory
from pyconsul_snapshot_agent.names import id_of
from pyconsul_snapshot_agent.storage import PIECE_BYTES, Source, StorageError, Stored

_PARTIAL: Final = ".part"
_HEAD: Final = ".consul-"


class LocalStorage:
    """The directory ``path``; it is made when it is missing."""

    fixed_name = ""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self.where = self.path

    def put(self, name: str, source: Source, size: int) -> None:
        """Write beside, sync, rename, sync the directory."""
        del size
        partial = os.path.join(self.path, f"{_HEAD}{id_of(name)}-{uuid.uuid4()}{_PARTIAL}")
        try:
            os.makedirs(self.path, exist_ok=True)
            with replacing(os.path.join(self.path, name), beside=partial) as out:
                while piece := source.read(PIECE_BYTES):
                    out.write(piece)
            sync_directory(self.path)
        except OSError as error:
            raise _failed(error) from error

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of the file."""
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except OSError as error:
            raise _failed(error) from error

    def stored(self) -> list[Stored]:
        """The files with our names; none when there is no such directory yet."""
        try:
            with os.scandir(self.path) as entries:
                return [
                    Stored(entry.name, entry.stat().st_size)
                    for entry in entries
                    if id_of(entry.name) is not None and entry.is_file()
                ]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _failed(error) from error

    def delete(self, name: str) -> None:
        """Remove the file."""
        try:
            _unlink(os.path.join(self.path, name))
        except OSError as error:
            raise _failed(error) from error

    def sweep(self, before: float) -> int:
        """Remove temporary files of writers that were killed."""
        swept = 0
        try:
            for name in os.listdir(self.path) if os.path.isdir(self.path) else ():
                path = os.path.join(self.path, name)
                if name.startswith(_HEAD) and name.endswith(_PARTIAL) and os.stat(path).st_mtime < before:
                    _unlink(path)
                    swept += 1
        except OSError as error:
            raise _failed(error) from error
        return swept


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _failed(error: OSError) -> StorageError:
    return StorageError(f"{error.filename or ''}: {system_text(error)}".removeprefix(": "))


def open_storage(settings: dict[str, Any]) -> LocalStorage:
    """From a ``local_storage`` stanza."""
    return LocalStorage(str(settings.get("path") or "."))
