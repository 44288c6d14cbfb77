"""Flags, configuration and state of the watch tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.goflags import FlagError
from pyconsul.toolkit import sources
from pyconsul.toolkit.errors import ConfigError
from pyconsul_watch import arguments
from pyconsul_watch.config import SCHEMA, Config, ScriptHandler, URLHandler, load, watch_of
from pyconsul_watch.state import Delivered, State

KEY = {"type": "key", "key": "a"}


def config_of(text: str, folder: Path) -> Config:
    """The configuration of one file."""
    path = folder / "w.hcl"
    path.write_text(text)
    return load([str(path)], {}, {})


def test_every_flag_is_in_the_help() -> None:
    """And nothing else is."""
    shown = {flag.partition("=")[0] for flag, _ in arguments.options()}
    known = {row.name for row in arguments.ROWS} | {"config", "syslog", "once", "validate", "plain", "v, -version"}
    assert shown == known


def test_flags_win_over_files(tmp_path: Path) -> None:
    """And the connection's flags are named as in Consul's commands."""
    (tmp_path / "w.hcl").write_text(
        'concurrency = 3 consul { address = "x:1" } watch { type = "nodes" args = ["true"] }'
    )
    words = ["-config", str(tmp_path / "w.hcl"), "-http-addr", "y:2", "-ca-file", "ca.pem", "-concurrency", "2"]
    args = arguments.parse(words)
    config = load(args.paths, args.settings, {})
    assert (config.consul.address, config.consul.tls.ca_cert, config.concurrency) == ("y:2", "ca.pem", 2)
    with pytest.raises(FlagError, match="extra args"):
        arguments.parse(["word"])


def test_watches_as_list_and_as_blocks(tmp_path: Path) -> None:
    """Both forms add up; HTTP handlers may be blocks in blocks."""
    config = config_of(
        """
        watches = [{ type = "key" key = "a" args = ["run", "it"] id = "first" }]
        watch { type = "service" service = "web" tag = ["x"] passingonly = true handler = "echo | cat" timeout = "2s" }
        watch {
          type = "event"
          handler_type = "http"
          http_handler_config { path = "http://h/x" method = "PUT" timeout = "3s" header { X-A = ["1", "2"] } }
        }
        """,
        tmp_path,
    )
    first, second, third = config.watches
    assert (first.id, first.handler) == ("first", ScriptHandler(("run", "it")))
    assert second.handler == ScriptHandler(("echo | cat",), shell=True, timeout=2.0)
    assert isinstance(third.handler, URLHandler)
    request = third.handler.request
    assert (request.method, request.timeout, request.header) == ("PUT", 3.0, {"X-A": ["1", "2"]})


@pytest.mark.parametrize(
    ("stanza", "message"),
    [
        (KEY, "Must define a watch handler"),
        ({**KEY, "handler_type": "odd", "args": ["x"]}, "Handler type 'odd' not recognized"),
        ({**KEY, "args": ["x"], "handler": "y"}, "Only one watch handler allowed"),
        ({**KEY, "args": []}, "Watch args must be a list of strings"),
        ({**KEY, "args": [1]}, "Watch args must be a list of strings"),
        ({**KEY, "handler": ""}, "Watch handler must be a string"),
        ({**KEY, "args": ["x"], "timeout": "soon"}, "Failed to parse timeout of a watch"),
        ({**KEY, "args": ["x"], "id": 5}, "id is a text"),
        ({**KEY, "args": ["x"], "colour": "red"}, "Invalid parameters: [colour]"),
        ({"type": "moon", "args": ["x"]}, "Unsupported watch type: moon"),
        ({"args": ["x"]}, "Watch type must be specified"),
        ({**KEY, "handler_type": "http"}, "requires 'http_handler_config' to be set"),
        (
            {**KEY, "handler_type": "http", "http_handler_config": {"path": "https://x", "cert_file": "c"}},
            "needs cert_file and key_file together",
        ),
    ],
)
def test_wrong_watches_are_refused(stanza: dict[str, Any], message: str) -> None:
    """In the agent's words where it has some."""
    with pytest.raises(ConfigError) as caught:
        watch_of(stanza)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shape = 1", "has invalid keys: shape"),
        ('watches = ["x"]', r"'watches\[0\]' expected a map"),
        ("concurrency = 0", "concurrency must be at least 1"),
        (
            'watch { type = "nodes" args = ["x"] id = "a" } watch { type = "nodes" args = ["x"] id = "a" }',
            "two watches",
        ),
    ],
)
def test_wrong_configurations_are_refused(text: str, message: str, tmp_path: Path) -> None:
    """With what is wrong."""
    with pytest.raises(ConfigError, match=message):
        config_of(text, tmp_path)


def test_an_id_is_made_of_the_definition() -> None:
    """It stays the same for the same stanza, and differs for another one."""
    one, same, other = (watch_of({**KEY, "args": [word]}).id for word in ("x", "x", "y"))
    assert one == same != other
    assert one.startswith("key-")


def test_state_outlives_the_process(tmp_path: Path) -> None:
    """What was noted and saved is there for the next one; watches that are gone are forgotten."""
    state = State(str(tmp_path / "s.json"))
    state.note("a", Delivered("digest", 2**63 + 5, ()))
    state.note("b", Delivered(events=("e1", "e2")))
    state.save()
    again = State(str(tmp_path / "s.json"))
    again.load()
    again.keep_only(["a"])
    assert (again.of("a"), again.of("b")) == (Delivered("digest", 2**63 + 5), None)
    assert [path.name for path in tmp_path.iterdir()] == ["s.json"]


@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda t: json.dumps(t).encode())))
def test_a_damaged_state_is_an_error(data: bytes) -> None:
    """Starting over silently would call every handler again."""
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with pytest.raises(ConfigError, match="cannot be read, move it away to start over"):
            State(file.name).load()


@given(st.text(max_size=60))
def test_any_text_is_a_configuration_or_a_clear_error(text: str) -> None:
    """Nothing else comes out of the reader."""
    try:
        Config.of(sources.parse(text, SCHEMA), {})
    except ConfigError as error:
        assert str(error)


@given(
    st.dictionaries(
        st.sampled_from(
            ["type", "key", "args", "handler", "handler_type", "http_handler_config", "tag", "id", "timeout"]
        ),
        st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["key", "http", "1s"]), st.lists(st.text())),
    )
)
def test_any_stanza_is_a_watch_or_a_clear_error(stanza: dict[str, Any]) -> None:
    """Whatever types its values have."""
    try:
        watch_of(stanza)
    except ConfigError as error:
        assert str(error)
