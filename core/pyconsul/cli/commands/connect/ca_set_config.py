"""``consul connect ca set-config``: change how the mesh's certificate authority is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json

USAGE = "[options] -config-file FILE"
HELP = """
Sends the configuration in a JSON file to the certificate authority. Another
provider makes another root, to which the mesh moves over.

    $ consul connect ca set-config -config-file ca.json
"""
BAD_FLAGS = "Failed to parse args: {}"


class CAConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the file may say; other fields are passed over."""

    go_type: ClassVar[str] = "api.CAConfig"

    Provider: str = ""
    Config: dict[str, Any] | None = None
    State: dict[str, str] | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


def add_flags(flags: FlagSet) -> None:
    """Declare the file."""
    own = FlagSet(brief=False)
    own.string("config-file", "File with the configuration.")
    flags.merge(own)
    flags.boolean(
        "force-without-cross-signing",
        "Change a root that cannot vouch for the next one; connections may fail until all proxies know that one.",
    )
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read the file and send it."""
    client = console.connect(args, "Error initializing client")
    if not args.string("config-file"):
        raise Failed("The -config-file flag is required")
    with failing("Error reading config file"), open(args.string("config-file"), "rb") as file:
        data = file.read()
    config = {**_parsed(data), "ForceWithoutCrossSigning": args.boolean("force-without-cross-signing")}
    with failing("Error setting CA configuration"):
        client.connect.ca_set_configuration(config)
    console.say("Configuration updated!")
    return 0


def _parsed(data: bytes) -> Json:
    """The configuration. Raises Failed with what Go says about the JSON."""
    from pyconsul.lang.gojson_syntax import GoSyntaxError
    from pyconsul.structs.godecode import DecodeError, into, parse_whole

    try:
        return msgspec.structs.asdict(into(parse_whole(data), CAConfig, strict=False))
    except (DecodeError, GoSyntaxError) as error:
        raise Failed(f"Error parsing config file: {error}") from error
