"""HTTP checks: one request an attempt on a connection of its own; 2xx passes, 429 warns."""

from __future__ import annotations

from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.telemetry import logger
from pyconsul.toolkit.web import PROTOCOLS, WebError, ask
from pyconsul.toolkit.web_request import Headers, RequestError, first, request_of

_log = logger("agent")


@check_kind("http")
class HttpProbe:
    """Asks one URL; headers, method and body are the check's."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._id = settings.check_id
        self._check = settings.type
        self._limit = settings.output_limit
        self._target = settings.type.ProxyHTTP or settings.type.HTTP
        self._method = settings.type.Method or "GET"
        self._trust = settings.trust(*PROTOCOLS)

    async def attempt(self) -> Result:
        """The status line and the end of the body are the output."""
        check = self._check
        try:
            request = request_of(self._method, self._target, self._headers(), check.Body.encode())
            reply = await ask(
                request,
                patience=timeout_of(check),
                trust=self._trust,
                name=check.TLSServerName,
                follow=not check.DisableRedirects,
            )
        except (RequestError, WebError) as error:
            return Result(CRITICAL, str(error))
        tail = Tail(self._limit)
        async with reply:
            try:
                async for piece in reply:
                    tail.write(piece)
            except WebError as error:  # the status is known: a body that is cut does not fail the check
                _log.warn("Check error while reading body", check=self._id, error=error)
        text = f"HTTP {self._method} {self._target}: {reply.line} Output: {tail.text()}"
        return Result(_status_of(reply.status), text)

    def _headers(self) -> Headers:
        headers = dict(self._check.Header or {})
        for name, value in (("User-Agent", "Consul Health Check"), ("Accept", "text/plain, text/*, */*")):
            if not first(headers, name):
                headers[name] = [value]
        return headers


def _status_of(code: int) -> str:
    if 200 <= code <= 299:
        return PASSING
    return WARNING if code == 429 else CRITICAL
