"""Flags the tools share, as rows: name, kind, and the key of the settings they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from pyconsul.lang.goflags import Args, FlagSet, to_bool, to_duration, to_int
from pyconsul.lang.goflags.flagset import Flag
from pyconsul.toolkit import signals
from pyconsul.toolkit.schema import Settings

Convert: TypeAlias = Callable[[str], Any]


class Row(NamedTuple):
    """One flag: ``path`` is where its value goes, ``convert`` reads it, ``repeats``: values add up.

    ``brief``: a wrong value is refused in the flag package's few words, not in strconv's.
    """

    name: str
    path: str
    convert: Convert = str
    is_bool: bool = False
    repeats: bool = False
    brief: bool | None = None


def to_decimal(text: str) -> int:
    """A number as the originals read it: decimal and of 32 bits, whatever Go's own flags take."""
    return to_int(text, bits=32, base=10)


def _bool(name: str, path: str) -> Row:
    return Row(name, path, to_bool, is_bool=True)


def _ssl(prefix: str, stanza: str, verify: str) -> list[Row]:
    names = (
        ("ca-cert", "ca_cert"),
        ("ca-path", "ca_path"),
        ("cert", "cert"),
        ("key", "key"),
        ("server-name", "server_name"),
    )
    rows = [Row(f"{prefix}-ssl-{name}", f"{stanza}.ssl.{key}") for name, key in names]
    return [_bool(f"{prefix}-ssl", f"{stanza}.ssl.enabled"), *rows, _bool(verify, f"{stanza}.ssl.verify")]


def _retry(prefix: str, stanza: str) -> list[Row]:
    return [
        _bool(f"{prefix}-retry", f"{stanza}.retry.enabled"),
        Row(f"{prefix}-retry-attempts", f"{stanza}.retry.attempts", to_decimal),
        Row(f"{prefix}-retry-backoff", f"{stanza}.retry.backoff", to_duration),
        Row(f"{prefix}-retry-max-backoff", f"{stanza}.retry.max_backoff", to_duration),
    ]


def _transport(prefix: str, stanza: str) -> list[Row]:
    path = f"{stanza}.transport"
    return [
        Row(f"{prefix}-transport-dial-keep-alive", f"{path}.dial_keep_alive", to_duration),
        Row(f"{prefix}-transport-dial-timeout", f"{path}.dial_timeout", to_duration),
        _bool(f"{prefix}-transport-disable-keep-alives", f"{path}.disable_keep_alives"),
        Row(f"{prefix}-transport-max-idle-conns-per-host", f"{path}.max_idle_conns_per_host", to_decimal),
        Row(f"{prefix}-transport-tls-handshake-timeout", f"{path}.tls_handshake_timeout", to_duration),
    ]


def parse_auth(value: str) -> Settings:
    """``user[:password]``. Raises ValueError."""
    if not value:
        raise ValueError("auth: cannot be empty")
    user, _, password = value.partition(":")
    return {"enabled": True, "username": user, "password": password}


CONSUL_FLAGS: list[Row] = [
    Row("consul-addr", "consul.address"),
    Row("consul-auth", "consul.auth", parse_auth),
    Row("consul-token", "consul.token"),
    *_retry("consul", "consul"),
    *_ssl("consul", "consul", "consul-ssl-verify"),
    *_transport("consul", "consul"),
]
VAULT_FLAGS: list[Row] = [
    Row("vault-addr", "vault.address"),
    Row("vault-token", "vault.token"),
    Row("vault-agent-token-file", "vault.vault_agent_token_file"),
    _bool("vault-renew-token", "vault.renew_token"),
    _bool("vault-unwrap-token", "vault.unwrap_token"),
    *_retry("vault", "vault"),
    *_ssl("vault", "vault", "vault-ssl-verify"),
    *_transport("vault", "vault"),
]
EXEC_FLAGS: list[Row] = [
    Row("exec", "exec.command", lambda value: [value]),
    Row("exec-kill-signal", "exec.kill_signal", signals.parse),
    Row("exec-kill-timeout", "exec.kill_timeout", to_duration),
    Row("exec-splay", "exec.splay", to_duration),
]
TOOL_FLAGS: list[Row] = [
    Row("kill-signal", "kill_signal", signals.parse),
    Row("reload-signal", "reload_signal", signals.parse),
    Row("log-level", "log_level"),
    Row("max-stale", "max_stale", to_duration),
    Row("pid-file", "pid_file"),
    _bool("syslog", "syslog.enabled"),
    Row("syslog-facility", "syslog.facility"),
]


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
