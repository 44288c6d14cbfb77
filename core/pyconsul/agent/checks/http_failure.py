"""What Go's HTTP client says of a request that got no answer: checks show it, the agent logs it of watches."""

from __future__ import annotations

import re
import ssl
from ast import literal_eval
from typing import Final

import aiohttp

from pyconsul.agent.checks.dialing import dial_text, no_such_host, tls_text
from pyconsul.agent.checks.http_request import shown, target, verb
from pyconsul.lang.gourl import Url
from pyconsul.lang.strconv import quote

MAX_REDIRECTS: Final = 10
DEADLINE: Final = "context deadline exceeded"
CLIENT_DEADLINE: Final = f"{DEADLINE} (Client.Timeout exceeded while awaiting headers)"


def failure_text(method: str, url: str, error: Exception, deadline: str = DEADLINE) -> str:
    """The sentence for what a request of ``method`` to ``url`` raised; ``deadline`` ends that for a timeout."""
    if isinstance(error, aiohttp.TooManyRedirects):
        last = error.history[-1].headers.get("Location", url)
        return f'{verb(method)} "{last}": stopped after {MAX_REDIRECTS} redirects'
    asked = target(url)
    return f"{verb(method)} {quote(shown(asked))}: {_reason(error, asked, deadline)}"


def _reason(error: Exception, asked: Url, deadline: str) -> str:
    match error:
        case TimeoutError():
            return deadline
        case aiohttp.ClientConnectorCertificateError():
            return tls_text(_ssl_error(error.certificate_error))
        case aiohttp.ClientConnectorError():
            return _connect_text(error, asked)
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case aiohttp.ClientOSError():
            return str(error.strerror or error).lower()
        case aiohttp.ClientResponseError():
            text = f"malformed HTTP response {quote(_first_line(error.message))}"
            return f"net/http: HTTP/1.x transport connection broken: {text}"
        case _:
            return str(error)


def _first_line(message: str) -> str:
    """The line that was no status line, out of what the parser says about it."""
    found = re.search(r"""b(['"]).*\1""", message)
    if found is None:
        return message
    return literal_eval(found[0]).decode("utf-8", "replace").partition("\n")[0].rstrip("\r")


def _connect_text(error: aiohttp.ClientConnectorError, asked: Url) -> str:
    cause = error.os_error
    if isinstance(cause, ssl.SSLError):
        return tls_text(cause)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"dial tcp: {no_such_host(error.host)}"
    address = f"[{error.host}]:{error.port}" if ":" in error.host else f"{error.host}:{error.port}"
    return dial_text("tcp", address if asked.hostname() else asked.host, cause)


def _ssl_error(error: Exception) -> ssl.SSLError:
    return error if isinstance(error, ssl.SSLError) else ssl.SSLError(str(error))
