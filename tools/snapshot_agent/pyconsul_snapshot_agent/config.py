"""The tool's configuration: the ``snapshot_agent`` object of files, laid under the flags.

Keys are those of Consul Enterprise's snapshot agent; ``docs/tools/snapshot-agent.md`` marks those that it lacks.
Durations are nanoseconds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from pyconsul.lang import hcl
from pyconsul.primitives.durations import HOUR, MINUTE, SECOND
from pyconsul.primitives.system_errors import system_text
from pyconsul.primitives.untyped import Parsed
from pyconsul.sdk.retry import Retry
from pyconsul.sdk.settings import TLS
from pyconsul.sdk.settings import Settings as ClientSettings
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.schema import (
    KindError,
    Schema,
    Settings,
    boolean,
    decode,
    duration,
    integer,
    many,
    merge,
    text,
)

_OBJECT: Final = "snapshot_agent"


def _blocks(name: str, value: Parsed) -> Iterator[dict[str, Any]]:
    parts: list[Parsed] = value if isinstance(value, list) else [value]
    for part in parts:
        if not isinstance(part, dict):
            raise KindError(f"'{name}' expected a map")
        yield part


def string_map(name: str, value: Parsed) -> dict[str, str]:
    """Texts by name."""
    return {key: text(f"{name}.{key}", each) for block in _blocks(name, value) for key, each in block.items()}


def free_map(name: str, value: Parsed) -> dict[str, Any]:
    """Settings whose keys only a plug-in knows."""
    return {key: each for block in _blocks(name, value) for key, each in block.items()}


LOCAL: Final[Schema] = {"path": text}
AWS: Final[Schema] = {
    "access_key_id": text,
    "secret_access_key": text,
    "session_token": text,
    "iam_endpoint": text,
    "sts_endpoint": text,
    "role_arn": text,
    "role_session_name": text,
    "web_identity_token_file": text,
    "s3_bucket": text,
    "s3_region": text,
    "s3_key_prefix": text,
    "s3_endpoint": text,
    "s3_server_side_encryption": boolean,
    "s3_static_snapshot_name": text,
    "s3_force_path_style": boolean,
    "s3_enable_kms": boolean,
    "s3_kms_key": text,
    "s3_part_bytes": integer,
}
AZURE: Final[Schema] = {
    "account_name": text,
    "account_key": text,
    "container_name": text,
    "environment": text,
    "service_principal_id": text,
    "service_principal_secret": text,
    "tenant_id": text,
    "endpoint": text,
}
GOOGLE: Final[Schema] = {"bucket": text, "credentials_file": text, "endpoint": text}
PLUGIN: Final[Schema] = {"provider": text, "settings": free_map}
STORAGES: Final = {
    "local_storage": many(LOCAL),
    "aws_storage": many(AWS),
    "azure_blob_storage": many(AZURE),
    "google_storage": many(GOOGLE),
}
PROVIDERS: Final = {
    "local_storage": "local",
    "aws_storage": "s3",
    "azure_blob_storage": "azure",
    "google_storage": "gcs",
}
SCHEMA: Final[Schema] = {
    "http_addr": text,
    "token": text,
    "token_file": text,
    "datacenter": text,
    "ca_file": text,
    "ca_path": text,
    "cert_file": text,
    "key_file": text,
    "tls_server_name": text,
    "license_path": text,
    "status_addr": text,
    "login": {"auth_method": text, "bearer_token": text, "bearer_token_file": text, "meta": string_map},
    "log": {"level": text, "enable_syslog": boolean, "syslog_facility": text},
    "snapshot": {
        "interval": duration,
        "lock_key": text,
        "max_failures": integer,
        "retain": integer,
        "stale": boolean,
        "local_scratch_path": text,
        "service": text,
        "deregister_after": duration,
        "verify": boolean,
        "encryption_key_file": text,
        "attempts": integer,
        "backoff": duration,
        "max_backoff": duration,
        "session_ttl": duration,
        "lock_delay": duration,
    },
    "backup_destinations": {**STORAGES, "plugin_storage": many(PLUGIN)},
    **STORAGES,
}


class Destination(NamedTuple):
    """One place for archives: the entry point that opens it and what it is opened with."""

    provider: str
    settings: dict[str, Any]


class Login(msgspec.Struct, frozen=True):
    """A login by auth method; without ``auth_method`` there is none."""

    auth_method: str = ""
    bearer_token: str = ""
    bearer_token_file: str = ""
    meta: Mapping[str, str] | None = None


class Log(msgspec.Struct, frozen=True):
    """Where the log goes besides standard error, and from which level on."""

    level: str = "INFO"
    enable_syslog: bool = False
    syslog_facility: str = "LOCAL0"


class Schedule(msgspec.Struct, frozen=True):
    """When snapshots are taken, how many are kept, and what surrounds that."""

    interval: int = HOUR
    lock_key: str = "consul-snapshot/lock"
    max_failures: int = 3
    retain: int = 30
    stale: bool = False
    local_scratch_path: str = ""
    service: str = "consul-snapshot"
    deregister_after: int = 72 * HOUR
    verify: bool = True
    encryption_key_file: str = ""
    attempts: int = 5
    backoff: int = SECOND
    max_backoff: int = MINUTE
    session_ttl: int = 15 * SECOND
    lock_delay: int = 15 * SECOND

    @property
    def is_one_shot(self) -> bool:
        """Whether one snapshot is all."""
        return self.interval == 0

    @property
    def retry(self) -> RetryPolicy:
        """The pauses between attempts of one upload."""
        return RetryPolicy(self.attempts > 1, self.attempts - 1, self.backoff, self.max_backoff)


class Config(msgspec.Struct, frozen=True):
    """Everything that one run of the tool goes by."""

    client: ClientSettings
    login: Login
    log: Log
    schedule: Schedule
    destinations: Sequence[Destination]
    status_addr: str = ""
    warnings: Sequence[str] = ()


def load(files: Iterable[str], directories: Iterable[str], over: Settings, environ: Mapping[str, str]) -> Config:
    """Files, then directories, then the flags' settings ``over`` them. Raises ConfigError."""
    paths = [*files, *(path for directory in directories for path in _directory(directory))]
    given = [settings for path in paths if (settings := _file(path)) is not None]
    if not given and (list(files) or list(directories)):
        raise ConfigError(f'none of the configuration files holds a "{_OBJECT}" object')
    below: Settings = {}
    for settings in given:
        below = merge(below, settings)
    if "backup_destinations" in below and any(kind in over for kind in STORAGES):
        raise ConfigError("flags for destinations cannot be used together with backup_destinations")
    return of(merge(below, over), environ)


def of(settings: Settings, environ: Mapping[str, str]) -> Config:
    """A whole configuration, checked. Raises ConfigError."""
    schedule = Schedule(**settings.get("snapshot", {}))
    _check(schedule, settings)
    destinations, warnings = _destinations(settings)
    if settings.get("license_path") or environ.get("CONSUL_LICENSE") or environ.get("CONSUL_LICENSE_PATH"):
        warnings.append("a license is configured; none is needed, it is not looked at")
    return Config(
        _client(settings, environ),
        Login(**settings.get("login", {})),
        Log(**settings.get("log", {})),
        schedule,
        destinations,
        settings.get("status_addr", ""),
        warnings,
    )


def _check(schedule: Schedule, settings: Settings) -> None:
    for name in ("interval", "retain", "max_failures", "deregister_after", "attempts", "backoff", "max_backoff"):
        if getattr(schedule, name) < 0:
            raise ConfigError(f"snapshot.{name} must not be negative")
    if 0 < schedule.deregister_after < MINUTE:
        raise ConfigError("snapshot.deregister_after must be at least 1m, or 0 for never")
    if schedule.attempts == 0:
        raise ConfigError("snapshot.attempts must be at least 1")
    if schedule.is_one_shot:
        return
    if not schedule.lock_key or not schedule.service:
        raise ConfigError("snapshot.lock_key and snapshot.service must not be empty")
    if schedule.max_failures == 0:
        raise ConfigError("snapshot.max_failures must be at least 1")
    if settings.get("datacenter"):
        raise ConfigError("a datacenter can be chosen only for a single snapshot (interval 0)")


def _destinations(settings: Settings) -> tuple[list[Destination], list[str]]:
    """The places, and what there is to warn about. A remote one at the top level switches local storage off."""
    warnings: list[str] = []
    stanzas: Settings = settings.get("backup_destinations", {})
    older = {kind: settings[kind] for kind in STORAGES if settings.get(kind)}
    if stanzas and older:
        raise ConfigError(f"{', '.join(older)} cannot be used together with backup_destinations")
    if older:
        remote = {kind: found for kind, found in older.items() if kind != "local_storage"}
        if remote and "local_storage" in older:
            warnings.append("local storage is off, because there is a remote destination")
        stanzas = remote or older
    out = [
        Destination(PROVIDERS[kind], stanza)
        for kind, provided in stanzas.items()
        if kind in PROVIDERS
        for stanza in provided
    ]
    for plugin in stanzas.get("plugin_storage", ()):
        if not plugin.get("provider"):
            raise ConfigError("plugin_storage needs a provider")
        out.append(Destination(plugin["provider"], plugin.get("settings", {})))
    return out or [Destination("local", {"path": "."})], warnings


def _client(settings: Settings, environ: Mapping[str, str]) -> ClientSettings:
    """How to reach Consul: the environment, overruled by what is configured."""
    found = ClientSettings.from_env(
        environ,
        address=settings.get("http_addr"),
        token=settings.get("token"),
        token_file=settings.get("token_file"),
        datacenter=settings.get("datacenter"),
        retry=Retry(),
    )
    names = {"tls_server_name": "server_name"}
    tls = {
        names.get(key, key): settings[key]
        for key in ("ca_file", "ca_path", "cert_file", "key_file", "tls_server_name")
        if settings.get(key)
    }
    fields = {name: getattr(found.tls, name) for name in found.tls.__struct_fields__}
    return found.replace(tls=TLS(**{**fields, **tls})) if tls else found


def _directory(path: str) -> list[str]:
    """The files of a directory that end in .json or .hcl, by name; not below it. Raises ConfigError."""
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise ConfigError(f"{path}: {system_text(error)}") from None
    paths = [os.path.join(path, name) for name in names if name.endswith((".json", ".hcl"))]
    return [each for each in paths if os.path.isfile(each)]


def _file(path: str) -> Settings | None:
    """The settings of one file, None when it has none of ours. Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        raise ConfigError(f"{path}: {system_text(error)}") from None
    try:
        return parse(source, is_hcl=path.endswith(".hcl"))
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def parse(source: bytes, *, is_hcl: bool = False) -> Settings | None:
    """The settings in a text, None when it has no ``snapshot_agent``. Raises ConfigError."""
    try:
        raw: Parsed = hcl.parse(source) if is_hcl else json.loads(source)
    except (hcl.HclError, ValueError, RecursionError) as error:
        raise ConfigError(f"error decoding config: {error}") from None
    found: Parsed = raw.get(_OBJECT) if isinstance(raw, dict) else None
    if found is None:
        return None
    out: Settings = {}
    objects: list[Parsed] = found if isinstance(found, list) else [found]
    for each in objects:
        if not isinstance(each, dict):
            raise ConfigError(f'"{_OBJECT}" is not an object')
        out = merge(out, decode(each, SCHEMA))
    return out
