"""De-duplication's locks at a real agent: who leads, how that ends, and who comes next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from pyconsul.testing import InProcessAgent
from pyconsul_template import dedup, gob, lzw
from pyconsul_template.config import Config
from pyconsul_template.runner import Runner
from tests.template.test_template_dedup import a_config, running
from tests.waiting import comes_true, until


class Place:
    """An agent with the key ``a``, and a template that shows it."""

    def __init__(self, agent: InProcessAgent, out: Path) -> None:
        self.consul = agent.client
        self.address = agent.http_address
        self.out = out
        self.config: Config = a_config(self.address, out, '{{ key "a" }}')
        self.key = f"dd/{Runner(self.config).templates[0].identity}/data"
        self.consul.kv.put("a", "1")

    def leads(self, runner: Runner) -> bool:
        """Whether this instance watches for the others."""
        return runner.dedup is not None and runner.dedup.is_leader(runner.templates[0])

    def shows(self, text: str) -> bool:
        """Whether the template was written with this text."""
        return self.out.exists() and self.out.read_text() == text

    def share(self, session: str, value: bytes) -> bool:
        """Write what the holder of the lock has found, which takes the lock. Returns whether it could be taken."""
        return self.consul.kv.put(self.key, value, acquire=session, flags=dedup.LOCK_FLAG)

    def hold(self, value: bytes, *, lock_delay: float = 0) -> str:
        """Take the template's lock for somebody else. Their session comes back."""
        session = self.consul.session.create(lock_delay=lock_delay)
        until(lambda: self.share(session, value))
        return session


async def test_the_lock_is_free_when_the_tool_has_ended(consul_agent: InProcessAgent, tmp_path: Path) -> None:
    """Its session and the shared data are gone at once, not when their time is over."""
    place = Place(consul_agent, tmp_path / "out")
    async with running(place.config) as runner:
        await comes_true(lambda: place.leads(runner) and place.shows("1"))
        (session,) = place.consul.session.list()
        assert (session.Name, session.TTL, session.Behavior) == (dedup.SESSION_NAME, "15.000000s", "delete")
    assert place.consul.session.list() == []
    assert place.consul.kv.get(place.key) is None


async def test_who_loses_the_session_follows_until_it_has_another(
    consul_agent: InProcessAgent,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    skip_time: Callable[[float], None],
) -> None:
    """It finds out when it renews it; what another leader shares meanwhile is taken."""
    monkeypatch.setattr(dedup, "LOCK_RETRY", 0.1)
    monkeypatch.setattr(dedup, "SESSION_RETRY", 0.0)
    place = Place(consul_agent, tmp_path / "out")
    async with running(place.config) as runner:
        await comes_true(lambda: place.leads(runner) and place.shows("1"))
        (lost,) = place.consul.session.list()
        place.consul.session.destroy(lost.ID)
        theirs = place.hold(dedup.encode({"kv.block(a)": "theirs"}))
        skip_time(place.config.dedup.ttl / 2e9)
        await comes_true(lambda: not place.leads(runner) and place.shows("theirs"))
        place.consul.session.destroy(theirs)
        await comes_true(lambda: place.leads(runner))
        assert [s.ID for s in place.consul.session.list()] != [lost.ID]


async def test_a_free_lock_whose_delay_holds_it_is_tried_again(consul_agent: InProcessAgent, tmp_path: Path) -> None:
    """Nothing about the key changes when the delay is over, so that no news would tell."""
    place = Place(consul_agent, tmp_path / "out")
    place.consul.session.destroy(place.hold(dedup.NO_DATA, lock_delay=0.3))
    async with running(place.config) as runner:
        await comes_true(lambda: place.leads(runner) and place.shows("1"))


async def test_what_no_leader_shared_is_not_taken(
    consul_agent: InProcessAgent, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data of another shape, or of no shape at all: the instance waits for better ones."""
    monkeypatch.setattr(logging.getLogger("pyconsul_template"), "propagate", True)
    place = Place(consul_agent, tmp_path / "out")
    no_map = lzw.compress(gob.encode({"Version": ("string", dedup.VERSION), "Data": ("int", 7)}))
    theirs = place.hold(dedup.NO_DATA)
    async with running(place.config) as runner:
        await comes_true(lambda: runner.dedup is not None and runner.dedup.session)
        for odd in (no_map, b"\xff"):
            caplog.clear()
            place.share(theirs, odd)
            await comes_true(lambda: f"failed to decode '{place.key}': " in caplog.text)
        place.share(theirs, dedup.encode({"kv.block(a)": "good"}))
        await comes_true(lambda: place.shows("good"))
