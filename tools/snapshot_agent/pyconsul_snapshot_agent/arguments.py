"""The command line: flags in Go's syntax with Enterprise's names, the sub-commands, the help text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from pyconsul.lang.goflags import Args, FlagSet, to_bool, to_duration, to_int
from pyconsul.toolkit.flags import Convert, Row, collect, declare, listed
from pyconsul.toolkit.schema import Settings
from pyconsul_snapshot_agent.config import PROVIDERS

COMMANDS: Final = ("list", "verify", "restore")


class Option(NamedTuple):
    """One flag: its row, and whether it is ours, not Enterprise's."""

    row: Row
    is_ours: bool = False


def _text(name: str, path: str, expects: str, what: str, convert: Convert = str, *, ours: bool = False) -> Option:
    return Option(Row(name, path, expects, what, convert), ours)


def _switch(name: str, path: str, what: str, *, ours: bool = False) -> Option:
    return Option(Row(name, path, "", what, to_bool, is_bool=True), ours)


def _destination(kind: str, flag: str, key: str, expects: str, what: str, *, ours: bool = False) -> Option:
    return _text(flag, f"{kind}.{key}", expects, what, ours=ours)


_AWS: Final = "aws_storage"
_AZURE: Final = "azure_blob_storage"
_GOOGLE: Final = "google_storage"
OPTIONS: Final[dict[str, list[Option]]] = {
    "Consul": [
        _text("http-addr", "http_addr", "address", "The agent to ask (CONSUL_HTTP_ADDR, 127.0.0.1:8500)."),
        _text("token", "token", "string", "ACL token (CONSUL_HTTP_TOKEN)."),
        _text("token-file", "token_file", "path", "File with the ACL token (CONSUL_HTTP_TOKEN_FILE)."),
        _text("datacenter", "datacenter", "name", "Datacenter to save; only with -interval=0."),
        _text("ca-file", "ca_file", "path", "Authorities that may sign the agent's certificate (CONSUL_CACERT)."),
        _text("ca-path", "ca_path", "path", "Directory of such files (CONSUL_CAPATH)."),
        _text("client-cert", "cert_file", "path", "Certificate to show to the agent (CONSUL_CLIENT_CERT)."),
        _text("client-key", "key_file", "path", "Its key (CONSUL_CLIENT_KEY)."),
        _text("tls-server-name", "tls_server_name", "name", "Name in the agent's certificate."),
        _text("login-auth-method", "login.auth_method", "name", "Log in by this auth method for a token."),
        _text("login-bearer-token", "login.bearer_token", "string", "What to log in with."),
        _text("login-bearer-token-file", "login.bearer_token_file", "path", "File with it; wins."),
    ],
    "Schedule": [
        _text("interval", "snapshot.interval", "duration", "Time between snapshots (1h); 0 takes one.", to_duration),
        _text("retain", "snapshot.retain", "int", "How many archives stay in each destination (30); 0: all.", to_int),
        _switch("stale", "snapshot.stale", "Let any server give the snapshot, not just the leader."),
        _text("lock-key", "snapshot.lock_key", "key", "Key of the lock between instances (consul-snapshot/lock)."),
        _text(
            "max-failures",
            "snapshot.max_failures",
            "int",
            "Failed snapshots in a row after which another instance gets its turn (3).",
            to_int,
        ),
        _text("service", "snapshot.service", "name", "Name to register as (consul-snapshot)."),
        _text(
            "deregister-after",
            "snapshot.deregister_after",
            "duration",
            "Time in critical state after which Consul forgets an instance (72h); 0: never.",
            to_duration,
        ),
        _text("local-scratch-path", "snapshot.local_scratch_path", "path", "Directory for work in progress."),
        _text("attempts", "snapshot.attempts", "int", "Attempts of each upload (5).", to_int, ours=True),
        _text("backoff", "snapshot.backoff", "duration", "First pause between them (1s).", to_duration, ours=True),
        _text("max-backoff", "snapshot.max_backoff", "duration", "Longest pause (1m).", to_duration, ours=True),
        _switch("verify", "snapshot.verify", "Read each archive back after its upload (on).", ours=True),
        _text(
            "encryption-key-file",
            "snapshot.encryption_key_file",
            "path",
            "Encrypt archives with the first key in this file (one a line, as `consul keygen` prints them).",
            ours=True,
        ),
        _text(
            "session-ttl",
            "snapshot.session_ttl",
            "duration",
            "TTL of the lock's session (15s).",
            to_duration,
            ours=True,
        ),
        _text(
            "lock-delay", "snapshot.lock_delay", "duration", "Lock-delay of that session (15s).", to_duration, ours=True
        ),
    ],
    "Log and status": [
        _text("log-level", "log.level", "level", "trace, debug, info, warn or error (info)."),
        _switch("syslog", "log.enable_syslog", "Send the log to syslog, too."),
        _text("syslog-facility", "log.syslog_facility", "facility", "Its facility (LOCAL0)."),
        _text("status-addr", "status_addr", "address", "Serve /health, /status and /metrics here.", ours=True),
    ],
    "Local directory": [
        _destination("local_storage", "local-path", "path", "path", "Directory for the archives (.)."),
    ],
    "S3": [
        _destination(_AWS, "aws-access-key-id", "access_key_id", "string", "Else AWS's usual chain of credentials."),
        _destination(_AWS, "aws-secret-access-key", "secret_access_key", "string", "The key's secret."),
        _destination(_AWS, "aws-session-token", "session_token", "string", "Token of temporary credentials."),
        _destination(_AWS, "aws-iam-endpoint", "iam_endpoint", "url", "Accepted; nothing here asks IAM."),
        _destination(_AWS, "aws-sts-endpoint", "sts_endpoint", "url", "Where to assume the role."),
        _destination(_AWS, "aws-role-arn", "role_arn", "arn", "Role to assume."),
        _destination(_AWS, "aws-role-session-name", "role_session_name", "name", "Name of its session."),
        _destination(
            _AWS, "aws-web-identity-token-file", "web_identity_token_file", "path", "Token to assume the role with."
        ),
        _destination(_AWS, "aws-s3-bucket", "s3_bucket", "name", "The bucket."),
        _destination(_AWS, "aws-s3-region", "s3_region", "name", "Its region."),
        _destination(_AWS, "aws-s3-key-prefix", "s3_key_prefix", "string", "Put before names (consul-snapshot)."),
        _destination(_AWS, "aws-s3-endpoint", "s3_endpoint", "url", "Another S3 than Amazon's (AWS_S3_ENDPOINT)."),
        _switch(
            "aws-s3-server-side-encryption", f"{_AWS}.s3_server_side_encryption", "Let S3 encrypt with its own key."
        ),
        _destination(
            _AWS, "aws-s3-static-snapshot-name", "s3_static_snapshot_name", "name", "One object, always replaced."
        ),
        _switch("aws-s3-force-path-style", f"{_AWS}.s3_force_path_style", "The bucket in the path, not in the host."),
        _switch("aws-s3-enable-kms", f"{_AWS}.s3_enable_kms", "Let S3 encrypt with a key of KMS."),
        _destination(_AWS, "aws-s3-kms-key", "s3_kms_key", "id", "That key; else the account's default."),
        _text(
            "aws-s3-part-bytes",
            f"{_AWS}.s3_part_bytes",
            "int",
            "Size above which archives go up in parts of it (16 MiB; at least 5 MiB).",
            to_int,
            ours=True,
        ),
    ],
    "Azure Blob Storage": [
        _destination(_AZURE, "azure-blob-account-name", "account_name", "name", "The storage account."),
        _destination(_AZURE, "azure-blob-account-key", "account_key", "string", "Its key; else a principal."),
        _destination(_AZURE, "azure-blob-container-name", "container_name", "name", "The container."),
        _destination(_AZURE, "azure-blob-environment", "environment", "name", "Azure's cloud (AZUREPUBLICCLOUD)."),
        _destination(_AZURE, "azure-blob-service-principal-id", "service_principal_id", "id", "Service principal."),
        _destination(
            _AZURE, "azure-blob-service-principal-secret", "service_principal_secret", "string", "Its secret."
        ),
        _destination(_AZURE, "azure-blob-tenant-id", "tenant_id", "id", "Its tenant."),
        _destination(_AZURE, "azure-blob-endpoint", "endpoint", "url", "Another place than the cloud's.", ours=True),
    ],
    "Google Cloud Storage": [
        _destination(_GOOGLE, "gcs-bucket", "bucket", "name", "The bucket."),
        _destination(
            _GOOGLE, "gcs-credentials-file", "credentials_file", "path", "A service account's key.", ours=True
        ),
        _destination(_GOOGLE, "gcs-endpoint", "endpoint", "url", "Another place than Google's.", ours=True),
    ],
}
ROWS: Final[list[Row]] = [option.row for options in OPTIONS.values() for option in options]


class Arguments(msgspec.Struct, frozen=True):
    """A command line that was read. ``command`` is "" for the daemon (and for one-shot mode)."""

    command: str = ""
    settings: Settings = msgspec.field(default_factory=dict[str, Any])
    files: Sequence[str] = ()
    directories: Sequence[str] = ()
    rest: Sequence[str] = ()
    output: str = ""
    takes_all: bool = False
    as_json: bool = False
    version: bool = False


def parse(argv: Sequence[str]) -> Arguments:
    """Read the words after the program's name. Raises FlagError (HelpRequested for ``-h``)."""
    command = argv[0] if argv and argv[0] in COMMANDS else ""
    flags = FlagSet("snapshot agent", brief=False)
    flags.strings("config-dir")
    flags.strings("config-file")
    flags.mapping("login-meta")
    for name in ("all", "json", "version"):
        flags.boolean(name)
    flags.string("output")
    declare(flags, ROWS)
    args = flags.parse(argv[1:] if command else argv)
    return Arguments(
        command,
        _settings(args),
        args.strings("config-file"),
        args.strings("config-dir"),
        args.rest,
        args.string("output"),
        args.boolean("all"),
        args.boolean("json"),
        args.boolean("version"),
    )


def _settings(args: Args) -> Settings:
    """The flags as the settings of a file would be."""
    out = collect(args, ROWS)
    for kind in PROVIDERS:
        if kind in out:
            out[kind] = [out[kind]]
    if args.was_set("login-meta"):
        out.setdefault("login", {})["meta"] = args.mapping("login-meta")
    return out


_HELP: Final = """\
Usage: py-consul-snapshot-agent [options]
       py-consul-snapshot-agent list [options]
       py-consul-snapshot-agent verify [options] [ID ...]
       py-consul-snapshot-agent restore [options] [ID]
       py-consul-snapshot-agent -version

  Saves the state of Consul's servers on a schedule. Of several instances one
  at a time, the holder of a lock, takes the snapshots. Each archive is checked,
  stored in every destination, read back and checked again; then the oldest
  ones beyond -retain are deleted. With -interval=0 it saves once and ends.

  list     shows what the destinations hold (-json: as JSON).
  verify   reads archives back: the named ones, else the newest, or -all.
  restore  puts an archive, else the newest, back into Consul; with
           -output=<file> it is only fetched, decrypted and checked.

Files:

  -config-file=<path>
      A file with a "snapshot_agent" object; JSON, or HCL in a file that ends
      in .hcl. May be repeated.

  -config-dir=<path>
      All such files of a directory, by name. May be repeated.

{options}
"""


def usage() -> str:
    """The help text."""
    parts: list[str] = []
    for title, options in OPTIONS.items():
        rows = [(f"{option.row.name}{_shown(option)}", option.row.what) for option in options]
        if title == "Consul":
            rows.append(("login-meta=<key=value>", "Meta data of the login's token. May be repeated."))
        parts.append(f"{title}:\n\n{listed(rows)}")
    return _HELP.format(options="\n\n".join(parts))


def _shown(option: Option) -> str:
    return f"=<{option.row.expects}>" if option.row.expects else ""


def reference() -> str:
    """The options as the tables of ``docs/tools/snapshot-agent.md``; those that Enterprise lacks carry a +."""
    parts: list[str] = []
    for title, options in OPTIONS.items():
        parts += [f"### {title}", "| flag | key | |", "|---|---|---|"]
        for option in options:
            flag = f"`-{option.row.name}{_shown(option)}`{' +' if option.is_ours else ''}"
            parts.append(f"| {flag} | `{_key(option.row.path)}` | {option.row.what} |")
        if title == "Consul":
            parts.append(
                "| `-login-meta=<key=value>` | `login.meta` | Meta data of the login's token. May be repeated. |"
            )
        parts.append("")
    return "\n".join(parts)


def _key(path: str) -> str:
    """Where a file has the setting; stanzas of destinations stand in lists."""
    stanza, _, key = path.partition(".")
    return f"backup_destinations.{stanza}[].{key}" if stanza in PROVIDERS else path
