"""HTTP checks: one request an attempt on a connection of its own; 2xx passes, 429 warns."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from pyconsul.agent.checks.dialing import dial_text, no_such_host, tls_text
from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.telemetry import logger

_log = logger("agent")
_MAX_REDIRECTS: Final = 10
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DEADLINE: Final = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"


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
        problem = _problem(self._method, self._target, self._check.Header or {})
        if problem:
            return Result(CRITICAL, problem)
        try:
            async with asyncio.timeout(timeout_of(self._check)) as limit:
                return await self._ask(limit)
        except TimeoutError:
            return self._failed(_DEADLINE)
        except aiohttp.TooManyRedirects:
            return self._failed(f"stopped after {_MAX_REDIRECTS} redirects")
        except aiohttp.ClientConnectorCertificateError as error:
            return self._failed(tls_text(_ssl_error(error.certificate_error)))
        except aiohttp.ClientConnectorError as error:
            return self._failed(_connect_text(error))
        except aiohttp.ServerDisconnectedError:
            return self._failed("EOF")
        except aiohttp.ClientOSError as error:
            return self._failed(str(error.strerror or error).lower())
        except aiohttp.ClientResponseError as error:
            return self._failed(
                f'net/http: HTTP/1.x transport connection broken: malformed HTTP response "{error.message}"'
            )
        except (aiohttp.ClientError, ValueError) as error:
            return self._failed(str(error))

    async def _ask(self, limit: asyncio.Timeout) -> Result:
        tail = Tail(self._limit)
        sni = self._check.TLSServerName or None
        async with self._open().request(
            self._method,
            URL(self._target, encoded=True),
            data=self._check.Body.encode() or None,
            headers=self._headers(),
            allow_redirects=not self._check.DisableRedirects,
            max_redirects=_MAX_REDIRECTS,
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
                skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
                auto_decompress=True,
            )
        return self._session

    def _headers(self) -> list[tuple[str, str]]:
        found = [(name, value) for name, values in (self._check.Header or {}).items() for value in values]
        names = {name.lower() for name, value in found if value}
        if "user-agent" not in names:
            found.append(("User-Agent", "Consul Health Check"))
        if "accept" not in names:
            found.append(("Accept", "text/plain, text/*, */*"))
        return found

    def _failed(self, text: str) -> Result:
        return Result(CRITICAL, f'{_verb(self._method)} "{self._target}": {text}')

    async def close(self) -> None:
        """Close the session."""
        if self._session is not None:
            await self._session.close()


def _status_of(code: int) -> str:
    if 200 <= code <= 299:
        return PASSING
    return WARNING if code == 429 else CRITICAL


def _problem(method: str, url: str, header: Mapping[str, list[str]]) -> str:
    """What Go's client says about a request that it does not even try, or ""."""
    if not _TOKEN.fullmatch(method):
        return f'net/http: invalid method "{method}"'
    try:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
    except ValueError:
        port = url.partition("//")[2].partition("/")[0].rpartition(":")[2]
        return f'parse "{url}": invalid port ":{port}" after host'
    shown = f'{_verb(method)} "{url.removesuffix("//") if url.endswith("://") else url}"'
    for name, values in header.items():
        if not _TOKEN.fullmatch(name):
            return f'{shown}: net/http: invalid header field name "{name}"'
        if any(_CONTROL.search(value) for value in values):
            return f'{shown}: net/http: invalid header field value for "{name}"'
    if parts.scheme not in ("http", "https"):
        return f'{shown}: unsupported protocol scheme "{parts.scheme}"'
    return "" if parts.hostname else f"{shown}: http: no Host in request URL"


def _verb(method: str) -> str:
    """The method as Go's client begins its errors: ``Get``."""
    return method[:1].upper() + method[1:].lower()


def _connect_text(error: aiohttp.ClientConnectorError) -> str:
    cause = error.os_error
    if isinstance(cause, ssl.SSLError):
        return tls_text(cause)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: {no_such_host(error.host)}"
    shown = f"[{error.host}]:{error.port}" if ":" in error.host else f"{error.host}:{error.port}"
    return dial_text("tcp", shown, cause)


def _ssl_error(error: Exception) -> ssl.SSLError:
    return error if isinstance(error, ssl.SSLError) else ssl.SSLError(str(error))
