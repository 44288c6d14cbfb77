"""The tool's command line: flags in Go's syntax, and the help text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from pyconsul.lang.goflags import FlagError, FlagSet, to_int
from pyconsul.lang.strconv import quote
from pyconsul.toolkit.flags import Row, collect, declare, described, duration_row, listed, put
from pyconsul.toolkit.schema import Settings

# Flags that stand for keys of the configuration; those of the connection are named as in Consul's commands.
ROWS: Final[list[Row]] = [
    Row(
        "http-addr",
        "consul.address",
        "<address>",
        "Address of the Consul agent (default CONSUL_HTTP_ADDR, then 127.0.0.1:8500).",
    ),
    Row("token", "consul.token", "<token>", "ACL token (default CONSUL_HTTP_TOKEN)."),
    Row("token-file", "consul.token_file", "<path>", "File with the ACL token."),
    Row("namespace", "consul.namespace", "<name>", "Name space of the requests."),
    Row(
        "ca-file",
        "consul.ssl.ca_cert",
        "<path>",
        "File with certificate authorities; this and the next four switch HTTPS on.",
    ),
    Row("ca-path", "consul.ssl.ca_path", "<path>", "Directory with certificate authorities."),
    Row("client-cert", "consul.ssl.cert", "<path>", "Client certificate."),
    Row("client-key", "consul.ssl.key", "<path>", "Key of the client certificate."),
    Row("tls-server-name", "consul.ssl.server_name", "<name>", "Name that the agent's certificate must have."),
    Row("concurrency", "concurrency", "<int>", "Handlers that may run at the same time (default 8).", to_int),
    duration_row("grace", "grace", "Time that running handlers get at the end (default 10s)."),
    Row("log-level", "log_level", "<level>", "trace, debug, info, warn or err (default warn)."),
    Row(
        "log-file",
        "log_file.path",
        "<path>",
        "Write the log also to a file of this name with the time in nanoseconds behind it.",
    ),
    Row("pid-file", "pid_file", "<path>", "File for the process ID."),
    Row(
        "retry-attempts",
        "retry.attempts",
        "<int>",
        "Further attempts to hand a value over (default 5); 0 for ever.",
        to_int,
    ),
    duration_row(
        "retry-backoff", "retry.backoff", "Pause after the first failed attempt (default 1s); it doubles each time."
    ),
    duration_row("retry-max-backoff", "retry.max_backoff", "Longest pause (default 1m); 0 for no bound."),
    Row(
        "state-file",
        "state_file",
        "<path>",
        "Remember there what was delivered, so that a restart repeats and forgets nothing.",
    ),
    Row("syslog-facility", "syslog.facility", "<facility>", "Syslog facility (default LOCAL0)."),
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
# Flags that are no settings, but for syslog.
_OTHERS: Final = (
    ("config=<path>", "File or directory with configuration (HCL or JSON); may be repeated, watches add up."),
    ("once", "Deliver what is new by now and end: with 0, or with 1 when a handler or request failed."),
    ("plain", "No status line on a terminal."),
    ("syslog", "Send the log to syslog, too."),
    ("validate", "Check the configuration and end."),
    ("v, -version", "Print the version and end."),
)


def options() -> list[tuple[str, str]]:
    """Every option with what it expects, and what it does."""
    return described(ROWS, _OTHERS)


def usage() -> str:
    """The help text."""
    return HELP.format(options=listed(options()))
