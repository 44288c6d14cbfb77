"""The tool's command line: flags in Go's syntax, and the help text."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from pyconsul.lang.goflags import Args, FlagSet, to_bool, to_duration
from pyconsul.lang.goflags.flagset import Flag
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
    parse_auth,
    put,
    switch,
    switch_row,
)
from pyconsul.toolkit.schema import Settings

VERSION: Final = "0.13.4"
"""The release of the original whose behaviour this tool has."""

Warn = Callable[[int, str], None]


def _command(line: str) -> list[str]:
    return [line]


ROWS: Final[list[Row]] = [
    *CONSUL_FLAGS,
    *VAULT_FLAGS,
    Row("vault-namespace", "vault.namespace", "<namespace>", "Name space in Vault."),
    Row("vault-k8s-auth-role-name", "vault.k8s_auth_role_name", "<string>", "Log in to Vault as this Kubernetes role."),
    Row(
        "vault-k8s-service-account-token", "vault.k8s_service_account_token", "<string>", "The service account's token."
    ),
    Row(
        "vault-k8s-service-account-token-path",
        "vault.k8s_service_account_token_path",
        "<path>",
        "File with the service account's token.",
    ),
    Row(
        "vault-k8s-service-mount-path",
        "vault.k8s_service_mount_path",
        "<path>",
        "Where the Kubernetes login is mounted in Vault.",
    ),
    command_flag("The command, in place of the words after the flags."),
    *EXEC_FLAGS,
    *TOOL_FLAGS,
    Row("once", "once", "", "Fetch once, run the command once, end with it.", to_bool, is_bool=True, brief=True),
    switch_row("pristine", "pristine", "Only fetched variables; the own environment is not passed on."),
    switch_row(
        "sanitize", "sanitize", "Make underscores of all characters but letters, digits and underscores in names."
    ),
    switch_row("upcase", "upcase", "Make names upper case."),
    switch_row("no-restart", "no_restart", "Never restart the child; signal and command for changes still work."),
    Row(
        "change-command",
        "change_command",
        "<command>",
        "Run this before the child is told of a change; if it fails, the child is left alone.",
        _command,
    ),
    duration_row("change-timeout", "change_timeout", "How long that command may take (default 30s)."),
]


def _both(key: str) -> tuple[str, ...]:
    return (f"consul.{key}", f"vault.{key}")


# Older names: the flag, what it is called now, where its value goes.
_OLDER: Final[list[tuple[Row, str, tuple[str, ...]]]] = [
    (Row("auth", "", convert=parse_auth), "-consul-auth", ("consul.auth",)),
    (Row("consul", ""), "-consul-addr", ("consul.address",)),
    (
        Row("retry", "", convert=to_duration),
        "-consul-retry-* and -vault-retry-*",
        (*_both("retry.backoff"), *_both("retry.max_backoff")),
    ),
    (Row("splay", "", convert=to_duration), "-exec-splay", ("exec.splay",)),
    (Row("ssl", "", convert=to_bool, is_bool=True), "-consul-ssl-* and -vault-ssl-*", _both("ssl.enabled")),
    (
        Row("ssl-verify", "", convert=to_bool, is_bool=True),
        "-consul-ssl-verify and -vault-ssl-verify",
        _both("ssl.verify"),
    ),
    (Row("ssl-ca-cert", ""), "-consul-ssl-ca-cert and -vault-ssl-ca-cert", _both("ssl.ca_cert")),
    (Row("ssl-cert", ""), "-consul-ssl-cert and -vault-ssl-cert", _both("ssl.cert")),
    (Row("timeout", "", convert=to_duration), "-exec-timeout", ("exec.timeout",)),
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
# Flags that are no settings, or become stanzas.
_OTHERS: Final = (
    ("config=<path>", "File or directory with configuration; may be repeated, later ones win, flags win over all."),
    ("no-prefix[=<bool>]", "Whether names go without the path of the prefixes and secrets given as flags."),
    ("prefix=<prefix>", "Keys below this become variables; may be repeated, later ones win, secrets win over all."),
    ("secret=<prefix>", "A secret of Vault whose keys become variables; may be repeated, later ones win."),
    ("service-query=<service-name>", "[tag.]name[@dc][~near]: a service whose attributes become variables."),
    ("service-format-id=<{{service}}/{{key}}>", "Name of the variable with the instance's ID."),
    ("service-format-name=<{{service}}/{{key}}>", "Name of the variable with the service's name."),
    ("service-format-address=<{{service}}/{{key}}>", "Name of the variable with the address."),
    ("service-format-tag=<{{service}}/{{key}}>", "Name of the variable with the tags."),
    ("service-format-port=<{{service}}/{{key}}>", "Name of the variable with the port."),
    ("v, -version", "Print the version and end."),
)


def options() -> list[tuple[str, str]]:
    """Every option with what it expects, and what it does."""
    return described(ROWS, _OTHERS)


def usage() -> str:
    """The help text."""
    return HELP.format(options=listed(options()))
