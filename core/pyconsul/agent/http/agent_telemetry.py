"""``/v1/agent/metrics`` and ``/v1/agent/monitor``: figures and log lines of the running agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from pyconsul.acl import Access
from pyconsul.agent.ending import Ending
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.primitives.stray_bytes import as_bytes
from pyconsul.structs import gojson
from pyconsul.structs.errors import BadRequest
from pyconsul.telemetry import logger
from pyconsul.telemetry.logging import Monitor, level_from, valid_level
from pyconsul.telemetry.metrics import current

_log = logger("agent")
_PROMETHEUS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PROMETHEUS_OFF: Final = "Prometheus is not enabled since its retention time is not positive"
_FLUSH_DELAY: Final = 0.2  # seconds that log lines are gathered before they go out


@route("GET", "/v1/agent/metrics")
async def agent_metrics(req: Request) -> Reply:
    """The newest finished interval as JSON, or all totals as Prometheus text.

    While Prometheus is off, asking for its format gets an empty 200 with the reason in a header, as from Consul.
    """
    req.require_agent(Access.READ)
    if not _wants_prometheus(req):
        return Reply(current().displayed().summary())
    if current().cumulative is None:
        return Reply.nothing(headers={"X-Consul-Reason": _PROMETHEUS_OFF})
    return Reply(raw=current().prometheus_text().encode(), content_type=_PROMETHEUS_TYPE)


def _wants_prometheus(req: Request) -> bool:
    return req.query.get("format") == "prometheus" or _accepts_openmetrics(req.headers.get("accept", ""))


def _accepts_openmetrics(accept: str) -> bool:
    for each in accept.split(","):
        kind, *parameters = (part.strip() for part in each.split(";"))
        if kind.lower() == "application/openmetrics-text":
            return True
        # The text format's own version is 0.0.4. Consul looks for this, so who asks for that format alone gets JSON.
        if kind.lower() == "text/plain" and parameters[:1] == ["version=0.4.0"]:
            return True
    return False


@route("GET", "/v1/agent/metrics/stream")
async def agent_metrics_stream(req: Request) -> Reply:
    """One JSON document per finished interval, for as long as the client stays."""
    req.require_agent(Access.READ)
    return Reply(stream=_intervals(req.agent.ending), content_type="text/plain; charset=utf-8")


async def _intervals(ending: Ending) -> AsyncIterator[bytes]:
    ended = asyncio.Event()
    with ending.wakes(ended):
        while not ending.has_begun:
            interval = current().interval()
            with suppress(TimeoutError):
                async with asyncio.timeout(current().seconds_left()):  # the clock ends it, nobody tells
                    await ended.wait()
            if current().interval() is not interval:
                yield gojson.encode_pretty(interval.summary()) + b"\n"


@route("GET", "/v1/agent/monitor")
async def agent_monitor(req: Request) -> Reply:
    """Log lines of ``loglevel`` (INFO) and above as they come; with ``logjson`` one object a line."""
    req.require_agent(Access.READ)
    level = req.query.get("loglevel") or "INFO"
    if not valid_level(level):
        raise BadRequest(f"Unknown log level: {level}")
    loop = asyncio.get_running_loop()
    news = asyncio.Event()

    def wake() -> None:
        loop.call_soon_threadsafe(news.set)

    monitor = Monitor(
        level_from(level),
        json_lines=req.query.has("logjson"),
        on_line=wake,
    )
    return Reply(stream=_lines(monitor, news, req.agent.ending), content_type="text/plain; charset=utf-8")


async def _lines(monitor: Monitor, news: asyncio.Event, ending: Ending) -> AsyncIterator[bytes]:
    monitor.start()
    try:
        with ending.wakes(news):
            while not ending.has_begun:
                await news.wait()
                news.clear()
                await asyncio.sleep(_FLUSH_DELAY)
                yield as_bytes(monitor.take())
    finally:
        dropped = monitor.stop()
        if dropped:
            _log.warn("Dropped logs during monitor request", dropped_count=dropped)
