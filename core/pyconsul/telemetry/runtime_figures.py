"""Figures of this process under the names that Consul's dashboards know from Go's runtime."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import time
from typing import Any

from pyconsul.telemetry import metrics
from pyconsul.telemetry.process import memory_bytes


class CollectorPauses:
    """How long Python's garbage collector holds the process, from ``watch`` to ``unwatch``."""

    def __init__(self) -> None:
        self.total_ns = 0
        self._began = 0

    def watch(self) -> None:
        """Begin to measure each collection."""
        gc.callbacks.append(self._note)

    def unwatch(self) -> None:
        """Measure no more."""
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, info: dict[str, Any]) -> None:
        del info
        now = time.perf_counter_ns()
        if phase == "start":
            self._began = now
        elif self._began:
            self.total_ns += now - self._began
            metrics.sample("runtime.gc_pause_ns", float(now - self._began))
            self._began = 0


def measure_process(pauses: CollectorPauses) -> None:
    """Set the gauges of memory, tasks and garbage collection. Must run inside the loop."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    try:
        _, resident = memory_bytes()
    except OSError:
        resident = peak
    for name, value in (
        ("alloc_bytes", resident),
        ("heap_objects", sys.getallocatedblocks()),
        ("num_goroutines", len(asyncio.all_tasks())),
        ("sys_bytes", max(peak, resident)),  # the system brings the peak up to date a little later
        ("total_gc_pause_ns", pauses.total_ns),
        ("total_gc_runs", sum(each["collections"] for each in gc.get_stats())),
    ):
        metrics.gauge(f"runtime.{name}", float(value))


metrics.declare("summary", "runtime.gc_pause_ns")
metrics.declare(
    "gauge",
    *("runtime.alloc_bytes", "runtime.heap_objects", "runtime.num_goroutines", "runtime.sys_bytes"),
    *("runtime.total_gc_pause_ns", "runtime.total_gc_runs"),
)
