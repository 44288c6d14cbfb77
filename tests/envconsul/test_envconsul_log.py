"""What the environment tool tells in its log, which people grep for."""

from __future__ import annotations

import re

import pytest

from pyconsul.testing import InProcessAgent
from pyconsul.toolkit.quiescence import Quiescence, WaitSetting
from pyconsul_envconsul.lines import with_value
from tests.envconsul.conftest import Tool

ROUND = """\
[INFO]  envconsul.runner: creating new runner: once:=true
[INFO]  envconsul.runner: creating watcher
[INFO]  envconsul.runner: starting
[INFO]  envconsul.runner: creating pid file at: EXTRA_VALUE_AT_END=pid
[DEBUG] envconsul: (watcher) adding kv.list(log)
[TRACE] envconsul: (watcher) kv.list(log) starting
[TRACE] envconsul: (view) kv.list(log) starting fetch
[TRACE] envconsul: (view) kv.list(log) marking successful data response
[TRACE] envconsul: (view) kv.list(log) successful contact, resetting retries
[TRACE] envconsul: (view) kv.list(log) received data
[DEBUG] envconsul.runner: receiving dependency: EXTRA_VALUE_AT_END="kv.list(log)"
[INFO]  envconsul.runner: quiescence timers starting
[INFO]  envconsul.runner: quiescence minTimer fired
[INFO]  envconsul.runner: running
[DEBUG] envconsul.runner: setting V from kv.list(log)
[INFO]  envconsul: (child) spawning: true
[INFO]  envconsul.cli: subprocess exited
[INFO]  envconsul.runner: stopping
[DEBUG] envconsul.runner: stopping watcher
[DEBUG] envconsul: (watcher) stopping all views
[TRACE] envconsul: (watcher) stopping kv.list(log)
[DEBUG] envconsul.runner: stopping child process
[INFO]  envconsul: (child) stopping process
[DEBUG] envconsul: (child) Kill() called but process dead; not waiting for splay.
[DEBUG] envconsul.runner: removing pid file at: EXTRA_VALUE_AT_END=pid
"""


def test_a_run_is_told_step_by_step(tool: Tool, consul_agent: InProcessAgent) -> None:
    """In the original's words and its library's layout; values are never told."""
    consul_agent.client.kv.put("log/V", "secret value")
    words = ("-once", "-log-level", "trace", "-wait", "10ms", "-pid-file", "pid", "-prefix", "log", "true")
    status, _, err = tool.run(*words)
    lines = re.sub(r"(?m)^\S+ (?=\[)", "", err).splitlines(keepends=True)
    assert (status, "".join(lines[1:])) == (0, ROUND)


def test_a_start_that_fails_is_told_without_a_stop(tool: Tool, consul_agent: InProcessAgent) -> None:
    """Whoever waits for ``stopping`` waits for an end that somebody wanted."""
    consul_agent.client.kv.put("log/V", "1")
    for words in (("-pid-file", "none/pid", "true"), ("./none",)):
        status, _, err = tool.run("-log-level", "info", "-prefix", "log", *words)
        assert (status, "stopping" in err) == (14, False)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("/run/x.pid", "m: EXTRA_VALUE_AT_END=/run/x.pid"),
        ("a b", 'm: EXTRA_VALUE_AT_END="a b"'),
        ("", 'm: EXTRA_VALUE_AT_END=""'),
        ('"x"', 'm: EXTRA_VALUE_AT_END="\\"x\\""'),
        ("a\nb", "m:\n  EXTRA_VALUE_AT_END=\n  | a\n  | b\n  "),
    ],
)
def test_values_are_shown_as_the_logging_library_shows_them(value: str, shown: str) -> None:
    """In quotes only where they need them."""
    assert with_value("m", value) == shown


def test_a_wait_knows_which_bound_ended_it() -> None:
    """A pause in the changes, or the longest time that they may go on."""
    timer = Quiescence(WaitSetting(True, 2.0, 3.0))
    timer.tick(0.0)
    assert (timer.due, timer.is_at_maximum) == (2.0, False)
    timer.tick(1.5)
    assert (timer.due, timer.is_at_maximum) == (3.0, True)
