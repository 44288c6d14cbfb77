"""``consul troubleshoot ports``: which TCP ports of a server accept connections."""

from __future__ import annotations

import socket

from pyconsul.cli.console import Console, Failed
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Tries to connect to ports of a server: to Consul's default ports, or to those
that -ports lists.

    $ consul troubleshoot ports -host 10.0.0.1
    $ consul troubleshoot ports -host 10.0.0.1 -ports 8500,8600

CONSUL_HTTP_ADDR names the host where -host does not.
"""
BAD_FLAGS = "Failed to parse args: {}"

_DEFAULT_PORTS = ("8600", "8500", "8501", "8502", "8503", "8301", "8302", "8300")
_TIMEOUT = 5.0  # seconds for one connection, as Consul waits


def add_flags(flags: FlagSet) -> None:
    """Declare what to try."""
    flags.string("host", "Host name or address of the server. Environment: CONSUL_HTTP_ADDR.")
    flags.string("ports", "Ports to try, with commas between them.")


def run(args: Args, console: Console) -> int:
    """Try each port in turn."""
    given = args.string("host") if args.was_set("host") else console.environ.get("CONSUL_HTTP_ADDR", "")
    if not given:
        raise Failed("-host is required. or set environment variable CONSUL_HTTP_ADDR")
    listed = args.string("ports")
    for port in listed.split(",") if listed else _DEFAULT_PORTS:
        if _is_open(given, port):
            console.say(f"TCP: Port {port} on {given} is open.")
        else:
            console.say(f"TCP: Port {port} on {given} is closed, unreachable, or the connection timed out.")
        console.flush()
    return 0


def _is_open(host: str, port: str) -> bool:
    """Whether a TCP connection comes about; a port that is no number counts as closed."""
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        return False
    try:
        socket.create_connection((host, int(port)), timeout=_TIMEOUT).close()
    except (OSError, UnicodeError):  # closed, unreachable, too slow, or no host's name: the same answer for all
        return False
    return True
