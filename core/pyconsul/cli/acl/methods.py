"""The configuration of an auth method from flags: JSON, or the three settings of Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.files import text_source
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.untyped import is_dict

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json

KUBERNETES: Final = "kubernetes"
FIELDS: Final = {
    "kubernetes-host": "Host",
    "kubernetes-ca-cert": "CACert",
    "kubernetes-service-account-jwt": "ServiceAccountJWT",
}


def method_flags(flags: FlagSet) -> None:
    """Declare what an auth method says."""
    flags.string("display-name", "Name to show in place of the name.")
    flags.string("description", "What the auth method is for.")
    flags.duration("max-token-ttl", "Time after which tokens of its logins end.")
    flags.string("token-locality", "Kind of its tokens: local or global; local without it.")
    flags.string("config", "Configuration as JSON; also @file, or - for standard input.")
    flags.string("kubernetes-host", "Address of the Kubernetes API; for type kubernetes.")
    flags.string("kubernetes-ca-cert", "Certificate of its authority as PEM; also @file. For type kubernetes.")
    flags.string("kubernetes-service-account-jwt", "JWT with which to review others' JWTs; for type kubernetes.")


def described(args: Args) -> Json:
    """The fields of the plain flags; the time is sent as text."""
    from pyconsul.primitives.durations import format_duration

    ttl = args.duration("max-token-ttl")
    return {
        "DisplayName": args.string("display-name"),
        "Description": args.string("description"),
        "TokenLocality": args.string("token-locality"),
        **({"MaxTokenTTL": format_duration(ttl)} if ttl > 0 else {}),
    }


def config_of(args: Args, console: Console, flag_word: str, failure: str) -> Json | None:
    """What ``-config`` holds, None without it. Raises Failed; ``failure`` stands before what is wrong with JSON."""
    if not args.string("config"):
        return None
    if any(args.string(flag) for flag in FIELDS):
        raise Failed(f"Cannot use command line arguments with '-config' {flag_word}")
    try:
        text = text_source(args.string("config"), console)
    except Failed as error:
        raise Failed(f"Error loading configuration file: {error}") from error
    return _json_object(text.encode(), failure)


def _json_object(data: bytes, failure: str) -> Json:
    """A JSON object as ``json.Unmarshal`` takes it; null is an empty one. Raises Failed."""
    from pyconsul.lang.gojson_syntax import GoSyntaxError
    from pyconsul.structs.godecode import parse_whole, wrong_value

    try:
        found = parse_whole(data)
    except GoSyntaxError as error:
        raise Failed(f"{failure}: {error}") from error
    if found is None or is_dict(found):
        return found or {}
    raise Failed(f"{failure}: {wrong_value(found, 'map[string]interface {}')}")


def require_kubernetes(args: Args) -> None:
    """Raise Failed unless all settings of Kubernetes are given."""
    for flag in FIELDS:
        if not args.string(flag):
            raise Failed(f"Missing required '-{flag}' flag")


def kubernetes_settings(args: Args, console: Console) -> Json:
    """The settings of Kubernetes that are given. Raises Failed."""
    given = {field: args.string(flag) for flag, field in FIELDS.items() if args.string(flag)}
    if "CACert" in given:
        given["CACert"] = _certificate(given["CACert"], console)
    return given


def _certificate(text: str, console: Console) -> str:
    try:
        certificate = text_source(text, console)
    except Failed as error:
        raise Failed(f"Invalid '-kubernetes-ca-cert' value: {error}") from error
    if not certificate:
        raise Failed("Kubernetes CA Cert is empty")
    return certificate
