# ruff: noqa: E501 - one row a setting reads best
"""Every flag of the environment tool with the key that it stands for, every key with its effect on the configuration."""

from __future__ import annotations

import pytest

from pyconsul.toolkit.sources import parse
from pyconsul_envconsul import arguments
from pyconsul_envconsul.config import SCHEMA, Config

FLAGS = [
    ("-consul-addr=v3", 'consul { address = "v3" }'),
    ("-consul-auth=u:p:q", 'consul { auth { enabled = true username = "u" password = "p:q" } }'),
    ("-consul-token=v5", 'consul { token = "v5" }'),
    ("-consul-token-file=v6", 'consul { token_file = "v6" }'),
    ("-consul-retry=false", "consul { retry { enabled = false } }"),
    ("-consul-retry-attempts=8", "consul { retry { attempts = 8 } }"),
    ("-consul-retry-backoff=9s", 'consul { retry { backoff = "9s" } }'),
    ("-consul-retry-max-backoff=10s", 'consul { retry { max_backoff = "10s" } }'),
    ("-consul-ssl=true", "consul { ssl { enabled = true } }"),
    ("-consul-ssl-ca-cert=v12", 'consul { ssl { ca_cert = "v12" } }'),
    ("-consul-ssl-ca-path=v13", 'consul { ssl { ca_path = "v13" } }'),
    ("-consul-ssl-cert=v14", 'consul { ssl { cert = "v14" } }'),
    ("-consul-ssl-key=v15", 'consul { ssl { key = "v15" } }'),
    ("-consul-ssl-server-name=v16", 'consul { ssl { server_name = "v16" } }'),
    ("-consul-ssl-verify=false", "consul { ssl { verify = false } }"),
    ("-consul-transport-dial-keep-alive=18s", 'consul { transport { dial_keep_alive = "18s" } }'),
    ("-consul-transport-dial-timeout=19s", 'consul { transport { dial_timeout = "19s" } }'),
    ("-consul-transport-disable-keep-alives=true", "consul { transport { disable_keep_alives = true } }"),
    ("-consul-transport-max-idle-conns-per-host=21", "consul { transport { max_idle_conns_per_host = 21 } }"),
    ("-consul-transport-tls-handshake-timeout=22s", 'consul { transport { tls_handshake_timeout = "22s" } }'),
    ("-vault-addr=v23", 'vault { address = "v23" }'),
    ("-vault-token=v24", 'vault { token = "v24" }'),
    ("-vault-agent-token-file=v25", 'vault { vault_agent_token_file = "v25" }'),
    ("-vault-renew-token=true", "vault { renew_token = true }"),
    ("-vault-unwrap-token=true", "vault { unwrap_token = true }"),
    ("-vault-retry=false", "vault { retry { enabled = false } }"),
    ("-vault-retry-attempts=29", "vault { retry { attempts = 29 } }"),
    ("-vault-retry-backoff=30s", 'vault { retry { backoff = "30s" } }'),
    ("-vault-retry-max-backoff=31s", 'vault { retry { max_backoff = "31s" } }'),
    ("-vault-ssl=false", "vault { ssl { enabled = false } }"),
    ("-vault-ssl-ca-cert=v33", 'vault { ssl { ca_cert = "v33" } }'),
    ("-vault-ssl-ca-path=v34", 'vault { ssl { ca_path = "v34" } }'),
    ("-vault-ssl-cert=v35", 'vault { ssl { cert = "v35" } }'),
    ("-vault-ssl-key=v36", 'vault { ssl { key = "v36" } }'),
    ("-vault-ssl-server-name=v37", 'vault { ssl { server_name = "v37" } }'),
    ("-vault-ssl-verify=false", "vault { ssl { verify = false } }"),
    ("-vault-transport-dial-keep-alive=39s", 'vault { transport { dial_keep_alive = "39s" } }'),
    ("-vault-transport-dial-timeout=40s", 'vault { transport { dial_timeout = "40s" } }'),
    ("-vault-transport-disable-keep-alives=true", "vault { transport { disable_keep_alives = true } }"),
    ("-vault-transport-max-idle-conns-per-host=42", "vault { transport { max_idle_conns_per_host = 42 } }"),
    ("-vault-transport-tls-handshake-timeout=43s", 'vault { transport { tls_handshake_timeout = "43s" } }'),
    ("-vault-namespace=v44", 'vault { namespace = "v44" }'),
    ("-vault-k8s-auth-role-name=v45", 'vault { k8s_auth_role_name = "v45" }'),
    ("-vault-k8s-service-account-token=v46", 'vault { k8s_service_account_token = "v46" }'),
    ("-vault-k8s-service-account-token-path=v47", 'vault { k8s_service_account_token_path = "v47" }'),
    ("-vault-k8s-service-mount-path=v48", 'vault { k8s_service_mount_path = "v48" }'),
    ("-exec=run it", 'exec { command = ["run it"] }'),
    ("-exec-kill-signal=SIGUSR1", 'exec { kill_signal = "SIGUSR1" }'),
    ("-exec-kill-timeout=51s", 'exec { kill_timeout = "51s" }'),
    ("-exec-reload-signal=SIGUSR1", 'exec { reload_signal = "SIGUSR1" }'),
    ("-exec-splay=53s", 'exec { splay = "53s" }'),
    ("-kill-signal=SIGUSR1", 'kill_signal = "SIGUSR1"'),
    ("-reload-signal=SIGUSR1", 'reload_signal = "SIGUSR1"'),
    ("-log-level=debug", 'log_level = "debug"'),
    ("-max-stale=57s", 'max_stale = "57s"'),
    ("-pid-file=v58", 'pid_file = "v58"'),
    ("-syslog=true", "syslog { enabled = true }"),
    ("-syslog-facility=v60", 'syslog { facility = "v60" }'),
    ("-wait=2s:5s", 'wait = "2s:5s"'),
    ("-pristine=true", "pristine = true"),
    ("-sanitize=true", "sanitize = true"),
    ("-upcase=true", "upcase = true"),
    ("-no-restart=true", "no_restart = true"),
    ("-change-command=v67", 'change_command = "v67"'),
    ("-change-timeout=68s", 'change_timeout = "68s"'),
]


def config_of(text: str) -> Config:
    """The configuration of a file's text."""
    return Config.of(parse(text, SCHEMA), {})


def unheard(_level: int, _message: str) -> None:
    """No flag of the table is an old one."""
    raise AssertionError


def test_no_flag_is_left_out() -> None:
    """The table is complete."""
    known = {flag.partition("=")[0] for flag, _ in FLAGS} | {"-once"}
    assert known == {f"-{row.name}" for row in arguments.ROWS}


@pytest.mark.parametrize(("flag", "key"), FLAGS, ids=[flag for flag, _ in FLAGS])
def test_a_flag_says_what_its_key_says(flag: str, key: str) -> None:
    """And both say something."""
    assert Config.of(arguments.parse([flag], unheard).settings, {}) == config_of(key) != config_of("")


OLDER = [
    ("-auth=u:p", 'consul { auth { enabled = true username = "u" password = "p" } }'),
    ("-consul=v", 'consul { address = "v" }'),
    (
        "-retry=7s",
        'consul { retry { backoff = "7s" max_backoff = "7s" } } vault { retry { backoff = "7s" max_backoff = "7s" } }',
    ),
    ("-splay=7s", 'exec { splay = "7s" }'),
    ("-ssl=false", "consul { ssl { enabled = false } } vault { ssl { enabled = false } }"),
    ("-ssl-verify=false", "consul { ssl { verify = false } } vault { ssl { verify = false } }"),
    ("-ssl-ca-cert=v", 'consul { ssl { ca_cert = "v" } } vault { ssl { ca_cert = "v" } }'),
    ("-ssl-cert=v", 'consul { ssl { cert = "v" } } vault { ssl { cert = "v" } }'),
    ("-timeout=7s", 'exec { timeout = "7s" }'),
    ("-token=v", 'consul { token = "v" }'),
]


@pytest.mark.parametrize(("flag", "key"), OLDER, ids=[flag for flag, _ in OLDER])
def test_an_older_flag_says_what_the_keys_say(flag: str, key: str) -> None:
    """Where there are two servers now, it is for both."""
    assert Config.of(arguments.parse([flag], lambda _level, _message: None).settings, {}) == config_of(key)
