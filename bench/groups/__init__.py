"""The measures, one module a group, in the order of the table."""

from __future__ import annotations

from bench.groups import bulk, cli, dev, dns, fanout, growth, log, memory, registration, sdk, start, template, testkit

__all__ = [
    "bulk",
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
