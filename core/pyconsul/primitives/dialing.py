"""Where a connection goes and why there is none, in the words of Go's net package: people grep for them.

Names become addresses as Go makes them, and errors tell the address that was tried, not the name. Checks and the
SDK's transports stand on this; it imports little, because a command line that asks one question starts with it.
"""

from __future__ import annotations

import errno
import math
import os
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MAPPED: Final = b"\0" * 10 + b"\xff\xff"  # IPv4 in the clothes of IPv6
_LEAST_SHARE: Final = 2.0
_NO_ADDRESS: Final = "dial tcp: no suitable address found"
_ERRNO_TEXTS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset by peer",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network is unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EPIPE: "broken pipe",
    errno.EACCES: "permission denied",
    errno.ENOENT: "no such file or directory",
}

Connected = tuple[socket.socket, str]  # and ``tcp one->other``, as Go's errors of reading and writing name it


class DialError(Exception):
    """No connection; the text is Go's, ``dial tcp …`` included."""


def errno_text(error: OSError) -> str:
    """What Go calls a system error."""
    number = error.errno or 0
    if isinstance(error, socket.gaierror):  # a zone that is no interface here
        number = errno.EINVAL
    return _ERRNO_TEXTS.get(number) or os.strerror(number).lower()


def dial_text(network: str, address: str, error: OSError) -> str:
    """Go's sentence for a failed connect."""
    if isinstance(error, TimeoutError) and not error.errno:  # our patience ended, not the kernel's
        return f"dial {network} {address}: i/o timeout"
    return f"dial {network} {address}: connect: {errno_text(error)}"


def broken_text(link: str, error: OSError) -> str:
    """Go's sentence for a connection, ``tcp one->other``, that broke; only who writes can meet a broken pipe."""
    step = "write" if error.errno == errno.EPIPE else "read"
    return f"{step} {link}: {step}: {errno_text(error)}"


def joined(host: str, port: int | str) -> str:
    """Host and port in one word."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def no_such_host(host: str) -> str:
    """Go's sentence for a name that nobody knows; it tells the first nameserver, where that could be asked at all."""
    return f"lookup {host} on {_nameserver()}: no such host" if is_domain(host) else f"lookup {host}: no such host"


def is_domain(name: str) -> bool:
    """Whether Go would ask for a name: up to 255 bytes of labels, not digits alone."""
    labels = name.removesuffix(".").split(".")
    return len(name) <= 255 and all(map(_LABEL.fullmatch, labels)) and not name.replace(".", "").isdigit()


def _nameserver() -> str:
    with suppress(OSError), open("/etc/resolv.conf", encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                return joined(words[1], 53)
    return "127.0.0.1:53"


def literal(host: str) -> str:
    """An IP address as Go prints it, with its zone; "" for anything else."""
    bare, percent, zone = host.partition("%")
    with suppress(OSError, ValueError):
        return socket.inet_ntoa(socket.inet_pton(socket.AF_INET, host))
    with suppress(OSError, ValueError):
        packed = socket.inet_pton(socket.AF_INET6, bare)
        if packed.startswith(_MAPPED) and not percent:
            return socket.inet_ntoa(packed[len(_MAPPED) :])
        return socket.inet_ntop(socket.AF_INET6, packed) + percent + zone
    return ""


def addresses(host: str, port: int) -> list[str]:
    """The addresses of a host in the order in which Go tries them. Raises DialError."""
    if found := literal(host):
        return [found]
    _require_name(host)
    try:
        return _in_order(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        raise _unknown(host, error) from None


async def addresses_async(host: str, port: int, network: str = "tcp") -> list[str]:
    """``addresses`` for those who must not wait in the loop's thread. Raises DialError."""
    if found := literal(host):
        return [found]
    import asyncio

    _require_name(host, network)
    try:
        return _in_order(await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except OSError as error:
        raise _unknown(host, error, network) from None


def connect(host: str, port: int, patience: float, *, shown: str = "") -> Connected:
    """A TCP connection to the first address of ``host`` that takes one within ``patience`` seconds, with its ends.

    Raises DialError, which tells of the first address as Go does, or of ``shown``.
    """
    first: DialError | None = None
    hosts = addresses(host, port)
    end = monotonic() + patience
    for number, each in enumerate(hosts):
        sock = _socket(each)
        try:
            sock.settimeout(_share(end - monotonic(), len(hosts) - number))
            sock.connect((each, port))
            return sock, _link(sock, each, port)
        except OSError as error:
            sock.close()
            first = first or _failed(each, port, error, shown)
        except BaseException:
            sock.close()
            raise
    raise first or DialError(_NO_ADDRESS)


async def connect_async(host: str, port: int, patience: float = math.inf, *, shown: str = "") -> Connected:
    """``connect`` in a loop; the socket does not block. Raises DialError."""
    import asyncio

    loop = asyncio.get_running_loop()
    first: DialError | None = None
    end = loop.time() + patience
    try:
        async with asyncio.timeout_at(end):
            hosts = await addresses_async(host, port)
    except TimeoutError:
        raise DialError(f"dial tcp: lookup {host}: i/o timeout") from None
    for number, each in enumerate(hosts):
        sock = _socket(each)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(_share(end - loop.time(), len(hosts) - number)):
                await loop.sock_connect(sock, (each, port))
            return sock, _link(sock, each, port)
        except OSError as error:
            sock.close()
            first = first or _failed(each, port, error, shown)
        except BaseException:
            sock.close()
            raise
    raise first or DialError(_NO_ADDRESS)


def _link(sock: socket.socket, host: str, port: int) -> str:
    own = sock.getsockname()  # the other end is not asked: it may be gone already
    return f"tcp {joined(own[0], own[1])}->{joined(host, port)}"


def _socket(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _failed(host: str, port: int, error: OSError, shown: str) -> DialError:
    return DialError(dial_text("tcp", shown or joined(host, port), error))


def _share(left: float, hosts: int) -> float:
    """How long one of so many addresses may be tried: Go shares the time out, but gives none less than 2 s."""
    return max(min(left, max(left / hosts, _LEAST_SHARE)), 0.001)


def _require_name(host: str, network: str = "tcp") -> None:
    """Refuse what Go would not ask for, and numbers (``0x7f000001``) that the C library alone takes for addresses."""
    if not is_domain(host):
        raise DialError(f"dial {network}: {no_such_host(host)}")
    with suppress(OSError):
        socket.inet_aton(host)
        raise DialError(f"dial {network}: {no_such_host(host)}")


def _in_order(found: Iterable[tuple[Any, Any, Any, Any, tuple[Any, ...]]]) -> list[str]:
    """Each address once, those of the first one's family first."""
    hosts = dict.fromkeys(str(each[4][0]) for each in found)
    family = ":" in next(iter(hosts), "")
    return sorted(hosts, key=lambda host: (":" in host) != family)


def _unknown(host: str, error: OSError, network: str = "tcp") -> DialError:
    if error.errno == socket.EAI_AGAIN:  # the nameserver has trouble, which may pass
        return DialError(f"dial {network}: lookup {host} on {_nameserver()}: server misbehaving")
    return DialError(f"dial {network}: {no_such_host(host)}")
