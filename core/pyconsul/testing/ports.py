"""Free ports for programs that must be told theirs, such as an agent in a process of its own.

Whoever binds port 0, closes it and hands the number on has lost it: the system may give it to the next socket of
anybody. The ports here lie below those that systems give out, in blocks of which each belongs to one process: to the
one that listens at the block's first port, as long as it lives.
"""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice

from pyconsul.primitives.dice import DICE

_HOST = "127.0.0.1"
_LOWEST = 12_000  # up to 19,999; Linux gives out ports from 32,768 on, Consul itself from 20,000 on
_BLOCKS = 80
_SIZE = 100


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody uses for TCP or UDP; they are not given out again before all others were.

    Raises OSError when there are not enough.
    """
    with _lock:
        found = list(islice(filter(_is_free, islice(_own_ports(), _SIZE - 1)), count))
    if len(found) < count:
        raise OSError(errno.EADDRINUSE, "no free ports are left")
    return found


def free_port() -> int:
    """A port of the loopback that nobody uses for TCP or UDP. Raises OSError when there is none."""
    return free_ports(1)[0]


_lock = threading.Lock()


@cache
def _own_ports() -> Iterator[int]:
    """The ports of this process, for ever in turn."""
    first = _claimed()
    return cycle(range(first + 1, first + _SIZE))


def _claimed() -> int:
    """The first port of a block that now belongs to this process. Raises OSError when all have an owner."""
    for block in DICE.sample(range(_BLOCKS), _BLOCKS):
        first = _LOWEST + block * _SIZE
        try:
            listener = socket.create_server((_HOST, first))
        except OSError:
            continue
        listener.detach()  # it stays open until the process ends
        return first
    raise OSError(errno.EADDRINUSE, "all blocks of free ports have an owner")


def _is_free(port: int) -> bool:
    try:
        with (
            socket.create_server((_HOST, port)),
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            udp.bind((_HOST, port))
    except OSError:
        return False
    return True
