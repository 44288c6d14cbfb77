"""Flags and files of the snapshot agent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.lang.goflags import FlagError, HelpRequested
from pyconsul.primitives.durations import HOUR, MINUTE, SECOND
from pyconsul.toolkit.errors import ConfigError
from pyconsul_snapshot_agent import arguments, config
from pyconsul_snapshot_agent.config import Config, Destination, Login, Schedule
from pyconsul_snapshot_agent.targets import open_targets


def loaded(*words: str, environ: dict[str, str] | None = None) -> Config:
    """The configuration of a command line."""
    args = arguments.parse(words)
    return config.load(args.files, args.directories, args.settings, environ or {})


def file_with(path: Path, **content: Any) -> str:
    """A configuration file."""
    path.write_text(json.dumps({"datacenter": "none of our business", "snapshot_agent": content}))
    return str(path)


def test_the_defaults_are_enterprise_s() -> None:
    """An hour, thirty archives, the present directory."""
    found = loaded()
    assert found.schedule == Schedule(HOUR, "consul-snapshot/lock", 3, 30, False, "", "consul-snapshot", 72 * HOUR)
    assert found.destinations == [Destination("local", {"path": "."})]
    assert found.client.address == "127.0.0.1:8500"


def test_every_flag_has_its_key() -> None:
    """Each names a place in the files' schema, so that both ways say the same."""
    for row in arguments.ROWS:
        place: Any = config.SCHEMA
        *stanzas, key = row.path.split(".")
        for stanza in stanzas:
            place = place[stanza]
            place = getattr(place, "schema", place)
        assert key in place, row.name


def test_flags_set_everything() -> None:
    """Schedule, connection, login and log."""
    found = loaded(
        *("-interval=5m", "-retain=7", "-stale", "-lock-key=l", "-max-failures=2", "-service=s", "-deregister-after=0"),
        *("-http-addr=10.0.0.1:1", "-token=t", "-ca-file=ca", "-client-cert=c", "-client-key=k", "-tls-server-name=n"),
        *("-login-auth-method=m", "-login-bearer-token=b", "-login-meta=x=1", "-login-meta=y=2", "-syslog"),
        *("-ca-path=d", "-syslog-facility=LOCAL3", "-local-scratch-path=/s", "-log-level=debug"),
    )
    assert found.schedule == Schedule(5 * MINUTE, "l", 2, 7, True, "/s", "s", 0)
    assert (found.client.tls.ca_path, found.log) == ("d", config.Log("debug", True, "LOCAL3"))
    assert (found.client.address, found.client.token, found.client.tls.server_name) == ("10.0.0.1:1", "t", "n")
    assert found.login == Login("m", "b", "", {"x": "1", "y": "2"})


S3_FLAGS = (
    *("access_key_id", "secret_access_key", "session_token", "iam_endpoint", "sts_endpoint", "role_arn"),
    *("role_session_name", "web_identity_token_file", "s3_bucket", "s3_region", "s3_key_prefix", "s3_endpoint"),
    *("s3_static_snapshot_name", "s3_kms_key"),
)
S3_SWITCHES = ("s3_server_side_encryption", "s3_force_path_style", "s3_enable_kms")
AZURE_FLAGS = (
    *("account_name", "account_key", "container_name", "environment", "service_principal_id"),
    *("service_principal_secret", "tenant_id"),
)


def test_every_flag_of_a_destination_reaches_it() -> None:
    """Under its key, whose name is that of the flag."""
    words = [f"-aws-{name.replace('_', '-')}=v-{name}" for name in S3_FLAGS]
    words += [f"-aws-{name.replace('_', '-')}" for name in S3_SWITCHES]
    words += [f"-azure-blob-{name.replace('_', '-')}=v-{name}" for name in AZURE_FLAGS]
    assert {each.provider: dict(each.settings) for each in loaded(*words, "-gcs-bucket=g").destinations} == {
        "s3": {**{name: f"v-{name}" for name in S3_FLAGS}, **dict.fromkeys(S3_SWITCHES, True)},
        "azure": {name: f"v-{name}" for name in AZURE_FLAGS},
        "gcs": {"bucket": "g"},
    }


def test_the_environment_finds_consul() -> None:
    """As for every other command; a flag wins."""
    environ = {"CONSUL_HTTP_ADDR": "10.0.0.9:8500", "CONSUL_HTTP_TOKEN": "secret"}
    assert loaded(environ=environ).client.address == "10.0.0.9:8500"
    assert loaded("-http-addr=10.0.0.8:1", environ=environ).client.address == "10.0.0.8:1"


def test_a_file_of_enterprise_is_read(tmp_path: Path) -> None:
    """The object inside an agent's file, with the keys as they are documented there; several destinations."""
    path = file_with(
        tmp_path / "a.json",
        http_addr="127.0.0.1:1",
        snapshot={"interval": "2h", "retain": 5, "deregister_after": "8h"},
        log={"level": "DEBUG"},
        backup_destinations={
            "local_storage": [{"path": "/a"}, {"path": "/b"}],
            "aws_storage": [{"s3_bucket": "x", "s3_region": "y"}],
        },
    )
    found = loaded(f"-config-file={path}", "-retain=6")
    assert (found.schedule.interval, found.schedule.retain, found.log.level) == (2 * HOUR, 6, "DEBUG")
    assert [each.provider for each in found.destinations] == ["local", "local", "s3"]


def test_hcl_does_as_well(tmp_path: Path) -> None:
    """In files that end in .hcl; keys of ours included."""
    path = tmp_path / "agent.hcl"
    path.write_text(
        'snapshot_agent {\n snapshot { interval = "30s" attempts = 9 }\n login { meta { a = "b" } }\n'
        ' backup_destinations {\n google_storage { bucket = "g" }\n plugin_storage { provider = "sftp"\n'
        ' settings { host = "h" } }\n }\n}\n'
    )
    found = loaded(f"-config-file={path}")
    assert (found.schedule.interval, found.schedule.attempts, found.login.meta) == (30 * SECOND, 9, {"a": "b"})
    assert found.destinations == [Destination("gcs", {"bucket": "g"}), Destination("sftp", {"host": "h"})]


def test_a_directory_is_read_by_name(tmp_path: Path) -> None:
    """Later files win; others, and directories inside, are left alone."""
    file_with(tmp_path / "b.json", snapshot={"retain": 2})
    file_with(tmp_path / "a.json", snapshot={"retain": 1, "interval": "1m"})
    (tmp_path / "c.txt").write_text("nonsense")
    (tmp_path / "d.json").mkdir()
    found = loaded(f"-config-dir={tmp_path}")
    assert (found.schedule.retain, found.schedule.interval) == (2, MINUTE)


def test_a_remote_destination_switches_the_local_one_off() -> None:
    """With flags and with the older objects at the top level."""
    words = ("-local-path=/a", "-gcs-bucket=g")
    found = loaded(*words)
    assert found.destinations == [Destination("gcs", {"bucket": "g"})]
    assert found.warnings == ["local storage is off, because there is a remote destination"]


REFUSED: list[tuple[dict[str, Any], list[str], str]] = [
    ({"backup_destinations": {}}, ["-local-path=x"], "cannot be used together with backup_destinations"),
    ({"backup_destinations": {"local_storage": [{}]}, "local_storage": [{}]}, [], "^local_storage cannot be used"),
    ({"snapshot": {"retain": -1}}, [], "snapshot.retain must not be negative"),
    ({"snapshot": {"retains": 1}}, [], "'snapshot' has invalid keys: retains"),
    ({"snapshot": {"interval": "soon"}}, [], "error decoding 'snapshot.interval'"),
    ({}, ["-datacenter=dc2"], "only for a single snapshot"),
    ({}, ["-deregister-after=10s"], "must be at least 1m"),
    ({}, ["-lock-key="], "must not be empty"),
    ({}, ["-max-failures=0"], "must be at least 1"),
    ({}, ["-attempts=0"], "must be at least 1"),
    ({"backup_destinations": {"plugin_storage": [{}]}}, [], "needs a provider"),
    ({"login": {"meta": ["x"]}}, [], "'login.meta' expected a map"),
]


@pytest.mark.parametrize(("content", "words", "problem"), REFUSED)
def test_what_cannot_work_is_refused(tmp_path: Path, content: dict[str, Any], words: list[str], problem: str) -> None:
    """At the start, with the key that is wrong."""
    path = file_with(tmp_path / "a.json", **content)
    with pytest.raises(ConfigError, match=problem):
        loaded(f"-config-file={path}", *words)


def test_one_place_may_not_be_named_twice(tmp_path: Path) -> None:
    """Each would delete what the other stored; spelling does not make it another place."""
    stanzas = {"local_storage": [{"path": "/a"}, {"path": "/b/../a/"}]}
    path = file_with(tmp_path / "a.json", backup_destinations=stanzas)
    with pytest.raises(ConfigError, match=r"^two destinations are the same place: /a$"):
        open_targets(loaded(f"-config-file={path}"))


def test_a_single_snapshot_may_name_a_datacenter() -> None:
    """It takes no lock and registers nothing."""
    assert loaded("-interval=0", "-datacenter=dc2").client.datacenter == "dc2"


def test_files_without_the_object_are_an_error(tmp_path: Path) -> None:
    """Somebody named the wrong file."""
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(ConfigError, match='none of the configuration files holds a "snapshot_agent" object'):
        loaded(f"-config-dir={tmp_path}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """As is one that is not JSON."""
    with pytest.raises(ConfigError, match=r"gone\.json: no such file or directory"):
        loaded(f"-config-file={tmp_path}/gone.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ConfigError, match=r"bad\.json: error decoding config"):
        loaded(f"-config-file={tmp_path}/bad.json")
    (tmp_path / "odd.json").write_text('{"snapshot_agent": [7]}')
    with pytest.raises(ConfigError, match=r'odd\.json: "snapshot_agent" is not an object'):
        loaded(f"-config-file={tmp_path}/odd.json")
    with pytest.raises(ConfigError, match=r"gone: no such file or directory"):
        loaded(f"-config-dir={tmp_path}/gone")


@settings(deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_no_file_breaks_the_reader(source: bytes, is_hcl: bool) -> None:
    """Whatever is in it: settings, nothing, or an error."""
    try:
        config.parse(source, is_hcl=is_hcl)
    except ConfigError:
        return


def test_a_license_is_not_needed() -> None:
    """Who moves here from Enterprise hears it once."""
    assert loaded(environ={"CONSUL_LICENSE": "x"}).warnings == [
        "a license is configured; none is needed, it is not looked at"
    ]


def test_sub_commands_take_the_same_flags() -> None:
    """They must find the same destinations."""
    args = arguments.parse(["restore", "-local-path=x", "-output=y", "123"])
    assert (args.command, args.rest, args.output) == ("restore", ["123"], "y")
    assert args.settings == {"local_storage": [{"path": "x"}]}


def test_flags_that_are_none_are_refused() -> None:
    """In Go's words; -h asks for help, which names every flag."""
    with pytest.raises(FlagError, match="flag provided but not defined: -frobnicate"):
        arguments.parse(["-frobnicate"])
    with pytest.raises(HelpRequested):
        arguments.parse(["list", "-h"])
    assert [row.name for row in arguments.ROWS if f"  -{row.name}" not in arguments.usage()] == []


def test_the_page_has_every_option() -> None:
    """The tables are made from the flags; after a change of these the page needs them anew."""
    page = Path(__file__).resolve().parents[2] / "docs" / "tools" / "snapshot-agent.md"
    assert arguments.reference().rstrip() in page.read_text()
