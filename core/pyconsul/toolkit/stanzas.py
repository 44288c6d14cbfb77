"""The stanzas of servers that the tools share: consul, vault, nomad, and wait.

Each has a schema (what a file may say) and a frozen class that is made from the settings and the
environment, with the originals' defaults. Durations are nanoseconds unless a name says else.
They stand together because the tools' pages list them together; each stanza is read by itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pyconsul.primitives.durations import parse_duration
from pyconsul.sdk.retry import Retry
from pyconsul.sdk.settings import TLS
from pyconsul.sdk.settings import Settings as ClientSettings
from pyconsul.toolkit import logs
from pyconsul.toolkit.quiescence import WaitSetting
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.schema import (
    Schema,
    Settings,
    boolean,
    duration,
    either,
    integer,
    number,
    text,
    unsettable,
)
from pyconsul.toolkit.vault_environment import VaultEnvironment

SECOND: Final = 1_000_000_000
VAULT_ADDRESS: Final = "https://127.0.0.1:8200"
NOMAD_ADDRESS: Final = "http://127.0.0.1:4646"
_UPPER_BOUND: Final = 4  # a wait without "max" ends after so many times "min", in the originals too

RETRY: Final[Schema] = {"enabled": boolean, "attempts": integer, "backoff": duration, "max_backoff": duration}
SSL: Final[Schema] = {
    "enabled": boolean,
    "verify": boolean,
    "cert": text,
    "key": text,
    "ca_cert": text,
    "ca_cert_bytes": text,
    "ca_path": text,
    "server_name": text,
}
TRANSPORT: Final[Schema] = {
    "dial_keep_alive": duration,
    "dial_timeout": duration,
    "disable_keep_alives": boolean,
    "idle_conn_timeout": duration,
    "max_idle_conns": integer,
    "max_idle_conns_per_host": integer,
    "max_conns_per_host": integer,
    "tls_handshake_timeout": duration,
}


def _only_address(address: str) -> Settings:
    """The stanza that ``consul = "ADDRESS"`` stood for in old versions."""
    advice = 'Update your configuration files and change consul = "" to consul { } instead.'
    logs.early_line("WARN", "", f"consul now accepts a stanza instead of a string. {advice}")
    return {"address": address}


AUTH: Final[Schema] = {"enabled": boolean, "username": text, "password": text}
CONSUL: Final = either(
    {
        "address": text,
        "namespace": text,
        "auth": AUTH,
        "retry": RETRY,
        "ssl": SSL,
        "token": text,
        "token_file": text,
        "transport": TRANSPORT,
    },
    _only_address,
)
VAULT: Final[Schema] = {
    "address": text,
    "enabled": boolean,
    "namespace": text,
    "renew_token": boolean,
    "retry": RETRY,
    "ssl": SSL,
    "token": text,
    "vault_agent_token_file": text,
    "transport": TRANSPORT,
    "unwrap_token": boolean,
    "client_user_agent": text,
    "default_lease_duration": duration,
    "lease_renewal_threshold": number,
    "k8s_auth_role_name": text,
    "k8s_service_account_token_path": text,
    "k8s_service_account_token": text,
    "k8s_service_mount_path": text,
}
NOMAD: Final[Schema] = {
    "address": text,
    "enabled": boolean,
    "namespace": text,
    "ssl": SSL,
    "token": text,
    "auth_username": text,
    "auth_password": text,
    "transport": TRANSPORT,
    "retry": unsettable,
}


def parse_wait(value: str) -> Settings:
    """The settings of ``min[:max]``. Raises ValueError with the originals' texts."""
    value = value.strip()
    if not value:
        raise ValueError("wait: cannot be empty")
    parts = value.split(":")
    if len(parts) > 2:
        raise ValueError("wait: invalid format")
    low = parse_duration(parts[0].strip())
    high = parse_duration(parts[1].strip()) if len(parts) == 2 else _UPPER_BOUND * low
    if low < 0 or high < 0:
        raise ValueError("wait: cannot be negative")
    if high < low:
        raise ValueError("wait: min must be less than max")
    return {"min": low, "max": high}


WAIT: Final = either({"bool": boolean, "min": duration, "max": duration}, parse_wait)


def wait_setting(settings: Mapping[str, Any]) -> WaitSetting:
    """The timer that a wait stanza asks for."""
    low: int = settings.get("min", 0)
    high: int = settings.get("max", _UPPER_BOUND * low)
    enabled: bool = settings.get("bool", low > 0)
    return WaitSetting(enabled, low / SECOND, high / SECOND)


def first_set(environ: Mapping[str, str], *names: str) -> str:
    """The first of these variables that is set, trimmed."""
    return next((environ[name].strip() for name in names if environ.get(name)), "")


def _flag(environ: Mapping[str, str], name: str, default: bool) -> bool:
    value = environ.get(name, "")
    # Not strconv.parse_bool: the originals take the default for what is no truth value, and complain of nothing.
    if value in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    return default and value not in ("0", "f", "F", "FALSE", "false", "False")


class Tls(msgspec.Struct, frozen=True):
    """An ssl stanza."""

    enabled: bool = False
    verify: bool = True
    cert: str = ""
    key: str = ""
    ca_cert: str = ""
    ca_cert_bytes: str = ""
    ca_path: str = ""
    server_name: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Tls:
        """On when anything is set, also ``verify``."""
        present = any(settings.values()) or "verify" in settings
        given: dict[str, Any] = {"enabled": present, **settings}
        return cls(**given)

    def for_client(self) -> TLS:
        """The same for the SDK: a certificate's file may hold its key as well, and a key alone proves nothing."""
        return TLS(
            ca_file=self.ca_cert,
            ca_path=self.ca_path,
            ca_pem=self.ca_cert_bytes,
            cert_file=self.cert,
            key_file=(self.key or self.cert) if self.cert else "",
            server_name=self.server_name,
            verify=self.verify,
        )


class Transport(msgspec.Struct, frozen=True):
    """A transport stanza; what the client has no use for is kept so that it may be shown."""

    dial_keep_alive: int = 30 * SECOND
    dial_timeout: int = 30 * SECOND
    disable_keep_alives: bool = False
    idle_conn_timeout: int = 5 * SECOND
    max_idle_conns: int = 0
    max_idle_conns_per_host: int = 100
    max_conns_per_host: int = 0
    tls_handshake_timeout: int = 10 * SECOND


def _retry(settings: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        settings.get("enabled", True),
        settings.get("attempts", 12),
        settings.get("backoff", SECOND // 4),
        settings.get("max_backoff", 60 * SECOND),
    )


class Consul(msgspec.Struct, frozen=True):
    """How to reach Consul. ``default_address`` is asked where nothing names one, and shown to nobody."""

    address: str = ""
    namespace: str = ""
    token: str = ""
    token_file: str = ""
    auth: str = ""
    retry: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    tls: Tls = Tls()
    transport: Transport = Transport()
    default_address: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], environ: Mapping[str, str], default_address: str = "") -> Consul:
        """From the stanza; what it leaves open comes from the environment."""
        auth: Mapping[str, Any] = settings.get("auth", {})
        user, password = auth.get("username", ""), auth.get("password", "")
        on = auth.get("enabled", bool(user or password))
        return cls(
            settings.get("address", first_set(environ, "CONSUL_HTTP_ADDR")),
            settings.get("namespace", first_set(environ, "CONSUL_NAMESPACE")),
            settings.get("token", first_set(environ, "CONSUL_TOKEN", "CONSUL_HTTP_TOKEN")),
            settings.get("token_file", first_set(environ, "CONSUL_TOKEN_FILE", "CONSUL_HTTP_TOKEN_FILE")),
            f"{user}:{password}" if on else "",
            _retry(settings.get("retry", {})),
            Tls.of(settings.get("ssl", {})),
            Transport(**settings.get("transport", {})),
            default_address,
        )

    def client_settings(self) -> ClientSettings:
        """The settings of an SDK client; it never retries by itself, the views do."""
        given: dict[str, Any] = {
            "address": self.address or first_set(os.environ, "CONSUL_HTTP_ADDR") or self.default_address,
            "namespace": self.namespace,
            "token": self.token,
            "token_file": self.token_file,
            "auth": self.auth,
            "retry": Retry.NEVER,
            "connect_timeout": self.transport.dial_timeout / SECOND or 30.0,
        }
        if self.tls.enabled:
            given["scheme"] = "https"
            given["tls"] = self.tls.for_client()
        return ClientSettings.from_env(**given)

    def environment(self) -> dict[str, str]:
        """What commands and the child get to see of these settings."""
        out = {
            "CONSUL_HTTP_ADDR": self.address,
            "CONSUL_HTTP_AUTH": self.auth,
            "CONSUL_HTTP_TOKEN": self.token,
            "CONSUL_HTTP_TOKEN_FILE": self.token_file,
        }
        out = {name: value for name, value in out.items() if value}
        out["CONSUL_HTTP_SSL"] = "true" if self.tls.enabled else "false"
        out["CONSUL_HTTP_SSL_VERIFY"] = "true" if self.tls.verify else "false"
        return out


# The originals lay this default over the files, so that only flags can say that Vault's TLS settings do not count.
VAULT_TLS_IS_ON: Final[Settings] = {"vault": {"ssl": {"enabled": True}}}


class Vault(msgspec.Struct, frozen=True):
    """How to reach Vault and what to do with its token."""

    address: str = ""
    enabled: bool = False
    namespace: str = ""
    token: str = ""
    vault_agent_token_file: str = ""
    renew_token: bool = False
    unwrap_token: bool = False
    client_user_agent: str = ""
    default_lease_duration: int = 300 * SECOND
    lease_renewal_threshold: float = 0.9
    k8s_auth_role_name: str = ""
    k8s_service_account_token_path: str = "/run/secrets/kubernetes.io/serviceaccount/token"
    k8s_service_account_token: str = ""
    k8s_service_mount_path: str = "kubernetes"
    retry: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    tls: Tls = Tls(enabled=True)
    transport: Transport = Transport()
    variables: VaultEnvironment = VaultEnvironment()

    @property
    def server(self) -> str:
        """The address that is asked; the stanza's own is the one that commands get to see."""
        return self.variables.agent_address or self.address or self.variables.address or VAULT_ADDRESS

    @property
    def uses_kubernetes(self) -> bool:
        """Whether the token comes from a login with a service account; a given token makes that needless."""
        return bool(self.k8s_auth_role_name) and not self.token

    @property
    def needs_login(self) -> bool:
        """Whether a token has to be got before the first read."""
        return self.uses_kubernetes or (self.unwrap_token and bool(self.token))

    @classmethod
    def of(cls, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Vault:
        """From the stanza; what it leaves open comes from the environment and ``~/.vault-token``."""
        address = settings.get("address", first_set(environ, "VAULT_ADDR"))
        agent_file: str | None = settings.get("vault_agent_token_file")
        token: str = settings.get("token", first_set(environ, "VAULT_TOKEN"))
        if agent_file is not None:
            token = file_text(agent_file)
        elif not token and environ.get("HOME"):
            token = file_text(os.path.join(environ["HOME"], ".vault-token"))
        renews = _flag(environ, "VAULT_RENEW_TOKEN", bool(token) and agent_file is None)
        plain = ("client_user_agent", "default_lease_duration", "lease_renewal_threshold")
        return cls(
            address=address,
            enabled=settings.get("enabled", bool(address)),
            namespace=settings.get("namespace", first_set(environ, "VAULT_NAMESPACE")),
            token=token,
            vault_agent_token_file=agent_file or "",
            renew_token=settings.get("renew_token", renews),
            unwrap_token=settings.get("unwrap_token", _flag(environ, "VAULT_UNWRAP_TOKEN", False)),
            **{name: settings[name] for name in plain if name in settings},
            **_kubernetes(settings, environ),
            retry=_retry(settings.get("retry", {})),
            tls=_vault_tls(settings.get("ssl", {}), environ),
            transport=Transport(**settings.get("transport", {})),
            variables=VaultEnvironment.of(environ),
        )

    def environment(self) -> dict[str, str]:
        """What commands and the child get to see of these settings."""
        out = {
            "VAULT_ADDR": self.address,
            "VAULT_SKIP_VERIFY": "" if self.tls.verify else "true",
            "VAULT_CLIENT_CERT": self.tls.cert,
            "VAULT_CLIENT_KEY": self.tls.key,
            "VAULT_CAPATH": self.tls.ca_path,
            "VAULT_CACERT": self.tls.ca_cert,
            "VAULT_CACERT_BYTES": self.tls.ca_cert_bytes,
            "VAULT_TLS_SERVER_NAME": self.tls.server_name,
        }
        return {name: value for name, value in out.items() if value}


def _kubernetes(settings: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in (
        "k8s_auth_role_name",
        "k8s_service_account_token_path",
        "k8s_service_account_token",
        "k8s_service_mount_path",
    ):
        value = settings.get(name, first_set(environ, f"VAULT_{name.upper()}"))
        if value:
            out[name] = value
    return out


def _vault_tls(settings: Mapping[str, Any], environ: Mapping[str, str]) -> Tls:
    variables = {
        "ca_cert": "VAULT_CACERT",
        "ca_cert_bytes": "VAULT_CACERT_BYTES",
        "ca_path": "VAULT_CAPATH",
        "cert": "VAULT_CLIENT_CERT",
        "key": "VAULT_CLIENT_KEY",
        "server_name": "VAULT_TLS_SERVER_NAME",
    }
    found: dict[str, Any] = {key: environ[name].strip() for key, name in variables.items() if environ.get(name)}
    found["verify"] = not (_flag(environ, "VAULT_SKIP_VERIFY", False) or _flag(environ, "VAULT_INSECURE", False))
    given: dict[str, Any] = {"enabled": True, **found, **settings}
    return Tls(**given)


def file_text(path: str) -> str:
    """The trimmed text of a file, empty when it cannot be read; bytes that are no UTF-8 come as lone surrogates."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as source:
            return source.read().strip()
    except OSError:
        return ""


class Nomad(msgspec.Struct, frozen=True):
    """How to reach Nomad."""

    address: str = ""
    enabled: bool = False
    namespace: str = ""
    token: str = ""
    auth_username: str = ""
    auth_password: str = ""
    retry: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    tls: Tls = Tls()
    transport: Transport = Transport()
    region: str = ""

    @classmethod
    def of(cls, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Nomad:
        """From the stanza; what it leaves open or empty comes from the environment, and the region only from there."""
        address = settings.get("address", first_set(environ, "NOMAD_ADDR"))
        username, password = settings.get("auth_username", ""), settings.get("auth_password", "")
        if not (username or password):
            username, _, password = first_set(environ, "NOMAD_HTTP_AUTH").partition(":")
        return cls(
            address or first_set(environ, "NOMAD_ADDR"),
            settings.get("enabled", bool(address)),
            settings.get("namespace") or first_set(environ, "NOMAD_NAMESPACE"),
            settings.get("token") or first_set(environ, "NOMAD_TOKEN"),
            username,
            password,
            _retry(settings.get("retry", {})),
            Tls.of(settings.get("ssl", {})),
            Transport(**settings.get("transport", {})),
            first_set(environ, "NOMAD_REGION"),
        )
