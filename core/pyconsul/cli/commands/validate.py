"""``consul validate``: check configuration files as an agent would at its start."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] FILE_OR_DIRECTORY..."
HELP = """
Reads configuration files, and all files of folders, and checks them as an
agent would at its start, without starting one. Give it all files that the
agent gets: fragments alone do not pass.

    $ consul validate /etc/consul.d

The exit code is 0 when an agent would start, else 1.
"""
BAD_FLAGS = "{}"

_FORMATS = ("", "json", "hcl")


def add_flags(flags: FlagSet) -> None:
    """Declare how to read."""
    flags.string("config-format", "Format of all files, whatever their names: hcl or json.")
    flags.boolean("quiet", "Print nothing when all is well.")


def run(args: Args, console: Console) -> int:
    """Check the files."""
    if not args.rest:
        raise Failed("Must specify at least one config file or directory")
    form = args.string("config-format")
    if form not in _FORMATS:
        raise Failed("-config-format must be either 'hcl' or 'json")

    from pyconsul.config.errors import ConfigError
    from pyconsul.config.loading import load

    flags = {"config-file": args.rest, **({"config-format": form} if form else {})}
    try:
        loaded = load(flags, console.environ)
    except ConfigError as e:
        raise Failed(f"Config validation failed: {e}") from e
    if not args.boolean("quiet"):
        for warning in loaded.warnings:
            console.complain(warning)
        console.say("Configuration is valid!")
    return 0
