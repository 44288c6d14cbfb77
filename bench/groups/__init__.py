"""The measures, one module a group, in the order of the table."""

from __future__ import annotations

from bench.groups import (
    bulk,
    checks,
    cli,
    dev,
    dns,
    fanout,
    growth,
    log,
    memory,
    registration,
    sdk,
    start,
    template,
    testkit,
)

__all__ = [
    "bulk",
    "checks",
    "cli",
    "dev",
    "dns",
    "fanout",
    "growth",
    "log",
    "memory",
    "registration",
    "sdk",
    "start",
    "template",
    "testkit",
]

ORDER = (
    "dev",
    "dns",
    "fanout",
    "registration",
    "checks",
    "start",
    "memory",
    "bulk",
    "template",
    "sdk",
    "testkit",
    "cli",
    "growth",
    "log",
)
