"""The watcher: what begins, what ends, what counts as no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from pyconsul.toolkit.errors import RunError
from pyconsul_template import watcher as watcher_module
from pyconsul_template.clients import new_watcher
from pyconsul_template.config import Config
from pyconsul_template.dependencies.queries import KeyQuery
from pyconsul_template.dependencies.vault import ReadQuery, WriteQuery
from pyconsul_template.runner import Runner
from pyconsul_template.watcher import View, WatchSettings
from tests.template.conftest import FakeConsul
from tests.template.test_template_runner import a_config, a_template, running
from tests.waiting import comes_true


async def test_what_is_not_needed_any_more_before_it_began_never_begins(consul: FakeConsul) -> None:
    """A template may ask for something in one pass and not in the next."""
    watcher = new_watcher(Config.of({"consul": {"address": consul.address}}, {}))
    await consul.put("b", b"1")
    watcher.add(KeyQuery.parse("a"))
    watcher.add(KeyQuery.parse("b"))
    watcher.remove("kv.get(a)")
    watcher.remove("kv.get(never)")
    await comes_true(lambda: [event.dependency.name for event in watcher.events] == ["kv.get(b)"])
    await watcher.stop()
    assert not [request for request in consul.requests if request.startswith("GET /v1/kv/a")]


async def test_a_failed_lookup_may_be_an_error(consul: FakeConsul, tmp_path: Path) -> None:
    """Where that is asked for, what does not exist ends the tool with the second answer that does not have it."""
    config = a_config(consul, a_template(tmp_path / "out", '{{ key "a" }}'), err_on_failed_lookup=True)
    work = asyncio.create_task(Runner(config).run())
    await comes_true(lambda: len(consul.requests) == 2)
    await consul.put("other", b"1")
    with pytest.raises(RunError, match=r"^lookup error$"):
        await work


async def test_what_existed_once_is_no_failed_lookup(consul: FakeConsul, tmp_path: Path) -> None:
    """A key may go and come back."""
    await consul.put("a", b"1")
    out = tmp_path / "out"
    config = a_config(consul, a_template(out, '{{ key "a" }}'), err_on_failed_lookup=True)
    async with running(config):
        await comes_true(out.exists)
        await consul.delete("a")
        await consul.put("a", b"2")
        await comes_true(lambda: out.read_text() == "2")


async def test_answers_after_the_first_one_are_paced(
    consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that never makes anybody wait is not flooded with questions."""
    asked_at: list[float] = []

    async def note(moment: float) -> None:
        asked_at.append(moment)

    monkeypatch.setattr(watcher_module, "pace", note)
    await consul.put("a", b"1")
    out = tmp_path / "out"
    async with running(a_config(consul, a_template(out, '{{ key "a" }}'))):
        await comes_true(out.exists)
        assert asked_at == []
        for value in (b"2", b"3"):
            await consul.put("a", value)
            await comes_true(lambda v=value: out.read_text() == v.decode())
    first, second = asked_at
    assert first < second


class Asker:
    """Stands where a view stands: a Vault that gives a lease of 50 seconds, and time that nobody feels."""

    settings = WatchSettings()

    def __init__(self) -> None:
        self.done: list[str] = []

    async def vault(self) -> Asker:
        """This one."""
        return self

    async def read(self, path: str, _params: Mapping[str, str], _name: str) -> dict[str, Any]:
        """A secret."""
        self.done.append(f"read {path}")
        return {"lease_duration": 50, "data": {"k": "v"}}

    async def write(self, path: str, _data: Mapping[str, str], _name: str) -> dict[str, Any]:
        """What came of it."""
        self.done.append(f"write {path}")
        return {"lease_duration": 50, "data": {"k": "v"}}

    async def pause(self, seconds: float) -> None:
        """Wait."""
        self.done.append(f"wait {'about 45' if 42 < seconds < 48 else seconds}")

    def polled(self) -> int:
        """An index."""
        return len(self.done)


@pytest.mark.parametrize(
    ("query", "deed"), [(ReadQuery.parse("s"), "read s"), (WriteQuery("s", {"x": "1"}), "write s")]
)
async def test_secrets_are_asked_for_again_when_their_lease_nears_its_end(
    query: ReadQuery | WriteQuery, deed: str
) -> None:
    """Also what is written is written again."""
    asker = Asker()
    for _ in range(2):
        await query.fetch(cast("View", asker))
    assert asker.done == [deed, "wait about 45", deed]
