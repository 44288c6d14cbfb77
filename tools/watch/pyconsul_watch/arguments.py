"""The tool's command line: flags in Go's syntax, and the help text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pyconsul.lang.goflags import FlagError, FlagSet, to_duration, to_int
from pyconsul.lang.strconv import quote
from pyconsul.toolkit.flags import Row, collect, declare, put
from pyconsul.toolkit.schema import Settings

# Flags that stand for keys of the configuration; those of the connection are named as in Consul's commands.
ROWS: Final[list[Row]] = [
    Row("http-addr", "consul.address"),
    Row("token", "consul.token"),
    Row("token-file", "consul.token_file"),
    Row("namespace", "consul.namespace"),
    Row("ca-file", "consul.ssl.ca_cert"),
    Row("ca-path", "consul.ssl.ca_path"),
    Row("client-cert", "consul.ssl.cert"),
    Row("client-key", "consul.ssl.key"),
    Row("tls-server-name", "consul.ssl.server_name"),
    Row("concurrency", "concurrency", to_int),
    Row("grace", "grace", to_duration),
    Row("log-level", "log_level"),
    Row("log-file", "log_file.path"),
    Row("pid-file", "pid_file"),
    Row("retry-attempts", "retry.attempts", to_int),
    Row("retry-backoff", "retry.backoff", to_duration),
    Row("retry-max-backoff", "retry.max_backoff", to_duration),
    Row("state-file", "state_file"),
    Row("syslog-facility", "syslog.facility"),
]
SWITCHES: Final = ("once", "validate", "plain", "v", "version")


class Arguments(msgspec.Struct, frozen=True):
    """A command line that was read: settings to lay over the files, and what to do."""

    settings: Settings = msgspec.field(default_factory=dict[str, Any])
    paths: Sequence[str] = ()
    once: bool = False
    validate: bool = False
    plain: bool = False
    version: bool = False


def parse(argv: Sequence[str]) -> Arguments:
    """Read the words after the program's name. Raises FlagError (HelpRequested for ``-h``)."""
    flags = FlagSet("py-consul-watch", brief=False)
    flags.strings("config")
    declare(flags, ROWS)
    for name in (*SWITCHES, "syslog"):
        flags.boolean(name)
    args = flags.parse(argv)
    if args.rest:
        raise FlagError(f"extra args: [{' '.join(quote(word) for word in args.rest)}]")
    settings = collect(args, ROWS)
    if args.was_set("syslog"):
        put(settings, "syslog.enabled", args.boolean("syslog"))
    return Arguments(
        settings,
        args.strings("config"),
        args.boolean("once"),
        args.boolean("validate"),
        args.boolean("plain"),
        args.boolean("v") or args.boolean("version"),
    )


HELP: Final = """\
Usage: py-consul-watch [options] -config <path>

  Calls handlers whenever data in Consul change: the watches of an agent's
  configuration as a program of its own. Runs until it is interrupted, unless
  -once is given. SIGHUP reads the configuration again.

Options:

{options}
"""
# What a flag expects and what it does; the order of the help text.
_OPTIONS: Final[list[tuple[str, str]]] = [
    ("config=<path>", "File or directory with configuration (HCL or JSON); may be repeated, watches add up."),
    ("http-addr=<address>", "Address of the Consul agent (default CONSUL_HTTP_ADDR, then 127.0.0.1:8500)."),
    ("token=<token>", "ACL token (default CONSUL_HTTP_TOKEN)."),
    ("token-file=<path>", "File with the ACL token."),
    ("namespace=<name>", "Name space of the requests."),
    ("ca-file=<path>", "File with certificate authorities; this and the next four switch HTTPS on."),
    ("ca-path=<path>", "Directory with certificate authorities."),
    ("client-cert=<path>", "Client certificate."),
    ("client-key=<path>", "Key of the client certificate."),
    ("tls-server-name=<name>", "Name that the agent's certificate must have."),
    ("concurrency=<int>", "Handlers that may run at the same time (default 8)."),
    ("grace=<duration>", "Time that running handlers get at the end (default 10s)."),
    ("log-level=<level>", "trace, debug, info, warn or err (default warn)."),
    ("log-file=<path>", "Write the log also to a file of this name with the time in nanoseconds behind it."),
    ("once", "Deliver what is new by now and end: with 0, or with 1 when a handler or request failed."),
    ("pid-file=<path>", "File for the process ID."),
    ("plain", "No status line on a terminal."),
    ("retry-attempts=<int>", "Further attempts to hand a value over (default 5); 0 for ever."),
    ("retry-backoff=<duration>", "Pause after the first failed attempt (default 1s); it doubles each time."),
    ("retry-max-backoff=<duration>", "Longest pause (default 1m); 0 for no bound."),
    ("state-file=<path>", "Remember there what was delivered, so that a restart repeats and forgets nothing."),
    ("syslog", "Send the log to syslog, too."),
    ("syslog-facility=<facility>", "Syslog facility (default LOCAL0)."),
    ("validate", "Check the configuration and end."),
    ("v, -version", "Print the version and end."),
]


def options() -> list[tuple[str, str]]:
    """Every option with what it expects, and what it does."""
    return list(_OPTIONS)


def usage() -> str:
    """The help text."""
    return HELP.format(options="\n\n".join(f"  -{flag}\n      {what}" for flag, what in _OPTIONS))
