"""What functions ask servers, and what they make of full, bare and missing answers, as consul-template 0.42.1 does.

``answers.json`` has the answers of a server that is Consul, Vault and Nomad at once, and for each template the requests
that the original sends and its result or error.
"""

from __future__ import annotations

import json
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
    """Gives the recorded answers, also to writes; the requests show what is written."""

    def _read(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
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


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["template"])
async def test_a_function_asks_and_gives_what_the_original_does(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: dict[str, Any]
) -> None:
    """Every parameter of the text goes where it belongs, and every field of the answer comes out."""
    monkeypatch.chdir(tmp_path)
    source, out = tmp_path / "t", tmp_path / "out"
    source.write_text(case["template"])
    once, url = {"enabled": False}, f"http://{servers.address}"
    settings = {
        "once": True,
        "consul": {"address": servers.address, "retry": once},
        "vault": {"address": url, "token": "t", "renew_token": False, "retry": once},
        "nomad": {"address": url},
        "template": [{"source": "t", "destination": "out"}],
    }
    runner = Runner(Config.of(settings, {}))
    if "error" in case:
        with pytest.raises(RunError) as caught:
            await runner.run()
        assert str(caught.value) == case["error"]
    else:
        await runner.run()
        assert out.read_text() == case["gives"]
    assert sorted(servers.requests) == case["asked"]
