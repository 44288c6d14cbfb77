"""``consul login``: turn an identity of another system into a token."""

from __future__ import annotations

from typing import Final

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import write_atomically
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.system_errors import file_text

USAGE = "[options]"
HELP = """
Shows a bearer token of another system to one of Consul's auth methods, and
writes the ACL token that it gives to a file. "consul logout" destroys the
token when it is no longer needed.

    $ consul login -method=k8s -bearer-token-file=jwt -token-sink-file=token
"""

_AWS_FLAGS: Final = (
    "aws-include-entity",
    "aws-sts-endpoint",
    "aws-region",
    "aws-server-id-header-value",
    "aws-access-key-id",
    "aws-secret-access-key",
    "aws-session-token",
)


def add_flags(flags: FlagSet) -> None:
    """Declare method, bearer token and where the result goes."""
    flags.string("method", "Name of the auth method.")
    flags.string("type", "Type of the auth method; it need not be given.")
    flags.string("bearer-token-file", "File with the bearer token.")
    flags.string("token-sink-file", "File for the secret id of the new token.")
    flags.mapping("meta", "key=value to note in the token. May be repeated.")
    flags.boolean("aws-auto-bearer-token", "Make the bearer token from AWS credentials (aws-iam).")
    flags.boolean("aws-include-entity", "Name the IAM role or user in that bearer token.")
    flags.string("aws-sts-endpoint", "URL of AWS STS for that bearer token.")
    flags.string("aws-region", "AWS region for that bearer token.")
    flags.string("aws-server-id-header-value", "Server id header for that bearer token.")
    flags.string("aws-access-key-id", "AWS access key id for that bearer token.")
    flags.string("aws-secret-access-key", "AWS secret access key for that bearer token.")
    flags.string("aws-session-token", "AWS session token for that bearer token.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Log in."""
    if args.rest:
        raise Failed("Should have no non-flag arguments.")
    for name in ("method", "token-sink-file"):
        if not args.string(name):
            raise Failed(f"Missing required '-{name}' flag")
    bearer = _bearer_token(args, console)
    client = console.connect(args, with_token=False)

    with failing("Error logging in"):
        token = client.acl.login(args.string("method"), bearer, meta=args.mapping("meta") or None)
    with failing("Error writing token to file sink"):
        write_atomically(args.string("token-sink-file"), str(token["SecretID"]).encode(), 0o600)
    return 0


def _bearer_token(args: Args, console: Console) -> str:
    """The bearer token of the file, or one made from AWS credentials. Raises Failed."""
    _check_aws(args)
    path = args.string("bearer-token-file")
    if args.boolean("aws-auto-bearer-token"):
        if path:
            raise Failed("Cannot use '-bearer-token-file' flag with '-aws-auto-bearer-token'")
        return _aws_bearer_token(args, console)
    if not path:
        raise Failed("Missing required '-bearer-token-file' flag")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            token = file.read().strip()
    except OSError as e:
        raise Failed(file_text(e)) from e
    if not token:
        raise Failed(f"No bearer token found in {path}")
    return token


def _aws_bearer_token(args: Args, console: Console) -> str:
    """A bearer token that AWS credentials have signed. Raises Failed."""
    from pyconsul.cli.aws_bearer import BearerError, Wanted, bearer_token

    wanted = Wanted(
        region=args.string("aws-region"),
        sts_endpoint=args.string("aws-sts-endpoint"),
        server_id=args.string("aws-server-id-header-value"),
        with_entity=args.boolean("aws-include-entity"),
        access_key_id=args.string("aws-access-key-id"),
        secret_access_key=args.string("aws-secret-access-key"),
        session_token=args.string("aws-session-token"),
    )
    try:
        return bearer_token(wanted, console.environ)
    except BearerError as e:
        raise Failed(f"Error with aws-iam auth method: {e}") from e


def _check_aws(args: Args) -> None:
    """Raise Failed for flags of AWS that miss others."""
    if not args.boolean("aws-auto-bearer-token") and any(args.value(name) for name in _AWS_FLAGS):
        raise Failed("Missing '-aws-auto-bearer-token' flag")
    key_id, secret = args.string("aws-access-key-id"), args.string("aws-secret-access-key")
    if key_id and not secret:
        raise Failed("Missing '-aws-secret-access-key' flag")
    if secret and not key_id:
        raise Failed("Missing '-aws-access-key-id' flag")
    if args.string("aws-session-token") and not key_id:
        raise Failed("Missing '-aws-access-key-id' and '-aws-secret-access-key' flags")
