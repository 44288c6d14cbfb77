"""mDNS between two hosts: network namespaces with a cable between them, for which root and iproute2 are needed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

DISCOVER = str(Path(sys.executable).with_name("py-consul-discover"))
ADVERTISER = """
import socket, sys
from zeroconf import ServiceInfo, Zeroconf
kind, address, domain = "_pyconsul-n._tcp.local.", sys.argv[1], "host-n.local."
there = Zeroconf(interfaces=[address])
there.register_service(ServiceInfo(kind, "one." + kind, 8301, addresses=[socket.inet_aton(address)], server=domain))
print("announced", flush=True)
sys.stdin.read()
there.close()
"""


def ip(*words: str) -> None:
    """Run ``ip``. Raises CalledProcessError with what it said."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[str, str]]:
    """The names of two namespaces, 10.77.0.1 and 10.77.0.2, that see each other and nothing else."""
    first, second = (f"pyconsul-mdns-{os.getpid()}-{n}" for n in (1, 2))
    try:
        if shutil.which("ip") is None:
            raise OSError("ip is not installed")
        for name in (first, second):
            ip("netns", "add", name)
        ip("-n", first, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", second)
        for name, address in ((first, "10.77.0.1/24"), (second, "10.77.0.2/24")):
            ip("-n", name, "address", "add", address, "dev", "cable")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", "cable", "up")
        yield first, second
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("REQUIRE_PEERS"):
            raise
        pytest.skip(f"no network namespaces: {getattr(error, 'stderr', '') or error}")
    finally:
        for name in (first, second):
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                ip("netns", "delete", name)


@pytest.fixture
def advertiser(hosts: tuple[str, str]) -> Iterator[None]:
    """A responder of another make on the first host."""
    words = ["ip", "netns", "exec", hosts[0], sys.executable, "-c", ADVERTISER, "10.77.0.1"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as there:
        assert there.stdout is not None and there.stdin is not None
        assert there.stdout.readline() == "announced\n"
        yield
        there.stdin.close()


def found_on(host: str, text: str) -> subprocess.CompletedProcess[str]:
    """What the discovery program says on a host."""
    words = ["ip", "netns", "exec", host, DISCOVER, "addrs", text]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.usefixtures("advertiser")
def test_a_service_on_another_host_is_found(hosts: tuple[str, str]) -> None:
    """Its address and port cross the cable, also when the domain is given."""
    found = found_on(hosts[1], "provider=mdns service=_pyconsul-n._tcp domain=local timeout=3s")
    assert (found.stdout, found.returncode) == ("10.77.0.1:8301\n", 0), found.stderr


def test_without_an_advertiser_nothing_is_found(hosts: tuple[str, str]) -> None:
    """The cable alone gives no address."""
    found = found_on(hosts[1], "provider=mdns service=_pyconsul-n._tcp timeout=200ms")
    assert (found.stdout.strip(), found.returncode) == ("", 0), found.stderr
