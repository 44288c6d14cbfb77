"""What stanzas mean by what they leave out, and how variables of the environment are read."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pyconsul.toolkit.flags import Row, described, to_decimal
from pyconsul.toolkit.quiescence import WaitSetting
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.running_stanzas import Exec, Logging
from pyconsul.toolkit.stanzas import SECOND, Consul, Nomad, Tls, Vault, parse_wait, wait_setting


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(" 1s : 2s ", 1, 2), ("2s:2s", 2, 2), ("0s", 0, 0), ("0s:0s", 0, 0), ("1s", 1, 4)],
)
def test_a_wait_is_one_time_or_two(value: str, low: int, high: int) -> None:
    """Spaces do not matter, and equal times are a fixed wait."""
    assert parse_wait(value) == {"min": low * SECOND, "max": high * SECOND}


@pytest.mark.parametrize("value", ["-5s:1s", "1s:-1s", "-1s"])
def test_no_time_of_a_wait_is_negative(value: str) -> None:
    """Neither the lower nor the upper one."""
    with pytest.raises(ValueError, match=r"^wait: cannot be negative$"):
        parse_wait(value)


def test_a_wait_without_times_is_off() -> None:
    """Or waits for nothing where it is on all the same."""
    assert wait_setting({}) == WaitSetting(False, 0.0, 0.0)
    assert wait_setting({"bool": True}) == WaitSetting(True, 0.0, 0.0)


def test_requests_are_tried_again_twelve_times() -> None:
    """First after a quarter of a second, and never later than after a minute."""
    retry = Consul.of({}, {}).retry
    assert retry == RetryPolicy() == RetryPolicy(True, 12, SECOND // 4, 60 * SECOND)


def test_variables_are_trimmed() -> None:
    """As they come out of files and shell scripts."""
    assert Consul.of({}, {"CONSUL_HTTP_ADDR": " h:1\n"}).address == "h:1"


@pytest.mark.parametrize(
    ("text", "unwraps", "renews"),
    [
        *((yes, True, True) for yes in ("1", "t", "T", "TRUE", "true", "True")),
        *((no, False, False) for no in ("0", "f", "F", "FALSE", "false", "False")),
        *((odd, False, True) for odd in ("", "yes", "no", "2")),
    ],
)
def test_a_variable_is_true_or_false_as_go_reads_it(text: str, unwraps: bool, renews: bool) -> None:
    """Anything else says nothing: a token is renewed without being asked to, and not unwrapped."""
    environ = {"VAULT_TOKEN": "t", "VAULT_UNWRAP_TOKEN": text, "VAULT_RENEW_TOKEN": text}
    vault = Vault.of({}, environ)
    assert (vault.unwrap_token, vault.renew_token) == (unwraps, renews)


def test_tls_that_is_switched_on_needs_nothing_else() -> None:
    """And stays off in a stanza that says nothing."""
    assert [Tls.of(s).enabled for s in ({"enabled": True}, {"enabled": False}, {"cert": ""}, {"verify": False})] == [
        True,
        False,
        False,
        True,
    ]


def test_all_that_a_stanza_says_of_consul_reaches_the_client() -> None:
    """A time to connect that is no time means the default one."""
    given = {"address": "h:1", "namespace": "ns", "token": "t", "token_file": "f", "auth": {"password": "p"}}
    settings = Consul.of({**given, "transport": {"dial_timeout": 2 * SECOND}}, {}).client_settings()
    assert (settings.address, settings.namespace, settings.token, settings.auth) == ("h:1", "ns", "t", ":p")
    assert settings.connect_timeout == 2.0
    assert Consul.of({"transport": {"dial_timeout": 0}}, {}).client_settings().connect_timeout == 30.0


VAULT_FILES = {
    "VAULT_CACERT": "ca",
    "VAULT_CACERT_BYTES": "PEM",
    "VAULT_CAPATH": "dir",
    "VAULT_CLIENT_CERT": "cert",
    "VAULT_CLIENT_KEY": "key",
    "VAULT_TLS_SERVER_NAME": "name",
}


def test_variables_of_vaults_client_say_how_to_trust_it() -> None:
    """The stanza wins; commands see what came of both."""
    vault = Vault.of({}, VAULT_FILES)
    assert vault.tls == Tls(True, True, "cert", "key", "ca", "PEM", "dir", "name")
    assert vault.environment() == VAULT_FILES
    assert Vault.of({"ssl": {"key": "mine"}}, VAULT_FILES).tls.key == "mine"


@pytest.mark.parametrize("name", ["VAULT_SKIP_VERIFY", "VAULT_INSECURE"])
def test_two_variables_switch_the_check_of_vaults_certificate_off(name: str) -> None:
    """TLS itself stays on, unless the stanza says so."""
    tls = Vault.of({}, {name: "1"}).tls
    assert (tls.enabled, tls.verify) == (True, False)
    assert Vault.of({"ssl": {"enabled": False}}, {}).tls.enabled is False


def test_a_login_of_kubernetes_comes_from_the_stanza_or_its_variables() -> None:
    """What neither says has a default."""
    names = ("auth_role_name", "service_account_token_path", "service_account_token", "service_mount_path")
    variables = {f"VAULT_K8S_{name.upper()}": name for name in names}
    vault = Vault.of({"k8s_auth_role_name": "mine"}, variables)
    assert [getattr(vault, f"k8s_{name}") for name in names] == ["mine", *names[1:]]
    plain = Vault.of({}, {})
    assert plain.k8s_service_account_token_path == "/run/secrets/kubernetes.io/serviceaccount/token"
    assert plain.k8s_service_mount_path == "kubernetes"


def test_a_stanza_of_vault_has_defaults() -> None:
    """A lease of five minutes, of which nine tenths are used."""
    plain = Vault.of({}, {})
    assert (plain.default_lease_duration, plain.lease_renewal_threshold) == (300 * SECOND, 0.9)
    assert (plain.unwrap_token, plain.renew_token, plain.vault_agent_token_file) == (False, False, "")
    given = {"client_user_agent": "a", "default_lease_duration": 1, "lease_renewal_threshold": 0.5}
    made = Vault.of({**given, "unwrap_token": True}, {})
    assert (made.client_user_agent, made.default_lease_duration, made.lease_renewal_threshold) == ("a", 1, 0.5)
    assert made.unwrap_token


def test_a_token_that_is_given_is_not_looked_for_at_home(tmp_path: Path) -> None:
    """Not even where the command of Vault has left one."""
    (tmp_path / ".vault-token").write_text("home\n")
    assert Vault.of({"token": "mine"}, {"HOME": str(tmp_path)}).token == "mine"
    assert Vault.of({}, {"HOME": str(tmp_path), "VAULT_TOKEN": "v"}).token == "v"


def test_commands_end_with_an_interrupt_and_logs_with_the_day() -> None:
    """Where a stanza says nothing else."""
    assert (Exec.of({}).kill_signal, Exec.of({}).kill_timeout) == (signal.SIGINT, 30 * SECOND)
    made = Logging.of({}, {}, tool="t", levels=("A",))
    assert (made.level, made.rotate_ns, made.rotate_keep) == ("WARN", 86400 * SECOND, 0)


def test_numbers_of_flags_have_32_bits() -> None:
    """As the originals read them."""
    assert to_decimal("2147483647") == 2**31 - 1
    with pytest.raises(ValueError, match="value out of range"):
        to_decimal("2147483648")


def test_flags_are_described_in_order_of_their_names() -> None:
    """Whether they expect something or not; those without a word about them are hidden."""
    rows = [Row("b", "b", "<text>", "B."), Row("aa", "aa", "", "AA."), Row("hidden", "x")]
    others = [("a=<x>", "A."), ("c", "C.")]
    assert described(rows, others) == [("a=<x>", "A."), ("aa", "AA."), ("b=<text>", "B."), ("c", "C.")]


def test_commands_see_how_consul_is_asked() -> None:
    """Whether with TLS and with a check of the certificate is always told."""
    given = {"address": "h:1", "token": "t", "token_file": "f", "ssl": {"enabled": True}}
    assert Consul.of(given, {}).environment() == {
        "CONSUL_HTTP_ADDR": "h:1",
        "CONSUL_HTTP_TOKEN": "t",
        "CONSUL_HTTP_TOKEN_FILE": "f",
        "CONSUL_HTTP_SSL": "true",
        "CONSUL_HTTP_SSL_VERIFY": "true",
    }
    plain = {"CONSUL_HTTP_SSL": "false", "CONSUL_HTTP_SSL_VERIFY": "false"}
    assert Consul.of({"ssl": {"enabled": False, "verify": False}}, {}).environment() == plain


def test_a_place_of_consul_is_found_in_three_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stanza, the variable, and what the tool itself would ask."""
    monkeypatch.delenv("CONSUL_HTTP_ADDR", raising=False)
    assert Consul.of({}, {}, "default:1").client_settings().address == "default:1"
    monkeypatch.setenv("CONSUL_HTTP_ADDR", "variable:1")
    assert Consul.of({"address": ""}, {}, "default:1").client_settings().address == "variable:1"
    assert Consul.of({"token_file": "f"}, {}).client_settings().token_file == "f"


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({}, False),
        ({"token": "t"}, False),
        ({"unwrap_token": True}, False),
        ({"token": "t", "unwrap_token": True}, True),
        ({"k8s_auth_role_name": "web"}, True),
        ({"k8s_auth_role_name": "web", "token": "t"}, False),
    ],
)
def test_a_login_is_needed_for_a_role_or_a_wrapped_token(settings: dict[str, object], needs: bool) -> None:
    """Not where there is a token already, or nothing to unwrap."""
    assert Vault.of(settings, {}).needs_login is needs


def test_what_vaults_stanza_says_of_requests_counts() -> None:
    """Its retries and transport are its own; variables are trimmed."""
    vault = Vault.of({"retry": {"attempts": 3}, "transport": {"dial_timeout": 5}}, {"VAULT_CACERT": " ca\n"})
    assert (vault.retry.attempts, vault.transport.dial_timeout, vault.tls.ca_cert) == (3, 5, "ca")


def test_what_nomads_stanza_says_wins_over_the_variables() -> None:
    """A password alone is a login as well."""
    variables = {f"NOMAD_{name}": "v" for name in ("ADDR", "NAMESPACE", "TOKEN", "HTTP_AUTH")}
    given = {"address": "a", "namespace": "n", "token": "t", "auth_password": "p", "transport": {"dial_timeout": 5}}
    nomad = Nomad.of(given, variables)
    assert (nomad.address, nomad.namespace, nomad.token) == ("a", "n", "t")
    assert (nomad.auth_username, nomad.auth_password, nomad.transport.dial_timeout) == ("", "p", 5)
