"""From a request to a reply: route, method, guards, errors, and the headers that every answer has.

The rules are those of Consul's ``wrap``: what a blocked path, a closed write or a wrong method answers, in this order.
"""

from __future__ import annotations

import asyncio
import ipaddress
import posixpath
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from pyconsul.agent.http import families
from pyconsul.agent.http.reply import Reply, meta_headers, type_of_nothing
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.route_figures import figures_of
from pyconsul.agent.http.routing import Route
from pyconsul.agent.http.ui import ui_reply
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.system_errors import words_of
from pyconsul.server.request_limits import ASKED_BY
from pyconsul.structs.errors import (
    BadOption,
    BadRequest,
    ConsulError,
    InternalError,
    MethodNotAllowed,
    PermissionDenied,
    TooLarge,
)
from pyconsul.telemetry.logging import Level, logger
from pyconsul.toolkit.web_request import canonical, is_token

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent

log = logger("agent.http")

TEXT = "text/plain; charset=utf-8"
BODY_LIMIT = 64 << 20  # bytes, for routes that have no lower limit; Consul has none
_OWN_LIMIT = ("/v1/kv/", "/v1/txn")  # they have their own sentence for it
_TOKEN_IN_QUERY = (
    "This request used the token query parameter which is deprecated and will be removed in a future Consul version"
)
_OTHER_HEADERS = {"Vary": "Accept-Encoding"}  # of profiles and the resource API, which Consul serves past its API
READ_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))  # what ``allow_write_http_from`` never stops, in Consul
_FRAMING = frozenset(("Content-Length", "Transfer-Encoding", "Date"))  # the front writes them


class Door:
    """Answers requests for one agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._router = families.router()
        self._printable_only = not agent.config.disable_http_unprintable_char_filter
        config = agent.config
        self.extra_headers = _configured(config.http_config.response_headers)
        self._blocked: tuple[str, ...] = tuple(config.http_config.block_endpoints)
        self._writers = [ipaddress.ip_network(n, strict=False) for n in config.http_config.allow_write_http_from]
        self._empty_headers = {
            **({} if "vary" in map(str.lower, self.extra_headers) else {"Vary": "Accept-Encoding"}),
            **self.extra_headers,
            "X-Consul-Default-Acl-Policy": config.acl.default_policy,
        }
        if config.translate_wan_addrs:
            self._empty_headers["X-Consul-Translate-Addresses"] = "true"
        # The API names the type of what it answers by itself.
        self._api_headers = {name: it for name, it in self._empty_headers.items() if name.lower() != "content-type"}

    async def answer(self, req: Request) -> tuple[Reply, Mapping[str, str]]:
        """The reply to a request and all its headers but the framing ones. Never raises but for cancellation."""
        if self._printable_only and not _is_printable(req.url_path):
            return Reply.empty(400), {}
        if redirect := self._cleaned(req):
            return redirect, redirect.headers
        found = self._find(req)
        if found is None:
            return self._elsewhere(req)
        route, req.path = found
        if self._agent.server.limits.active:
            ASKED_BY.set(req.remote)
        began = time.perf_counter()
        barred = self._barred(req)
        reply = barred or await self._guarded(req, route)
        taken = time.perf_counter() - began
        reply.figures = figures_of(req.method, route.pattern, self._agent.node_name)
        reply.figures.note(taken * 1000, reply.status)
        if barred is None and log.enabled(Level.DEBUG):
            self._log_finished(req, taken)
        reply.content_type = reply.content_type or type_of_nothing(req)
        own = self._api_headers if reply.has_body else self._empty_headers
        headers = dict(own if route.pattern.startswith("/v1/") else _OTHER_HEADERS)
        if reply.meta is not None:
            headers.update(meta_headers(reply.meta))
        headers.update(reply.headers)
        return reply, headers

    def _cleaned(self, req: Request) -> Reply | None:
        """A redirect to the clean form of a path with ``//``, ``.`` or ``..``, as Go's mux gives it.

        What is escaped stays as it is: a key may hold ``%2F`` and ``%2E`` where it must.
        """
        path = req.raw_path
        if ("//" not in path and "/." not in path and path) or req.method == "CONNECT":
            return None
        clean = posixpath.normpath("/" + path.lstrip("/"))
        if clean != "/" and (path.endswith("/") or self._router.is_folder(clean)):
            clean += "/"
        return None if clean == path else _redirect(req, clean)

    def reads_body(self, method: str, path: str) -> bool:
        """Whether the route of this path would look at a body."""
        found = self._router.find(path)
        return found is not None and method in found[0].handlers and method not in READ_METHODS

    def _find(self, req: Request) -> tuple[Route, dict[str, str]] | None:
        """The route of a request. An escaped slash parts no segments of a route's fixed names, as in Go."""
        if self._router.is_folder(req.url_path):
            return None
        found = self._router.find(req.url_path)
        if found is not None and "%2" in req.raw_path and "%2f" in req.raw_path.lower():
            fixed = found[0].pattern.partition("{")[0]
            return found if req.raw_path.startswith(fixed) else None
        return found

    async def _guarded(self, req: Request, route: Route) -> Reply:
        try:
            if req.method == "OPTIONS" and "OPTIONS" not in route.handlers:
                return Reply.nothing(headers={"Allow": ",".join(route.allow)})
            handler = route.handler(req.method)
            if handler is None:
                raise MethodNotAllowed(req.method, route.allow)
            if req.method not in READ_METHODS:
                self._check_writer(req)
                _check_body(req)
            if req.method == "GET" and req.body_size:
                log.warn(
                    "GET request has a non-empty body that will be ignored; check whether parameters meant for the "
                    "query string were accidentally placed in the body",
                    url=_safe_url(req),
                    **{"from": req.remote},
                )
            return await handler(req)
        except ConsulError as error:
            return self._refusal(req, error)
        except asyncio.CancelledError:
            raise
        except UnicodeEncodeError:  # names are text here; only keys and values may be any bytes
            return self._refusal(req, BadRequest("Invalid request: a name holds bytes that are no UTF-8"))
        except RecursionError:  # from codecs in C and from what walks over values: bodies may nest 10,000 levels
            return self._refusal(req, BadRequest("Request decode failed: the body nests too deep"))
        except Exception as error:
            log.error("Request failed", method=req.method, url=_safe_url(req), error=repr(error))
            log.debug(traceback.format_exc())
            return Reply(raw=f"internal error: {words_of(error)}".encode(), status=500, content_type=TEXT)

    def _barred(self, req: Request) -> Reply | None:
        """The reply to a query string that is none, or to a path that the configuration blocks; else None."""
        if req.raw_query:
            query = req.query
            if req.query_fault:
                log.error("Failed to decode query", **{"from": req.remote}, error=req.query_fault)
                return Reply.text("", 500)
            if query.has("token"):
                log.warn(_TOKEN_IN_QUERY, logUrl=_safe_url(req))
        if self._blocked and req.url_path.startswith(self._blocked):
            return self._refusal(req, PermissionDenied("Endpoint is blocked by agent configuration"))
        return None

    def _check_writer(self, req: Request) -> None:
        if not self._writers:
            return
        try:
            address = ipaddress.ip_address(req.remote.rpartition(":")[0].strip("[]"))
        except ValueError as error:  # a Unix socket's client has no address, so it may not write
            text = f"unable to parse remote addr: address {req.remote}: missing port in address"
            raise InternalError(text) from error
        if not any(address in network for network in self._writers):
            raise PermissionDenied("Access is restricted")

    def _refusal(self, req: Request, error: ConsulError) -> Reply:
        if error.text and not isinstance(error, BadOption):
            log.error("Request error", method=req.method, url=_safe_url(req), **{"from": req.remote}, error=error.text)
        reply = Reply.text(error.text, error.http_status, headers=error.headers)
        reply.meta = error.meta
        return reply

    def _elsewhere(self, req: Request) -> tuple[Reply, Mapping[str, str]]:
        """The reply to a path that no route has; with the configured headers where Consul's own handlers answer."""
        reply = ui_reply(self._agent.config.ui_config, req) if req.url_path.startswith("/") else None
        reply = reply or self._nowhere(req)
        if reply.status == 307 or not req.url_path.startswith("/"):
            return reply, reply.headers
        return reply, {**self.extra_headers, **reply.headers}

    def _nowhere(self, req: Request) -> Reply:
        """A redirect, what is meant for the server as a whole, or Consul's 404."""
        path = req.url_path
        if path == "*":
            return Reply.empty(200)
        if not path:
            return Reply.text("404 page not found\n", 404, headers={"X-Content-Type-Options": "nosniff"})
        if "%2f" not in req.raw_path.lower() and self._router.is_folder(path):
            return _redirect(req, req.raw_path + "/")
        if "/v1/" in path:
            return Reply.text("Invalid URL path: not a recognized HTTP API endpoint\n", 404)
        start = "Invalid URL path: if attempting to use the HTTP API, ensure the path starts with '/v1/'\n"
        return Reply.text(start, 404)

    def _log_finished(self, req: Request, taken: float) -> None:
        latency = format_duration(int(taken * 1e9))
        log.debug("Request finished", method=req.method, url=_safe_url(req), **{"from": req.remote}, latency=latency)


def _configured(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of the configuration, spelt as Go spells them, without those that are none or the front's."""
    spelt = {canonical(name): value for name, value in headers.items() if is_token(name)}
    return {name: value for name, value in spelt.items() if name not in _FRAMING}


def _check_body(req: Request) -> None:
    """Raise InternalError for a body whose framing is broken, TooLarge for one that no route takes."""
    if req.body_fault:
        raise InternalError(req.body_fault)
    if (
        req.body_size > BODY_LIMIT
        and not req.body
        and req.body_file is None
        and not req.url_path.startswith(_OWN_LIMIT)
    ):
        raise TooLarge(f"Request body({req.body_size} bytes) too large, max size: {BODY_LIMIT} bytes.")


def _safe_url(req: Request) -> str:
    """Path, as it was sent, and query with every token hidden; also of a query string that cannot be parsed."""
    from pyconsul.lang.gourl import Url  # 1 ms of every start, for lines that a quiet agent does not write

    path = Url(path=req.url_path, raw_path=req.raw_path).escaped_path()
    if not req.raw_query:
        return path
    pairs = (pair.partition("=") for pair in req.raw_query.split("&"))
    shown = (f"{name}=<hidden>" if unquote_plus(name) == "token" else f"{name}{eq}{value}" for name, eq, value in pairs)
    return f"{path}?{'&'.join(shown)}"


def _redirect(req: Request, path: str) -> Reply:
    location = path + ("?" + req.raw_query if req.raw_query else "")
    headers = {"Location": location}
    if req.method not in ("GET", "HEAD"):
        return Reply.empty(307, headers=headers)
    import html  # with its tables of names, 1 ms of every start

    body = f'<a href="{html.escape(location)}">Temporary Redirect</a>.\n\n'.encode("utf-8", "replace")
    return Reply(raw=body, status=307, headers=headers, content_type="text/html; charset=utf-8")


def _is_printable(path: str) -> bool:
    """Whether Go's PrintablePathCheck lets a path through; bytes that are no UTF-8 count as U+FFFD, which prints."""
    return path.isprintable() or path.encode("utf-8", "surrogateescape").decode("utf-8", "replace").isprintable()
