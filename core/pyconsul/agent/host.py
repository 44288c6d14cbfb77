"""Facts about this machine for ``/v1/agent/host``, in the shape that Consul's gopsutil gives them."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import socket
import time
from pathlib import Path
from typing import Any, Final

from pyconsul.primitives.system_errors import words_of

__all__ = ["host_id", "host_info"]

# gopsutil's names of the lines of /proc/meminfo, in its order; pages of huge memory are counts, all else kibibytes.
_MEMORY: Final = {
    "active": "Active",
    "inactive": "Inactive",
    "wired": "",
    "laundry": "",
    "buffers": "Buffers",
    "cached": "Cached",
    "writeBack": "Writeback",
    "dirty": "Dirty",
    "writeBackTmp": "WritebackTmp",
    "shared": "Shmem",
    "slab": "Slab",
    "sreclaimable": "SReclaimable",
    "sunreclaim": "SUnreclaim",
    "pageTables": "PageTables",
    "swapCached": "SwapCached",
    "commitLimit": "CommitLimit",
    "committedAS": "Committed_AS",
    "highTotal": "HighTotal",
    "highFree": "HighFree",
    "lowTotal": "LowTotal",
    "lowFree": "LowFree",
    "swapTotal": "SwapTotal",
    "swapFree": "SwapFree",
    "mapped": "Mapped",
    "vmallocTotal": "VmallocTotal",
    "vmallocUsed": "VmallocUsed",
    "vmallocChunk": "VmallocChunk",
    "hugePagesTotal": "HugePages_Total",
    "hugePagesFree": "HugePages_Free",
    "hugePagesRsvd": "HugePages_Rsvd",
    "hugePagesSurp": "HugePages_Surp",
    "hugePageSize": "Hugepagesize",
}


def host_info(path: str = "/") -> dict[str, Any]:
    """Memory, processors, host and the disk behind ``path``. What cannot be read is told in ``Errors``."""
    errors: list[str] = []
    return {
        "Memory": _tried(_memory, errors),
        "CPU": _tried(_processors, errors),
        "Host": _tried(_host, errors),
        "Disk": _tried(lambda: _disk(path), errors),
        "CollectionTime": time.time_ns(),
        "Errors": errors or None,
    }


def _tried(collect: Any, errors: list[str]) -> Any:
    try:
        return collect()
    except (OSError, ValueError, KeyError) as error:
        errors.append(words_of(error))
        return None


def _memory() -> dict[str, Any]:
    found: dict[str, int] = {}
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        found[name] = int(number) * (1024 if unit == "kB" else 1)
    total, free = found["MemTotal"], found["MemFree"]
    available = found.get("MemAvailable", free)
    cached = found.get("Cached", 0) + found.get("SReclaimable", 0)
    used = total - free - found.get("Buffers", 0) - cached
    shown: dict[str, Any] = {
        "total": total,
        "available": available,
        "used": used,
        "usedPercent": used / total * 100,
        "free": free,
    }
    shown.update({name: found.get(line, 0) for name, line in _MEMORY.items()})
    shown["cached"] = cached
    return shown


def _processors() -> list[dict[str, Any]]:
    blocks = Path("/proc/cpuinfo").read_text().strip().split("\n\n")
    return [_processor(dict(_pairs(block))) for block in blocks if "processor" in block]


def _pairs(block: str) -> list[tuple[str, str]]:
    lines = (line.partition(":") for line in block.splitlines() if ":" in line)
    return [(name.strip(), value.strip()) for name, _, value in lines]


def _processor(facts: dict[str, str]) -> dict[str, Any]:
    return {
        "cpu": int(facts["processor"]),
        "vendorId": facts.get("vendor_id", ""),
        "family": facts.get("cpu family", ""),
        "model": facts.get("model", ""),
        "stepping": int(facts.get("stepping", "0")) if facts.get("stepping", "0").isdigit() else 0,
        "physicalId": facts.get("physical id", ""),
        "coreId": facts.get("core id", ""),
        "cores": 1,
        "modelName": facts.get("model name", ""),
        "mhz": float(facts.get("cpu MHz", "0")),
        "cacheSize": int(facts.get("cache size", "0").split()[0]),
        "flags": facts.get("flags", "").split(),
        "microcode": facts.get("microcode", ""),
    }


def _host() -> dict[str, Any]:
    boot = int(_match(r"btime (\d+)", Path("/proc/stat").read_text()) or "0")
    release: dict[str, str] = {}
    with contextlib.suppress(OSError):
        release = platform.freedesktop_os_release()
    family = release.get("ID_LIKE", "").split(" ")[0] or release.get("ID", "")
    version = release.get("VERSION_ID", "")
    with contextlib.suppress(OSError):
        version = Path("/etc/debian_version").read_text().strip() if release.get("ID") == "debian" else version
    return {
        "hostname": socket.gethostname(),
        "uptime": int(time.time()) - boot,
        "bootTime": boot,
        "procs": sum(1 for each in os.listdir("/proc") if each.isdigit()),
        "os": platform.system().lower(),
        "platform": release.get("ID", ""),
        "platformFamily": family,
        "platformVersion": version,
        "kernelVersion": platform.release(),
        "kernelArch": platform.machine(),
        "virtualizationSystem": "",
        "virtualizationRole": "guest" if "hypervisor" in Path("/proc/cpuinfo").read_text() else "",
        "hostId": host_id(),
    }


def host_id() -> str:
    """The machine's UUID in lower case: its maker's, else its system's, else this boot's; empty where none is told."""
    for path in ("/sys/class/dmi/id/product_uuid", "/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        with contextlib.suppress(OSError):
            text = Path(path).read_text().strip().lower()
            if len(text) == 36:
                return text
            if len(text) == 32:
                return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return ""


def _disk(path: str) -> dict[str, Any]:
    facts = os.statvfs(path)
    size = facts.f_frsize
    total, free, available = facts.f_blocks * size, facts.f_bfree * size, facts.f_bavail * size
    used = total - free
    inodes, inodes_free = facts.f_files, facts.f_ffree
    return {
        "path": path,
        "fstype": _filesystem(path),
        "total": total,
        "free": available,
        "used": used,
        "usedPercent": used / (used + available) * 100 if used + available else 0,
        "inodesTotal": inodes,
        "inodesUsed": inodes - inodes_free,
        "inodesFree": inodes_free,
        "inodesUsedPercent": (inodes - inodes_free) / inodes * 100 if inodes else 0,
    }


def _filesystem(path: str) -> str:
    """The kind of filesystem; all of ext's have one number, by which Consul tells kinds."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        fields = line.split(" ")
        if len(fields) > 2 and fields[1] == path:
            return "ext2/ext3" if fields[2] in ("ext2", "ext3", "ext4") else fields[2]
    return ""


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else ""
