"""What functions ask servers, and what they make of full, bare and missing answers, as consul-template 0.42.1 does.

``answers.json`` has the answers of a server that is Consul, Vault and Nomad at once, and for each template the requests
that the original sends and its result or error.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.errors import RunError
from pyconsul_template.config import Config
from pyconsul_template.runner import Runner
from tests.template.conftest import FakeConsul

RECORDED = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))

pytestmark = pytest.mark.usefixtures("universal_time")


class Servers(FakeConsul):
    """Gives the recorded answers, also to writes; the requests show what is written.

    A ``stranger`` on the way answers all in their place.
    """

    stranger: Any = None

    def _read(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        if self.stranger is not None:
            return 200, self.stranger
        if path not in RECORDED["answers"]:
            return 404, {"errors": []}
        found = RECORDED["answers"][path]
        return 200, b"null" if found is None else found

    async def _write(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        self.requests[-1] += f" {body.decode()}"
        return self._read(path, query)


@pytest.fixture
async def servers() -> AsyncGenerator[Servers]:
    """All three in one."""
    running = Servers()
    await running.start()
    yield running
    await running.stop()


def settings(servers: Servers, folder: Path, contents: str, **retry: Any) -> dict[str, Any]:
    """One template in one-shot mode, with the three servers; each ``retry`` is a stanza of that name."""
    url = f"http://{servers.address}"
    return {
        "once": True,
        "consul": {"address": servers.address, "retry": retry},
        "vault": {"address": url, "token": "t", "renew_token": False, "retry": retry},
        "nomad": {"address": url},
        "template": [{"contents": contents, "destination": str(folder / "out")}],
    }


OF_EACH_KIND = [
    'key "a"',
    'ls "dir"',
    'service "web"',
    'connect "web"',
    'node "n1"',
    "nodes",
    "services",
    "datacenters",
    "caRoots",
    'caLeaf "web"',
    "peerings",
    'exportedServices "pt"',
    'importedServices "pt"',
    "partitions",
    "nomadServices",
    'nomadService "web"',
    'nomadVar "app/db"',
    "nomadVarList",
]


@pytest.mark.parametrize("call", OF_EACH_KIND)
async def test_every_function_asks_again_where_a_server_fails(servers: Servers, tmp_path: Path, call: str) -> None:
    """After the pause of that server's stanza."""
    servers.failing = 1
    text = f"{{{{ $found := {call} }}}}done"
    await Runner(Config.of(settings(servers, tmp_path, text, attempts=1, backoff=1_000_000), {})).run()
    assert (tmp_path / "out").read_text() == "done"
    assert len(servers.requests) == 2


@pytest.mark.parametrize("call", [call for call in OF_EACH_KIND if "nomad" not in call])  # Nomad is asked for minutes
@pytest.mark.parametrize("stranger", ["no route", 5])
async def test_no_function_takes_a_strangers_answer_for_no_data(
    servers: Servers, tmp_path: Path, call: str, stranger: Any
) -> None:
    """Nothing is written: the file with what was there before is better than an empty one."""
    servers.stranger = stranger
    wanted = r"json: cannot unmarshal (string|number) into Go value of type "
    with pytest.raises(RunError, match=wanted):
        text = f"{{{{ $found := {call} }}}}done"
        await Runner(Config.of(settings(servers, tmp_path, text, enabled=False), {})).run()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["template"])
async def test_a_function_asks_and_gives_what_the_original_does(
    servers: Servers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    case: dict[str, Any],
) -> None:
    """Every parameter of the text goes where it belongs, and every field of the answer comes out.

    The names of what is asked for tell it from all others, in the log and in what instances share.
    """
    caplog.set_level(logging.DEBUG, "pyconsul_template.watcher")
    monkeypatch.chdir(tmp_path)
    source, out = tmp_path / "t", tmp_path / "out"
    source.write_text(case["template"])
    once = settings(servers, tmp_path, "", enabled=False)
    once["template"] = [{"source": "t", "destination": "out"}]
    runner = Runner(Config.of(once, {}))
    if "error" in case:
        with pytest.raises(RunError) as caught:
            await runner.run()
        assert str(caught.value) == case["error"]
    else:
        await runner.run()
        assert out.read_text() == case["gives"]
    assert sorted(servers.requests) == case["asked"]
    assert sorted(m.removeprefix("adding ") for m in caplog.messages if m.startswith("adding ")) == case["names"]
