"""``consul version``: which release's behaviour this is, and which protocol versions it speaks."""

from __future__ import annotations

from pyconsul import CONSUL_VERSION, __version__
from pyconsul.cli.console import Console, Failed
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = f"""
Prints the release of Consul whose behaviour this program has, and the protocol
versions that it speaks. The program itself is py-consul {__version__}.
"""

BUILD_DATE = "1970-01-01T00:00:01Z"  # what Consul prints when nothing else was set at build time
_DEFAULT, _MIN, _MAX = 2, 2, 3


def add_flags(flags: FlagSet) -> None:
    """Declare the output format."""
    flags.string("format", "Output format: pretty or json.", "pretty")


def run(args: Args, console: Console) -> int:
    """Print the version."""
    layouts = {"pretty": _pretty, "json": _json}
    layout = layouts.get(args.string("format"))
    if layout is None:
        raise Failed(f"Unknown format: {args.string('format')}")
    console.say(layout())
    return 0


def _pretty() -> str:
    spoken = f"Protocol {_DEFAULT} spoken by default, understands {_MIN} to {_MAX}"
    more = f"(agent will automatically use protocol >{_DEFAULT} when speaking to compatible agents)"
    return f"Consul v{CONSUL_VERSION}\nBuild Date {BUILD_DATE}\n{spoken} {more}\n"


def _json() -> str:
    from pyconsul.cli.output import json_text

    about = {
        "Version": CONSUL_VERSION,
        "Revision": "",
        "Prerelease": "",
        "BuildDate": BUILD_DATE,
        "RPC": {"Default": _DEFAULT, "Min": _MIN, "Max": _MAX},
    }
    return json_text(about, "   ")
