"""The folder of snapshots on hosts where not everything can be written or removed."""

import io
import tempfile
from pathlib import Path
from typing import IO

import pytest

from pyconsul.raft import archive
from pyconsul.raft.archive import Meta
from pyconsul.raft.records import header
from pyconsul.raft.snapshot_store import RETAINED, SnapshotStore


def a_state() -> IO[bytes]:
    """A state without rows."""
    return io.BytesIO(header(1))


def test_an_old_snapshot_that_cannot_be_removed_is_only_in_the_way(tmp_path: Path) -> None:
    """The new one is there, and whoever saved it hears of no failure."""
    (tmp_path / "1-1-1.snap").mkdir()
    store = SnapshotStore.at(tmp_path)
    for index in range(2, 2 + RETAINED):
        store.save(Meta(index=index, term=1), a_state())[1].close()
    meta, file = store.save(Meta(index=9, term=1), a_state())
    file.close()
    newest = store.newest()
    assert newest is not None
    with newest:
        assert newest.meta.id == meta.id


def test_what_an_interrupted_save_left_is_cleared_away_and_other_files_are_not(tmp_path: Path) -> None:
    """Nor are they taken for snapshots."""
    for name in ("1-1-1.snap.tmp", "1-x-1.snap", "1-1.snap", "1-1-1-1.snap", "notes.txt"):
        (tmp_path / name).write_text("?")
    store = SnapshotStore.at(tmp_path)
    assert store.newest() is None
    assert {path.name for path in tmp_path.iterdir()} == {"1-x-1.snap", "1-1.snap", "1-1-1-1.snap", "notes.txt"}


def test_large_states_take_no_room_outside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hosts with a read-only root have no folder for temporary files."""
    store = SnapshotStore.at(tmp_path)
    store.save(Meta(index=1, term=1), a_state())[1].close()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    monkeypatch.setattr(archive, "_SPOOL_BYTES", 1)
    newest = store.newest()
    assert newest is not None
    newest.state.close()
