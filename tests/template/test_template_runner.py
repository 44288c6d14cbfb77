"""The runner against a little Consul: watching, writing, commands, the supervised child."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.errors import ChildEnded, RunError
from pyconsul_template import runner as runner_module
from pyconsul_template import watcher as watcher_module
from pyconsul_template.config import Config
from pyconsul_template.execution import Execution
from pyconsul_template.runner import Runner
from pyconsul_template.template import Source
from tests.template.conftest import FakeConsul
from tests.waiting import comes_true


def a_config(consul: FakeConsul, *templates: dict[str, Any], **settings: Any) -> Config:
    """A configuration that asks the little Consul."""
    stanza = {"address": consul.address, "retry": {"enabled": False}}
    return Config.of({"consul": stanza, "template": list(templates), **settings}, {})


def a_template(path: Path, contents: str, **settings: Any) -> dict[str, Any]:
    """A template stanza with its text inside."""
    return {"contents": contents, "destination": str(path), **settings}


class CountingSource(Source):
    """A source that counts how often it is executed."""

    def __init__(self, source: Source) -> None:
        super().__init__(source.config, source.text)
        self.passes = 0

    def execute(self, execution: Execution) -> str:
        """The text, once more."""
        self.passes += 1
        return super().execute(execution)


@asynccontextmanager
async def running(config: Config) -> AsyncGenerator[Runner]:
    """A runner at work."""
    runner = Runner(config)
    work = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        work.cancel()
        await asyncio.wait([work])


async def test_one_shot_mode_renders_and_ends(consul: FakeConsul, tmp_path: Path) -> None:
    """Every template is written once its data are there."""
    await consul.put("a", b"1")
    out = tmp_path / "out"
    await Runner(a_config(consul, a_template(out, 'a={{ key "a" }}'), once=True)).run()
    assert out.read_text() == "a=1"
    assert out.stat().st_mode & 0o777 == 0o644


async def test_a_change_renders_again(consul: FakeConsul, tmp_path: Path) -> None:
    """A blocking query brings the new value, and only that template runs."""
    await consul.put("a", b"1")
    first, second = tmp_path / "first", tmp_path / "second"
    async with running(a_config(consul, a_template(first, '{{ key "a" }}'), a_template(second, "static"))) as runner:
        await comes_true(lambda: first.exists() and first.read_text() == "1" and second.exists())
        await consul.put("a", b"2")
        await comes_true(lambda: first.read_text() == "2")
        assert [t.renders for t in runner.templates] == [2, 1]


async def test_files_that_others_changed_are_written_again(consul: FakeConsul, tmp_path: Path) -> None:
    """With the next news, of whatever template: each run ends with all files as they should be."""
    await consul.put("a", b"1")
    kept, changed, news = tmp_path / "kept", tmp_path / "changed", tmp_path / "news"
    templates = [a_template(kept, "k"), a_template(changed, "c"), a_template(news, '{{ key "a" }}')]
    async with running(a_config(consul, *templates)) as runner:
        await comes_true(news.exists)
        changed.write_text("by hand")
        await consul.put("a", b"2")
        await comes_true(lambda: changed.read_text() == "c")
        assert [t.renders for t in runner.templates] == [1, 2, 2]


async def test_templates_that_give_something_else_each_time_run_in_every_round(
    consul: FakeConsul, tmp_path: Path
) -> None:
    """News for another template are enough: the time goes on, and what a function writes is written again."""
    await consul.put("a", b"1")
    noted, clock, out = tmp_path / "noted", tmp_path / "clock", tmp_path / "out"
    note = f'{{{{ "x" | writeToFile "{noted}" "" "" "0644" "append" }}}}'
    times = '{{ timestamp "2006-01-02T15:04:05.000000000" }}'
    templates = [a_template(tmp_path / "o", note), a_template(clock, times), a_template(out, '{{ key "a" }}')]
    async with running(a_config(consul, *templates)) as runner:
        await comes_true(out.exists)
        before, noted_before = clock.read_text(), noted.read_text()
        await consul.put("a", b"2")
        await comes_true(lambda: out.read_text() == "2")
        assert clock.read_text() > before
        assert len(noted.read_text()) > len(noted_before)
        assert runner.templates[0].renders == 1


async def test_of_two_templates_for_one_file_the_last_one_wins(consul: FakeConsul, tmp_path: Path) -> None:
    """Whichever of them changed."""
    for key in ("a", "b"):
        await consul.put(key, b"1")
    out = tmp_path / "out"
    templates = [a_template(out, '{{ key "a" }} of a'), a_template(out, '{{ key "b" }} of b')]
    async with running(a_config(consul, *templates)) as runner:
        await comes_true(lambda: out.exists() and out.read_text() == "1 of b")
        await consul.put("a", b"2")
        await comes_true(lambda: runner.templates[0].renders == 2)
        await comes_true(lambda: out.read_text() == "1 of b")


async def test_equal_dependencies_share_one_query(consul: FakeConsul, tmp_path: Path) -> None:
    """However many templates ask for a key, one query runs."""
    await consul.put("a", b"1")
    templates = [a_template(tmp_path / str(n), '{{ key "a" }}') for n in range(5)]
    await Runner(a_config(consul, *templates, once=True)).run()
    assert len(consul.requests) == 1


async def many_keys(consul: FakeConsul, count: int) -> str:
    """So many keys in the little Consul, and a template that asks for each."""
    for n in range(count):
        await consul.put(f"k{n}", b"v")
    return "".join(f'{{{{ key "k{n}" }}}}' for n in range(count))


async def test_many_keys_come_over_few_connections(
    consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where answers come at once, later queries take over the connections of the earlier ones."""
    monkeypatch.setattr(watcher_module, "SILENCE", 60.0)
    text = await many_keys(consul, 300)
    await Runner(a_config(consul, a_template(tmp_path / "out", text), once=True)).run()
    assert (tmp_path / "out").read_text() == "v" * 300
    assert consul.connections == watcher_module.AT_ONCE


async def test_all_is_asked_for_where_nothing_is_answered(consul: FakeConsul, tmp_path: Path) -> None:
    """Keys that do not exist answer nothing, and must not hold up those behind them."""
    await consul.put("last", b"v")
    text = "".join(f'{{{{ key "missing/{n}" }}}}' for n in range(100)) + '{{ key "last" }}'
    async with running(a_config(consul, a_template(tmp_path / "out", text))) as runner:
        await comes_true(lambda: "kv.block(last)" in runner.values)


async def test_answers_that_are_awaited_are_gathered(
    consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While data is missing, a pause follows each pass over the templates; the last answer ends it."""
    monkeypatch.setattr(runner_module, "PAUSE_RATIO", 1e9)
    monkeypatch.setattr(runner_module, "LONGEST_PAUSE", 60.0)
    runner = Runner(a_config(consul, a_template(tmp_path / "out", await many_keys(consul, 100)), once=True))
    source = runner.templates[0].source = CountingSource(runner.templates[0].source)
    await runner.run()
    assert source.passes == 2


async def test_a_template_waits_for_its_key(consul: FakeConsul, tmp_path: Path) -> None:
    """key waits; other templates are written meanwhile."""
    late, other = tmp_path / "late", tmp_path / "other"
    async with running(a_config(consul, a_template(late, '{{ key "late" }}'), a_template(other, "x"))) as runner:
        await comes_true(other.exists)
        await comes_true(lambda: runner.templates[0].missing)
        assert not late.exists()
        await consul.put("late", b"here")
        await comes_true(late.exists)


async def test_keys_named_by_keys_are_followed(consul: FakeConsul, tmp_path: Path) -> None:
    """What a round no longer asks for is no longer watched."""
    await consul.put("which", b"x")
    await consul.put("v/x", b"X")
    await consul.put("v/y", b"Y")
    out = tmp_path / "out"
    text = '{{ with $w := key "which" }}{{ key (print "v/" $w) }}{{ end }}'
    async with running(a_config(consul, a_template(out, text))) as runner:
        await comes_true(lambda: out.exists() and out.read_text() == "X")
        await consul.put("which", b"y")
        await comes_true(lambda: out.read_text() == "Y")
        assert set(runner.dependencies) == {"kv.block(which)", "kv.block(v/y)"}


async def test_a_command_runs_after_a_change_and_equal_ones_run_once(consul: FakeConsul, tmp_path: Path) -> None:
    """Two templates with the same command run it once a round."""
    log = tmp_path / "log"
    command = [f"echo ran >> {log}"]
    templates = [a_template(tmp_path / str(n), str(n), command=command) for n in range(2)]
    await Runner(a_config(consul, *templates, once=True)).run()
    assert log.read_text() == "ran\n"


async def test_a_failing_command_ends_the_tool(consul: FakeConsul, tmp_path: Path) -> None:
    """The message shows command, template and reason; the file stays."""
    out = tmp_path / "out"
    with pytest.raises(RunError, match="command exited with a non-zero exit status"):
        await Runner(a_config(consul, a_template(out, "x", command=["exit 3 "]), once=True)).run()
    assert out.read_text() == "x"


async def test_all_commands_of_a_round_run_and_all_failures_are_told(consul: FakeConsul, tmp_path: Path) -> None:
    """In the order of the templates."""
    commands = ("exit 3 ", f"touch {tmp_path / 'ran'}", "exit 4 ")
    templates = [a_template(tmp_path / f"o{n}", "x", command=[command]) for n, command in enumerate(commands)]
    with pytest.raises(RunError, match=r"^2 errors occurred:\n\t\* failed to execute .*exit 3(.|\n)*\n\t\* .*exit 4"):
        await Runner(a_config(consul, *templates, once=True)).run()
    assert (tmp_path / "ran").exists()


async def test_so_much_to_watch_is_worth_a_warning(
    consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each thing is a question that waits at a server."""
    assert runner_module.VIEW_LIMIT == 128
    monkeypatch.setattr(runner_module, "VIEW_LIMIT", 2)
    for count, told in ((2, False), (3, True)):
        caplog.clear()
        await Runner(a_config(consul, a_template(tmp_path / "o", await many_keys(consul, count)), once=True)).run()
        assert (f"watching {count} dependencies - watching this many" in caplog.text) is told


async def test_a_slow_command_is_killed(consul: FakeConsul, tmp_path: Path) -> None:
    """A command has a time limit."""
    template = a_template(tmp_path / "out", "x", command=["sleep 60"], command_timeout=50_000_000)
    with pytest.raises(RunError, match=r'did not exit within time limit \("50ms"\)'):
        await Runner(a_config(consul, template, once=True)).run()


async def test_a_command_without_a_limit_is_not_waited_for(consul: FakeConsul, tmp_path: Path) -> None:
    """It may be a server: the tool starts it and goes on."""
    go, over = tmp_path / "go", tmp_path / "over"
    command = f"until [ -e {go} ]; do sleep 0.01; done; touch {over}"
    template = a_template(tmp_path / "out", "x", command=[command], command_timeout=0)
    await Runner(a_config(consul, template, once=True)).run()
    assert not over.exists()
    go.touch()
    await comes_true(over.exists)


async def test_a_token_file_that_is_not_there_ends_the_tool(consul: FakeConsul, tmp_path: Path) -> None:
    """At once, not after many tries of every request."""
    settings = {"consul": {"address": consul.address, "token_file": str(tmp_path / "none")}}
    with pytest.raises(RunError, match=r"runner: runner: client set: consul: Error loading token file .*/none : open"):
        Runner(Config.of(settings, {}))


async def test_settings_no_client_can_be_made_of_end_the_tool(consul: FakeConsul, tmp_path: Path) -> None:
    """Before anything is watched, and whether or not a template asks for that server."""
    with pytest.raises(RunError, match=r'^runner: runner: client set: vault: parse ":x": missing protocol scheme$'):
        Runner(a_config(consul, a_template(tmp_path / "out", "x"), vault={"address": ":x"}))


async def test_a_token_that_cannot_be_unwrapped_ends_the_tool(tmp_path: Path) -> None:
    """Nothing from Vault would work without it."""
    vault = {"address": "http://127.0.0.1:1", "token": "t", "unwrap_token": True}
    settings = {"vault": vault, "template": [a_template(tmp_path / "out", "x")]}
    runner = Runner(Config.of(settings, {"VAULT_MAX_RETRIES": "0"}))
    with pytest.raises(RunError, match=r"^vaultwatcher: vault unwrap: Put .*: connection refused$"):
        await runner.run()


def test_a_sandbox_wants_absolute_paths(tmp_path: Path) -> None:
    """A relative one cannot be compared with it."""
    (tmp_path / "x").write_text("")
    inside = os.path.relpath(tmp_path / "x")
    template = a_template(tmp_path / "out", f"{{{{ file `{inside}` }}}}", sandbox_path=str(tmp_path))
    with pytest.raises(RunError, match=f"failed to get relative path: Rel: can't make {inside} relative to "):
        asyncio.run(Runner(Config.of({"template": [template]}, {})).run())


async def test_an_error_in_a_template_ends_the_tool(consul: FakeConsul, tmp_path: Path) -> None:
    """The source, the step and Go's message are told."""
    with pytest.raises(RunError, match=r"\(dynamic\): execute: template: :1:3: executing"):
        await Runner(a_config(consul, a_template(tmp_path / "o", "{{ index (sprig_list) 1 }}"), once=True)).run()


async def test_an_error_may_be_survived(consul: FakeConsul, tmp_path: Path) -> None:
    """With error_fatal = false the template is tried again when its data change."""
    await consul.put("n", b"oops")
    out = tmp_path / "out"
    text = '{{ $v := key "n" }}{{ if $v }}{{ $v | parseInt }}{{ end }}'
    async with running(a_config(consul, a_template(out, text, error_fatal=False))) as runner:
        await comes_true(lambda: "invalid syntax" in runner.templates[0].last_error)
        await consul.put("n", b"42")
        await comes_true(lambda: out.exists() and out.read_text() == "42")


async def test_a_file_that_could_not_be_written_is_tried_again(consul: FakeConsul, tmp_path: Path) -> None:
    """In every round, whatever it is for: what stood in the way may be gone."""
    await consul.put("a", b"1")
    blocked, news = tmp_path / "blocked", tmp_path / "news"
    blocked.mkdir()
    templates = [a_template(blocked, "text", error_fatal=False), a_template(news, '{{ key "a" }}')]
    async with running(a_config(consul, *templates)) as runner:
        await comes_true(news.exists)
        assert runner.templates[0].last_error == f"failed reading file: read {blocked}: is a directory"
        blocked.rmdir()
        await consul.put("a", b"2")
        await comes_true(lambda: blocked.exists() and blocked.read_text() == "text")


async def test_requests_are_tried_again(consul: FakeConsul, tmp_path: Path) -> None:
    """A failing server is asked again; the last failure ends the tool."""
    await consul.put("a", b"1")
    retry = {"attempts": 3, "backoff": 1_000_000}
    config = a_config(consul, a_template(tmp_path / "o", '{{ key "a" }}'), once=True)
    consul.failing = 2
    template = a_template(tmp_path / "o", '{{ key "a" }}')
    stanza = {"address": consul.address, "retry": retry}
    again = Config.of({"consul": stanza, "template": [template], "once": True}, {})
    await Runner(again).run()
    assert (tmp_path / "o").read_text() == "1"
    consul.failing = 9
    with pytest.raises(RunError, match=r"kv.block\(a\): Unexpected response code: 500 \(out of order\)"):
        await Runner(config).run()


async def test_the_child_waits_for_templates_that_miss_data_again(consul: FakeConsul, tmp_path: Path) -> None:
    """Everything has to be rendered at one time: a template that was rendered long ago may be out of date."""
    await consul.put("which", b"x")
    await consul.put("v/x", b"X")
    first, late, seen = tmp_path / "first", tmp_path / "late", tmp_path / "seen"
    text = '{{ with $w := key "which" }}{{ key (print "v/" $w) }}{{ end }}'
    templates = [a_template(first, text), a_template(late, '{{ key "late" }}')]
    config = a_config(consul, *templates, exec={"command": [f"cat {first} > {seen}; exit 0"]})
    runner = Runner(config)
    work = asyncio.create_task(runner.run())
    await comes_true(first.exists)
    await consul.put("which", b"y")
    await comes_true(lambda: "kv.block(v/y)" in runner.templates[0].missing)
    await consul.put("late", b"L")
    await comes_true(late.exists)
    await consul.put("v/y", b"Y")
    with pytest.raises(ChildEnded):
        await work
    assert seen.read_text() == "Y"


async def test_the_child_starts_when_everything_is_rendered(consul: FakeConsul, tmp_path: Path) -> None:
    """Its exit status ends the tool."""
    out, seen = tmp_path / "out", tmp_path / "seen"
    config = a_config(consul, a_template(out, "text"), exec={"command": [f"cat {out} > {seen}; exit 7"]})
    with pytest.raises(ChildEnded) as caught:
        await Runner(config).run()
    assert caught.value.code == 7
    assert seen.read_text() == "text"


async def test_a_dry_run_supervises_the_child_all_the_same(consul: FakeConsul, tmp_path: Path) -> None:
    """Only what templates write and run is left out; looking for differences starts nothing."""
    template = a_template(tmp_path / "out", "text", command=[f"touch {tmp_path}/ran"])
    config = a_config(consul, template, exec={"command": ["exit 7"]}, once=True)
    with pytest.raises(ChildEnded) as caught:
        await Runner(config, dry=True).run()
    assert caught.value.code == 7
    await Runner(config, dry=True, quiet=True).run()
    assert not os.listdir(tmp_path)


async def test_a_runner_that_was_stopped_starts_no_child(consul: FakeConsul, tmp_path: Path) -> None:
    """Although a command that it waited for ends well after that: nobody would end the child."""
    began, go, ended, child = (tmp_path / name for name in ("began", "go", "ended", "child"))
    command = f"touch {began}; until [ -e {go} ]; do sleep 0.01; done; touch {ended}"
    template = a_template(tmp_path / "out", "x", command=[command])
    runner = Runner(a_config(consul, template, exec={"command": ["sh", "-c", f"touch {child}; sleep 60"]}))
    work = asyncio.create_task(runner.run())
    await comes_true(began.exists)
    await runner.stop(immediately=True)
    go.touch()
    ready = asyncio.Event()
    runner.hooks.ready = ready.set
    await ready.wait()
    assert runner.child is None and not child.exists()
    work.cancel()
    await asyncio.wait([work])


async def test_the_child_is_restarted_or_signalled_on_change(consul: FakeConsul, tmp_path: Path) -> None:
    """Without a reload signal the child starts anew."""
    await consul.put("a", b"1")
    out, log = tmp_path / "out", tmp_path / "log"
    script = f"trap 'echo int >> {log}; exit 0' INT; cat {out} >> {log}; echo >> {log}; while :; do sleep 0.05; done"
    config = a_config(consul, a_template(out, '{{ key "a" }}'), exec={"command": ["sh", "-c", script]})
    async with running(config):
        await comes_true(lambda: log.exists() and log.read_text() == "1\n")
        await consul.put("a", b"2")
        await comes_true(lambda: log.read_text() == "1\nint\n2\n")


async def test_the_process_id_is_written_and_removed(consul: FakeConsul, tmp_path: Path) -> None:
    """Without a newline, and gone at the end."""
    pid = tmp_path / "p.pid"
    async with running(a_config(consul, a_template(tmp_path / "o", "x"), pid_file=str(pid))):
        await comes_true(lambda: (tmp_path / "o").exists())
        assert pid.read_text() == str(os.getpid())
    assert not pid.exists()


async def test_services_show_with_their_health(consul: FakeConsul, tmp_path: Path) -> None:
    """Instances come sorted, with the worst state of their checks."""

    def entry(node: str, status: str) -> dict[str, Any]:
        return {
            "Node": {"Node": node, "Address": "10.0.0.1", "ID": "", "Meta": None, "TaggedAddresses": None},
            "Service": {"ID": f"web-{node}", "Service": "web", "Port": 80, "Tags": ["b", "a"], "Address": ""},
            "Checks": [{"CheckID": "c", "Status": status, "Node": node, "Name": "", "Output": ""}],
        }

    await consul.say("/v1/health/service/web", [entry("n2", "passing"), entry("n1", "warning")])
    out = tmp_path / "out"
    text = '{{ range service "web|any" }}{{ .Node }}={{ .Status }}={{ .Address }}={{ .Tags | join "," }};{{ end }}'
    await Runner(a_config(consul, a_template(out, text), once=True)).run()
    assert out.read_text() == "n1=warning=10.0.0.1=a,b;n2=passing=10.0.0.1=a,b;"


async def test_a_strange_answer_is_an_error_and_no_hang(consul: FakeConsul, tmp_path: Path) -> None:
    """An answer of another shape than the API's ends the tool with its name."""
    await consul.say("/v1/catalog/nodes", {"not": "a list"})
    with pytest.raises(RunError, match=r"catalog\.nodes: "):
        await Runner(a_config(consul, a_template(tmp_path / "o", "{{ range nodes }}{{ end }}"), once=True)).run()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "EOF"),
        (b'[{"Key":', "unexpected EOF"),
        (b"{nope", "invalid character 'n' looking for beginning of object key string"),
    ],
)
async def test_an_answer_that_is_no_json_is_an_error(
    consul: FakeConsul, tmp_path: Path, body: bytes, message: str
) -> None:
    """In the words of Go's decoder."""
    await consul.say("/v1/catalog/nodes", body)
    with pytest.raises(RunError) as caught:
        await Runner(a_config(consul, a_template(tmp_path / "o", "{{ range nodes }}{{ end }}"), once=True)).run()
    assert str(caught.value) == f"catalog.nodes: {message}"


async def test_files_are_data_too(consul: FakeConsul, tmp_path: Path) -> None:
    """file reads a file; one that does not exist ends the tool."""
    (tmp_path / "data").write_bytes(b"\xff\x00x")
    out = tmp_path / "out"
    text = '{{ file "%s" }}'
    await Runner(a_config(consul, a_template(out, text % (tmp_path / "data")), once=True)).run()
    assert out.read_bytes() == b"\xff\x00x"
    with pytest.raises(RunError, match="no such file or directory"):
        await Runner(a_config(consul, a_template(out, text % "absent"), once=True)).run()


async def test_a_node_that_does_not_exist_is_warned_of(
    consul: FakeConsul, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The template goes on with a node without content."""
    await consul.say("/v1/catalog/node/none", None)
    await Runner(
        a_config(consul, a_template(tmp_path / "o", '{{ with node "none" }}x{{ .Node }}{{ end }}'), once=True)
    ).run()
    assert (tmp_path / "o").read_text() == "x<nil>"
    warned = [(r.name, r.getMessage()) for r in caplog.records if r.levelname == "WARNING"]
    assert warned == [("pyconsul_template.main", 'catalog.node(none): no node exists with the name "none"')]
