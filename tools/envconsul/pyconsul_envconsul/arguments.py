"""The tool's command line: flags in Go's syntax, and the help text."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from pyconsul.lang.goflags import Args, FlagSet, to_bool, to_duration
from pyconsul.lang.goflags.flagset import Flag
from pyconsul.toolkit import signals
from pyconsul.toolkit.flags import (
    CONSUL_FLAGS,
    EXEC_FLAGS,
    TOOL_FLAGS,
    VAULT_FLAGS,
    Row,
    collect,
    declare,
    parse_auth,
    put,
    switch,
)
from pyconsul.toolkit.schema import Settings
from pyconsul.toolkit.stanzas import parse_wait

VERSION: Final = "0.13.4"
"""The release of the original whose behaviour this tool has."""

Warn = Callable[[int, str], None]

_VAULT_OWN: Final = (
    "namespace",
    "k8s-auth-role-name",
    "k8s-service-account-token",
    "k8s-service-account-token-path",
    "k8s-service-mount-path",
)
ROWS: Final[list[Row]] = [
    *CONSUL_FLAGS,
    Row("consul-token-file", "consul.token_file"),
    *VAULT_FLAGS,
    *(Row(f"vault-{name}", f"vault.{name.replace('-', '_')}") for name in _VAULT_OWN),
    *EXEC_FLAGS,
    Row("exec-reload-signal", "exec.reload_signal", signals.parse),
    *TOOL_FLAGS,
    Row("once", "once", to_bool, is_bool=True, brief=True),
    Row("pristine", "pristine", to_bool, is_bool=True),
    Row("sanitize", "sanitize", to_bool, is_bool=True),
    Row("upcase", "upcase", to_bool, is_bool=True),
    Row("wait", "wait", parse_wait),
    Row("no-restart", "no_restart", to_bool, is_bool=True),
    Row("change-command", "change_command", lambda value: [value]),
    Row("change-timeout", "change_timeout", to_duration),
]


def _both(key: str) -> tuple[str, ...]:
    return (f"consul.{key}", f"vault.{key}")


# Older names: the flag, what it is called now, where its value goes.
_OLDER: Final[list[tuple[Row, str, tuple[str, ...]]]] = [
    (Row("auth", "", parse_auth), "-consul-auth", ("consul.auth",)),
    (Row("consul", ""), "-consul-addr", ("consul.address",)),
    (
        Row("retry", "", to_duration),
        "-consul-retry-* and -vault-retry-*",
        (*_both("retry.backoff"), *_both("retry.max_backoff")),
    ),
    (Row("splay", "", to_duration), "-exec-splay", ("exec.splay",)),
    (Row("ssl", "", to_bool, is_bool=True), "-consul-ssl-* and -vault-ssl-*", _both("ssl.enabled")),
    (
        Row("ssl-verify", "", to_bool, is_bool=True),
        "-consul-ssl-verify and -vault-ssl-verify",
        _both("ssl.verify"),
    ),
    (Row("ssl-ca-cert", ""), "-consul-ssl-ca-cert and -vault-ssl-ca-cert", _both("ssl.ca_cert")),
    (Row("ssl-cert", ""), "-consul-ssl-cert and -vault-ssl-cert", _both("ssl.cert")),
    (Row("timeout", "", to_duration), "-exec-timeout", ("exec.timeout",)),
    (Row("token", ""), "-consul-token", ("consul.token",)),
]
_FORMATS: Final = ("id", "name", "address", "tag", "port")


class Arguments(msgspec.Struct, frozen=True):
    """A command line that was read: settings to lay over the files, and what to do."""

    settings: Settings = msgspec.field(default_factory=dict[str, Any])
    paths: Sequence[str] = ()
    version: bool = False


def parse(argv: Sequence[str], warn: Warn) -> Arguments:
    """Read the words after the program's name; ``warn`` hears of older names.

    Raises FlagError (HelpRequested for ``-h``).
    """
    flags = FlagSet("envconsul", brief=False)
    flags.strings("config")
    declare(flags, ROWS)
    for row, now, _ in _OLDER:
        _declare_older(flags, row, now, warn)
    services = _declare_services(flags)
    for name in ("prefix", "secret"):
        flags.add(Flag(name, "value", "", (), "", _add_path))
    flags.boolean("no-prefix")
    for name in ("v", "version"):
        switch(flags, name)
    args = flags.parse(argv)
    return Arguments(_settings(args, services), args.strings("config"), args.boolean("v") or args.boolean("version"))


def _declare_older(flags: FlagSet, row: Row, now: str, warn: Warn) -> None:
    def fold(_old: Any, text: str) -> Any:
        warn(logging.WARNING, f"cli: -{row.name} is now {now}")
        return row.convert(text)

    flags.add(Flag(row.name, "value", "", None, "", fold, row.is_bool, brief=False))


def _declare_services(flags: FlagSet) -> list[Settings]:
    """The flags of services; a format belongs to the query before it, so they share the list that comes back."""
    services: list[Settings] = []

    def query(_old: Any, text: str) -> None:
        services.append({"query": text})

    flags.add(Flag("service-query", "value", "", None, "", query))
    for name in _FORMATS:

        def form(_old: Any, text: str, key: str = f"format_{name}") -> None:
            if not services:
                raise ValueError("format must be specified before query")
            services[-1][key] = text

        flags.add(Flag(f"service-format-{name}", "value", "", None, "", form))
    return services


def _add_path(old: list[Settings], text: str) -> list[Settings]:
    return [*old, {"path": text.removeprefix("/")}]


def _settings(args: Args, services: list[Settings]) -> Settings:
    out = collect(args, ROWS)
    for row, _, places in _OLDER:
        if args.was_set(row.name):
            for place in places:
                put(out, place, args.value(row.name))
    own = {"no_prefix": args.boolean("no-prefix")} if args.was_set("no-prefix") else {}
    for name in ("prefix", "secret"):
        if args.was_set(name):
            stanzas: list[Settings] = args.value(name)
            out[name] = [{**stanza, **own} for stanza in stanzas]
    if services:
        out["service"] = services
    command = " ".join(args.rest)
    if command and not args.was_set("exec"):
        put(out, "exec.command", [command])
    return out


HELP: Final = """\
Usage: envconsul [options] <command>

  Runs a command with an environment from Consul's KV store, Consul's catalog
  and Vault, and runs it again when they change. The words of the command are
  joined and given to a shell; a single word is run directly.

Options:

{options}
"""
# What a flag expects and what it does; the order of the help text.
_OPTIONS: Final[list[tuple[str, str]]] = [
    (
        "change-command=<command>",
        "Run this before the child is told of a change; if it fails, the child is left alone.",
    ),
    ("change-timeout=<duration>", "How long that command may take (default 30s)."),
    ("config=<path>", "File or directory with configuration; may be repeated, later ones win, flags win over all."),
    ("consul-addr=<address>", "Address of the Consul agent."),
    ("consul-auth=<username[:password]>", "Basic authentication for Consul."),
    ("consul-retry", "Try failed requests to Consul again (default on)."),
    ("consul-retry-attempts=<int>", "How often (default 12); 0 for ever."),
    ("consul-retry-backoff=<duration>", "First pause (default 250ms); it doubles with every failure."),
    ("consul-retry-max-backoff=<duration>", "Longest pause (default 1m); 0 for no bound."),
    ("consul-ssl", "Talk HTTPS to Consul."),
    ("consul-ssl-ca-cert=<string>", "File with certificate authorities."),
    ("consul-ssl-ca-path=<string>", "Directory with certificate authorities."),
    ("consul-ssl-cert=<string>", "Client certificate."),
    ("consul-ssl-key=<string>", "Key of the client certificate."),
    ("consul-ssl-server-name=<string>", "Name that the server's certificate must have."),
    ("consul-ssl-verify", "Check the server's certificate (default on)."),
    ("consul-token=<token>", "ACL token for Consul."),
    ("consul-token-file=<path>", "File with the ACL token."),
    ("consul-transport-dial-keep-alive=<duration>", "Interval of TCP keep-alives."),
    ("consul-transport-dial-timeout=<duration>", "Time to connect."),
    ("consul-transport-disable-keep-alives", "A new connection for every request."),
    ("consul-transport-max-idle-conns-per-host=<int>", "Connections kept open."),
    ("consul-transport-tls-handshake-timeout=<duration>", "Time for the TLS handshake."),
    ("exec=<command>", "The command, in place of the words after the flags."),
    ("exec-kill-signal=<signal>", "Signal that stops the child (default SIGINT)."),
    ("exec-kill-timeout=<duration>", "Time until a child that stays is killed (default 30s)."),
    ("exec-reload-signal=<signal>", "Signal that tells the child of a change; without it the child is restarted."),
    ("exec-splay=<duration>", "Random pause before signals, at most this long."),
    ("kill-signal=<signal>", "Signal that ends this tool (default SIGINT)."),
    ("log-level=<level>", "trace, debug, info, warn or error (default warn)."),
    ("max-stale=<duration>", "Take answers of followers up to this age (default 2s); 0 asks the leader."),
    ("no-prefix[=<bool>]", "Whether names go without the path of the prefixes and secrets given as flags."),
    ("no-restart", "Never restart the child; signal and command for changes still work."),
    ("once", "Fetch once, run the command once, end with it."),
    ("pid-file=<path>", "File for the process ID."),
    ("prefix=<prefix>", "Keys below this become variables; may be repeated, later ones win, secrets win over all."),
    ("pristine", "Only fetched variables; the own environment is not passed on."),
    ("reload-signal=<signal>", "Signal that reads the configuration again (default SIGHUP)."),
    ("sanitize", "Make underscores of all characters but letters, digits and underscores in names."),
    ("secret=<prefix>", "A secret of Vault whose keys become variables; may be repeated, later ones win."),
    ("service-query=<service-name>", "[tag.]name[@dc][~near]: a service whose attributes become variables."),
    ("service-format-id=<{{service}}/{{key}}>", "Name of the variable with the instance's ID."),
    ("service-format-name=<{{service}}/{{key}}>", "Name of the variable with the service's name."),
    ("service-format-address=<{{service}}/{{key}}>", "Name of the variable with the address."),
    ("service-format-tag=<{{service}}/{{key}}>", "Name of the variable with the tags."),
    ("service-format-port=<{{service}}/{{key}}>", "Name of the variable with the port."),
    ("syslog", "Send the log to syslog, too."),
    ("syslog-facility=<facility>", "Syslog facility (default LOCAL0)."),
    ("upcase", "Make names upper case."),
    ("vault-addr=<address>", "Address of the Vault server."),
    ("vault-namespace=<namespace>", "Name space in Vault."),
    ("vault-renew-token", "Renew the token (default on with a token)."),
    ("vault-retry", "Try failed requests to Vault again (default on)."),
    ("vault-retry-attempts=<int>", "How often (default 12); 0 for ever."),
    ("vault-retry-backoff=<duration>", "First pause (default 250ms); it doubles with every failure."),
    ("vault-retry-max-backoff=<duration>", "Longest pause (default 1m); 0 for no bound."),
    ("vault-ssl", "Talk HTTPS to Vault (default on)."),
    ("vault-ssl-ca-cert=<string>", "File with certificate authorities."),
    ("vault-ssl-ca-path=<string>", "Directory with certificate authorities."),
    ("vault-ssl-cert=<string>", "Client certificate."),
    ("vault-ssl-key=<string>", "Key of the client certificate."),
    ("vault-ssl-server-name=<string>", "Name that the server's certificate must have."),
    ("vault-ssl-verify", "Check the server's certificate (default on)."),
    ("vault-token=<token>", "Token for Vault."),
    ("vault-agent-token-file=<token-file>", "File that the Vault agent keeps the token in."),
    ("vault-transport-dial-keep-alive=<duration>", "Interval of TCP keep-alives."),
    ("vault-transport-dial-timeout=<duration>", "Time to connect."),
    ("vault-transport-disable-keep-alives", "A new connection for every request."),
    ("vault-transport-max-idle-conns-per-host=<int>", "Connections kept open."),
    ("vault-transport-tls-handshake-timeout=<duration>", "Time for the TLS handshake."),
    ("vault-unwrap-token", "The token is a wrapping token."),
    ("vault-k8s-auth-role-name=<string>", "Log in to Vault as this Kubernetes role."),
    ("vault-k8s-service-account-token=<string>", "The service account's token."),
    ("vault-k8s-service-account-token-path=<path>", "File with the service account's token."),
    ("vault-k8s-service-mount-path=<path>", "Where the Kubernetes login is mounted in Vault."),
    ("wait=<duration>", "min[:max]: wait for changes to stop before the child is told."),
    ("v, -version", "Print the version and end."),
]


def options() -> list[tuple[str, str]]:
    """Every option with what it expects, and what it does."""
    return list(_OPTIONS)


def usage() -> str:
    """The help text."""
    return HELP.format(options="\n\n".join(f"  -{flag}\n      {what}" for flag, what in _OPTIONS))
