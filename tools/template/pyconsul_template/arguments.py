"""The tool's command line: flags in Go's syntax, and the help text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from pyconsul.lang.goflags import FlagError, FlagSet
from pyconsul.lang.strconv import quote
from pyconsul.toolkit import sources
from pyconsul.toolkit.flags import (
    CONSUL_FLAGS,
    EXEC_FLAGS,
    TOOL_FLAGS,
    VAULT_FLAGS,
    Row,
    collect,
    command_flag,
    declare,
    described,
    duration_row,
    listed,
    switch,
    switch_row,
    to_decimal,
)
from pyconsul.toolkit.schema import Settings, merge
from pyconsul_template.config import SCHEMA, parse_template_flag

VERSION: Final = "0.42.1"
"""The release of the original whose behaviour this tool has."""

ROWS: Final[list[Row]] = [
    *CONSUL_FLAGS,
    duration_row("retry", "consul.retry.backoff", "Older name of -consul-retry-backoff."),
    *VAULT_FLAGS,
    duration_row(
        "vault-default-lease-duration", "vault.default_lease_duration", "Lease to assume for secrets without one."
    ),
    Row("vault-client-user-agent", "vault.client_user_agent", "<string>", "User-Agent of requests to Vault."),
    Row(
        "vault-transport-max-conns-per-host",
        "vault.transport.max_conns_per_host",
        "<int>",
        "Connections at the same time; 0 for no bound.",
        to_decimal,
    ),
    command_flag("Process to supervise; starts once everything is rendered."),
    *EXEC_FLAGS,
    switch_row("exec-env-pristine", "exec.env.pristine", "Do not pass the own environment on."),
    Row("exec-env-custom", "exec.env.custom", "<K=V>", "Variable for the process; may be repeated.", repeats=True),
    Row("exec-env-allowlist", "exec.env.allowlist", "<glob>", "Variables to pass on; may be repeated.", repeats=True),
    Row("exec-env-denylist", "exec.env.denylist", "<glob>", "Variables to hold back; may be repeated.", repeats=True),
    *TOOL_FLAGS,
    Row("syslog-name", "syslog.name", "<name>", "Name in syslog."),
    Row(
        "log-file",
        "log_file.path",
        "<path>",
        "Write the log also to a file of this name with the time in nanoseconds behind it.",
    ),
    Row("log-rotate-bytes", "log_file.log_rotate_bytes", "<int>", "Size at which a new log file begins.", to_decimal),
    duration_row("log-rotate-duration", "log_file.log_rotate_duration", "Age at which a new log file begins."),
    Row("log-rotate-max-files", "log_file.log_rotate_max_files", "<int>", "Old log files to keep.", to_decimal),
    switch_row("dedup", "deduplicate.enabled", "Let one of several instances watch for all of them."),
    Row("default-left-delimiter", "default_delimiters.left", "<string>", "Left delimiter of all templates."),
    Row("default-right-delimiter", "default_delimiters.right", "<string>", "Right delimiter of all templates."),
    switch_row("once", "once", "Render everything once, then end."),
    switch_row("parse-only", "parseonly", "Only read the templates."),
    Row(
        "template",
        "template",
        "<template>",
        "source[:destination[:command]]; may be repeated.",
        parse_template_flag,
        repeats=True,
    ),
    switch_row("template-error-fatal", "template_error_fatal", "Whether an error in a template ends the tool."),
    Row("status-address", "status_address", "<host:port>", "Serve /health, /status and /metrics there."),
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
# Flags that are no settings.
_OTHERS: Final = (
    ("config=<path>", "File or directory with configuration; may be repeated, later ones win."),
    ("diff", "Show what would change as a unified diff, write nothing and end: with 2 if anything would."),
    ("dry", "Print what would be written in place of writing it; run no template's command, but the process of -exec."),
    ("graph", "Print which template needs which data, in the language of Graphviz, and end."),
    ("v, -version", "Print the version and end."),
)


def options() -> list[tuple[str, str]]:
    """Every option with what it expects, and what it does."""
    return described(ROWS, _OTHERS)


def usage() -> str:
    """The help text."""
    return HELP.format(options=listed(options()))
