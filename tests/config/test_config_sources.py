"""Defaults, files, flags and fixed values are laid over each other in Consul's order."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.config import ConfigError, Loaded, load
from pyconsul.primitives.durations import MINUTE, SECOND

CommandLine = Callable[[list[str]], dict[str, Any]]


class Read(Protocol):
    """The fixture that reads text as a configuration file."""

    def __call__(self, text: str, **flags: object) -> Loaded:
        """The configuration that the text gives."""
        ...


def in_dev(*fragments: str, **flags: object) -> Loaded:
    """A development agent with pieces of HCL."""
    return load({"dev": True, "hcl": list(fragments), **flags}, {})


def test_links_in_a_folder_are_told_by_where_they_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told from the working directory, if the folder was given so."""
    monkeypatch.chdir(tmp_path)
    Path("conf.d").mkdir()
    Path("notes").write_text("")
    Path("conf.d/a.hcl").symlink_to("../notes")
    skipped = "extension must be .hcl or .json, or config format must be set"
    assert load({"dev": True, "config-dir": ["conf.d"]}, {}).warnings == (f"skipping file notes, {skipped}",)
    found = load({"dev": True, "config-dir": [str(tmp_path / "conf.d")]}, {}).warnings
    assert found == (f"skipping file {tmp_path.resolve()}/notes, {skipped}",)
    Path("conf.d/b.hcl").symlink_to("gone")
    with pytest.raises(ConfigError, match=r"^lstat conf\.d/gone: no such file or directory$"):
        load({"dev": True, "config-dir": ["conf.d"]}, {})


def test_a_dev_agent_has_consuls_development_defaults() -> None:
    """A server in memory on the loopback address, quick timers, the UI and gRPC on."""
    runtime = in_dev().runtime
    assert runtime.dev_mode and runtime.server and runtime.ui_config.enabled
    assert [str(a) for a in runtime.http_addrs] == ["127.0.0.1:8500"]
    assert [a.url() for a in runtime.dns_addrs] == ["tcp://127.0.0.1:8600", "udp://127.0.0.1:8600"]
    assert (runtime.ports.grpc, runtime.ports.grpc_tls, runtime.log_level) == (8502, 8503, "DEBUG")


def test_a_client_agent_has_the_ordinary_defaults(read: Read) -> None:
    """Log level, leaving, ports and limits of an agent that is no server."""
    runtime = read("").runtime
    assert not runtime.server and runtime.leave_on_terminate and not runtime.skip_leave_on_interrupt
    assert (runtime.ports.grpc, runtime.ports.grpc_tls, runtime.log_level) == (-1, -1, "INFO")
    assert runtime.check_update_interval == 5 * MINUTE
    assert runtime.limits.kv_max_value_size == 524288


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("server = true", 8503),
        ("server = true ports { grpc_tls = 9503 }", 9503),
        ("server = true ports { grpc_tls = -1 }", -1),
        ("", -1),
        ("ports { grpc_tls = 9503 }", 9503),
    ],
)
def test_servers_speak_grpc_over_tls_unless_told_otherwise(read: Read, text: str, port: int) -> None:
    """Client agents do only when told."""
    assert read(text).runtime.ports.grpc_tls == port


@pytest.mark.parametrize(
    ("text", "enabled"),
    [
        ("", False),
        ("server = true auto_encrypt { allow_tls = true } tls { defaults { verify_outgoing = true } }", True),
        ('auto_config { enabled = true intro_token = "t" server_addresses = ["s"] } verify_outgoing = true', True),
    ],
)
def test_who_hands_out_certificates_or_gets_them_is_in_the_mesh(read: Read, text: str, enabled: bool) -> None:
    """They are those of its authority; even where the mesh is switched off."""
    assert read(f"connect {{ enabled = false }} {text}").runtime.connect.enabled is enabled


def test_later_files_win_lists_grow_and_maps_merge(tmp_path: Path, command_line: CommandLine) -> None:
    """Files are read in the order of the command line, those of a folder in order of name, not below it."""
    (tmp_path / "conf.d" / "sub").mkdir(parents=True)
    (tmp_path / "one.hcl").write_text(
        'log_level="WARN" recursors=["1.1.1.1"] node_meta { a="1" b="1" } service { name="s1" }'
    )
    (tmp_path / "conf.d" / "20.json").write_text('{"log_level":"ERROR","node_meta":{"b":"3"},"service":{"name":"s3"}}')
    (tmp_path / "conf.d" / "10.hcl").write_text('log_level="INFO" recursors=["2.2.2.2"] services { name="s2" }')
    (tmp_path / "conf.d" / "readme.md").write_text("x")
    (tmp_path / "conf.d" / "sub" / "x.hcl").write_text('log_level="TRACE"')
    (tmp_path / "last.json").write_text('{"domain":"two.test."}')
    flags = command_line(
        [
            "-dev",
            *("-config-file", f"{tmp_path}/one.hcl"),
            *("-config-dir", f"{tmp_path}/conf.d"),
            *("-config-file", f"{tmp_path}/last.json"),
            *("-recursor", "9.9.9.9"),
        ]
    )
    loaded = load(flags, {})
    runtime = loaded.runtime
    assert (runtime.log_level, runtime.domain) == ("ERROR", "two.test.")
    assert runtime.recursors == ("9.9.9.9", "1.1.1.1", "2.2.2.2")
    assert runtime.node_meta == {"a": "1", "b": "3"}
    assert [service.Name for service in runtime.services] == ["s1", "s2", "s3"]
    assert loaded.warnings == (
        f"skipping file {tmp_path}/conf.d/readme.md, extension must be .hcl or .json, or config format must be set",
    )


def test_flags_win_over_files_and_fragments_over_flags(read: Read) -> None:
    """A flag beats a file, a fragment given with -hcl beats both."""
    runtime = read('node_name="file" datacenter="dcf"', node="flag", datacenter="dcg", hcl=['datacenter="dch"']).runtime
    assert (runtime.node_name, runtime.datacenter) == ("flag", "dch")


def test_what_users_cannot_set_stays_as_it_is() -> None:
    """Internal timers ignore what a file says."""
    assert in_dev('check_reap_interval = "1s" ae_interval = "1s"').runtime.check_reap_interval == 30 * SECOND


def test_raft_timers_grow_with_the_multiplier(read: Read) -> None:
    """Slow machines get longer timers."""
    assert read("performance { raft_multiplier = 2 }").runtime.consul.raft.election_timeout == 2 * SECOND


def test_a_section_behind_a_pointer_keeps_the_defaults_of_what_is_not_set() -> None:
    """Setting one SOA value leaves the others."""
    soa = in_dev("dns_config { soa { retry = 5 } }").runtime.dns_config.soa
    assert (soa.refresh, soa.retry, soa.expire, soa.min_ttl) == (3600, 5, 86400, 0)


def test_a_given_format_reads_files_of_any_name(tmp_path: Path) -> None:
    """With -config-format the extension does not matter; without it a strange one is refused."""
    (tmp_path / "plain").write_text('log_level = "WARN"')
    assert (
        load({"dev": True, "config-file": [f"{tmp_path}/plain"], "config-format": "hcl"}, {}).runtime.log_level
        == "WARN"
    )
    with pytest.raises(ConfigError, match="has unknown extension; must be"):
        load({"dev": True, "config-file": [f"{tmp_path}/plain"]}, {})
    with pytest.raises(ConfigError, match="-config-format must be either 'hcl' or 'json'"):
        load({"dev": True, "config-format": "yaml"}, {})


def test_a_missing_file_is_refused() -> None:
    """The error says what could not be opened."""
    with pytest.raises(ConfigError) as caught:
        load({"dev": True, "config-file": ["/no/such.hcl"]}, {})
    assert str(caught.value) == "config: Open failed on /no/such.hcl. open /no/such.hcl: no such file or directory"


def test_a_path_through_a_file_is_refused_for_that(tmp_path: Path) -> None:
    """Not as one that is missing; so is one through a folder that is closed to us."""
    (tmp_path / "file").write_text("")
    path = f"{tmp_path}/file/a.hcl"
    with pytest.raises(ConfigError) as caught:
        load({"dev": True, "config-file": [path]}, {})
    assert str(caught.value) == f"config: Open failed on {path}. open {path}: not a directory"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[]", "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        ('{"a"', "unexpected end of JSON input"),
        ('{"a":NaN}', "invalid character 'N' looking for beginning of value"),
        ('{"a":1e999}', "json: cannot unmarshal number 1e999 into Go value of type float64"),
        ("{} x", "invalid character 'x' after top-level value"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (
            '{"log_level":5}',
            "1 error(s) decoding:\n\n* 'log_level' expected type 'string', "
            "got unconvertible type 'float64', value: '5'",
        ),
        ('{"bogus":1}', "1 error occurred:\n\t* invalid config key bogus\n\n"),
    ],
)
def test_a_broken_json_file_is_refused_in_gos_words(tmp_path: Path, text: str, error: str) -> None:
    """Syntax errors and wrong types are named as Go names them."""
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load({"dev": True, "config-file": [str(path)]}, {})
    assert str(caught.value) == f"failed to parse {path}: {error}"


def test_empty_files_and_null_count_as_nothing(tmp_path: Path) -> None:
    """A file without content and a JSON null set nothing."""
    (tmp_path / "a.hcl").write_text("")
    (tmp_path / "b.json").write_text("null")
    assert load({"dev": True, "config-dir": [str(tmp_path)]}, {}).warnings == ()


@pytest.mark.parametrize(
    ("key", "text", "found"),
    [
        ("experiments", '[null, "a"]', ("", "a")),
        ("retry_join", '[null, "a"]', ("a",)),
        ("recursors", "null", ()),
        ("node_meta", '{"a": null}', {"a": ""}),
    ],
)
def test_a_null_in_a_list_or_map_is_an_empty_member(key: str, text: str, found: object, tmp_path: Path) -> None:
    """It is there, whatever it is; a null that stands for the whole list counts as not set."""
    path = tmp_path / "a.json"
    path.write_text(f'{{"{key}": {text}}}')
    assert getattr(load({"dev": True, "config-file": [str(path)]}, {}).runtime, key) == found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"checks": [null]}', 'check "": TTL must be > 0 for TTL checks'),
        ('{"segments": [null]}', 'Port for segment "" cannot be <= 0'),
        ('{"ui_config": {"metrics_proxy": {"path_allowlist": [null]}}}', 'path "" is not an absolute path'),
        ('{"ports": [null]}', "'ports' expected a map, got 'invalid'"),
    ],
)
def test_an_empty_member_is_judged_as_one(text: str, error: str, tmp_path: Path) -> None:
    """Where Consul itself would crash of a null, it is named."""
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(error)):
        load({"dev": True, "config-file": [str(path)]}, {})


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('{"zz": ' + "[" * 10_000 + "]" * 10_000 + "}", "exceeded max depth"),
        ('{"recursors": ' + "[" * 9_000 + "]" * 9_000 + "}", "objects and lists are nested deeper than 250 levels"),
    ],
)
def test_a_file_that_nests_too_deep_is_refused(text: str, error: str, tmp_path: Path) -> None:
    """What Go reads, and what is kept here, have limits."""
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=f"{error}$"):
        load({"dev": True, "config-file": [str(path)]}, {})


def test_old_flags_still_work_with_a_warning(command_line: CommandLine) -> None:
    """-join stands for -retry-join."""
    loaded = load(command_line(["-dev", "-join", "10.0.0.1"]), {})
    assert loaded.runtime.retry_join == ("10.0.0.1",)
    assert loaded.warnings == ("The flag '-join' is deprecated. Use the '-retry-join' flag instead.",)


def test_member_names_match_in_any_letter_case_and_old_spelling() -> None:
    """Keys are not case sensitive, and aliases of check fields are taken."""
    check = in_dev(
        'CHECK { Name="c" ScriptArgs=["x"] Interval="5s" DeregisterCriticalServiceAfter="2m" }'
    ).runtime.checks[0]
    assert (check.Name, check.type.ScriptArgs, check.type.Interval) == ("c", ["x"], 5 * SECOND)
    assert check.type.DeregisterCriticalServiceAfter == 2 * MINUTE


@given(st.text(max_size=80))
def test_any_fragment_gives_a_configuration_or_a_config_error(text: str) -> None:
    """Broken input is refused in one way only."""
    try:
        in_dev(text)
    except ConfigError as error:
        assert str(error)
