"""What goes beyond the original: Jinja2, diff, graph, lint, status endpoint, display, error marks."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from pyconsul.lang.gotemplate import ExecError, ParseError, offending_line
from pyconsul.toolkit.status import StatusServer, prometheus
from pyconsul_template.config import Config, TemplateConfig
from pyconsul_template.display import status_line
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.graph import graphviz, unified
from pyconsul_template.lint import run as lint
from pyconsul_template.main import main
from pyconsul_template.runner import Runner
from pyconsul_template.status import RunnerStatus
from pyconsul_template.template import Source
from tests.template.conftest import FakeConsul
from tests.waiting import comes_true


def jinja(text: str, values: dict[str, Any] | None = None, **settings: Any) -> str:
    """What a Jinja2 template gives; ``values`` are data by dependency name."""
    source = Source(TemplateConfig(dialect="jinja2", **settings), text)
    return source.execute(Execution(lambda d: (values or {}).get(d.name, ABSENT)))


def test_jinja_uses_the_same_functions() -> None:
    """As globals, and as filters with the value as last argument."""
    text = '{% for k in [1, 2] %}{{ add(1, k) }}{% endfor %} {{ "a,b" | split(",") | length }} {{ "x" | toUpper }}'
    assert jinja(text) == "23 2 X"
    assert jinja('{{ key("a") | parseJSON }} {{ key("a") }}', {"kv.block(a)": '{"n":1}'}) == 'map[n:1] {"n":1}'
    assert jinja('{{ ["a", "b"] | sprig_join("-") }} {{ toJSON({"a": none}) }}') == 'a-b {"a":null}'


def test_jinja_waits_for_data_before_it_complains() -> None:
    """An element of a list that has not arrived yet is no error; the render waits for the list."""
    execution = Execution(lambda _dependency: ABSENT, {})
    source = Source(TemplateConfig(dialect="jinja2"), '{{ service("web")[0].Address }}')
    assert source.execute(execution) == ""
    assert list(execution.missing) == ["health.service(web|passing)"]


def test_jinja_errors_have_a_line() -> None:
    """Syntax and run-time errors are ours, with their line."""
    with pytest.raises(ParseError) as caught:
        jinja("\n{{ foo")
    assert caught.value.line == 2
    with pytest.raises(ExecError, match="error calling parseInt") as failed:
        jinja('ok\n{{ parseInt("x") }}')
    assert failed.value.line == 2


def test_jinja_is_sandboxed() -> None:
    """A template cannot reach Python's insides."""
    with pytest.raises(ExecError):
        jinja('{{ "".__class__.__mro__ | length }}{{ ().__class__() }}', error_on_missing_key=True)


def test_jinja_respects_the_denylist_and_missing_keys() -> None:
    """The settings of the stanza hold in both dialects."""
    with pytest.raises(ExecError, match="function is disabled"):
        jinja('{{ plugin("date") }}', function_denylist=("plugin",))
    with pytest.raises(ExecError, match="undefined"):
        jinja("{{ nope }}", error_on_missing_key=True)


def test_files_named_j2_are_jinja() -> None:
    """The ending of the source chooses the dialect, a key may overrule it."""
    templates = [{"source": "a.j2"}, {"source": "a.tmpl"}, {"source": "b.tmpl", "dialect": "jinja2"}]
    assert [t.dialect for t in Config.of({"template": templates}, {}).templates] == ["jinja2", "go", "jinja2"]


def test_an_error_shows_its_line() -> None:
    """The line with a mark under the column, tabs kept."""
    text = "one\n\té {{ index (sprig_list) 5 }}\n"
    source = Source(TemplateConfig(), text)
    with pytest.raises(ExecError):
        source.execute(Execution(lambda _d: ABSENT))
    assert source.where() == "    2 | \té {{ index (sprig_list) 5 }}\n        \t     ^"
    assert offending_line("x", ParseError("m", 0)) == ""


def test_diff_shows_what_would_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written, and the exit status says that something would be."""
    source, out = tmp_path / "in.tmpl", tmp_path / "out"
    source.write_text("new\n")
    out.write_text("old\n")
    assert main(["-diff", "-template", f"{source}:{out}"]) == 2
    assert "-old\n+new\n" in capsys.readouterr().out
    assert out.read_text() == "old\n"
    out.write_text("new\n")
    assert main(["-diff", "-template", f"{source}:{out}"]) == 0


def test_a_status_endpoint_that_cannot_be_opened_ends_the_tool(capfd: pytest.CaptureFixture[str]) -> None:
    """Its address is told."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert main(["-once", "-status-address", address]) == 14
    assert f"[ERR] (cli) status endpoint {address}: " in capfd.readouterr().err


def test_the_graph_is_printed_when_all_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tool ends by itself then, so that its output can go through a pipe."""
    source = tmp_path / "in.tmpl"
    source.write_text(f'{{{{ file "{source}" }}}}')
    assert main(["-graph", "-template", f"{source}:{tmp_path}/out"]) == 0
    assert capsys.readouterr().out.startswith("digraph templates {")


def test_a_diff_of_a_new_file_has_nothing_on_the_left() -> None:
    """As patch takes it."""
    assert unified("f", None, b"a\n") == "--- /dev/null\n+++ f\n@@ -0,0 +1 @@\n+a\n"


def test_a_diff_of_binary_files_says_so() -> None:
    """Bytes that are no text are not shown."""
    assert unified("f", b"\xff", b"x") == "Binary file f differs\n"
    assert unified("f", None, b"x").startswith("--- /dev/null\n+++ f\n")


async def test_the_graph_names_templates_and_data(consul: FakeConsul) -> None:
    """Every dependency is a node with an edge to the template that asks for it."""
    await consul.put("a", b"1")
    settings = {"consul": {"address": consul.address}, "once": True}
    template = {"contents": '{{ key "a" }}', "destination": "out"}
    runner = Runner(Config.of({**settings, "template": [template]}, {}), dry=True, quiet=True)
    await runner.run()
    graph = graphviz(runner.templates)
    assert '"kv.block(a)" -> "(dynamic) => out"' in graph
    assert graph.startswith("digraph templates {")


def linted(*words: str) -> tuple[int, str]:
    """Status and output of the lint command."""
    out = io.StringIO()
    return lint(words, out.write, io.StringIO()), out.getvalue()


def test_lint_finds_mistakes_without_a_server(tmp_path: Path) -> None:
    """Syntax, unknown functions and wrong constants are found; missing data are no mistake."""
    texts = {"good": '{{ (key "a" | parseJSON).x }}{{ range service "web" }}{{ .ID }}{{ end }}', "syntax": "{{ if }}"}
    texts |= {"unknown": "{{ nope }}", "constant": "{{ toUpper 5 }}", "query": '{{ service "a b" }}', "bad.j2": "{{ x"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    results = {name: linted(str(tmp_path / name))[0] for name in texts}
    assert results == {"good": 0, "syntax": 14, "unknown": 14, "constant": 14, "query": 14, "bad.j2": 14}
    assert "1 templates checked, 1 problems" in linted(str(tmp_path / "syntax"))[1]
    assert linted(str(tmp_path / "absent"))[0] == 14
    assert linted("-nope")[0] == 13
    assert linted("-h")[0] == 0


async def fetch(port: int, line: str) -> tuple[int, str]:
    """Status and body of one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{line}\r\nHost: x\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return int(head.split(" ")[1]), body


async def test_the_status_endpoint_tells_what_is_waited_for(consul: FakeConsul, tmp_path: Path) -> None:
    """Health, state and metrics of a running tool."""
    template = {"contents": '{{ key "late" }}', "destination": str(tmp_path / "out")}
    runner = Runner(Config.of({"consul": {"address": consul.address}, "template": [template]}, {}))
    told = RunnerStatus(runner)
    server = StatusServer(told, "127.0.0.1:0", logging.getLogger("tests.status"))
    await server.start()
    work = asyncio.create_task(runner.run())
    try:
        await comes_true(lambda: runner.templates[0].missing)
        assert await fetch(server.port, "GET /health HTTP/1.1") == (503, "waiting for data\n")
        status, body = await fetch(server.port, "GET /status HTTP/1.1")
        assert (status, json.loads(body)["Missing"]) == (200, ["kv.block(late)"])
        assert "consul_template_missing_dependencies 1" in (await fetch(server.port, "GET /metrics HTTP/1.1"))[1]
        await consul.put("late", b"x")
        await comes_true(lambda: runner.templates[0].is_rendered)
        assert told.state()["Ready"] is True
        assert f'renders_total{{destination="{tmp_path}/out"}} 1' in prometheus(told.metrics())
    finally:
        work.cancel()
        await asyncio.wait([work])
        await server.stop()


def test_the_status_line_fits_the_terminal() -> None:
    """How many and which, cut at the width."""
    assert status_line(["kv.block(a)"], 3, 1, 80) == "2/3 templates, waiting for 1: kv.block(a)"
    assert len(status_line(["x" * 200], 1, 1, 40)) == 40


def test_exit_statuses_of_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Help, version, wrong flags, wrong configuration, failing templates."""
    assert main(["-h"]) == 0
    assert main(["-version"]) == 0
    assert main(["-nope"]) == 13
    assert main(["-config", "absent"]) == 15
    assert main(["-log-level", "loud"]) == 15
    assert main(["-once"]) == 0
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN  # else a broken connection would end us, or the child
    assert main(["-once", "-template", "absent:x"]) == 14
    bad = tmp_path / "bad"
    bad.write_text("{{ end }}")
    assert main(["-parse-only", "-template", f"{bad}:{tmp_path}/x"]) == 14
    shown = capsys.readouterr()
    assert shown.out.startswith("Usage: consul-template [options]")
    assert 'invalid log level "LOUD", valid log levels are TRACE, DEBUG, INFO, WARN, ERR' in shown.err
