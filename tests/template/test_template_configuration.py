"""Flags, files and defaults of the template tool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.lang.goflags import FlagError, HelpRequested
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.sources import parse
from pyconsul_template import arguments
from pyconsul_template.config import SCHEMA, Config, load, parse_template_flag


def test_a_file_becomes_a_configuration() -> None:
    """Stanzas, durations, modes and signals are read."""
    text = """
      consul { address = "c:1" retry { attempts = 3 backoff = "1s" } auth { username = "u" password = "p" } }
      wait = "1s:4s"
      kill_signal = "sigterm"
      template { source = "a" destination = "b" perms = "0600" command = "x y" function_denylist = ["env"] }
      template { contents = "t" exec { command = ["a", "b"] timeout = "5s" } wait { min = "2s" } }
      exec { command = "run" env { custom = ["A=1"] pristine = true } }
    """
    config = Config.of(parse(text, SCHEMA), {})
    assert (config.consul.address, config.consul.auth, config.consul.retry.attempts) == ("c:1", "u:p", 3)
    assert (config.wait.minimum, config.wait.maximum, config.kill_signal) == (1.0, 4.0, 15)
    first, second = config.templates
    assert (first.perms, list(first.exec.command), list(first.function_denylist)) == (0o600, ["x y"], ["env"])
    assert (second.exec.timeout, second.wait.maximum, second.display) == (5 * 10**9, 8.0, '"(dynamic)" => ""')
    assert config.exec.environment.build({"B": "2"}, {"C": "3"}) == {"C": "3", "A": "1"}


def test_defaults_are_the_originals() -> None:
    """An empty configuration has the documented values."""
    config = Config.of({"template": [{"source": "a"}]}, {"CONSUL_HTTP_ADDR": "e:1", "CT_LOG": "debug"})
    assert (config.consul.address, config.logging.level) == ("e:1", "debug")
    assert (config.max_stale, config.block_query_wait, config.kill_signal, config.reload_signal) == (
        2 * 10**9,
        60 * 10**9,
        2,
        1,
    )
    only = config.templates[0]
    assert (only.create_dest_dirs, only.error_fatal, only.exec.timeout, only.wait.enabled) == (
        True,
        True,
        30 * 10**9,
        False,
    )
    assert config.shown_environment() == {
        "CONSUL_HTTP_ADDR": "e:1",
        "CONSUL_HTTP_SSL": "false",
        "CONSUL_HTTP_SSL_VERIFY": "true",
    }


def test_consul_is_on_this_machine_unless_somebody_says_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are told only what somebody said."""
    monkeypatch.delenv("CONSUL_HTTP_ADDR", raising=False)
    assert Config.of({}, {}).consul.client_settings().address == "localhost:8500"
    assert "CONSUL_HTTP_ADDR" not in Config.of({}, {}).shown_environment()
    assert Config.of({"consul": {"address": "a:1"}}, {}).consul.client_settings().address == "a:1"
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "b:1")
    assert Config.of({"consul": {"address": ""}}, {}).consul.client_settings().address == "b:1"


def test_only_flags_say_that_vaults_tls_settings_do_not_count(tmp_path: Path) -> None:
    """A file that says so is overruled."""
    (tmp_path / "a.hcl").write_text("vault { ssl { enabled = false verify = false } }")
    assert load([str(tmp_path / "a.hcl")], {}, {}).vault.tls.enabled
    assert not load([], {"vault": {"ssl": {"enabled": False}}}, {}).vault.tls.enabled


def test_a_flag_decides_for_all_templates_whether_errors_are_fatal(tmp_path: Path) -> None:
    """The key of the same name in a file is for the stanzas that say nothing."""
    stanzas = 'template { source = "a" error_fatal = false } template { source = "b" }'
    (tmp_path / "c.hcl").write_text(f"template_error_fatal = true {stanzas}")
    paths = [str(tmp_path / "c.hcl")]
    assert [t.error_fatal for t in load(paths, {}, {}).templates] == [False, True]
    for flag in (True, False):
        assert [t.error_fatal for t in load(paths, {"template_error_fatal": flag}, {}).templates] == [flag, flag]


MISTAKES = [
    ('colour = "red"', "'' has invalid keys: colour"),
    ('consul { adress = "x" }', "'consul' has invalid keys: adress"),
    ("log_level = 5", "'log_level' expected type 'string', got unconvertible type 'int', value: '5'"),
    ('template { perms = "9" }', "error decoding 'template[0].perms': strconv.ParseUint: parsing \"9\": invalid syntax"),
    ('template { perms = "77777" }', "error decoding 'template[0].perms': strconv.ParseUint: parsing \"77777\": value out of range"),
    ('template { perms = "rwx" }', "error decoding 'template[0].perms': strconv.ParseUint: parsing \"rwx\": invalid syntax"),
    ('max_stale = "soon"', "error decoding 'max_stale': time: invalid duration \"soon\""),
    ('kill_signal = "BACON"', 'error decoding \'kill_signal\': invalid signal "BACON" - valid signals are ["SIGABRT"'),
    ('template { wait = "2s:1s" }', "error decoding 'template[0].wait': wait: min must be less than max"),
    ('consul { ssl { verify = "yes" } }', "'consul.ssl.verify' expected type 'bool', got unconvertible type 'string', value: 'yes'"),
    ("template { command = 5 }", "'template[0].command': source data must be an array or slice, got int"),
    ('consul { retry { attempts = "3" } }', "'consul.retry.Attempts' expected type 'int', got unconvertible type 'string', value: '3'"),
    ("kill_signal = 9", "'kill_signal' expected type 'os.Signal', got 'int'"),
    ("nomad { retry { } }", "'nomad.retry' expected a map, got 'slice'"),
    ("consul = [{ address = \"x\" }]", "'consul' expected a map, got 'slice'"),
    ("consul = []", "'consul' expected a map, got 'slice'"),
    ("Exec { }", "'exec' expected a map, got 'slice'"),
    ("log_file = 1.5", "'log_file' expected a map, got 'float64'"),
    ("max_stale { }", "'max_stale' expected type 'time.Duration', got unconvertible type '[]map[string]interface {}', value: '[map[]]'"),
    ("Max_stale { }", "'max_stale' expected type 'time.Duration', got unconvertible type '[]map[string]interface {}', value: '[map[]]'"),
    ("once = 1", "'Once' expected type 'bool', got unconvertible type 'int', value: '1'"),
    ("parseonly = 1", "'ParseOnly' expected type 'bool', got unconvertible type 'int', value: '1'"),
    ("template = 5", "'template': source data must be an array or slice, got int"),
    ("template { perms = -1 }", "cannot parse 'template[0].perms', -1 overflows uint"),
    ('consul { address = ["a", 1] }', "'consul.Address' expected type 'string', got unconvertible type '[]interface {}', value: '[a 1]'"),
]  # fmt: skip


def test_an_empty_text_is_no_stanza_where_several_may_stand() -> None:
    """The decoder makes a list of texts of it, which is empty."""
    assert parse('template = ""', SCHEMA) == {"template": []}


def test_one_mistake_does_not_hide_another() -> None:
    """All items of a list, all stanzas of a name are looked at."""
    with pytest.raises(ConfigError) as caught:
        parse('exec { env { custom = [1, 2] } }\ntemplate = "a,b"', SCHEMA)
    assert [line.partition("'")[2].partition("'")[0] for line in str(caught.value).splitlines()[2:]] == [
        "exec.env.custom[0]",
        "exec.env.custom[1]",
        "template[0]",
        "template[1]",
    ]


@pytest.mark.parametrize(("text", "message"), MISTAKES, ids=[text for text, _ in MISTAKES])
def test_mistakes_are_listed_in_the_decoders_words(text: str, message: str) -> None:
    """Every mistake is one line of the message."""
    with pytest.raises(ConfigError) as caught:
        parse(text, SCHEMA)
    assert str(caught.value).startswith("mapstructure decode failed: 1 error(s) decoding:\n\n* ")
    assert message in str(caught.value)


def test_an_agent_that_nothing_names_is_asked_by_the_name_of_this_machine() -> None:
    """Of that commands and templates see nothing."""
    consul = Config.of({}, {}).consul
    assert consul.client_settings().address == "localhost:8500"
    assert "CONSUL_HTTP_ADDR" not in consul.environment()
    assert Config.of({}, {"CONSUL_HTTP_ADDR": "e:1"}).consul.client_settings().address == "e:1"


def test_files_of_a_directory_are_merged_in_order(tmp_path: Path) -> None:
    """Later files win, template stanzas add up, flags come last."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "10.hcl").write_text('log_level = "info" template { contents = "1" }')
    (tmp_path / "20.json").write_text('{"log_level": "debug", "template": [{"contents": "2"}]}')
    (tmp_path / "sub" / "30.hcl").write_text('template { contents = "3" }')
    config = load([str(tmp_path)], {"log_level": "err"}, {})
    assert [t.contents for t in config.templates] == ["1", "2", "3"]
    assert config.logging.level == "err"


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    """Messages begin with the path."""
    with pytest.raises(ConfigError, match=r"missing file/folder: absent\.hcl"):
        load(["absent.hcl"], {}, {})
    with pytest.raises(ConfigError, match=r"failed stating file: (.*)/c\.hcl/d: stat \1/c\.hcl/d: not a directory"):
        (tmp_path / "c.hcl").touch()
        load([str(tmp_path / "c.hcl" / "d")], {}, {})
    (tmp_path / "c.hcl").write_text("template {")
    with pytest.raises(ConfigError, match=r"from file: .*c\.hcl: error decoding config: "):
        load([str(tmp_path / "c.hcl")], {}, {})


def test_what_is_neither_file_nor_directory_is_shown_by_its_mode(tmp_path: Path) -> None:
    """A shell's ``<(...)`` is a pipe, which the original does not read either."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match=r'^unknown filetype: "prw-------"$'):
        load([str(tmp_path / "pipe")], {}, {})
    with pytest.raises(ConfigError, match=r'^unknown filetype: "Dcrw-rw-rw-"$'):
        load([os.devnull], {}, {})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a", {"source": "a"}),
        ("in:out", {"source": "in", "destination": "out"}),
        ("in:out:cmd a:b", {"source": "in", "destination": "out", "command": ["cmd a:b"]}),
        ("a.tmpl:o:cmd", {"source": "a.tmpl", "destination": "o:cmd"}),
    ],
)
def test_the_template_flag_is_cut_at_colons(text: str, wanted: dict[str, object]) -> None:
    """Drive letters keep their colon, commands all of theirs."""
    assert parse_template_flag(text) == wanted


def test_flags_become_settings() -> None:
    """One or two dashes, values after = or as the next word, repeated templates."""
    words = [
        "--once",
        "-template=a:b",
        "-template",
        "c",
        "-consul-retry=false",
        "-wait",
        "1s",
        "-exec-env-custom",
        "A=1",
    ]
    args = arguments.parse([*words, "-consul-auth", "u:p", "-config", "x", "-dry"], {})
    config = Config.of(args.settings, {})
    assert (config.once, len(config.templates), config.consul.retry.enabled, config.consul.auth) == (
        True,
        2,
        False,
        "u:p",
    )
    assert (list(args.paths), args.dry, args.diff) == (["x"], True, False)
    assert list(config.exec.environment.custom) == ["A=1"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-nope"], "flag provided but not defined: -nope"),
        (["-once", "a", "b"], 'cli: extra args: ["a" "b"]'),
        (["-template", ""], "template: cannot be empty"),
        (["-wait", "5s:1s"], "wait: min must be less than max"),
        (["-kill-signal", "X"], 'invalid signal "X" - valid signals are ['),
        (["-max-stale", "soon"], 'time: invalid duration "soon"'),
    ],
)
def test_wrong_flags_are_told(words: list[str], message: str) -> None:
    """The message is the original's."""
    with pytest.raises(FlagError) as caught:
        arguments.parse(words, {})
    assert message in str(caught.value)


def test_help_lists_every_flag() -> None:
    """No flag is left out of the help text."""
    with pytest.raises(HelpRequested):
        arguments.parse(["-h"], {})
    text = arguments.usage()
    assert [row.name for row in arguments.ROWS if f"-{row.name}" not in text] == []


def test_the_environment_may_hold_configuration() -> None:
    """CT_LOCAL_CONFIG is read before the flags."""
    args = arguments.parse(["-log-level", "err"], {"CT_LOCAL_CONFIG": 'log_level = "info" pid_file = "p"'})
    assert args.settings == {"log_level": "err", "pid_file": "p"}


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='{}[]="\n a1.,#<template consul wait', max_size=60))
def test_no_configuration_text_does_more_than_fail(text: str) -> None:
    """Random texts are read, or refused with our error."""
    try:
        Config.of(parse(text, SCHEMA), {})
    except ConfigError as error:
        assert str(error)
