"""Where the agent is and how to talk to it: the settings of a client, from arguments and ``CONSUL_*`` variables.

Reads files (token, certificates) only where asked to; opens no connection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from pyconsul.primitives.dialing import errno_text
from pyconsul.sdk.endpoint import DEFAULT_ADDRESS, Endpoint, endpoint_of
from pyconsul.sdk.errors import ConfigError
from pyconsul.sdk.retry import Retry

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # what Go's strconv.ParseBool takes
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class TLS(msgspec.Struct, frozen=True, kw_only=True):
    """How to verify the agent and how to prove who we are; files are PEM.

    The certificate is shown to every agent that asks for one, whichever authorities it names: Go's clients keep back
    one that does not fit those, which Python's ``ssl`` has no hook for.
    """

    ca_file: str = ""
    ca_path: str = ""
    ca_pem: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    verify: bool = True


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a client needs to know before its first request.

    ``address`` is ``host:port``, ``http(s)://host:port/prefix`` (no slash at its end) or ``unix:///path``. Times are
    seconds: ``timeout`` bounds the silence of the agent (a blocking query gets its wait on top), ``connect_timeout``
    the connecting. ``connections`` bounds how many requests an AsyncClient has under way, blocking queries and streams
    apart: agents refuse more than 200 connections of one address. ``token_file`` wins over ``token`` and is read when
    the client is made. ``auth`` is ``user:password``.
    """

    address: str = DEFAULT_ADDRESS
    scheme: str = "http"
    datacenter: str = ""
    token: str = ""
    token_file: str = ""
    auth: str = ""
    namespace: str = ""
    partition: str = ""
    tls: TLS = TLS()
    headers: Mapping[str, str] = {}
    timeout: float | None = 60.0
    connect_timeout: float = 10.0
    connections: int = 100
    retry: Retry = Retry()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
        """The settings that ``environ`` (``os.environ`` by default) asks for; ``given`` fields win over it.

        A given field that is None or "" counts as not given. Raises ConfigError for a boolean that is none.
        """
        env = os.environ if environ is None else environ
        given = {name: value for name, value in given.items() if value not in (None, "")}
        if "token" in given:
            given.setdefault("token_file", "")  # an explicit token is not overruled by a file from the environment
        found = {name: env[variable] for name, variable in _VARIABLES.items() if env.get(variable)}
        settings: dict[str, Any] = {**found, "tls": _tls_from_env(env)}
        if _flag(env, "CONSUL_HTTP_SSL", default=False):
            settings["scheme"] = "https"
        return cls(**{**settings, **given})

    def __repr__(self) -> str:
        """All fields, with secrets hidden: settings end up in logs."""
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        shown = (f"{name}={'<hidden>' if name in _SECRET and value else repr(value)}" for name, value in fields)
        return f"Settings({', '.join(shown)})"

    def replace(self, **changes: Any) -> Settings:
        """A copy with some fields changed."""
        return msgspec.structs.replace(self, **changes)

    def endpoint(self) -> Endpoint:
        """Take ``address`` apart. Raises ConfigError for an unknown scheme; other faults show when it is used."""
        return endpoint_of(self.address, self.scheme)

    def current_token(self) -> str:
        """The token to send: that of ``token_file`` if it holds one, else ``token``. Raises ConfigError.

        Bytes beyond UTF-8 stand in it as lone surrogates, and are sent as they were.
        """
        if not self.token_file:
            return self.token
        try:
            with open(self.token_file, encoding="utf-8", errors="surrogateescape") as file:
                return file.read().strip() or self.token
        except (OSError, ValueError) as error:  # a ValueError for a path with a null byte
            reason = errno_text(error) if isinstance(error, OSError) else "invalid argument"
            call = "read" if isinstance(error, IsADirectoryError) else "open"
            text = f"Error loading token file {self.token_file} : {call} {self.token_file}: {reason}"
            raise ConfigError(text) from error

    def environment(self) -> dict[str, str]:
        """The variables that give a child process the same settings."""
        return {
            "CONSUL_HTTP_ADDR": self.address,
            "CONSUL_HTTP_TOKEN": self.token,
            "CONSUL_HTTP_TOKEN_FILE": self.token_file,
            "CONSUL_HTTP_SSL": _bool_text("https" in (self.scheme, self.address.partition("://")[0])),
            "CONSUL_CACERT": self.tls.ca_file,
            "CONSUL_CAPATH": self.tls.ca_path,
            "CONSUL_CLIENT_CERT": self.tls.cert_file,
            "CONSUL_CLIENT_KEY": self.tls.key_file,
            "CONSUL_TLS_SERVER_NAME": self.tls.server_name,
            "CONSUL_HTTP_SSL_VERIFY": _bool_text(self.tls.verify),
            "CONSUL_HTTP_AUTH": self.auth,
        }


_SECRET = frozenset({"token", "auth", "headers"})
_VARIABLES = {
    "address": "CONSUL_HTTP_ADDR",
    "token": "CONSUL_HTTP_TOKEN",
    "token_file": "CONSUL_HTTP_TOKEN_FILE",
    "auth": "CONSUL_HTTP_AUTH",
    "namespace": "CONSUL_NAMESPACE",
    "partition": "CONSUL_PARTITION",
}


def _tls_from_env(env: Mapping[str, str]) -> TLS:
    return TLS(
        ca_file=env.get("CONSUL_CACERT", ""),
        ca_path=env.get("CONSUL_CAPATH", ""),
        cert_file=env.get("CONSUL_CLIENT_CERT", ""),
        key_file=env.get("CONSUL_CLIENT_KEY", ""),
        server_name=env.get("CONSUL_TLS_SERVER_NAME", ""),
        verify=_flag(env, "CONSUL_HTTP_SSL_VERIFY", default=True),
    )


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    """A boolean variable as Go reads it."""
    text = env.get(name, "")
    if not text:
        return default
    if text not in _TRUE | _FALSE:
        raise ConfigError(f'could not parse {name}: "{text}" is neither true nor false')
    return text in _TRUE


def _bool_text(value: bool) -> str:
    return "true" if value else "false"
