"""Files that are whole at any time: written beside, put in their place in one step. Blocking calls."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from pyconsul.primitives.system_errors import naming


@contextmanager
def replacing(
    path: str | Path, *, beside: str = "", mode: int = 0o600, sync: bool = True
) -> Generator[IO[bytes], None, None]:
    """A file that takes the place of ``path`` when the block ends well, and is gone when it does not. Raises OSError.

    Until then it stands at ``beside``, else under a fresh name in the same folder, which is its ``name``. ``mode`` is
    for a new file and loses what the umask takes. With ``sync`` the bytes are on the disk before the name is; for the
    name itself to be there, too, see ``sync_directory``.
    """
    fresh = beside or f"{os.fspath(path)}-{uuid.uuid4()}.tmp"
    with naming(fresh), open(fresh, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        try:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            file.close()
            os.replace(fresh, path)
        except BaseException:
            with suppress(OSError):  # what went wrong before is what counts
                os.unlink(fresh)
            raise


def write_durably(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Replace a small file as a whole: after a crash it is the old one or the new one. Raises OSError with its name."""
    beside = Path(f"{path}.tmp")
    try:
        beside.unlink(missing_ok=True)  # by a process that was killed
        with replacing(path, beside=str(beside), mode=mode) as file:
            file.write(data)
        sync_directory(path.parent)
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(path)) from e


def sync_directory(directory: str | Path) -> None:
    """Make the creation, renaming and removal of files in it durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path, mode: int = 0o777) -> None:
    """Make a directory, and what is missing above it, so that a power cut cannot take it away with its files.

    What is above it only its owner may change, whatever the umask.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing[1:]):
        path.mkdir(exist_ok=True, mode=0o755)
    directory.mkdir(exist_ok=True, mode=mode)
    for path in missing:
        sync_directory(path.parent)
