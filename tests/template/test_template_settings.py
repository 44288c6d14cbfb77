"""Every flag with the key that it stands for, every key with its effect on the configuration.

That flags and keys stand for one another is what consul-template 0.42.1 says itself (``-log-level=debug``).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pyconsul.toolkit.sources import parse
from pyconsul_template import arguments
from pyconsul_template.config import SCHEMA, Config, load

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
    ("-retry=23s", 'consul { retry { backoff = "23s" } }'),
    ("-vault-addr=v24", 'vault { address = "v24" }'),
    ("-vault-token=v25", 'vault { token = "v25" }'),
    ("-vault-agent-token-file=v26", 'vault { vault_agent_token_file = "v26" }'),
    ("-vault-renew-token=true", "vault { renew_token = true }"),
    ("-vault-unwrap-token=true", "vault { unwrap_token = true }"),
    ("-vault-retry=false", "vault { retry { enabled = false } }"),
    ("-vault-retry-attempts=30", "vault { retry { attempts = 30 } }"),
    ("-vault-retry-backoff=31s", 'vault { retry { backoff = "31s" } }'),
    ("-vault-retry-max-backoff=32s", 'vault { retry { max_backoff = "32s" } }'),
    ("-vault-ssl=false", "vault { ssl { enabled = false } }"),
    ("-vault-ssl-ca-cert=v34", 'vault { ssl { ca_cert = "v34" } }'),
    ("-vault-ssl-ca-path=v35", 'vault { ssl { ca_path = "v35" } }'),
    ("-vault-ssl-cert=v36", 'vault { ssl { cert = "v36" } }'),
    ("-vault-ssl-key=v37", 'vault { ssl { key = "v37" } }'),
    ("-vault-ssl-server-name=v38", 'vault { ssl { server_name = "v38" } }'),
    ("-vault-ssl-verify=false", "vault { ssl { verify = false } }"),
    ("-vault-transport-dial-keep-alive=40s", 'vault { transport { dial_keep_alive = "40s" } }'),
    ("-vault-transport-dial-timeout=41s", 'vault { transport { dial_timeout = "41s" } }'),
    ("-vault-transport-disable-keep-alives=true", "vault { transport { disable_keep_alives = true } }"),
    ("-vault-transport-max-idle-conns-per-host=43", "vault { transport { max_idle_conns_per_host = 43 } }"),
    ("-vault-transport-tls-handshake-timeout=44s", 'vault { transport { tls_handshake_timeout = "44s" } }'),
    ("-vault-default-lease-duration=45s", 'vault { default_lease_duration = "45s" }'),
    ("-vault-client-user-agent=v46", 'vault { client_user_agent = "v46" }'),
    ("-vault-transport-max-conns-per-host=47", "vault { transport { max_conns_per_host = 47 } }"),
    ("-exec=run it", 'exec { command = ["run it"] }'),
    ("-exec-kill-signal=SIGUSR1", 'exec { kill_signal = "SIGUSR1" }'),
    ("-exec-kill-timeout=50s", 'exec { kill_timeout = "50s" }'),
    ("-exec-reload-signal=SIGUSR1", 'exec { reload_signal = "SIGUSR1" }'),
    ("-exec-splay=52s", 'exec { splay = "52s" }'),
    ("-exec-env-pristine=true", "exec { env { pristine = true } }"),
    ("-exec-env-custom=V54", 'exec { env { custom = ["V54"] } }'),
    ("-exec-env-allowlist=V55", 'exec { env { allowlist = ["V55"] } }'),
    ("-exec-env-denylist=V56", 'exec { env { denylist = ["V56"] } }'),
    ("-kill-signal=SIGUSR1", 'kill_signal = "SIGUSR1"'),
    ("-reload-signal=SIGUSR1", 'reload_signal = "SIGUSR1"'),
    ("-log-level=debug", 'log_level = "debug"'),
    ("-max-stale=60s", 'max_stale = "60s"'),
    ("-pid-file=v61", 'pid_file = "v61"'),
    ("-syslog=true", "syslog { enabled = true }"),
    ("-syslog-facility=v63", 'syslog { facility = "v63" }'),
    ("-wait=2s:5s", 'wait = "2s:5s"'),
    ("-syslog-name=v65", 'syslog { name = "v65" }'),
    ("-log-file=v66", 'log_file { path = "v66" }'),
    ("-log-rotate-bytes=67", "log_file { log_rotate_bytes = 67 }"),
    ("-log-rotate-duration=68s", 'log_file { log_rotate_duration = "68s" }'),
    ("-log-rotate-max-files=69", "log_file { log_rotate_max_files = 69 }"),
    ("-dedup=true", "deduplicate { enabled = true }"),
    ("-default-left-delimiter=v71", 'default_delimiters { left = "v71" }'),
    ("-default-right-delimiter=v72", 'default_delimiters { right = "v72" }'),
    ("-once=true", "once = true"),
    ("-parse-only=true", "parseonly = true"),
    ("-template=in:out:c d", 'template { source = "in" destination = "out" command = ["c d"] }'),
    ("-template-error-fatal=false", "template_error_fatal = false"),
    ("-status-address=v77", 'status_address = "v77"'),
]

KEYS = [
    'consul { namespace = "n" }',
    'consul { auth { username = "u" } }',
    'consul { ssl { ca_cert_bytes = "c" } }',
    'consul { transport { idle_conn_timeout = "7s" } }',
    "consul { transport { max_idle_conns = 7 } }",
    "consul { transport { max_conns_per_host = 7 } }",
    "vault { enabled = true }",
    'vault { namespace = "n" }',
    "vault { lease_renewal_threshold = 0.5 }",
    'vault { ssl { ca_cert_bytes = "c" } }',
    'vault { transport { idle_conn_timeout = "7s" } }',
    "vault { transport { max_idle_conns = 7 } }",
    'vault { k8s_auth_role_name = "r" }',
    'vault { k8s_service_account_token_path = "p" }',
    'vault { k8s_service_account_token = "t" }',
    'vault { k8s_service_mount_path = "m" }',
    'nomad { address = "a" }',
    "nomad { enabled = true }",
    'nomad { namespace = "n" }',
    'nomad { token = "t" }',
    'nomad { auth_username = "u" }',
    'nomad { auth_password = "p" }',
    "nomad { ssl { enabled = true } }",
    'nomad { transport { dial_timeout = "7s" } }',
    "exec { enabled = true }",
    'exec { timeout = "7s" }',
    'exec { env { blacklist = ["B"] } }',
    'exec { env { whitelist = ["W"] } }',
    'block_query_wait = "7s"',
    "err_on_failed_lookup = true",
    'wait { min = "7s" }',
    "wait { bool = true }",
    'deduplicate { max_stale = "7s" }',
    'deduplicate { prefix = "p" }',
    'deduplicate { ttl = "7s" }',
    'deduplicate { block_query_wait = "7s" }',
]

OF_A_TEMPLATE = [
    "backup = true",
    'command = "c"',
    'command_timeout = "7s"',
    'contents = "c"',
    "create_dest_dirs = false",
    'destination = "d"',
    "error_on_missing_key = true",
    "error_fatal = false",
    'exec { kill_signal = "SIGTERM" }',
    "perms = 0600",
    'user = "u"',
    "uid = 7",
    'group = "g"',
    "gid = 7",
    'source = "s"',
    'wait = "7s"',
    'left_delimiter = "<<"',
    'right_delimiter = ">>"',
    'function_denylist = ["d"]',
    'function_blacklist = ["b"]',
    'sandbox_path = "/p"',
    'dialect = "jinja2"',
]


def config_of(text: str) -> Config:
    """The configuration of a file's text, and of a template that some of its keys are for."""
    return Config.of(parse(f"template {{ }} {text}", SCHEMA), {})


def test_no_flag_is_left_out() -> None:
    """The table is complete."""
    assert [flag.partition("=")[0] for flag, _ in FLAGS] == [f"-{row.name}" for row in arguments.ROWS]


@pytest.mark.parametrize(("flag", "key"), FLAGS, ids=[flag for flag, _ in FLAGS])
def test_a_flag_says_what_its_key_says(flag: str, key: str) -> None:
    """And both say something."""
    settings = arguments.parse([flag], {"CT_LOCAL_CONFIG": "template { }"}).settings
    assert Config.of(settings, {}) == config_of(key) != config_of("")


@pytest.mark.parametrize("key", KEYS)
def test_a_key_has_an_effect(key: str) -> None:
    """Those that no flag stands for."""
    assert config_of(key) != config_of("")


@pytest.mark.parametrize("key", OF_A_TEMPLATE)
def test_a_key_of_a_template_has_an_effect(key: str) -> None:
    """On that template."""
    plain, changed = config_of(f"template {{ {key} }}").templates
    assert changed != plain


@pytest.mark.parametrize("variable", ["CT_LOG", "CONSUL_TEMPLATE_LOG", "CONSUL_TEMPLATE_LOG_LEVEL"])
def test_variables_set_the_log_level(variable: str) -> None:
    """Where nothing else does."""
    assert Config.of({}, {variable: "info"}).logging.level == "info"
    assert Config.of({"log_level": "err"}, {variable: "info"}).logging.level == "err"


@pytest.mark.parametrize("key", ["once = true", "parseonly = true"])
def test_what_is_for_one_run_is_not_for_files(key: str, tmp_path: Path) -> None:
    """They may say it, but it does not count; in ``CT_LOCAL_CONFIG`` it does."""
    (tmp_path / "c.hcl").write_text(key)
    assert load([str(tmp_path / "c.hcl")], {}, {}) == load([], {}, {})
    assert Config.of(arguments.parse([], {"CT_LOCAL_CONFIG": key}).settings, {}) != load([], {}, {})


@pytest.mark.parametrize(
    ("source", "said", "wanted"),
    [
        ("a.tmpl", "", "go"),
        ("a.j2", "", "jinja2"),
        ("a.jinja", "", "jinja2"),
        ("a.jinja2", "", "jinja2"),
        ("a.j2", "go", "go"),
    ],
)
def test_the_ending_of_a_template_tells_its_dialect(source: str, said: str, wanted: str) -> None:
    """Unless the stanza does."""
    dialect = f'dialect = "{said}"' if said else ""
    assert config_of(f'template {{ source = "{source}" {dialect} }}').templates[1].dialect == wanted
