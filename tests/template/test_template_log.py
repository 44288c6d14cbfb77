"""What the template tool tells in its log while it works, which people grep for."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.logs import TRACE
from pyconsul_template.runner import Runner
from tests.template.conftest import FakeConsul
from tests.template.test_template_runner import a_config, a_template

ROUNDS = """\
runner creating new runner (dry: false, once: true)
runner creating watcher
runner starting
runner running initial templates
runner initiating run
runner checking template ID
runner missing data for 1 dependencies
runner missing dependency: kv.block(a)
runner add used dependency kv.block(a) to missing since isLeader but do not have a watcher
runner was not watching 1 dependencies
watcher adding kv.block(a)
watcher kv.block(a) starting
runner diffing and updating dependencies
runner watching 1 dependencies
view kv.block(a) starting fetch
main kv.block(a): GET /v1/kv/a?stale=true&wait=1m0s
view kv.block(a) marking successful data response
view kv.block(a) successful contact, resetting retries
view kv.block(a) received data
runner receiving dependency kv.block(a)
runner initiating run
runner checking template ID
runner rendering "(dynamic)" => "OUT"
runner rendered "(dynamic)" => "OUT"
runner diffing and updating dependencies
runner kv.block(a) is still needed
runner appending command ["true"] from "(dynamic)" => "OUT"
runner executing command "[\\"true\\"]" from "(dynamic)" => "OUT"
child spawning: true
runner watching 1 dependencies
runner all templates rendered
runner once mode and all templates rendered
runner stopping
runner stopping watcher
watcher stopping all views
watcher stopping kv.block(a)
"""


@pytest.fixture(autouse=True)
def heard(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The tool's log comes here, also where a run of the program in this process has set it up for itself."""
    monkeypatch.setattr(logging.getLogger("pyconsul_template"), "propagate", True)
    caplog.set_level(TRACE, "pyconsul_template")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Part and message of each line."""
    own = [record for record in caplog.records if record.name.startswith("pyconsul_template.")]
    return [f"{record.name.rpartition('.')[2]} {record.getMessage()}" for record in own]


async def test_the_rounds_are_told_step_by_step(
    consul: FakeConsul, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """In the original's words, from the first question to the end."""
    await consul.put("a", b"1")
    out = tmp_path / "out"
    runner = Runner(a_config(consul, a_template(out, '{{ key "a" }}', command=["true"]), once=True))
    await runner.run()
    short = {str(out): "OUT", runner.templates[0].identity: "ID"}
    lines = "\n".join(said(caplog))
    for long, name in short.items():
        lines = lines.replace(long, name)
    assert lines + "\n" == ROUNDS


async def test_an_error_ends_the_tool_without_more_words(
    consul: FakeConsul, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever waits for ``stopping`` waits for an end that somebody wanted."""
    with pytest.raises(RunError):
        await Runner(a_config(consul, a_template(tmp_path / "o", "{{ index nil }}"), once=True)).run()
    assert "runner stopping" not in said(caplog)


async def test_a_command_of_several_templates_is_run_once(
    consul: FakeConsul, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is left out is told."""
    first, second = (a_template(tmp_path / name, "x", command=["true"]) for name in "ab")
    await Runner(a_config(consul, first, second, once=True)).run()
    skipped = f'skipping command ["true"] from "(dynamic)" => "{tmp_path}/b" '
    assert f'runner {skipped}(already appended from "(dynamic)" => "{tmp_path}/a")' in said(caplog)
    assert sum(line.startswith("runner executing command") for line in said(caplog)) == 1
