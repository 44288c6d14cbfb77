"""The tool's command line: flags in Go's syntax, and the help text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from pyconsul.lang.goflags import FlagError, FlagSet, to_bool, to_duration
from pyconsul.lang.strconv import quote
from pyconsul.toolkit import signals, sources
from pyconsul.toolkit.flags import (
    CONSUL_FLAGS,
    EXEC_FLAGS,
    TOOL_FLAGS,
    VAULT_FLAGS,
    Row,
    collect,
    declare,
    switch,
    to_decimal,
)
from pyconsul.toolkit.schema import Settings, merge
from pyconsul.toolkit.stanzas import parse_wait
from pyconsul_template.config import SCHEMA, parse_template_flag

VERSION: Final = "0.42.1"
"""The release of the original whose behaviour this tool has."""

ROWS: Final[list[Row]] = [
    *CONSUL_FLAGS,
    Row("consul-token-file", "consul.token_file"),
    Row("retry", "consul.retry.backoff", to_duration),
    *VAULT_FLAGS,
    Row("vault-default-lease-duration", "vault.default_lease_duration", to_duration),
    Row("vault-client-user-agent", "vault.client_user_agent"),
    Row("vault-transport-max-conns-per-host", "vault.transport.max_conns_per_host", to_decimal),
    *EXEC_FLAGS,
    Row("exec-reload-signal", "exec.reload_signal", signals.parse),
    Row("exec-env-pristine", "exec.env.pristine", to_bool, is_bool=True),
    Row("exec-env-custom", "exec.env.custom", repeats=True),
    Row("exec-env-allowlist", "exec.env.allowlist", repeats=True),
    Row("exec-env-denylist", "exec.env.denylist", repeats=True),
    *TOOL_FLAGS,
    Row("syslog-name", "syslog.name"),
    Row("log-file", "log_file.path"),
    Row("log-rotate-bytes", "log_file.log_rotate_bytes", to_decimal),
    Row("log-rotate-duration", "log_file.log_rotate_duration", to_duration),
    Row("log-rotate-max-files", "log_file.log_rotate_max_files", to_decimal),
    Row("dedup", "deduplicate.enabled", to_bool, is_bool=True),
    Row("default-left-delimiter", "default_delimiters.left"),
    Row("default-right-delimiter", "default_delimiters.right"),
    Row("once", "once", to_bool, is_bool=True),
    Row("parse-only", "parseonly", to_bool, is_bool=True),
    Row("template", "template", parse_template_flag, repeats=True),
    Row("template-error-fatal", "template_error_fatal", to_bool, is_bool=True),
    Row("wait", "wait", parse_wait),
    Row("status-address", "status_address"),
]
SWITCHES: Final = ("dry", "diff", "graph", "v", "version")


class Arguments(msgspec.Struct, frozen=True):
    """A command line that was read: settings to lay over the files, and what to do."""

    settings: Settings = msgspec.field(default_factory=dict[str, object])
    paths: Sequence[str] = ()
    dry: bool = False
    diff: bool = False
    graph: bool = False
    version: bool = False


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Arguments:
    """Read the words after the program's name.

    Raises FlagError (HelpRequested for ``-h``), and ConfigError for a wrong ``CT_LOCAL_CONFIG``.
    """
    local = environ.get("CT_LOCAL_CONFIG", "")
    base = sources.parse(local, SCHEMA) if local else {}
    flags = FlagSet("consul-template", brief=False)
    flags.strings("config")
    declare(flags, ROWS)
    for name in SWITCHES:
        switch(flags, name)
    args = flags.parse(argv)
    if args.rest:
        raise FlagError(f"cli: extra args: [{' '.join(quote(word) for word in args.rest)}]")
    diff, graph = args.boolean("diff"), args.boolean("graph")
    looking: Settings = {"once": True} if diff or graph else {}
    return Arguments(
        merge(base, {**collect(args, ROWS), **looking}),
        args.strings("config"),
        args.boolean("dry"),
        diff,
        graph,
        args.boolean("v") or args.boolean("version"),
    )


HELP: Final = """\
Usage: consul-template [options]
       consul-template lint [options] SOURCE...

  Renders templates from live data of Consul, Vault and Nomad, writes the
  results to files, runs commands when they change, and can supervise a
  process. Runs until it is interrupted, unless -once is given.

Options:

{options}
"""
# What a flag expects and what it does; the order of the help text.
_OPTIONS: Final[list[tuple[str, str]]] = [
    ("config=<path>", "File or directory with configuration; may be repeated, later ones win."),
    ("consul-addr=<address>", "Address of the Consul agent."),
    ("consul-auth=<username[:password]>", "Basic authentication for Consul."),
    ("consul-retry", "Try failed requests to Consul again (default on)."),
    ("consul-retry-attempts=<int>", "How often; 0 for ever."),
    ("consul-retry-backoff=<duration>", "First pause; it doubles with every failure."),
    ("consul-retry-max-backoff=<duration>", "Longest pause; 0 for no bound."),
    ("consul-ssl", "Talk HTTPS to Consul."),
    ("consul-ssl-ca-cert=<string>", "File with certificate authorities."),
    ("consul-ssl-ca-path=<string>", "Directory with certificate authorities."),
    ("consul-ssl-cert=<string>", "Client certificate."),
    ("consul-ssl-key=<string>", "Key of the client certificate."),
    ("consul-ssl-server-name=<string>", "Name the server's certificate must have."),
    ("consul-ssl-verify", "Check the server's certificate (default on)."),
    ("consul-token=<token>", "ACL token for Consul."),
    ("consul-token-file=<path>", "File with the ACL token."),
    ("consul-transport-dial-keep-alive=<duration>", "Interval of TCP keep-alives."),
    ("consul-transport-dial-timeout=<duration>", "Time to connect."),
    ("consul-transport-disable-keep-alives", "A new connection for every request."),
    ("consul-transport-max-idle-conns-per-host=<int>", "Connections kept open."),
    ("consul-transport-tls-handshake-timeout=<duration>", "Time for the TLS handshake."),
    ("dedup", "Let one of several instances watch for all of them."),
    ("default-left-delimiter=<string>", "Left delimiter of all templates."),
    ("default-right-delimiter=<string>", "Right delimiter of all templates."),
    ("diff", "Show what would change as a unified diff, write nothing and end: with 2 if anything would."),
    ("dry", "Print what would be written; write nothing, run nothing."),
    ("exec=<command>", "Process to supervise; starts once everything is rendered."),
    ("exec-kill-signal=<signal>", "Signal that ends the process."),
    ("exec-kill-timeout=<duration>", "Time until it is killed."),
    ("exec-reload-signal=<signal>", "Signal on change; without it the process is started again."),
    ("exec-splay=<duration>", "Random pause before signals, at most this long."),
    ("exec-env-pristine", "Do not pass the own environment on."),
    ("exec-env-custom=<K=V>", "Variable for the process; may be repeated."),
    ("exec-env-allowlist=<glob>", "Variables to pass on; may be repeated."),
    ("exec-env-denylist=<glob>", "Variables to hold back; may be repeated."),
    ("graph", "Print which template needs which data, in the language of Graphviz, and end."),
    ("kill-signal=<signal>", "Signal that ends this tool."),
    ("log-file=<path>", "Write the log also to a file of this name with the time in nanoseconds behind it."),
    ("log-rotate-bytes=<int>", "Size at which a new log file begins."),
    ("log-rotate-duration=<duration>", "Age at which a new log file begins."),
    ("log-rotate-max-files=<int>", "Old log files to keep."),
    ("log-level=<level>", "trace, debug, info, warn or err."),
    ("max-stale=<duration>", "Take answers of followers up to this age; 0 asks the leader."),
    ("once", "Render everything once, then end."),
    ("parse-only", "Only read the templates."),
    ("pid-file=<path>", "File for the process ID."),
    ("reload-signal=<signal>", "Signal that reads configuration and templates again."),
    ("retry=<duration>", "Older name of -consul-retry-backoff."),
    ("status-address=<host:port>", "Serve /health, /status and /metrics there."),
    ("syslog", "Send the log to syslog, too."),
    ("syslog-facility=<facility>", "Syslog facility."),
    ("syslog-name=<name>", "Name in syslog."),
    ("template=<template>", "source[:destination[:command]]; may be repeated."),
    ("template-error-fatal", "Whether an error in a template ends the tool."),
    ("vault-addr=<address>", "Address of the Vault server."),
    ("vault-agent-token-file=<file>", "File that the Vault agent keeps the token in."),
    ("vault-client-user-agent=<string>", "User-Agent of requests to Vault."),
    ("vault-default-lease-duration=<duration>", "Lease to assume for secrets without one."),
    ("vault-renew-token", "Renew the token (default on with a token)."),
    ("vault-retry", "Try failed requests to Vault again (default on)."),
    ("vault-retry-attempts=<int>", "How often; 0 for ever."),
    ("vault-retry-backoff=<duration>", "First pause; it doubles with every failure."),
    ("vault-retry-max-backoff=<duration>", "Longest pause; 0 for no bound."),
    ("vault-ssl", "Talk HTTPS to Vault."),
    ("vault-ssl-ca-cert=<string>", "File with certificate authorities."),
    ("vault-ssl-ca-path=<string>", "Directory with certificate authorities."),
    ("vault-ssl-cert=<string>", "Client certificate."),
    ("vault-ssl-key=<string>", "Key of the client certificate."),
    ("vault-ssl-server-name=<string>", "Name the server's certificate must have."),
    ("vault-ssl-verify", "Check the server's certificate (default on)."),
    ("vault-token=<token>", "Token for Vault."),
    ("vault-transport-dial-keep-alive=<duration>", "Interval of TCP keep-alives."),
    ("vault-transport-dial-timeout=<duration>", "Time to connect."),
    ("vault-transport-disable-keep-alives", "A new connection for every request."),
    ("vault-transport-max-conns-per-host=<int>", "Connections at the same time; 0 for no bound."),
    ("vault-transport-max-idle-conns-per-host=<int>", "Connections kept open."),
    ("vault-transport-tls-handshake-timeout=<duration>", "Time for the TLS handshake."),
    ("vault-unwrap-token", "The token is a wrapping token."),
    ("wait=<duration>", "min[:max]: wait for changes to stop before rendering."),
    ("v, -version", "Print the version and end."),
]


def options() -> list[tuple[str, str]]:
    """The rows of the help text: what a flag expects, and what it does."""
    return _OPTIONS


def usage() -> str:
    """The help text."""
    return HELP.format(options="\n\n".join(f"  -{flag}\n      {what}" for flag, what in _OPTIONS))
