"""Opening snapshot files: archives, and the raw ``state.bin`` of a server's data folder."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from pyconsul.cli.console import Failed
from pyconsul.primitives.system_errors import file_text

if TYPE_CHECKING:
    from collections.abc import Generator

    from pyconsul.lang.goflags import Args
    from pyconsul.raft.archive import Meta


def file_argument(args: Args) -> str:
    """The one file of a command line. Raises Failed."""
    if not args.rest:
        raise Failed("Missing FILE argument")
    if len(args.rest) > 1:
        raise Failed(f"Too many arguments (expected 1, got {len(args.rest)})")
    return args.argument(0)


@contextmanager
def opened(path: str) -> Generator[tuple[Meta, IO[bytes]]]:
    """The meta data and the state of a snapshot; an archive is verified first. Raises Failed."""
    from pyconsul.raft.archive import ArchiveError, read_archive

    try:
        file = open(path, "rb")  # noqa: SIM115  -- closed below, whatever follows
    except IsADirectoryError as e:  # Go opens it, and fails to read
        raise Failed(f"Error reading snapshot: failed to decompress snapshot: {file_text(e)}") from e
    except OSError as e:
        raise Failed(f"Error opening snapshot file: {file_text(e)}") from e
    with file:
        if os.path.basename(path).lower() == "state.bin":
            yield _meta_beside(path), file
            return
        try:
            archive = read_archive(file)
        except ArchiveError as e:
            raise Failed(f"Error reading snapshot: {e}") from e
        with archive:
            yield archive.meta, archive.state


def _meta_beside(path: str) -> Meta:
    """The meta.json that lies beside a state.bin in a server's data folder."""
    from pyconsul.raft.archive import ArchiveError, Meta

    try:
        with open(os.path.join(os.path.dirname(path), "meta.json"), "rb") as file:
            return Meta.from_json(file.read())
    except OSError as e:
        raise Failed(f"Error reading meta.json from internal snapshot dir: {file_text(e)}") from e
    except ArchiveError as e:
        raise Failed(f"Error parsing meta.json from internal snapshot dir: {e}") from e
