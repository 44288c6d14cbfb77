"""Where the agent is and how to talk to it: the settings of a client, from arguments and ``CONSUL_*`` variables.

Reads files (token, certificates) only where asked to; opens no connection.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from pyconsul.sdk.errors import ConfigError
from pyconsul.sdk.retry import Retry

DEFAULT_ADDRESS = "127.0.0.1:8500"
MOST_PORT = 65535
_PATH = "/$&+,:;=@"  # what Go leaves as it is in a path, beside letters, digits and -_.~
_NO_HOST = "http: no Host in request URL"
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})  # what Go's strconv.ParseBool takes
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class TLS(msgspec.Struct, frozen=True, kw_only=True):
    """How to verify the agent and how to prove who we are; files are PEM."""

    ca_file: str = ""
    ca_path: str = ""
    ca_pem: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    verify: bool = True


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """An address taken apart. ``unix_path`` is "" for TCP; ``host`` is then a name or an IP without brackets.

    ``prefix`` stands before the path of every request, for agents behind a proxy; it is escaped and kept as given.
    ``written`` is host and port as they stood in the address, or "" where they are to be made of the two. ``fault``
    is why nobody can be reached at such an address, in the words of Go's client; "" for one that can be tried.
    """

    scheme: str
    host: str
    port: int
    unix_path: str = ""
    prefix: str = ""
    written: str = ""
    fault: str = ""

    def target(self, path: str) -> str:
        """What is asked for ``path``. As in Consul's client, where two slashes begin it the first part is lost."""
        whole = self.prefix + path
        if not whole.startswith("//"):
            return whole
        _, slash, rest = whole[2:].partition("/")
        return slash + rest

    @property
    def is_secure(self) -> bool:
        """True for https."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """``host:port`` as errors of connecting name it."""
        if self.hostless:
            return self.hostless
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def hostless(self) -> str:
        """The address where it is a port alone, which errors of connecting name as it was written; else ""."""
        return self.written if self.written.startswith(":") and self.written.count(":") == 1 else ""

    @property
    def unix_link(self) -> str:
        """A connection to the unix socket as errors of reading and writing name it."""
        return f"unix @->{self.unix_path}"

    @property
    def shown(self) -> str:
        """Host and port as they stand in URLs and in the Host header: without a port where none was written."""
        return self.written if self.written or self.fault else self.authority

    @property
    def url(self) -> str:
        """Scheme and host as Consul's client prints them in its errors."""
        return f"{self.scheme}://{self.shown}"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a client needs to know before its first request.

    ``address`` is ``host:port``, ``http(s)://host:port/prefix`` (no slash at its end) or ``unix:///path``. Times are
    seconds: ``timeout`` bounds the silence of the agent (a blocking query gets its wait on top), ``connect_timeout``
    the connecting. ``token_file`` wins over ``token`` and is read when the client is made. ``auth`` is
    ``user:password``.
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
        before, separator, rest = self.address.partition("://")
        scheme, address = (before, rest) if separator else ("", self.address)
        if scheme == "unix":
            shown = "localhost" if address.startswith("/") else address
            fault = "" if address else _NO_HOST
            kind = "https" if self.scheme == "https" else "http"
            return Endpoint(scheme=kind, host="", port=0, unix_path=address, written=shown, fault=fault)
        if scheme not in ("http", "https") and separator:
            raise ConfigError(f"Unknown protocol scheme: {scheme}")
        secure = "https" in (scheme, self.scheme)  # http:// never takes back a wish for TLS
        authority, slash, rest = address.partition("/") if scheme else (address, "", "")
        written = authority or ("" if scheme else DEFAULT_ADDRESS)
        host, port, fault = _host_and_port(written, 443 if secure else 80)
        return Endpoint(
            scheme="https" if secure else "http",
            host=host,
            port=port,
            prefix=quote(slash + rest, safe=_PATH),
            written=written,
            fault=fault if written else _NO_HOST,
        )

    def current_token(self) -> str:
        """The token to send: that of ``token_file`` if it holds one, else ``token``. Raises ConfigError."""
        if not self.token_file:
            return self.token
        try:
            with open(self.token_file, encoding="utf-8") as file:
                return file.read().strip() or self.token
        except (OSError, ValueError) as error:
            reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
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


def _host_and_port(authority: str, default_port: int) -> tuple[str, int, str]:
    """Host, port and what is wrong with the port of ``host:port``, ``[v6]:port``, ``host``, or ``v6:port`` as in Go.

    Raises ConfigError for brackets that do not fit.
    """
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        port = rest.removeprefix(":")
        if not bracket or (rest and not rest.startswith(":")):
            raise ConfigError(f"invalid address: {authority}")
    elif authority.count(":") > 1:
        host, _, port = authority.rpartition(":")
        if not (port.isascii() and port.isdigit()) and port:
            host, port = authority, ""
    else:
        host, _, port = authority.partition(":")
    host = host or "127.0.0.1"
    if not port:
        return host, default_port, ""
    if not (port.isascii() and port.isdigit()):
        return host, 0, f"dial tcp: lookup {authority}: no such host"
    if int(port[:6]) > MOST_PORT:
        return host, 0, f"dial tcp: address {port}: invalid port"
    return host, int(port), ""
