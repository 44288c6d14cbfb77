"""Where archives go. Each destination is a module of its own, found by its entry point in
``pyconsul.snapshot_storage``; the libraries of the clouds are imported only when a destination needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Protocol

import msgspec

PIECE_BYTES: Final = 1024 * 1024


class StorageError(Exception):
    """A destination refused or could not be reached; the text is the reason."""


class StorageUnusable(StorageError):
    """The destination cannot work as configured: no later try helps."""


def missing_extra(what: str, library: str, extra: str) -> StorageUnusable:
    """The error for a library that is not installed."""
    return StorageUnusable(f"{what} needs {library}, which is not installed: pip install 'py-consul-agent[{extra}]'")


def required(settings: dict[str, Any], key: str, flag: str) -> str:
    """A setting that must be there. Raises StorageUnusable naming key and flag."""
    value = settings.get(key)
    if not value:
        raise StorageUnusable(f"{key} is needed (-{flag})")
    return str(value)


class Source(Protocol):
    """What is stored: a file to read from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, none at the end."""
        ...

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        ...

    def tell(self) -> int:
        """The place."""
        ...


class Stored(msgspec.Struct, frozen=True):
    """One archive in a destination: its file name and its size in bytes."""

    name: str
    size: int


class Storage(Protocol):
    """One destination. Methods block and run in threads; all raise StorageError for what the destination does.

    An object counts from the moment that ``put`` is over, never before: a ``put`` that is cut off leaves nothing
    that ``stored`` lists.
    """

    @property
    def where(self) -> str:
        """The place as one reads it in a log: a URL without secrets."""
        ...

    @property
    def fixed_name(self) -> str:
        """The one name that every archive gets here, "" for a name by ID; with one, nothing is ever deleted."""
        ...

    def put(self, name: str, source: Source, size: int) -> None:
        """Store ``size`` bytes from ``source`` under ``name``, replacing what is there."""
        ...

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of an archive."""
        ...

    def stored(self) -> list[Stored]:
        """The archives that are here, in no order; files with other names are not among them."""
        ...

    def delete(self, name: str) -> None:
        """Remove an archive; one that is gone already is no error."""
        ...

    def sweep(self, before: float) -> int:
        """Remove what uploads that were cut off before that time (Unix seconds) left behind; how many."""
        ...
