"""Archives on their way: one writer, then several readers, nothing left behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul_snapshot_agent.halt import Halt, Halted
from pyconsul_snapshot_agent.scratch import Scratch


@settings(deadline=None)
@given(st.lists(st.binary(max_size=100)), st.lists(st.integers(-1, 120), max_size=8))
def test_readers_do_not_get_in_each_other_s_way(pieces: list[bytes], sizes: list[int]) -> None:
    """Each has a place of its own; size and digest are those of what was written."""
    data = b"".join(pieces)
    with Scratch().fill(pieces) as scratch:
        assert (scratch.size, scratch.digest) == (len(data), hashlib.sha256(data).hexdigest())
        one, other = scratch.open(), scratch.open()
        read = b"".join(one.read(size) for size in sizes)
        assert data.startswith(read)
        assert b"".join(other) == data
        assert one.seek(0, os.SEEK_END) == len(data)
        assert one.seek(-len(data), os.SEEK_CUR) == one.tell() == 0


def test_no_file_stays_even_after_a_kill(tmp_path: Path) -> None:
    """It never has a name."""
    with Scratch(str(tmp_path)).fill([b"x"]):
        assert os.listdir(tmp_path) == []


def test_a_cleared_one_begins_anew() -> None:
    """For the next copy of an archive, when the first was bad."""
    with Scratch().fill([b"bad bytes"]) as scratch:
        scratch.clear()
        assert b"".join(scratch.fill([b"good"]).open()) == b"good"


async def test_reading_stops_when_it_is_told_to() -> None:
    """That is how an upload in a thread ends."""
    halt = Halt()
    with Scratch().fill([b"x"]) as scratch:
        view = scratch.open(halt)
        halt.set("enough")
        halt.set("another reason")
        with pytest.raises(Halted, match="enough"):
            view.read()


async def test_work_that_hangs_is_cancelled() -> None:
    """An agent that never answers must not keep the lock's loser busy."""
    halt = Halt()
    asyncio.get_running_loop().call_soon(halt.set, "enough")
    with pytest.raises(Halted, match="enough"):
        await halt.unless(asyncio.sleep(3600))
    assert await Halt().unless(asyncio.sleep(0, "done")) == "done"
