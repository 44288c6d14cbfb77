"""What stanzas mean by what they leave out, and how variables of the environment are read."""

from __future__ import annotations

import pytest

from pyconsul.toolkit.quiescence import WaitSetting
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.stanzas import SECOND, Consul, Tls, Vault, parse_wait, wait_setting


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
