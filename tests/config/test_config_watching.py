"""A change of a configuration file is noticed, and reloads an agent that wants it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pyconsul.agent.auto_reload import reload_on_change
from pyconsul.config import ConfigError
from pyconsul.config.watching import ConfigFiles
from pyconsul.telemetry.logging import logger


def test_writing_adding_and_removing_files_is_noticed(tmp_path: Path) -> None:
    """Files named on the command line and members of folders count; looking twice finds nothing new."""
    single, folder = tmp_path / "a.hcl", tmp_path / "conf.d"
    folder.mkdir()
    single.write_text("x")
    files = ConfigFiles([str(single), str(folder), str(tmp_path / "none")])
    assert files.changes() == 0
    single.write_text("longer")
    assert files.changes() == 1 and files.changes() == 0
    (folder / "b.hcl").write_text("y")
    assert files.changes() == 1 and files.changes() == 0
    os.replace(folder / "b.hcl", folder / "c.hcl")
    assert files.changes() == 2
    single.unlink()
    assert files.changes() == 1 and files.changes() == 0


def test_other_files_may_count_from_some_time_on(tmp_path: Path) -> None:
    """As with certificates that a reload has named: new ones are no change, what others missed meanwhile is."""
    kept, old, new = (tmp_path / name for name in ("kept", "old", "new"))
    for path in (kept, old, new):
        path.write_text("x")
    files = ConfigFiles([str(kept), str(old)])
    for path in (kept, old):
        path.write_text("longer")
    files.follow([str(kept), str(new)])
    assert files.changes() == 1
    old.write_text("again longer")
    assert files.changes() == 0
    new.write_text("longer")
    assert files.changes() == 1


@pytest.mark.parametrize("fault", [None, ConfigError("broken")])
async def test_a_changed_file_reloads_again_and_again(tmp_path: Path, fault: ConfigError | None) -> None:
    """Each change calls reload once, and a configuration that is refused does not end the watching."""
    path = tmp_path / "a.hcl"
    path.write_text("1")
    reloads: asyncio.Queue[str] = asyncio.Queue()

    async def reload() -> None:
        await reloads.put(path.read_text())
        if fault is not None:
            raise fault

    task = asyncio.create_task(reload_on_change(lambda: [str(path)], reload, logger("test"), interval=0.01))
    await asyncio.sleep(0)
    for text in ("22", "333"):
        path.write_text(text)
        assert await asyncio.wait_for(reloads.get(), 60) == text
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
