"""The tool's configuration: what files and flags may say, and the typed result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from pyconsul.lang.gotemplate.gofmt import sprintf
from pyconsul.lang.hcl.decode import Blocks
from pyconsul.toolkit import running_stanzas, sources, stanzas
from pyconsul.toolkit.quiescence import WaitSetting
from pyconsul.toolkit.running_stanzas import Exec, Logging
from pyconsul.toolkit.schema import (
    KindError,
    Schema,
    Settings,
    boolean,
    duration,
    many,
    merge,
    signal_number,
    text,
    texts,
)
from pyconsul.toolkit.stanzas import SECOND, Consul, Vault

LOG_VARIABLES: Final = ("CT_LOG", "ENVCONSUL")
CHANGE_TIMEOUT_NS: Final = 30 * SECOND


def _command(name: str, value: Any) -> list[str]:
    """A command: one text for the shell, or a list of words. Unlike other lists it is not cut at commas."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise KindError(f"'{name}' expected a text or a list of texts")
    return texts(name, value)


PREFIX: Final[Schema] = {
    "path": text,
    "format": text,
    "no_prefix": boolean,
    "key": many({"name": text, "format": text}),
    "reload": boolean,
}
SERVICE: Final[Schema] = {
    "query": text,
    "format_id": text,
    "format_name": text,
    "format_address": text,
    "format_tag": text,
    "format_port": text,
    "reload": boolean,
}
SCHEMA: Final[Schema] = {
    "change_command": _command,
    "change_timeout": duration,
    "consul": stanzas.CONSUL,
    "exec": running_stanzas.EXEC,
    "kill_signal": signal_number,
    "log_level": text,
    "max_stale": duration,
    "no_restart": boolean,
    "pid_file": text,
    "prefix": many(PREFIX),
    "pristine": boolean,
    "reload": boolean,
    "reload_signal": signal_number,
    "sanitize": boolean,
    "secret": many(PREFIX),
    "service": many(SERVICE),
    "syslog": running_stanzas.SYSLOG,
    "upcase": boolean,
    "vault": stanzas.VAULT,
    "wait": stanzas.WAIT,
}


class KeyConfig(msgspec.Struct, frozen=True):
    """One key of a secret that is wanted, and the name it gets ("" keeps its own)."""

    name: str = ""
    format: str = ""


class PrefixConfig(msgspec.Struct, frozen=True):
    """A ``prefix`` or ``secret`` stanza. ``keys`` empty means all; ``no_prefix`` None is the kind's default."""

    path: str = ""
    format: str = ""
    no_prefix: bool | None = None
    keys: Sequence[KeyConfig] = ()
    reload: bool = True

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, reload: bool) -> PrefixConfig:
        """From the stanza; ``reload`` is the default of that key."""
        keys = tuple(KeyConfig(k.get("name", ""), k.get("format", "")) for k in settings.get("key", ()))
        no_prefix: bool | None = settings.get("no_prefix")
        return cls(settings["path"], settings.get("format", ""), no_prefix, keys, settings.get("reload", reload))


class ServiceConfig(msgspec.Struct, frozen=True):
    """A ``service`` stanza; ``formats`` by attribute (id, name, address, tag, port), only those that are set."""

    query: str = ""
    formats: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    reload: bool = True

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, reload: bool) -> ServiceConfig:
        """From the stanza; ``reload`` is the default of that key."""
        formats = {
            name.removeprefix("format_"): value
            for name, value in settings.items()
            if name.startswith("format_") and value
        }
        return cls(settings.get("query", ""), formats, settings.get("reload", reload))


class Config(msgspec.Struct, frozen=True):
    """Everything the runner needs to know. Durations are nanoseconds."""

    consul: Consul = msgspec.field(default_factory=Consul)
    vault: Vault = msgspec.field(default_factory=Vault)
    exec: Exec = msgspec.field(default_factory=Exec)
    prefixes: Sequence[PrefixConfig] = ()
    services: Sequence[ServiceConfig] = ()
    secrets: Sequence[PrefixConfig] = ()
    wait: WaitSetting = msgspec.field(default_factory=WaitSetting)
    logging: Logging = msgspec.field(default_factory=Logging)
    max_stale: int = 2 * SECOND
    kill_signal: int = 2
    reload_signal: int = 1
    pid_file: str = ""
    pristine: bool = False
    sanitize: bool = False
    upcase: bool = False
    once: bool = False
    no_restart: bool = False
    change_command: Sequence[str] = ()
    change_timeout: int = CHANGE_TIMEOUT_NS

    @classmethod
    def of(cls, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
        """The typed configuration of merged settings."""
        reload: bool = settings.get("reload", True)
        plain = (
            "max_stale",
            "kill_signal",
            "reload_signal",
            "pid_file",
            "pristine",
            "sanitize",
            "upcase",
            "once",
            "no_restart",
            "change_command",
            "change_timeout",
        )
        return cls(
            consul=Consul.of(settings.get("consul", {}), environ),
            vault=Vault.of(settings.get("vault", {}), environ),
            exec=Exec.of(settings.get("exec", {})),
            prefixes=_prefixes(settings, "prefix", reload),
            services=tuple(ServiceConfig.of(s, reload=reload) for s in settings.get("service", ())),
            secrets=_prefixes(settings, "secret", reload),
            wait=stanzas.wait_setting(settings.get("wait", {})),
            logging=Logging.of(settings, environ, tool="envconsul", levels=LOG_VARIABLES),
            **{name: settings[name] for name in plain if name in settings},
        )


def _prefixes(settings: Mapping[str, Any], name: str, reload: bool) -> tuple[PrefixConfig, ...]:
    """The stanzas of that name; one without a path says nothing and is left out."""
    return tuple(PrefixConfig.of(p, reload=reload) for p in settings.get(name, ()) if "path" in p)


# Older top-level keys in the original's order: what the log says of them (%s is the value), and where they belong now.
_OLDER: Final[Mapping[str, tuple[str, Callable[[Any], Settings]]]] = {
    "auth": (
        "auth is now a child stanza inside consul instead of a top-level stanza. Update your configuration files "
        "and change auth {} to consul { auth { ... } } instead.",
        lambda value: {"consul": {"auth": value}},
    ),
    "path": (
        "path is no longer a key in the configuration. Please remove it and use the CLI option instead.",
        lambda value: {},
    ),
    "splay": (
        "splay is now a child stanza for exec instead of a top-level key. Update your configuration files and "
        'change splay = "%s" to exec { splay = "%s" } instead.',
        lambda value: {"exec": {"splay": value}},
    ),
    "retry": (
        "retry is now a child stanza for both consul and vault instead of a top-level stanza. Update your "
        "configuration files and change retry {} to consul { retry { ... } } and vault { retry { ... } } instead.",
        lambda value: {name: {"retry": {"backoff": value, "max_backoff": value}} for name in ("consul", "vault")},
    ),
    "ssl": (
        "ssl is now a child stanza for both consul and vault instead of a top-level stanza. Update your "
        "configuration files and change ssl {} to consul { ssl { ... } } and vault { ssl { ... } } instead.",
        lambda value: {name: {"ssl": value} for name in ("consul", "vault")},
    ),
    "timeout": (
        "timeout is now a child stanza for exec insteadof a top-level key. Update your configuration files and "
        'change timeout = "%s" to exec { kill_timeout = "%s" } instead.',
        lambda value: {"exec": {"kill_timeout": value}},
    ),
    "token": (
        "token is now a child stanza inside consul instead of a top-level key. Update your configuration files and "
        'change token = "..." to consul { token = "..." } instead.',
        lambda value: {"consul": {"token": value}},
    ),
}


def _modernised(raw: Settings, warn: Callable[[int, str], None]) -> Settings:
    """What a file says with older keys in their present places."""
    out = dict(raw)
    for name, (warning, moved) in _OLDER.items():
        if name not in out:
            continue
        value = out.pop(name)
        warn(logging.WARNING, f"parse: {warning.replace('%s', sprintf('%s', [value]))}")
        for stanza, settings in moved(value).items():
            out[stanza] = {**_last_block(out.get(stanza)), **settings}
    return out


def _last_block(value: Any) -> Settings:
    """What a stanza says, where it is one."""
    found: Settings | list[Any] | str | float | None = value[-1] if isinstance(value, Blocks) and value else value
    return found if isinstance(found, dict) else {}


def load(paths: Sequence[str], over: Settings, environ: Mapping[str, str], warn: Callable[[int, str], None]) -> Config:
    """The configuration of files with the flags on top. ``warn`` hears of older keys. Raises ConfigError."""

    def read(path: str) -> Settings:
        return sources.from_path(path, SCHEMA, lambda raw: _modernised(raw, warn))

    return Config.of(sources.load(paths, {}, merge(stanzas.VAULT_TLS_IS_ON, over), read), environ)
