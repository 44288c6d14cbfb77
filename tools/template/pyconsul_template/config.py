"""The tool's configuration: what files and flags may say, and the typed result."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pyconsul.lang.strconv import quote
from pyconsul.toolkit import running_stanzas, sources, stanzas
from pyconsul.toolkit.quiescence import WaitSetting
from pyconsul.toolkit.running_stanzas import Exec, Logging
from pyconsul.toolkit.schema import (
    Schema,
    Settings,
    boolean,
    duration,
    file_mode,
    integer,
    many,
    merge,
    signal_number,
    text,
    texts,
)
from pyconsul.toolkit.stanzas import SECOND, Consul, Nomad, Vault

CONSUL_ADDRESS: Final = "localhost:8500"
"""What the original's client asks where nothing names an agent: one that only listens on ::1 is found, too."""

COMMAND_TIMEOUT_NS: Final = 30 * SECOND
LOG_VARIABLES: Final = ("CT_LOG", "CONSUL_TEMPLATE_LOG", "CONSUL_TEMPLATE_LOG_LEVEL")

TEMPLATE: Final[Schema] = {
    "backup": boolean,
    "command": texts,
    "command_timeout": duration,
    "contents": text,
    "create_dest_dirs": boolean,
    "destination": text,
    "error_on_missing_key": boolean,
    "error_fatal": boolean,
    "exec": running_stanzas.EXEC,
    "perms": file_mode,
    "user": text,
    "uid": integer,
    "group": text,
    "gid": integer,
    "source": text,
    "wait": stanzas.WAIT,
    "left_delimiter": text,
    "right_delimiter": text,
    "function_denylist": texts,
    "function_blacklist": texts,
    "sandbox_path": text,
    "dialect": text,
}
SCHEMA: Final[Schema] = {
    "consul": stanzas.CONSUL,
    "deduplicate": {
        "enabled": boolean,
        "max_stale": duration,
        "prefix": text,
        "ttl": duration,
        "block_query_wait": duration,
    },
    "default_delimiters": {"left": text, "right": text},
    "exec": running_stanzas.EXEC,
    "kill_signal": signal_number,
    "log_level": text,
    "log_file": running_stanzas.LOG_FILE,
    "max_stale": duration,
    "pid_file": text,
    "reload_signal": signal_number,
    "syslog": running_stanzas.SYSLOG,
    "template": many(TEMPLATE),
    "template_error_fatal": boolean,
    "vault": stanzas.VAULT,
    "nomad": stanzas.NOMAD,
    "wait": stanzas.WAIT,
    "once": boolean,
    "parseonly": boolean,
    "block_query_wait": duration,
    "err_on_failed_lookup": boolean,
    "status_address": text,
}

_PARTS = re.compile(r"(?:[a-zA-Z]:)?[^:]+")


def parse_template_flag(value: str) -> Settings:
    """A template stanza from ``source[:destination[:command]]``. Raises ValueError.

    A part of one letter counts as a drive letter and takes the next part along, as in the original.
    """
    parts = _PARTS.findall(value) if value.strip() else []
    if not parts:
        raise ValueError("template: cannot be empty")
    out: Settings = {"source": parts[0]}
    if len(parts) > 1:
        out["destination"] = parts[1]
    if len(parts) > 2:
        out["command"] = [":".join(parts[2:])]
    return out


def dialect_of(source: str) -> str:
    """The dialect of a template whose stanza names none, by the ending of its file."""
    return "jinja2" if source.endswith((".j2", ".jinja", ".jinja2")) else "go"


class TemplateConfig(msgspec.Struct, frozen=True):
    """One template stanza. ``perms`` 0 keeps the mode of an existing file; ``dialect`` is go or jinja2."""

    source: str = ""
    contents: str = ""
    destination: str = ""
    create_dest_dirs: bool = True
    perms: int = 0
    user: str = ""
    group: str = ""
    backup: bool = False
    left_delimiter: str = ""
    right_delimiter: str = ""
    error_on_missing_key: bool = False
    error_fatal: bool = True
    function_denylist: Sequence[str] = ()
    sandbox_path: str = ""
    exec: Exec = msgspec.field(default_factory=Exec)
    wait: WaitSetting = msgspec.field(default_factory=WaitSetting)
    dialect: str = "go"

    @classmethod
    def of(
        cls, settings: Mapping[str, Any], *, error_fatal: bool | None, delimiters: Mapping[str, str]
    ) -> TemplateConfig:
        """From the stanza; flags and stanzas of the whole configuration fill what it leaves open."""
        commands = dict(settings.get("exec", {}))
        if "command" not in commands and "command" in settings:
            commands["command"] = settings["command"]
        timeout = settings.get("command_timeout", COMMAND_TIMEOUT_NS)
        source: str = settings.get("source", "")
        plain = (
            "contents",
            "destination",
            "create_dest_dirs",
            "perms",
            "backup",
            "error_on_missing_key",
            "sandbox_path",
        )
        fatal = settings.get("error_fatal", True) if error_fatal is None else error_fatal
        return cls(
            source=source,
            **{name: settings[name] for name in plain if name in settings},
            user=settings.get("user") or str(settings.get("uid", "")),
            group=settings.get("group") or str(settings.get("gid", "")),
            left_delimiter=settings.get("left_delimiter") or delimiters.get("left", ""),
            right_delimiter=settings.get("right_delimiter") or delimiters.get("right", ""),
            error_fatal=fatal,
            function_denylist=(*settings.get("function_denylist", ()), *settings.get("function_blacklist", ())),
            exec=Exec.of(commands, timeout=timeout),
            wait=stanzas.wait_setting(settings.get("wait", {})),
            dialect=settings.get("dialect", "") or dialect_of(source),
        )

    @property
    def label(self) -> str:
        """What messages call the template."""
        return self.source or "(dynamic)"

    @property
    def display(self) -> str:
        """Source and destination, quoted."""
        return f"{quote('(dynamic)' if self.contents else self.source)} => {quote(self.destination)}"

    def identity(self, contents: str) -> str:
        """What tells templates apart: a digest of source, text and destination."""
        joined = "\0".join((self.source, contents, self.destination))
        return hashlib.sha256(joined.encode("utf-8", "surrogateescape")).hexdigest()


class Dedup(msgspec.Struct, frozen=True):
    """De-duplication: one instance watches, the others read what it found."""

    enabled: bool = False
    max_stale: int = 2 * SECOND
    prefix: str = "consul-template/dedup/"
    ttl: int = 15 * SECOND
    block_query_wait: int = 60 * SECOND

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Dedup:
        """On when anything is set."""
        given: dict[str, Any] = {"enabled": any(settings.values()), **settings}
        return cls(**given)


class Config(msgspec.Struct, frozen=True):
    """Everything the runner needs to know. Durations are nanoseconds."""

    consul: Consul = msgspec.field(default_factory=Consul)
    vault: Vault = msgspec.field(default_factory=Vault)
    nomad: Nomad = msgspec.field(default_factory=Nomad)
    templates: Sequence[TemplateConfig] = ()
    exec: Exec = msgspec.field(default_factory=Exec)
    dedup: Dedup = Dedup()
    wait: WaitSetting = msgspec.field(default_factory=WaitSetting)
    logging: Logging = msgspec.field(default_factory=Logging)
    max_stale: int = 2 * SECOND
    block_query_wait: int = 60 * SECOND
    kill_signal: int = 2
    reload_signal: int = 1
    pid_file: str = ""
    err_on_failed_lookup: bool = False
    once: bool = False
    parse_only: bool = False
    status_address: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Config:
        """The typed configuration of merged settings."""
        fatal: bool | None = settings.get("template_error_fatal")
        delimiters: Mapping[str, str] = settings.get("default_delimiters", {})
        once: bool = settings.get("once", False)
        plain = ("max_stale", "block_query_wait", "kill_signal", "reload_signal", "pid_file", "err_on_failed_lookup")
        return cls(
            consul=Consul.of(settings.get("consul", {}), environ, CONSUL_ADDRESS),
            vault=Vault.of(settings.get("vault", {}), environ),
            nomad=Nomad.of(settings.get("nomad", {}), environ),
            templates=tuple(
                TemplateConfig.of(t, error_fatal=_fatal(t, fatal), delimiters=delimiters)
                for t in settings.get("template", [])
            ),
            exec=Exec.of(settings.get("exec", {})),
            dedup=Dedup.of(settings.get("deduplicate", {})),
            wait=WaitSetting() if once else stanzas.wait_setting(settings.get("wait", {})),
            logging=Logging.of(settings, environ, tool="consul-template", levels=LOG_VARIABLES),
            once=once,
            parse_only=settings.get("parseonly", False),
            status_address=settings.get("status_address", ""),
            **{name: settings[name] for name in plain if name in settings},
        )

    def shown_environment(self) -> dict[str, str]:
        """What commands, the child and ``env`` see of the client settings."""
        return {**self.consul.environment(), **self.vault.environment()}


def _fatal(template: Mapping[str, Any], default: bool | None) -> bool | None:
    """The general switch counts where a stanza says nothing."""
    return None if "error_fatal" in template else default


def load(paths: Sequence[str], over: Settings, environ: Mapping[str, str]) -> Config:
    """The configuration of files, then ``CT_LOCAL_CONFIG`` and flags on top. Raises ConfigError."""
    settings: Settings = {}
    for path in paths:
        settings = merge(settings, sources.from_path(path, SCHEMA))
    # The switches of one run only come from flags and CT_LOCAL_CONFIG.
    settings.pop("once", None)
    settings.pop("parseonly", None)
    settings = merge(merge(settings, stanzas.VAULT_TLS_IS_ON), over)
    if "template_error_fatal" in over:  # what stanzas say is for files alone
        fatal: bool = over["template_error_fatal"]
        settings["template"] = [{**stanza, "error_fatal": fatal} for stanza in settings.get("template", ())]
    return Config.of(settings, environ)
