"""The stanzas of what a tool runs and of what it says: exec with env, syslog, log_file.

Durations are nanoseconds unless a name says else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from pyconsul.lang import goglob
from pyconsul.toolkit import logs
from pyconsul.toolkit.schema import Schema, adding_texts, boolean, duration, integer, signal_number, text, texts
from pyconsul.toolkit.stanzas import SECOND, first_set

ENV: Final[Schema] = {
    "denylist": adding_texts,
    "blacklist": adding_texts,
    "custom": adding_texts,
    "pristine": boolean,
    "allowlist": adding_texts,
    "whitelist": adding_texts,
}
EXEC: Final[Schema] = {
    "command": texts,
    "enabled": boolean,
    "env": ENV,
    "kill_signal": signal_number,
    "kill_timeout": duration,
    "reload_signal": signal_number,
    "splay": duration,
    "timeout": duration,
}
SYSLOG: Final[Schema] = {"enabled": boolean, "facility": text, "name": text}
LOG_FILE: Final[Schema] = {
    "path": text,
    "log_rotate_bytes": integer,
    "log_rotate_duration": duration,
    "log_rotate_max_files": integer,
}


class Environment(msgspec.Struct, frozen=True):
    """Which variables a command or child gets."""

    pristine: bool = False
    custom: Sequence[str] = ()
    allowlist: Sequence[str] = ()
    denylist: Sequence[str] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Environment:
        """From the stanza, older names included."""
        return cls(
            settings.get("pristine", False),
            tuple(settings.get("custom", ())),
            (*settings.get("allowlist", ()), *settings.get("whitelist", ())),
            (*settings.get("denylist", ()), *settings.get("blacklist", ())),
        )

    def build(self, own: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
        """The environment: the own one filtered, then ``extra``, then the custom pairs.

        A word without ``=`` is none: Go's programs pass it on, but no child can read it.
        """
        split = [pair.partition("=") for pair in self.custom]
        custom = {name: value for name, sign, value in split if name and sign}
        if self.pristine:
            return {**extra, **custom}
        kept = dict(own)
        if self.allowlist:
            kept = {k: v for k, v in kept.items() if self._matches(self.allowlist, k)}
        if self.denylist:
            kept = {k: v for k, v in kept.items() if not self._matches(self.denylist, k)}
        return {**kept, **extra, **custom}

    @staticmethod
    def _matches(patterns: Sequence[str], name: str) -> bool:
        return any(goglob.matches(pattern, name) for pattern in patterns)


class Exec(msgspec.Struct, frozen=True):
    """A command and how it is run."""

    command: Sequence[str] = ()
    enabled: bool = False
    environment: Environment = msgspec.field(default_factory=Environment)
    kill_signal: int = 2
    kill_timeout: int = 30 * SECOND
    reload_signal: int | None = None
    splay: int = 0
    timeout: int = 0

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, timeout: int = 0) -> Exec:
        """From the stanza; ``timeout`` is the default of that key."""
        command: Sequence[str] = tuple(settings.get("command", ()))
        return cls(
            command,
            settings.get("enabled", bool(command and command[0])),
            Environment.of(settings.get("env", {})),
            settings.get("kill_signal", 2),
            settings.get("kill_timeout", 30 * SECOND),
            settings.get("reload_signal"),
            settings.get("splay", 0),
            settings.get("timeout", timeout),
        )

    @property
    def has_command(self) -> bool:
        """Whether there is anything to run."""
        return bool(self.command and self.command[0])


class Logging(msgspec.Struct, frozen=True):
    """Where the log goes."""

    level: str = "WARN"
    file_path: str = ""
    rotate_bytes: int = 0
    rotate_ns: int = 86400 * SECOND
    rotate_keep: int = 0
    syslog_facility: str = ""
    syslog_name: str = ""

    @classmethod
    def of(
        cls, settings: Mapping[str, Any], environ: Mapping[str, str], *, tool: str, levels: Sequence[str]
    ) -> Logging:
        """From ``log_level``, ``log_file`` and ``syslog``; ``levels`` names the environment's variables."""
        file: Mapping[str, Any] = settings.get("log_file", {})
        syslog: Mapping[str, Any] = settings.get("syslog", {})
        on = syslog.get("enabled", bool(syslog.get("facility") or syslog.get("name")))
        return cls(
            settings.get("log_level", first_set(environ, *levels) or "WARN"),
            file.get("path", ""),
            file.get("log_rotate_bytes", 0),
            file.get("log_rotate_duration", 86400 * SECOND),
            file.get("log_rotate_max_files", 0),
            syslog.get("facility", "LOCAL0") if on else "",
            syslog.get("name", tool),
        )

    def apply(self, root: str) -> None:
        """Set the logger up. Raises ConfigError."""
        logs.setup(
            root,
            self.level,
            file_path=self.file_path,
            rotate_bytes=self.rotate_bytes,
            rotate_seconds=self.rotate_ns / SECOND,
            rotate_keep=self.rotate_keep,
            syslog_facility=self.syslog_facility,
            syslog_name=self.syslog_name,
        )
