"""The flags that many commands share: where the agent is, who we are, which datacenter, namespace, partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pyconsul.lang.goflags import Args, FlagSet, to_bool

if TYPE_CHECKING:
    from pyconsul.cli.console import Console
    from pyconsul.sdk import QueryOptions, Settings

HTTP_GROUP: Final = "http"
_SWITCHES: Final = ("CONSUL_HTTP_SSL", "CONSUL_HTTP_SSL_VERIFY")
_NEVER_EMPTY: Final = ("http-addr",)  # given empty, the environment counts
_TLS_FLAGS: Final = {
    "ca-file": "ca_file",
    "ca-path": "ca_path",
    "client-cert": "cert_file",
    "client-key": "key_file",
    "tls-server-name": "server_name",
}
_TLS_USAGE: Final = {
    "ca-file": "PEM file with the authorities that may sign the agent's certificate. Environment: CONSUL_CACERT.",
    "ca-path": "Directory of such PEM files. Environment: CONSUL_CAPATH.",
    "client-cert": "PEM file with the certificate to show to an agent that verifies its clients. "
    "Environment: CONSUL_CLIENT_CERT.",
    "client-key": "PEM file with the private key of -client-cert. Environment: CONSUL_CLIENT_KEY.",
    "tls-server-name": "Name to expect in the agent's certificate (and to send as SNI). "
    "Environment: CONSUL_TLS_SERVER_NAME.",
}


def client_flags(flags: FlagSet) -> None:
    """Declare how to reach the agent."""
    own = FlagSet(brief=False)
    own.string(
        "http-addr",
        "`address` and port of the agent's HTTP API, also https://host:port or unix:///path. "
        "Environment: CONSUL_HTTP_ADDR. Without either it is http://127.0.0.1:8500; "
        "CONSUL_HTTP_SSL=true makes it https.",
        group=HTTP_GROUP,
    )
    own.string(
        "token",
        "ACL token to send with the request. Environment: CONSUL_HTTP_TOKEN. "
        "Without either the agent's own default token counts.",
        group=HTTP_GROUP,
    )
    own.string(
        "token-file",
        "File with the ACL token; it wins over -token. Environment: CONSUL_HTTP_TOKEN_FILE.",
        group=HTTP_GROUP,
    )
    for name, usage in _TLS_USAGE.items():
        own.string(name, usage, group=HTTP_GROUP)
    flags.merge(own)


def server_flags(flags: FlagSet) -> None:
    """Declare which servers answer."""
    own = FlagSet(brief=False)
    own.string("datacenter", "Datacenter to ask. By default it is the datacenter of the agent.", group=HTTP_GROUP)
    own.boolean(
        "stale",
        "Let any server answer a read, not just the leader: faster, and possible without a leader, "
        "but the data may be older.",
        group=HTTP_GROUP,
    )
    flags.merge(own)


def partition_flag(flags: FlagSet) -> None:
    """Declare the admin partition."""
    own = FlagSet(brief=False)
    own.string("partition", "Admin partition to ask, else that of the token, or `default`; Consul Enterprise only.")
    flags.merge(own)


def tenancy_flags(flags: FlagSet) -> None:
    """Declare namespace and admin partition."""
    own = FlagSet(brief=False)
    own.string("namespace", "Namespace to ask, else that of the token, or `default`; Consul Enterprise only.")
    flags.merge(own)
    partition_flag(flags)


def agent_flags(flags: FlagSet) -> None:
    """Declare where the agent is, which servers answer, and the tenancy: what most commands have."""
    client_flags(flags)
    server_flags(flags)
    tenancy_flags(flags)


def settings_of(args: Args, console: Console, *, with_token: bool = True) -> Settings:
    """Client settings from the environment, overridden by the flags that were given.

    Not ``with_token``: the flags of the token do not count.
    """
    from pyconsul.sdk import Retry, Settings
    from pyconsul.sdk.tls_files import check_files

    settings = Settings.from_env(_readable(console))
    given: dict[str, Any] = {"retry": Retry.NEVER}  # a person waits, and sees at once what is wrong
    for flag, field in (
        ("http-addr", "address"),
        ("datacenter", "datacenter"),
        ("namespace", "namespace"),
        ("partition", "partition"),
    ):
        if args.was_set(flag) and (args.string(flag) or flag not in _NEVER_EMPTY):
            given[field] = args.string(flag)
    if with_token:
        given |= _token(args, settings)
    tls = {field: args.string(flag) for flag, field in _TLS_FLAGS.items() if _text(args, flag)}
    if tls:
        from msgspec.structs import replace

        given["tls"] = replace(settings.tls, **tls)
    settings = settings.replace(**given)
    check_files(settings.tls)
    return settings


def _token(args: Args, settings: Settings) -> dict[str, str]:
    """The token that the flags give, in the order of Consul's client: file, text, then the environment's.

    A flag counts only where its value is neither empty nor that of the environment.
    """
    if _text(args, "token-file") not in ("", settings.token_file):
        token = args.string("token") if args.was_set("token") else settings.token
        return {"token": token, "token_file": args.string("token-file")}
    if _text(args, "token") not in ("", settings.token):
        return {"token": args.string("token"), "token_file": ""}
    return {}


def read_options(args: Args, **more: Any) -> QueryOptions:
    """Query options of a read: ``-stale`` and what the command adds."""
    from pyconsul.sdk import QueryOptions

    return QueryOptions(consistency="stale" if args.boolean("stale") else "default", **more)


def _text(args: Args, flag: str) -> str:
    """The value of a flag that a command may not have."""
    return args.string(flag) if args.was_set(flag) else ""


def _readable(console: Console) -> Mapping[str, str]:
    """The environment without switches that are neither true nor false, each of which is warned about."""
    bad = {name: _refusal(console.environ.get(name, "")) for name in _SWITCHES}
    bad = {name: reason for name, reason in bad.items() if reason}
    for name, reason in bad.items():
        for _ in range(2):  # Consul reads the environment twice, once for the defaults and once for the client
            console.log("WARN", "consul-api", f"could not parse {name}", error=reason)
    return {name: text for name, text in console.environ.items() if name not in bad}


def _refusal(text: str) -> str:
    """Why ``text`` is no boolean; empty when it is one."""
    try:
        if text:
            to_bool(text)
    except ValueError as e:
        return str(e)
    return ""
