"""For tests: archives made to order, and a destination in memory that fails as it is told to.

Meant for those who write destinations of their own as well.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator

import msgspec

from pyconsul_snapshot_agent.storage import Source, StorageError, Stored


def archive_of(state: bytes = b"the state", **changes: bytes) -> bytes:
    """A snapshot archive; ``changes`` replace a member's bytes after the digests were made."""
    meta = json.dumps({"Version": 1, "ID": "2-7-1", "Index": 7, "Term": 2, "Size": len(state)}).encode() + b"\n"
    members = {"meta.json": meta, "state.bin": state}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members.items())
    members = {**members, "SHA256SUMS": sums.encode(), **{name.replace("_", "."): new for name, new in changes.items()}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


class MemoryStorage(msgspec.Struct):
    """A destination in memory that can be told to fail: ``refuse`` the next puts, ``spoil`` what is stored."""

    where: str = "memory"
    fixed_name: str = ""
    objects: dict[str, bytes] = msgspec.field(default_factory=dict[str, bytes])
    calls: list[str] = msgspec.field(default_factory=list[str])
    refuse: int = 0
    spoil: Callable[[bytes], bytes] | None = None
    undeletable: bool = False

    def put(self, name: str, source: Source, size: int) -> None:
        """Store, or fail as told."""
        del size
        self.calls.append(f"put {name}")
        if self.refuse:
            self.refuse -= 1
            raise StorageError("out of space")
        data = source.read()
        self.objects[name] = self.spoil(data) if self.spoil else data

    def pieces(self, name: str) -> Iterator[bytes]:
        """The object in small pieces."""
        self.calls.append(f"read {name}")
        data = self.objects[name]
        yield from (data[at : at + 1000] for at in range(0, len(data), 1000))

    def stored(self) -> list[Stored]:
        """All objects."""
        return [Stored(name, len(data)) for name, data in self.objects.items()]

    def delete(self, name: str) -> None:
        """Remove, or fail as told."""
        self.calls.append(f"delete {name}")
        if self.undeletable:
            raise StorageError("access denied")
        self.objects.pop(name, None)

    def sweep(self, before: float) -> int:
        """Nothing is ever left behind."""
        del before
        return 0
