"""A request as routes see it: parsed parameters, Consul's read options, the body as it came."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote_plus

from pyconsul.agent.http.packing import takes_gzip
from pyconsul.config.addresses import parse_ip
from pyconsul.lang import strconv
from pyconsul.primitives.durations import parse_duration
from pyconsul.server.blocking import REPLY_WATCH
from pyconsul.structs.errors import BadOption, BadRequest

if TYPE_CHECKING:
    from pyconsul.acl import Access, Authorizer
    from pyconsul.agent.agent import Agent
    from pyconsul.memdb import Store, WatchSet

T = TypeVar("T")
_UINT64_MAX = 2**64 - 1
_MOST_PARAMETERS = 10_000  # of a query string, as in Go
_BAD_ESCAPE = re.compile("%(?![0-9a-fA-F]{2})")
_ESCAPES = re.compile(b"(?:%[0-9a-fA-F]{2})++")
_LONGEST = 1000  # digits of a number that is looked at at all, leading zeros included
_ENTERPRISE = (
    ("x-consul-namespace", "ns", "Namespaces"),
    ("x-consul-partition", "partition", "Partitions"),
)


_address = lru_cache(1024)(parse_ip)


class Query:
    """Query parameters: all values in order, the first one where one is asked for."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    @classmethod
    def parse(cls, text: str) -> Query:
        """Split a raw query string as Go does. Raises ValueError for a bad escape, a semicolon, or too many."""
        values: dict[str, list[str]] = {}
        if text:
            if text.count("&") >= _MOST_PARAMETERS:
                raise ValueError("number of URL query parameters exceeded limit")
            for pair in text.split("&"):
                if not pair:
                    continue
                if ";" in pair:
                    raise ValueError("invalid semicolon separator in query")
                name, _, value = pair.partition("=")
                values.setdefault(unescape(name, plus=True), []).append(unescape(value, plus=True))
        return cls(values)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._values)

    def get(self, name: str) -> str:
        """The first value, or "" where there is none."""
        found = self._values.get(name)
        return found[0] if found else ""

    def has(self, name: str) -> bool:
        """Whether the parameter is there, with or without a value."""
        return name in self._values

    def all(self, name: str) -> list[str]:
        """All values in order."""
        return self._values.get(name, [])

    def items(self) -> Mapping[str, list[str]]:
        """All parameters."""
        return self._values

    def encode(self) -> str:
        """All parameters in Go's ``Values.Encode`` form: sorted by name, escaped."""
        return "&".join(
            f"{_escape(name)}={_escape(value)}" for name in sorted(self._values) for value in self._values[name]
        )


def _escape(text: str) -> str:
    return quote_plus(text, errors="surrogateescape")


def unescape(text: str, *, plus: bool = False) -> str:
    """Percent-decode; bytes that are no UTF-8 stay as surrogates. Raises ValueError for a broken escape."""
    if plus:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    if (bad := _BAD_ESCAPE.search(text)) is not None:
        raise ValueError(f"invalid URL escape {strconv.quote(text[bad.start() : bad.start() + 3])}")
    return _ESCAPES.sub(_bytes_of, text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _bytes_of(escapes: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escapes[0].replace(b"%", b"").decode())


class Request:
    """One HTTP request. Header names are lower case; ``path`` holds the values of the route's placeholders."""

    __slots__ = (
        "_query",
        "agent",
        "body",
        "body_fault",
        "body_file",
        "body_size",
        "headers",
        "method",
        "path",
        "query_fault",
        "raw_path",
        "raw_query",
        "remote",
        "url_path",
        "waited",
    )

    def __init__(
        self,
        agent: Agent,
        method: str,
        url_path: str,
        raw_path: str,
        raw_query: str,
        headers: Mapping[str, str],
        body: bytes,
        remote: str,
    ) -> None:
        self.agent = agent
        self.method = method
        self.url_path = url_path
        self.raw_path = raw_path  # with its percent escapes
        self.raw_query = raw_query
        self.headers = headers
        self.body = body
        self.body_size = len(body)  # what was sent; more than is kept where a body is over its limit
        self.body_fault = ""  # why the body could not be read to its end
        self.body_file: IO[bytes] | None = None  # a large snapshot, instead of ``body``
        self.remote = remote
        self.waited = 0.0  # seconds, along with another who asked the same
        self.path: dict[str, str] = {}
        self.query_fault = ""  # why the query string could not be read; known once the parameters were asked for
        self._query: Query | None = None

    @property
    def query(self) -> Query:
        """The query parameters; none where the query string is malformed, as ``query_fault`` says then."""
        if self._query is None:
            try:
                self._query = Query.parse(self.raw_query)
            except ValueError as error:
                self._query, self.query_fault = Query({}), str(error)
        return self._query

    async def rpc(self, method: str, ask: Any, reply: type[T]) -> T:
        """Call one RPC method; ``reply`` is the type of its answer."""
        answer: T = await self.agent.rpc(method, ask)
        del reply  # which only tells type checkers
        return answer

    def local_read(self, reader: Callable[[Store, WatchSet | None], T]) -> T:
        """Run a reader over the agent's local state, so that a kept reply knows what it depends on."""
        return reader(self.agent.local.db, REPLY_WATCH.get())

    def token(self) -> str:
        """The request's token: parameter, X-Consul-Token, bearer; else the agent's default token."""
        token = self.query.get("token") or self.headers.get("x-consul-token", "")
        if not token:
            scheme, _, rest = self.headers.get("authorization", "").partition(" ")
            if scheme.lower() == "bearer":
                token = rest.strip().split(" ")[0]
        return token or self.agent.default_token()

    def authorizer(self) -> Authorizer:
        """What whoever sent this may do; a kept reply depends on it from then on. Raises AclNotFound."""
        return self.agent.authorizer(self.token(), REPLY_WATCH.get())

    def require_agent(self, access: Access) -> None:
        """Raise PermissionDenied unless whoever sent this may do so with this agent."""
        self.authorizer().require("agent", access, self.agent.node_name)

    def datacenter(self) -> str:
        """The datacenter asked for, by default the agent's own."""
        return self.query.get("datacenter") or self.query.get("dc") or self.agent.datacenter

    def takes_gzip(self) -> bool:
        """Whether the answer may be packed."""
        accepted = self.headers.get("accept-encoding")
        return accepted is not None and takes_gzip(accepted)

    def write_options(self) -> dict[str, Any]:
        """Datacenter and token of a write, as keyword arguments of its struct."""
        self.refuse_enterprise()
        return {"Datacenter": self.datacenter(), "Token": self.token()}

    def primary_write_options(self) -> dict[str, Any]:
        """The same of a write that belongs in the primary datacenter, this one, whatever ``?dc=`` says."""
        return {**self.write_options(), "Datacenter": self.agent.datacenter}

    def read_options(self, *, refuse_enterprise: bool = True) -> dict[str, Any]:
        """Consul's query options as keyword arguments of a ReadRequest. Raises BadRequest with Consul's texts.

        Some routes take no notice of namespaces and partitions instead of refusing them.
        """
        query = self.query
        options: dict[str, Any] = {"Datacenter": self.datacenter(), "Token": self.token()}
        if query:
            if query.get("filter"):
                options["Filter"] = query.get("filter")
            self._parse_consistency(options)
        else:  # as most requests: a seventh of the time of a small write went into parameters that were not there
            options.update(self._discovery_staleness())
        if "cache-control" in self.headers:
            self._parse_cache_control(options)
        if query:
            self._parse_wait(options)
            self._bound_wait(options)
        if refuse_enterprise:
            self.refuse_enterprise()
        return options

    def cache_options(self) -> dict[str, Any]:
        """Only consistency and cache options. Raises BadOption."""
        options: dict[str, Any] = {}
        self._parse_consistency(options)
        self._parse_cache_control(options)
        return options

    def wait_options(self) -> dict[str, Any]:
        """Only ``index`` and ``wait`` of the query options, for who bounds the time by itself. Raises BadOption."""
        options: dict[str, Any] = {}
        self._parse_wait(options)
        return options

    def refuse_enterprise(self) -> None:
        """Raise BadRequest for namespaces and partitions, which the community edition does not have."""
        for header, name, plural in _ENTERPRISE:
            if self.headers.get(header):
                raise BadRequest(f'Invalid header: "{header.title()}" - {plural} are a Consul Enterprise feature')
            if self.query.get(name):
                raise BadRequest(f'Invalid query parameter: "{name}" - {plural} are a Consul Enterprise feature')

    def _parse_consistency(self, options: dict[str, Any]) -> None:
        query = self.query
        defaults = True
        if query.has("stale"):
            options["AllowStale"] = True
            defaults = False
        if query.has("consistent"):
            options["RequireConsistent"] = True
            defaults = False
        if query.has("leader"):
            defaults = False
        if query.has("cached") and self.agent.config.http_config.use_cache:
            options["UseCache"] = True
            defaults = False
        if max_stale := query.get("max_stale"):
            try:
                limit = parse_duration(max_stale)
            except ValueError as error:
                raise BadOption(f"Invalid max_stale value {strconv.quote(max_stale)}") from error
            options["MaxStaleDuration"] = limit
            if limit > 0:
                options["AllowStale"] = True
                defaults = False
        if defaults:
            options.update(self._discovery_staleness())
        if options.get("AllowStale") and options.get("RequireConsistent"):
            raise BadOption("Cannot specify ?stale with ?consistent, conflicting semantics.")
        if options.get("UseCache") and options.get("RequireConsistent"):
            raise BadOption("Cannot specify ?cached with ?consistent, conflicting semantics.")

    def _discovery_staleness(self) -> dict[str, Any]:
        limit = self.agent.config.discovery_max_stale
        if limit > 0 and self.url_path.startswith(("/v1/catalog", "/v1/health")):
            return {"MaxStaleDuration": limit, "AllowStale": True}
        return {}

    def _parse_cache_control(self, options: dict[str, Any]) -> None:
        for directive in self.headers.get("cache-control", "").lower().split(","):
            name, equals, value = directive.strip().partition("=")
            if name == "must-revalidate":
                options["MustRevalidate"] = True
            elif name in ("max-age", "stale-if-error") and equals:
                try:
                    seconds = strconv.parse_int(value)
                except ValueError as error:
                    raise BadOption("Invalid Cache-Control header.") from error
                if name == "max-age":
                    options["MaxAge"] = seconds * 1_000_000_000
                    if seconds == 0:
                        options["MustRevalidate"] = True
                else:
                    options["StaleIfError"] = seconds * 1_000_000_000

    def _parse_wait(self, options: dict[str, Any]) -> None:
        if wait := self.query.get("wait"):
            try:
                options["MaxQueryTime"] = parse_duration(wait)
            except ValueError as error:
                raise BadOption("Invalid wait time") from error
        if index := self.query.get("index"):
            if not index.isascii() or not index.isdigit() or len(index) > _LONGEST or int(index) > _UINT64_MAX:
                raise BadOption("Invalid index")
            options["MinQueryIndex"] = int(index)

    def _bound_wait(self, options: dict[str, Any]) -> None:
        """How long the servers are to wait: as asked for up to the configured limit, or else the configured default."""
        if "MinQueryIndex" in options:
            config = self.agent.config
            asked: int = options.get("MaxQueryTime", 0)
            limit = min(asked, config.max_query_time) if asked > 0 else config.default_query_time
            options["MaxQueryTime"] = max(limit - int(self.waited * 1e9), 1)  # 0 would be the servers' default

    @property
    def source_ip(self) -> str:
        """Who asks: the first X-Forwarded-For address, else the peer's; "" for neither."""
        forwarded = self.headers.get("x-forwarded-for")
        first = _address(forwarded.split(",")[0].strip()) if forwarded else None
        return first or _address(self.remote.rpartition(":")[0].strip("[]")) or ""

    def source(self) -> tuple[str, str]:
        """Node and address by whose distance an answer is sorted (``?near=``); the node is "" without it."""
        near = self.query.get("near")
        return (self.agent.node_name if near == "_agent" else near), self.source_ip
