"""Flags and configuration files of the environment tool."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.goflags import FlagError
from pyconsul.toolkit import sources
from pyconsul.toolkit.errors import ConfigError
from pyconsul_envconsul import arguments, lines
from pyconsul_envconsul.arguments import parse
from pyconsul_envconsul.config import SCHEMA, Config, KeyConfig, load


def warned(_level: int, _message: str) -> None:
    """Nobody hears it."""


def config_of(text: str, folder: Path, *words: str) -> Config:
    """The configuration of a file and flags."""
    path = folder / "c.hcl"
    path.write_text(text)
    return load([str(path)], parse(words, warned).settings, {}, warned)


def test_every_flag_is_in_the_help() -> None:
    """And nothing else is."""
    shown = {flag.partition("=")[0].partition("[")[0] for flag, _ in arguments.options()}
    known = {row.name for row in arguments.ROWS} | {"config", "prefix", "secret", "service-query", "no-prefix"}
    known |= {f"service-format-{name}" for name in ("id", "name", "address", "tag", "port")}
    assert shown - {"v, -version"} == known


def test_words_become_one_command() -> None:
    """They are joined with blanks; flags behind the first belong to it."""
    assert parse(["-once", "echo", "a", "-once"], warned).settings["exec"]["command"] == ["echo a -once"]
    assert parse(["-exec", "x y", "echo"], warned).settings["exec"]["command"] == ["x y"]


def test_formats_belong_to_the_query_before_them() -> None:
    """Two queries keep their formats apart; a format before any query is an error, not a crash."""
    found = parse(["-service-query", "a", "-service-format-id", "I", "-service-query", "b", "x"], warned)
    assert found.settings["service"] == [{"query": "a", "format_id": "I"}, {"query": "b"}]
    with pytest.raises(FlagError, match="format must be specified before query"):
        parse(["-service-format-id", "I"], warned)


def test_no_prefix_is_for_the_flags_only(tmp_path: Path) -> None:
    """Stanzas of files keep what they say."""
    config = config_of('prefix { path = "f" }', tmp_path, "-no-prefix=false", "-prefix", "/p", "-secret", "s", "x")
    assert [(p.path, p.no_prefix) for p in (*config.prefixes, *config.secrets)] == [
        ("f", None),
        ("p", False),
        ("s", False),
    ]


@pytest.mark.parametrize(
    ("flag", "now"),
    [("-auth=a:b", "-consul-auth"), ("-token=t", "-consul-token"), ("-splay=1s", "-exec-splay")],
)
def test_older_flags_work_and_say_so(flag: str, now: str) -> None:
    """The warning names the present flag."""
    heard: list[tuple[int, str]] = []
    parse([flag, "x"], lambda level, message: heard.append((level, message)))
    assert heard == [(logging.WARNING, f"cli: {flag.partition('=')[0]} is now {now}")]


def test_older_flags_set_what_the_present_ones_set() -> None:
    """``-retry`` is for Consul and Vault, both bounds."""
    settings = parse(["-retry", "2s", "x"], warned).settings
    both = {"backoff": 2_000_000_000, "max_backoff": 2_000_000_000}
    assert settings["consul"]["retry"] == settings["vault"]["retry"] == both


def test_older_keys_work_and_say_so(tmp_path: Path) -> None:
    """They count as the present ones."""
    path = tmp_path / "c.hcl"
    path.write_text('token = "t" splay = "3s" retry = "1s" path = "x" timeout = "4s"')
    heard: list[str] = []
    config = load([str(path)], {}, {}, lambda _level, message: heard.append(message))
    assert (config.consul.token, config.exec.splay, config.exec.kill_timeout) == ("t", 3_000_000_000, 4_000_000_000)
    assert config.vault.retry.backoff_ns == 1_000_000_000
    assert len(heard) == 5 and all(message.startswith("parse: ") for message in heard)


def test_everything_a_file_may_say(tmp_path: Path) -> None:
    """Stanzas with their keys, and the keys that are ours."""
    config = config_of(
        """
        pristine = true
        no_restart = true
        reload = false
        change_command = "a, b"
        prefix { path = "p" reload = true }
        secret { path = "s" no_prefix = true key { name = "k" format = "K" } }
        service { query = "web" format_port = "PORT" }
        exec { command = ["a", "b"] reload_signal = "SIGHUP" }
        wait = "1s:5s"
        """,
        tmp_path,
    )
    assert (config.pristine, config.no_restart, config.change_command) == (True, True, ["a, b"])
    assert [p.reload for p in (*config.prefixes, *config.secrets, *config.services)] == [True, False, False]
    assert (config.secrets[0].keys, config.services[0].formats) == ((KeyConfig("k", "K"),), {"port": "PORT"})
    assert (config.exec.reload_signal, config.wait.minimum, config.wait.maximum) == (1, 1.0, 5.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('shape = "round"', "'' has invalid keys: shape"),
        ('prefix { paht = "x" }', r"'prefix\[0\]' has invalid keys: paht"),
        ('wait { min = "x" }', "error decoding 'wait.min': time: invalid duration \"x\""),
        ("prefix {", "error decoding config"),
        ("change_command = 3", "'change_command' expected a text or a list of texts"),
        ('kill_signal = "SIGFOO"', 'invalid signal "SIGFOO"'),
    ],
)
def test_mistakes_in_files(text: str, message: str, tmp_path: Path) -> None:
    """The message names file and key."""
    with pytest.raises(ConfigError, match=message) as caught:
        config_of(text, tmp_path)
    assert f"from file: {tmp_path / 'c.hcl'}" in str(caught.value)


def test_log_lines_have_the_original_form(capsys: pytest.CaptureFixture[str], zone: Callable[[str], None]) -> None:
    """Local time, level, part, message; the child's lines as the template tool writes them."""
    zone("IST-5:30")
    lines.early(logging.ERROR, "early")
    record = logging.LogRecord("pyconsul_envconsul.child", 20, "", 0, "spawning: %s", ("x",), None)
    assert lines.Lines().format(record).endswith(" [INFO]  envconsul: (child) spawning: x")
    assert capsys.readouterr().err.endswith("+0530 [ERROR] early\n")


@pytest.mark.parametrize(
    ("level", "shown"), [(5, "[TRACE]"), (10, "[DEBUG]"), (20, "[INFO] "), (30, "[WARN] "), (40, "[ERROR]")]
)
def test_levels_have_one_width(level: int, shown: str) -> None:
    """So that what is said stands in one column."""
    record = logging.LogRecord("pyconsul_envconsul.runner", level, "", 0, "x", (), None)
    assert lines.Lines().format(record).endswith(f" {shown} envconsul.runner: x")


@given(st.text(max_size=60))
def test_any_text_is_a_configuration_or_a_clear_error(text: str) -> None:
    """Nothing else comes out of the reader."""
    try:
        Config.of(sources.parse(text, SCHEMA), {})
    except ConfigError as error:
        assert str(error)


@given(st.lists(st.sampled_from(["-once", "-prefix", "a", "=", "-wait", "1s", "--", "-x", "-no-prefix=maybe", "-"])))
def test_any_command_line_is_read_or_refused(words: list[str]) -> None:
    """A refusal is a sentence."""
    try:
        parse(words, warned)
    except FlagError as error:
        assert str(error)


@pytest.mark.parametrize("number", ["0x10", "1_0", "99999999999"])
def test_numbers_of_flags_are_decimal(number: str) -> None:
    """Go's own flags take more; the original reads these by itself, into 32 bits."""
    with pytest.raises(FlagError, match=rf'invalid value "{number}" for flag -consul-retry-attempts: strconv.ParseInt'):
        parse(["-consul-retry-attempts", number, "x"], warned)


@pytest.mark.parametrize(
    ("text", "heard", "message"),
    [
        ("token = true", "token is now", "'consul.Token' expected type 'string', got unconvertible type 'bool'"),
        ("retry { a = 1 }", "retry is now", "'vault.retry.max_backoff' expected type 'time.Duration', got"),
        ('ssl = 1\nconsul { ssl { key = "k" } }', "ssl is now", "'consul.ssl' expected a map, got 'int'"),
        ('auth { username = "u" password = 1 }', "auth is now", "'consul.auth.password' expected type 'string'"),
        ('timeout = ["1s"]', 'timeout = "[1s]" to exec { kill_timeout = "[1s]" }', "'exec.kill_timeout' expected type"),
    ],
)  # fmt: skip
def test_mistakes_in_older_keys_are_told_at_their_present_places(
    tmp_path: Path, text: str, heard: str, message: str
) -> None:
    """The warning comes first; what the present stanza says gives way."""
    (tmp_path / "c.hcl").write_text(text)
    warnings: list[str] = []
    with pytest.raises(ConfigError) as caught:
        load([str(tmp_path / "c.hcl")], {}, {}, lambda _level, said: warnings.append(said))
    assert message in str(caught.value)
    assert len(warnings) == 1
    assert heard in warnings[0]


def test_older_keys_of_any_kind_are_moved(tmp_path: Path) -> None:
    """Values take their place in the stanzas beside what these say; a path says nothing any more."""
    config = config_of(
        'path = 5\nsplay = "2s"\ntoken = "t"\nconsul { address = "a:1" token = "s" }\nexec { command = "x" }', tmp_path
    )
    assert (config.consul.address, config.consul.token) == ("a:1", "t")
    assert (config.exec.splay, list(config.exec.command)) == (2_000_000_000, ["x"])
