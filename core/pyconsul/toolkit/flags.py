"""Flags the tools share, as rows: name, kind, and the key of the settings they stand for."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from pyconsul.lang.goflags import Args, FlagSet, to_bool, to_duration, to_int
from pyconsul.lang.goflags.flagset import Flag
from pyconsul.toolkit import signals
from pyconsul.toolkit.schema import Settings
from pyconsul.toolkit.stanzas import parse_wait

_COLUMNS: Final = 78
_MARGIN: Final = " " * 6

Convert: TypeAlias = Callable[[str], Any]


class Row(NamedTuple):
    """One flag: ``path`` is where its value goes, ``convert`` reads it, ``repeats``: values add up.

    ``brief``: a wrong value is refused in the flag package's few words, not in strconv's. The help text shows what
    the flag ``expects`` and ``what`` it does; one that says neither is not shown.
    """

    name: str
    path: str
    expects: str = ""
    what: str = ""
    convert: Convert = str
    is_bool: bool = False
    repeats: bool = False
    brief: bool | None = None


def to_decimal(text: str) -> int:
    """A number as the originals read it: decimal and of 32 bits, whatever Go's own flags take."""
    return to_int(text, bits=32, base=10)


def switch_row(name: str, path: str, what: str) -> Row:
    """A flag that is on or off."""
    return Row(name, path, "", what, to_bool, is_bool=True)


def duration_row(name: str, path: str, what: str) -> Row:
    """A flag that takes a duration."""
    return Row(name, path, "<duration>", what, to_duration)


def _ssl(prefix: str, server: str) -> list[Row]:
    path = f"{prefix}.ssl"
    return [
        switch_row(f"{prefix}-ssl", f"{path}.enabled", f"Talk HTTPS to {server}."),
        Row(f"{prefix}-ssl-ca-cert", f"{path}.ca_cert", "<string>", "File with certificate authorities."),
        Row(f"{prefix}-ssl-ca-path", f"{path}.ca_path", "<string>", "Directory with certificate authorities."),
        Row(f"{prefix}-ssl-cert", f"{path}.cert", "<string>", "Client certificate."),
        Row(f"{prefix}-ssl-key", f"{path}.key", "<string>", "Key of the client certificate."),
        Row(
            f"{prefix}-ssl-server-name",
            f"{path}.server_name",
            "<string>",
            "Name that the server's certificate must have.",
        ),
        switch_row(f"{prefix}-ssl-verify", f"{path}.verify", "Check the server's certificate (default on)."),
    ]


def _retry(prefix: str, server: str) -> list[Row]:
    path = f"{prefix}.retry"
    backoff = "First pause (default 250ms); it doubles with every failure."
    longest = "Longest pause (default 1m); 0 for no bound."
    return [
        switch_row(f"{prefix}-retry", f"{path}.enabled", f"Try failed requests to {server} again (default on)."),
        Row(f"{prefix}-retry-attempts", f"{path}.attempts", "<int>", "How often (default 12); 0 for ever.", to_decimal),
        duration_row(f"{prefix}-retry-backoff", f"{path}.backoff", backoff),
        duration_row(f"{prefix}-retry-max-backoff", f"{path}.max_backoff", longest),
    ]


def _transport(prefix: str) -> list[Row]:
    head, path = f"{prefix}-transport", f"{prefix}.transport"
    return [
        duration_row(f"{head}-dial-keep-alive", f"{path}.dial_keep_alive", "Interval of TCP keep-alives."),
        duration_row(f"{head}-dial-timeout", f"{path}.dial_timeout", "Time to connect."),
        switch_row(f"{head}-disable-keep-alives", f"{path}.disable_keep_alives", "A new connection for every request."),
        Row(
            f"{head}-max-idle-conns-per-host",
            f"{path}.max_idle_conns_per_host",
            "<int>",
            "Connections kept open.",
            to_decimal,
        ),
        duration_row(f"{head}-tls-handshake-timeout", f"{path}.tls_handshake_timeout", "Time for the TLS handshake."),
    ]


def parse_auth(value: str) -> Settings:
    """``user[:password]``; what is not said may stand in a file. Raises ValueError."""
    if not value:
        raise ValueError("auth: cannot be empty")
    user, colon, password = value.partition(":")
    return {"username": user, "password": password} if colon else {"username": user}


CONSUL_FLAGS: list[Row] = [
    Row("consul-addr", "consul.address", "<address>", "Address of the Consul agent."),
    Row("consul-auth", "consul.auth", "<username[:password]>", "Basic authentication for Consul.", parse_auth),
    Row("consul-token", "consul.token", "<token>", "ACL token for Consul."),
    Row("consul-token-file", "consul.token_file", "<path>", "File with the ACL token."),
    *_retry("consul", "Consul"),
    *_ssl("consul", "Consul"),
    *_transport("consul"),
]
VAULT_FLAGS: list[Row] = [
    Row("vault-addr", "vault.address", "<address>", "Address of the Vault server."),
    Row("vault-token", "vault.token", "<token>", "Token for Vault."),
    Row(
        "vault-agent-token-file",
        "vault.vault_agent_token_file",
        "<path>",
        "File that the Vault agent keeps the token in.",
    ),
    switch_row("vault-renew-token", "vault.renew_token", "Renew the token (default on with a token)."),
    switch_row("vault-unwrap-token", "vault.unwrap_token", "The token is a wrapping token."),
    *_retry("vault", "Vault"),
    *_ssl("vault", "Vault (default on)"),
    *_transport("vault"),
]
EXEC_FLAGS: list[Row] = [
    Row(
        "exec-kill-signal",
        "exec.kill_signal",
        "<signal>",
        "Signal that ends the child (default SIGINT).",
        signals.parse,
    ),
    duration_row("exec-kill-timeout", "exec.kill_timeout", "Time until a child that stays is killed (default 30s)."),
    Row(
        "exec-reload-signal",
        "exec.reload_signal",
        "<signal>",
        "Signal that tells the child of a change; without it the child is started again.",
        signals.parse,
    ),
    duration_row("exec-splay", "exec.splay", "Random pause before signals, at most this long."),
]
TOOL_FLAGS: list[Row] = [
    Row("kill-signal", "kill_signal", "<signal>", "Signal that ends this tool (default SIGINT).", signals.parse),
    Row(
        "reload-signal",
        "reload_signal",
        "<signal>",
        "Signal that reads the configuration again (default SIGHUP).",
        signals.parse,
    ),
    Row("log-level", "log_level", "<level>", "trace, debug, info, warn or err (default warn)."),
    duration_row("max-stale", "max_stale", "Take answers of followers up to this age (default 2s); 0 asks the leader."),
    Row("pid-file", "pid_file", "<path>", "File for the process ID."),
    switch_row("syslog", "syslog.enabled", "Send the log to syslog, too."),
    Row("syslog-facility", "syslog.facility", "<facility>", "Syslog facility (default LOCAL0)."),
    Row("wait", "wait", "<duration>", "min[:max]: wait for changes to stop before anything is done.", parse_wait),
]


def _alone(value: str) -> list[str]:
    return [value]


def command_flag(what: str) -> Row:
    """The flag of the child's command, which each tool explains in its own way."""
    return Row("exec", "exec.command", "<command>", what, _alone)


def switch(flags: FlagSet, name: str) -> None:
    """Declare a flag that is no setting: what one run does."""
    flags.value(name, "", to_bool, False, is_bool=True, brief=True)


def declare(flags: FlagSet, rows: Iterable[Row]) -> None:
    """Add rows to a flag set."""
    for row in rows:
        if row.repeats:
            flags.add(Flag(row.name, "value", "", (), "", _appending(row.convert), is_bool=row.is_bool))
        else:
            flags.value(row.name, "", row.convert, None, is_bool=row.is_bool, brief=row.brief)


def _appending(convert: Convert) -> Callable[[list[Any], str], list[Any]]:
    def fold(old: list[Any], value: str) -> list[Any]:
        return [*old, convert(value)]

    return fold


def put(settings: Settings, path: str, value: Any) -> None:
    """Store a value under a dotted path."""
    *stanzas, key = path.split(".")
    for stanza in stanzas:
        settings = settings.setdefault(stanza, {})
    settings[key] = value


def collect(args: Args, rows: Iterable[Row]) -> Settings:
    """The settings that the given flags stand for."""
    out: Settings = {}
    for row in rows:
        if args.was_set(row.name):
            put(out, row.path, args.value(row.name))
    return out


def described(rows: Iterable[Row], others: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The lines of a help text by name: each flag with what it expects, and what it does."""
    shown = [(f"{row.name}={row.expects}" if row.expects else row.name, row.what) for row in rows if row.what]
    return sorted([*shown, *others], key=lambda option: option[0].partition("=")[0])


def listed(options: Iterable[tuple[str, str]]) -> str:
    """The options as a help text shows them."""
    return "\n\n".join(f"  -{flag}\n{_filled(what)}" for flag, what in options)


def _filled(what: str) -> str:
    return textwrap.fill(what, _COLUMNS, initial_indent=_MARGIN, subsequent_indent=_MARGIN, break_on_hyphens=False)
