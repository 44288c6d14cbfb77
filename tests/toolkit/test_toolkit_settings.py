# ruff: noqa: E501 - one row a case reads best
"""Retry pauses, quiescence timers, stanzas, schemas and environments of the tools."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.hcl.decode import Blocks
from pyconsul.sdk.settings import TLS
from pyconsul.toolkit import signals
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.flags import parse_auth
from pyconsul.toolkit.quiescence import Quiescence, WaitSetting
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.running_stanzas import EXEC, Environment, Exec, Logging
from pyconsul.toolkit.schema import Settings, boolean, decode, integer, many, merge, text, texts
from pyconsul.toolkit.sources import from_path, parse
from pyconsul.toolkit.stanzas import CONSUL, Consul, Nomad, Tls, Transport, Vault, parse_wait, wait_setting

MS = 1_000_000


def test_pauses_double_up_to_a_bound() -> None:
    """The first failure waits the base, the last one gives up."""
    policy = RetryPolicy(attempts=5, backoff_ns=100 * MS, max_backoff_ns=350 * MS)
    assert [policy.pause_ns(n) for n in range(6)] == [100 * MS, 200 * MS, 350 * MS, 350 * MS, 350 * MS, None]
    assert RetryPolicy(enabled=False).pause_ns(0) is None
    assert RetryPolicy(attempts=0, max_backoff_ns=0, backoff_ns=1).pause_ns(20) == 1 << 20


@given(st.integers(0, 100), st.integers(0, 10**12), st.integers(0, 10**12))
def test_no_policy_gives_a_negative_pause(failures: int, base: int, bound: int) -> None:
    """Whatever the setting, a pause is a time."""
    pause = RetryPolicy(attempts=0, backoff_ns=base, max_backoff_ns=bound).pause_ns(failures)
    assert pause is not None and pause >= 0


def test_a_timer_moves_with_each_change_but_not_for_ever() -> None:
    """Changes put the end off, up to the upper bound after the first one."""
    timer = Quiescence(WaitSetting(True, 1.0, 2.5))
    assert timer.tick(10.0) == 11.0
    assert timer.tick(10.9) == 11.9
    assert timer.tick(11.8) == 12.5
    assert timer.tick(13.0) == 13.0
    assert timer.is_due(13.0)
    timer.reset()
    assert not timer.is_due(99.0)


@pytest.mark.parametrize(
    ("value", "message"),
    [("", "wait: cannot be empty"), ("1s:2s:3s", "wait: invalid format"), ("-1s", "wait: cannot be negative"), ("5s:1s", "wait: min must be less than max")],
)  # fmt: skip
def test_wrong_timers_are_refused(value: str, message: str) -> None:
    """The texts are the originals'."""
    with pytest.raises(ValueError, match=message):
        parse_wait(value)


def test_the_upper_bound_is_four_times_the_lower_one() -> None:
    """Unless it is given."""
    assert wait_setting(parse_wait("2s")) == WaitSetting(True, 2.0, 8.0)
    assert wait_setting({"min": 10**9, "bool": False}) == WaitSetting(False, 1.0, 4.0)


def test_schemas_check_and_convert() -> None:
    """Letter case does not matter, the last of several stanzas counts, lists of stanzas stay lists."""
    schema = {"name": text, "on": boolean, "n": integer, "list": texts, "in": {"x": integer}, "many": many({"y": text})}
    raw = {"Name": "a", "list": "a,b", "in": Blocks([{"x": 1}, {"x": 2}]), "many": [{"y": "1"}, {"y": "2"}]}
    assert decode(raw, schema) == {"name": "a", "list": ["a", "b"], "in": {"x": 2}, "many": [{"y": "1"}, {"y": "2"}]}
    with pytest.raises(ConfigError, match="2 error"):
        decode({"on": "yes", "n": "x"}, schema)


def test_consul_as_a_text_is_read_with_an_advice(capsys: pytest.CaptureFixture[str]) -> None:
    """Old configuration names just the address."""
    assert parse('consul = "h:1"', {"consul": CONSUL}) == {"consul": {"address": "h:1"}}
    assert "[WARN] consul now accepts a stanza instead of a string." in capsys.readouterr().err


def test_settings_are_laid_over_one_another() -> None:
    """Stanzas merge, plain values are replaced, lists of stanzas add up."""
    base = {"a": {"x": 1, "y": 2}, "l": [1], "m": [{"n": 1}]}
    assert merge(base, {"a": {"y": 3}, "l": [2], "m": [{"n": 2}]}) == {
        "a": {"x": 1, "y": 3},
        "l": [2],
        "m": [{"n": 1}, {"n": 2}],
    }


def test_variables_of_several_files_add_up() -> None:
    """The lists of ``exec.env`` grow, in the order of the files; the command is replaced."""
    first = decode({"command": ["a"], "env": {"custom": ["A=1"], "allowlist": ["HOME"]}}, EXEC)
    second = decode({"command": ["b"], "env": {"custom": ["B=1"], "allowlist": "LANG"}}, EXEC)
    env = {"custom": ["A=1", "B=1", "C=1"], "allowlist": ["HOME", "LANG"]}
    assert merge(merge(first, second), {"env": {"custom": ["C=1"]}}) == {"command": ["b"], "env": env}


def test_directories_may_hold_anything_but_mistakes(tmp_path: Path) -> None:
    """A wrong file inside of a directory is named."""
    (tmp_path / "a.hcl").write_text('name = "x"')
    assert from_path(str(tmp_path), {"name": text}) == {"name": "x"}
    (tmp_path / "b.hcl").write_text("nope = 1")
    with pytest.raises(ConfigError, match=r"from file: .*b\.hcl: mapstructure decode failed"):
        from_path(str(tmp_path), {"name": text})


def test_the_environment_fills_what_a_stanza_leaves_open() -> None:
    """Older names of variables win, as in the originals."""
    environ = {"CONSUL_HTTP_ADDR": "a:1", "CONSUL_TOKEN": "t1", "CONSUL_HTTP_TOKEN": "t2", "NOMAD_ADDR": "http://n:1"}
    consul = Consul.of({}, environ)
    assert (consul.address, consul.token, Nomad.of({}, environ).address) == ("a:1", "t1", "http://n:1")
    assert Consul.of({"address": "b:2", "ssl": {"verify": False}}, environ).environment() == {
        "CONSUL_HTTP_ADDR": "b:2",
        "CONSUL_HTTP_TOKEN": "t1",
        "CONSUL_HTTP_SSL": "true",
        "CONSUL_HTTP_SSL_VERIFY": "false",
    }
    assert consul.client_settings().retry.attempts == 1


def test_what_a_stanza_leaves_empty_is_open_too() -> None:
    """The servers' own clients read the variables again; Nomad's has two without a key."""
    environ = {"NOMAD_ADDR": "http://n:1", "NOMAD_NAMESPACE": "apps", "NOMAD_TOKEN": "t", "NOMAD_REGION": "eu"}
    nomad = Nomad.of({"address": "", "namespace": "", "token": ""}, environ | {"NOMAD_HTTP_AUTH": "u:p:q"})
    assert (nomad.address, nomad.namespace, nomad.token, nomad.region) == ("http://n:1", "apps", "t", "eu")
    assert (nomad.auth_username, nomad.auth_password) == ("u", "p:q")
    assert Nomad.of({"auth_username": "me"}, {"NOMAD_HTTP_AUTH": "u:p"}).auth_password == ""


def test_an_agent_of_vault_is_asked_before_the_server_itself() -> None:
    """But commands see the server's address."""
    environ = {"VAULT_ADDR": "http://v:1", "VAULT_AGENT_ADDR": "http://agent:2"}
    vault = Vault.of({}, environ)
    assert (vault.server, vault.environment()["VAULT_ADDR"]) == ("http://agent:2", "http://v:1")
    assert Vault.of({"address": ""}, {"VAULT_ADDR": "http://v:1"}).server == "http://v:1"
    assert Vault.of({}, {}).server == "https://127.0.0.1:8200"


def test_vault_tokens_come_from_files_too(tmp_path: Path) -> None:
    """The agent's file wins; the token in the home directory is the last resort."""
    (tmp_path / ".vault-token").write_text("home\n")
    (tmp_path / "agent").write_text("agent\n")
    environ = {"HOME": str(tmp_path), "VAULT_ADDR": "http://v:1", "VAULT_SKIP_VERIFY": "true"}
    vault = Vault.of({}, environ)
    assert (vault.token, vault.renew_token, vault.enabled, vault.tls.verify) == ("home", True, True, False)
    from_agent = Vault.of({"vault_agent_token_file": str(tmp_path / "agent")}, environ)
    assert (from_agent.token, from_agent.renew_token) == ("agent", False)
    assert vault.environment() == {"VAULT_ADDR": "http://v:1", "VAULT_SKIP_VERIFY": "true"}


def test_tls_is_on_when_anything_is_set() -> None:
    """Even by ``verify`` alone."""
    assert [Tls.of(s).enabled for s in ({}, {"cert": "c"}, {"verify": True}, {"enabled": False, "key": "k"})] == [
        False,
        True,
        True,
        False,
    ]


def test_environments_are_filtered() -> None:
    """Allowed names, then held back ones, then custom pairs."""
    own = {"PATH": "p", "SECRET_A": "s", "PLAIN": "x"}
    assert Environment(denylist=("SECRET*",)).build(own, {"E": "1"}) == {"PATH": "p", "PLAIN": "x", "E": "1"}
    assert Environment(allowlist=("PL*",), custom=("A=1=2",)).build(own, {}) == {"PLAIN": "x", "A": "1=2"}
    assert Environment(allowlist=("[^PS]*", "[")).build({**own, "A": "1", "[": "2"}, {}) == {"A": "1", "[": "2"}
    assert Environment(pristine=True).build(own, {"E": "1"}) == {"E": "1"}
    assert Environment(pristine=True, custom=("", "=x", "B", "C=")).build(own, {}) == {"C": ""}


def test_a_stanza_that_says_nothing_passes_all_variables_on() -> None:
    """It has to be asked to hold them back."""
    assert Environment.of({}).build({"A": "1"}, {"E": "1"}) == {"A": "1", "E": "1"}
    assert Environment.of({"pristine": True}).build({"A": "1"}, {"E": "1"}) == {"E": "1"}
    assert Environment.of({"blacklist": ["A"], "whitelist": ["A", "B"]}).build(dict.fromkeys("ABC", ""), {}) == {
        "B": ""
    }


def test_transports_have_the_originals_defaults() -> None:
    """In nanoseconds; 0 is no bound."""
    second = 1_000_000_000
    assert Transport() == Transport(30 * second, 30 * second, False, 5 * second, 0, 100, 0, 10 * second)


def test_what_a_stanza_says_of_tls_reaches_the_client() -> None:
    """Each file at its place; without TLS nothing does."""
    ssl = {
        "cert": "c",
        "key": "k",
        "ca_cert": "a",
        "ca_path": "p",
        "ca_cert_bytes": "b",
        "server_name": "n",
        "verify": False,
    }
    settings = Consul.of({"ssl": ssl}, {}).client_settings()
    tls = TLS(ca_file="a", ca_path="p", ca_pem="b", cert_file="c", key_file="k", server_name="n", verify=False)
    assert (settings.scheme, settings.tls) == ("https", tls)
    settings = Consul.of({"ssl": {**ssl, "enabled": False}}, {}).client_settings()
    assert (settings.scheme, settings.tls) == ("http", TLS())


@pytest.mark.parametrize(
    ("auth", "wanted"),
    [({"username": "u"}, "u:"), ({"username": "u", "password": "p"}, "u:p"), ({"username": "u", "enabled": False}, None), ({}, None)],
)  # fmt: skip
def test_commands_see_who_consul_is_asked_as(auth: dict[str, object], wanted: str | None) -> None:
    """Where that is on."""
    assert Consul.of({"auth": auth}, {}).environment().get("CONSUL_HTTP_AUTH") == wanted


def test_whole_numbers_may_have_a_point() -> None:
    """JSON and HCL write them in both ways; what is behind the point is lost."""
    assert decode({"n": 3.0}, {"n": integer}) == decode({"n": 3.9}, {"n": integer}) == {"n": 3}
    for wrong in (True, "3", [3]):
        with pytest.raises(ConfigError, match="'n' expected type 'int'"):
            decode({"n": wrong}, {"n": integer})


def test_commands_have_defaults() -> None:
    """A stanza with a command is on."""
    made = Exec.of({"command": ["a b"], "kill_signal": 15})
    assert (made.enabled, made.has_command, made.kill_signal, made.kill_timeout) == (True, True, 15, 30 * 10**9)
    assert not Exec.of({"command": [""]}).has_command


def test_signals_are_known_by_name() -> None:
    """In any letter case; an unknown one lists all others."""
    assert signals.parse("sighup") == signal.SIGHUP
    assert signals.parse("SIGNULL") == 0
    with pytest.raises(signals.UnknownSignal, match='invalid signal "X" - valid signals are \\["SIGABRT"'):
        signals.parse("X")


KNOWN = (
    "ABRT ALRM BUS CONT FPE HUP ILL INT IO IOT KILL NULL PIPE PROF QUIT SEGV STOP SYS TERM TRAP TSTP TTIN TTOU USR1 USR2 "
    "WINCH XCPU XFSZ"
)
TAKEN = "ALRM CONT HUP INT IO PROF QUIT TERM TSTP TTIN TTOU USR1 USR2 WINCH XCPU"


def test_the_originals_signals_are_known() -> None:
    """Not those that tell of a child or of urgent data, which come all the time."""
    with pytest.raises(signals.UnknownSignal) as caught:
        signals.parse("X")
    assert str(caught.value).partition("[")[2] == " ".join(f'"SIG{name}"' for name in KNOWN.split()) + "]"
    assert all(signals.parse(f"SIG{name}") == signal.Signals[f"SIG{name}"] for name in KNOWN.split() if name != "NULL")


def test_signals_that_can_be_passed_on_are_taken() -> None:
    """The others end a process, or say that this one is broken."""
    assert {signal.Signals[f"SIG{name}"] for name in TAKEN.split()} == signals.PASSED_ON


def test_basic_authentication_is_cut_at_the_first_colon() -> None:
    """A password may hold colons; nothing at all is an error."""
    assert parse_auth("u:p:q") == {"username": "u", "password": "p:q"}
    with pytest.raises(ValueError, match="auth: cannot be empty"):
        parse_auth("")


def test_basic_authentication_of_a_flag_is_laid_over_that_of_a_file() -> None:
    """The file's password belongs to the flag's user; a stanza that is switched off stays off."""
    file: Settings = {"enabled": False, "username": "me", "password": "p"}
    merged = merge(file, parse_auth("u"))
    assert Consul.of({"auth": merged}, {}).auth == ""
    assert Consul.of({"auth": {**merged, "enabled": True}}, {}).auth == "u:p"


def test_commands_see_authentication_with_its_colon() -> None:
    """Also where there is no password."""
    environment = Consul.of({"auth": parse_auth("u")}, {}).environment()
    assert environment["CONSUL_HTTP_AUTH"] == "u:"


def test_the_log_level_comes_from_the_environment() -> None:
    """The first variable that is set counts."""
    made = Logging.of({}, {"B": "debug"}, tool="t", levels=("A", "B"))
    assert (made.level, made.syslog_facility, made.syslog_name) == ("debug", "", "t")
    assert Logging.of({"syslog": {"name": "n"}}, {}, tool="t", levels=()).syslog_facility == "LOCAL0"
    assert Logging.of({"syslog": {"name": "n", "enabled": False}}, {}, tool="t", levels=()).syslog_facility == ""
