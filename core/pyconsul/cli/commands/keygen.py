"""``consul keygen``: a new key for gossip encryption."""

from __future__ import annotations

import os
from binascii import b2a_base64

from pyconsul.cli.console import Console
from pyconsul.lang.goflags import Args, FlagSet

USAGE = ""
HELP = """
Prints 32 random bytes in base64: a key for the agents' encrypt setting, which
all members of a cluster share.
"""


def add_flags(flags: FlagSet) -> None:
    """There are none."""


def run(args: Args, console: Console) -> int:
    """Print a key."""
    console.say(b2a_base64(os.urandom(32), newline=False))
    return 0
