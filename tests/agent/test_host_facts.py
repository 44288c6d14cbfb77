"""Facts about this machine: the numbers add up, and what cannot be read is told instead of shown."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from pyconsul.agent.host import host_id, host_info


@pytest.fixture
def facts(tmp_path: Path) -> dict[str, Any]:
    """Those of this machine, with the disk of the test's folder."""
    return host_info(str(tmp_path))


def test_memory_in_use_is_what_is_neither_free_nor_a_cache(facts: dict[str, Any]) -> None:
    """In bytes and in percent of the whole."""
    memory = facts["Memory"]
    assert memory["used"] == memory["total"] - memory["free"] - memory["buffers"] - memory["cached"]
    assert memory["usedPercent"] == pytest.approx(memory["used"] / memory["total"] * 100)
    assert 0 < memory["free"] <= memory["total"] and memory["available"] <= memory["total"]


def test_memory_is_told_in_bytes(facts: dict[str, Any]) -> None:
    """The kernel tells kibibytes; what other systems have is there, at zero."""
    text = Path("/proc/meminfo").read_text(encoding="ascii")
    total = re.search(r"MemTotal: +(\d+) kB", text)
    assert total is not None and facts["Memory"]["total"] == int(total[1]) * 1024
    assert (facts["Memory"]["wired"], facts["Memory"]["laundry"]) == (0, 0)


def test_every_processor_is_listed_once(facts: dict[str, Any]) -> None:
    """By its number, with its model and what it can do."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^processor\s*: (\d+)$", text, re.MULTILINE)]
    assert [one["cpu"] for one in facts["CPU"]] == numbers
    flags = re.search(r"^flags\s*: (.*)$", text, re.MULTILINE)
    assert facts["CPU"][0]["flags"] == (flags[1].split() if flags else [])
    assert {one["cores"] for one in facts["CPU"]} == {1}


def test_the_host_is_up_since_it_was_booted(facts: dict[str, Any]) -> None:
    """Its name, kind and processes are those of now."""
    host = facts["Host"]
    assert host["hostname"] == socket.gethostname() and host["os"] == "linux"
    assert abs(host["bootTime"] + host["uptime"] - time.time()) < 60
    assert host["procs"] > 0
    assert host["kernelVersion"] == os.uname().release and host["kernelArch"] == os.uname().machine


def test_the_id_of_a_host_is_a_uuid_in_lower_case_or_nothing(facts: dict[str, Any]) -> None:
    """And always the same one."""
    found = host_id()
    assert re.fullmatch(r"([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})?", found)
    assert facts["Host"]["hostId"] == found


def test_the_disk_is_that_of_the_path(facts: dict[str, Any], tmp_path: Path) -> None:
    """What is kept for the superuser counts neither as free nor as used."""
    disk, there = facts["Disk"], os.statvfs(tmp_path)
    assert disk["path"] == str(tmp_path)
    assert disk["total"] == there.f_blocks * there.f_frsize
    assert 0 <= disk["used"] <= disk["total"] and disk["free"] + disk["used"] <= disk["total"]
    assert disk["usedPercent"] == pytest.approx(disk["used"] / (disk["used"] + disk["free"]) * 100)
    assert disk["inodesUsed"] + disk["inodesFree"] == disk["inodesTotal"]


def test_what_cannot_be_read_is_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    """In the words of the system."""
    facts = host_info(str(tmp_path / "absent"))
    assert facts["Disk"] is None and facts["Memory"] is not None
    assert len(facts["Errors"]) == 1 and "no such file or directory" in facts["Errors"][0]


def test_without_faults_there_are_no_errors(facts: dict[str, Any]) -> None:
    """Null, not an empty list; the time of the collection is in nanoseconds."""
    assert facts["Errors"] is None
    assert abs(facts["CollectionTime"] / 1e9 - time.time()) < 60
