"""Keys that were replaced, and keys that only the enterprise edition knows."""

from __future__ import annotations

from typing import Final

from pyconsul.config.keyrow import Key, Kind

# From Consul 1.21's own configuration structure; the sentences are ours.
OLD: Final[tuple[Key, ...]] = (
    Key(
        "acl.tokens.master", Kind.STRING, "Old name", reload=True, secret=True, instead="acl.tokens.initial_management"
    ),
    Key(
        "acl.tokens.agent_master",
        Kind.STRING,
        "Old name",
        reload=True,
        secret=True,
        instead="acl.tokens.agent_recovery",
    ),
    Key("license_path", Kind.STRING, enterprise=True),
    Key("ui", Kind.BOOL, "Old name", instead="ui_config.enabled"),
    Key("ui_content_path", Kind.STRING, "Old name", instead="ui_config.content_path"),
    Key("ui_dir", Kind.STRING, "Old name", instead="ui_config.dir"),
    Key("audit.enabled", Kind.BOOL, enterprise=True),
    Key("audit.sink.{name}.type", Kind.STRING, enterprise=True),
    Key("audit.sink.{name}.format", Kind.STRING, enterprise=True),
    Key("audit.sink.{name}.path", Kind.STRING, enterprise=True),
    Key("audit.sink.{name}.delivery_guarantee", Kind.STRING, enterprise=True),
    Key("audit.sink.{name}.mode", Kind.STRING, enterprise=True),
    Key("audit.sink.{name}.rotate_bytes", Kind.INT, enterprise=True),
    Key("audit.sink.{name}.rotate_duration", Kind.DURATION, enterprise=True),
    Key("audit.sink.{name}.rotate_max_files", Kind.INT, enterprise=True),
    Key("audit.rpc_enabled", Kind.BOOL, enterprise=True),
    Key("segments[].advertise", Kind.STRING, enterprise=True),
    Key("segments[].bind", Kind.STRING, enterprise=True),
    Key("segments[].name", Kind.STRING, enterprise=True),
    Key("segments[].port", Kind.INT, enterprise=True),
    Key("segments[].rpc_listener", Kind.BOOL, enterprise=True),
    Key("partition", Kind.STRING, enterprise=True),
    Key("license_poll_base_time", Kind.DURATION, enterprise=True),
    Key("license_poll_max_time", Kind.DURATION, enterprise=True),
    Key("license_update_base_time", Kind.DURATION, enterprise=True),
    Key("license_update_max_time", Kind.DURATION, enterprise=True),
    Key("reporting.license.enabled", Kind.BOOL, enterprise=True, shown="Reporting.License.Enabled"),
    Key("acl_agent_master_token", Kind.STRING, secret=True, instead="acl.tokens.agent_recovery"),
    Key("acl_agent_token", Kind.STRING, secret=True, instead="acl.tokens.agent"),
    Key("acl_token", Kind.STRING, secret=True, instead="acl.tokens.default"),
    Key("acl_enable_key_list_policy", Kind.BOOL, instead="acl.enable_key_list_policy"),
    Key("acl_master_token", Kind.STRING, secret=True, instead="acl.tokens.initial_management"),
    Key("acl_replication_token", Kind.STRING, secret=True, instead="acl.tokens.replication"),
    Key("enable_acl_replication", Kind.BOOL, instead="acl.enable_token_replication"),
    Key("acl_datacenter", Kind.STRING, instead="primary_datacenter"),
    Key("acl_default_policy", Kind.STRING, instead="acl.default_policy"),
    Key("acl_down_policy", Kind.STRING, instead="acl.down_policy"),
    Key("acl_ttl", Kind.DURATION, instead="acl.token_ttl"),
    Key("ca_file", Kind.STRING, instead="tls.defaults.ca_file"),
    Key("ca_path", Kind.STRING, instead="tls.defaults.ca_path"),
    Key("cert_file", Kind.STRING, instead="tls.defaults.cert_file"),
    Key("key_file", Kind.STRING, secret=True, instead="tls.defaults.key_file"),
    Key("tls_cipher_suites", Kind.STRING, instead="tls.defaults.tls_cipher_suites"),
    Key("tls_min_version", Kind.STRING, instead="tls.defaults.tls_min_version"),
    Key("verify_incoming", Kind.BOOL, instead="tls.defaults.verify_incoming"),
    Key("verify_incoming_https", Kind.BOOL, instead="tls.https.verify_incoming"),
    Key("verify_incoming_rpc", Kind.BOOL, instead="tls.internal_rpc.verify_incoming"),
    Key("verify_outgoing", Kind.BOOL, instead="tls.defaults.verify_outgoing"),
    Key("verify_server_hostname", Kind.BOOL, instead="tls.internal_rpc.verify_server_hostname"),
    Key("tls_prefer_server_cipher_suites", Kind.BOOL, instead="nothing"),
    Key("start_join", Kind.STRINGS, flag="join", instead="retry_join"),
    Key("start_join_wan", Kind.STRINGS, flag="join-wan", instead="retry_join_wan"),
    Key("raft_boltdb.nofreelistsync", Kind.BOOL, instead="raft_logstore.boltdb"),
)
