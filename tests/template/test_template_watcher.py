"""The watcher: what begins, what ends, what counts as no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.errors import RunError
from pyconsul_template.clients import new_watcher
from pyconsul_template.config import Config
from pyconsul_template.dependencies.queries import KeyQuery
from pyconsul_template.runner import Runner
from tests.template.test_template_runner import a_config, a_template, running
from tests.waiting import comes_true


async def test_what_is_not_needed_any_more_before_it_began_never_begins(consul: Any) -> None:
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


async def test_a_failed_lookup_may_be_an_error(consul: Any, tmp_path: Path) -> None:
    """Where that is asked for, what does not exist ends the tool with the second answer that does not have it."""
    config = a_config(consul, a_template(tmp_path / "out", '{{ key "a" }}'), err_on_failed_lookup=True)
    work = asyncio.create_task(Runner(config).run())
    await comes_true(lambda: len(consul.requests) == 2)
    await consul.put("other", b"1")
    with pytest.raises(RunError, match=r"^lookup error$"):
        await work


async def test_what_existed_once_is_no_failed_lookup(consul: Any, tmp_path: Path) -> None:
    """A key may go and come back."""
    await consul.put("a", b"1")
    out = tmp_path / "out"
    config = a_config(consul, a_template(out, '{{ key "a" }}'), err_on_failed_lookup=True)
    async with running(config):
        await comes_true(out.exists)
        await consul.delete("a")
        await consul.put("a", b"2")
        await comes_true(lambda: out.read_text() == "2")


@pytest.mark.parametrize(
    ("call", "asked", "seconds"),
    [('"s"', "GET /v1/s", 50), ('"s" "x=1"', "PUT /v1/s", 300)],
)
async def test_secrets_are_asked_for_again_when_their_lease_nears_its_end(
    consul: Any, tmp_path: Path, skip_time: Callable[[float], None], call: str, asked: str, seconds: float
) -> None:
    """Also what is written is written again: without a lease in the answer after the default one, of five minutes."""
    await consul.say("/v1/s", {"lease_duration": 50, "data": {"k": "v"}})
    text = f"{{{{ with secret {call} }}}}{{{{ .Data.k }}}}{{{{ end }}}}"
    vault = {"address": f"http://{consul.address}", "token": "t", "renew_token": False}
    out = tmp_path / "out"
    async with running(a_config(consul, a_template(out, text), vault=vault)):
        await comes_true(out.exists)
        assert consul.requests.count(asked) == 1
        skip_time(seconds)
        await comes_true(lambda: consul.requests.count(asked) == 2)
