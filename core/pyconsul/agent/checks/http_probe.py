"""HTTP checks: one request an attempt on a connection of its own; 2xx passes, 429 warns."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import Any, Final, cast

import aiohttp
from yarl import URL

from pyconsul.agent.checks.http_failure import CLIENT_DEADLINE, MAX_REDIRECTS, failure_text
from pyconsul.agent.checks.http_request import credentials, request_fault, sent, target
from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.lang.gourl import Url
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.telemetry import logger

_log = logger("agent")
_OF_THE_BODY: Final = ("content-length", "transfer-encoding", "trailer")  # not for the headers of a check to say


class _Request(aiohttp.ClientRequest):
    """Sends the method as it is ``written``; a length of zero goes only where Go's client sends one."""

    def __init__(self, method: str, *args: Any, written: str, **options: Any) -> None:
        super().__init__(method, *args, **options)
        self.method = written if method == written.upper() else method
        if self.headers.get("Content-Length") == "0" and self.method not in ("POST", "PUT", "PATCH"):
            del self.headers["Content-Length"]


@check_kind("http")
class HttpProbe:
    """Asks one URL; headers, method and body are the check's."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._id = settings.check_id
        self._check = settings.type
        self._limit = settings.output_limit
        self._target = settings.type.ProxyHTTP or settings.type.HTTP
        self._method = settings.type.Method or "GET"
        secure = self._target.lower().startswith("https:")
        self._context: ssl.SSLContext | bool = settings.tls(settings.type) if secure else False
        self._session: aiohttp.ClientSession | None = None

    async def attempt(self) -> Result:
        """The status line and the end of the body are the output."""
        problem = request_fault(self._method, self._target, self._check.Header or {})
        if problem:
            return Result(CRITICAL, problem)
        try:
            async with asyncio.timeout(timeout_of(self._check)) as limit:
                return await self._ask(limit)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            return Result(CRITICAL, failure_text(self._method, self._target, error, CLIENT_DEADLINE))

    async def _ask(self, limit: asyncio.Timeout) -> Result:
        tail = Tail(self._limit)
        url = target(self._target)
        sni = self._check.TLSServerName or None
        async with self._open().request(
            self._method,
            URL(sent(url), encoded=True),
            data=self._check.Body.encode() or None,
            headers=self._headers(url),
            allow_redirects=not self._check.DisableRedirects,
            max_redirects=MAX_REDIRECTS,
            ssl=self._context,
            server_hostname=sni,
        ) as answer:
            deadline = limit.when()
            limit.reschedule(None)  # the status is known: a body that never ends no longer fails the check
            try:
                async with asyncio.timeout_at(deadline):
                    async for data in answer.content.iter_any():
                        tail.write(data)
            except (aiohttp.ClientError, TimeoutError) as error:
                _log.warn("Check error while reading body", check=self._id, error=error or "context deadline exceeded")
            line = f"{answer.status} {answer.reason or ''}"
            return Result(
                _status_of(answer.status), f"HTTP {self._method} {self._target}: {line} Output: {tail.text()}"
            )

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(force_close=True, limit=1)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(),
                cookie_jar=aiohttp.DummyCookieJar(),
                request_class=cast("type[aiohttp.ClientRequest]", partial(_Request, written=self._method)),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
                auto_decompress="accept-encoding" not in map(str.lower, self._check.Header or ()),
            )
        return self._session

    def _headers(self, url: Url) -> list[tuple[str, str]]:
        given = (self._check.Header or {}).items()
        found = [(name, value) for name, values in given if name.lower() not in _OF_THE_BODY for value in values]
        names = {name.lower() for name, value in found if value}
        if "user-agent" not in names:
            found.append(("User-Agent", "Consul Health Check"))
        if "accept" not in names:
            found.append(("Accept", "text/plain, text/*, */*"))
        if "accept-encoding" not in names and self._method != "HEAD":
            found.append(("Accept-Encoding", "gzip"))
        if "authorization" not in names and (basic := credentials(url)):
            found.append(("Authorization", basic))
        if "host" not in names and not url.hostname():
            found.append(("Host", url.host))
        return found

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


def _status_of(code: int) -> str:
    if 200 <= code <= 299:
        return PASSING
    return WARNING if code == 429 else CRITICAL
