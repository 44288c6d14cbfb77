"""Figures of this process in Prometheus' words, read when they are asked for. Nothing where there is no ``/proc``."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from pathlib import Path
from typing import Final

__all__ = ["memory_bytes", "process_text"]

_STARTED: Final = time.time()


def process_text() -> str:
    """Processor time, memory, open files and threads, as the ``process_*`` series that every exporter has."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    lines = [
        _series("go_goroutines", "gauge", "Tasks that exist now, of all event loops", _tasks()),
        _series("go_threads", "gauge", "Threads of the process", threading.active_count()),
        _series("process_cpu_seconds_total", "counter", "Processor time used", usage.ru_utime + usage.ru_stime),
        _series("process_max_fds", "gauge", "Files that may be open", _limit(resource.RLIMIT_NOFILE)),
        _series("process_virtual_memory_max_bytes", "gauge", "Address space allowed", _limit(resource.RLIMIT_AS)),
        _series("process_start_time_seconds", "gauge", "When the process began, Unix time", _STARTED),
    ]
    with contextlib.suppress(OSError):
        virtual, resident = memory_bytes()
        lines += [
            _series("process_open_fds", "gauge", "Files that are open", len(os.listdir("/proc/self/fd"))),
            _series("process_resident_memory_bytes", "gauge", "Memory in use", resident),
            _series("process_virtual_memory_bytes", "gauge", "Address space in use", virtual),
        ]
    return "".join(lines)


def memory_bytes() -> tuple[int, int]:
    """Address space and resident memory, now. Raises OSError where the system has no ``/proc`` to tell it."""
    pages = Path("/proc/self/statm").read_text().split()
    size = os.sysconf("SC_PAGE_SIZE")
    return int(pages[0]) * size, int(pages[1]) * size


def _limit(which: int) -> int:
    """How much there may be; no limit is the largest number, as other exporters show it."""
    allowed = resource.getrlimit(which)[0]
    return 2**64 - 1 if allowed == resource.RLIM_INFINITY else allowed


def _tasks() -> int:
    import asyncio  # a program that only logs need not load it

    try:
        return len(asyncio.all_tasks())
    except RuntimeError:  # no loop runs in this thread
        return 0


def _series(name: str, kind: str, about: str, value: float) -> str:
    return f"# HELP {name} {about}.\n# TYPE {name} {kind}\n{name} {value:.17g}\n"
