"""Requests, answers and what surrounds them, without any I/O.

A :class:`Request` says what to ask and how to read the answer; every family module builds them, and both clients
(and any other: an RPC shim, a test) send them. Knows the HTTP conventions of Consul, but no socket, clock or loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Any, BinaryIO, Generic, Literal, TypeAlias, TypeVar

import msgspec

from pyconsul.sdk.errors import status_error

T = TypeVar("T")

Params: TypeAlias = tuple[tuple[str, str], ...]
Headers: TypeAlias = tuple[tuple[str, str], ...]
Body: TypeAlias = bytes | BinaryIO | None  # a file object is sent in pieces
Consistency: TypeAlias = Literal["default", "consistent", "stale"]

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# What Go's url.EscapedPath and url.QueryEscape do not leave alone; a space in a query becomes "+".
_ODD_IN_PATH = re.compile(rb"[^A-Za-z0-9\-_.~$&+,/:;=@]")
_ODD_IN_QUERY = re.compile(rb"[^A-Za-z0-9\-_.~ ]")


class Answer(msgspec.Struct, frozen=True):
    """One HTTP answer. ``headers`` has lower-case names; of a repeated header the last one counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def header(self, name: str) -> str:
        """The value of a header, "" when it is absent."""
        return self.headers.get(name.lower(), "")

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become U+FFFD."""
        return self.body.decode("utf-8", "replace")


class Request(msgspec.Struct, Generic[T], frozen=True):
    """What to ask and how to read the answer.

    ``path`` starts with ``/v1/`` and is escaped already. Statuses in ``accept`` reach ``decode``; any other
    becomes an exception. ``idempotent`` says whether asking twice does no harm; None goes by the method.
    ``refusal`` is why Consul's own client would not send it; such a request raises InvalidArgument when it is asked.
    """

    method: str
    path: str
    decode: Callable[[Answer], T]
    params: Params = ()
    headers: Headers = ()
    body: Body = None
    accept: tuple[int, ...] = (200,)
    idempotent: bool | None = None
    refusal: str = ""

    def read(self, answer: Answer) -> T:
        """The value in the answer. Raises the matching UnexpectedStatus, or UnreadableAnswer."""
        if answer.status not in self.accept:
            raise status_error(answer.status, answer.body)
        return self.decode(answer)

    @property
    def is_idempotent(self) -> bool:
        """True when the request may be repeated after an error without a second effect."""
        return self.method in _SAFE_METHODS if self.idempotent is None else self.idempotent


class QueryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What may accompany any request; a field left at its default sends nothing.

    Times are seconds. ``index`` with ``wait`` (or ``hash`` with ``wait``) makes a blocking query.
    """

    datacenter: str = ""
    token: str = ""
    namespace: str = ""
    partition: str = ""
    peer: str = ""
    sameness_group: str = ""
    consistency: Consistency = "default"
    max_stale: float = 0
    cached: bool = False
    max_age: float = 0
    stale_if_error: float = 0
    index: int = 0
    hash: str = ""
    wait: float = 0
    near: str = ""
    filter: str = ""
    node_meta: Mapping[str, str] = {}
    relay_factor: int = 0
    local_only: bool = False
    connect: bool = False
    merge_central_config: bool = False
    global_: bool = False
    timeout: float | None = None

    def __repr__(self) -> str:
        """The fields that are set, with the token hidden."""
        values = ((name, getattr(self, name), getattr(NO_OPTIONS, name)) for name in self.__struct_fields__)
        given = (
            (name, "<hidden>" if name == "token" else value) for name, value, default in values if value != default
        )
        return f"QueryOptions({', '.join(f'{name}={value!r}' for name, value in given)})"

    def params(self) -> list[tuple[str, str]]:
        """The query parameters, under the names that Consul's own client uses."""
        found = [(name, value) for name, value in self._texts() if value]
        found += [(name, "") for name, is_set in self._switches() if is_set]
        found += [("node-meta", f"{key}:{value}") for key, value in self.node_meta.items()]
        return found

    def _texts(self) -> tuple[tuple[str, str], ...]:
        return (
            ("ns", self.namespace),
            ("partition", self.partition),
            ("sameness-group", self.sameness_group),
            ("dc", self.datacenter),
            ("peer", self.peer),
            ("max_stale", milliseconds(self.max_stale) if self.max_stale else ""),
            ("index", str(self.index) if self.index else ""),
            ("wait", milliseconds(self.wait) if self.wait else ""),
            ("hash", self.hash),
            ("near", self.near),
            ("filter", self.filter),
            ("relay-factor", str(self.relay_factor) if self.relay_factor else ""),
            ("local-only", "true" if self.local_only else ""),
            ("connect", "true" if self.connect else ""),
        )

    def _switches(self) -> tuple[tuple[str, bool], ...]:
        return (
            ("stale", self.consistency == "stale"),
            ("consistent", self.consistency == "consistent"),
            ("cached", self._from_cache),
            ("merge-central-config", self.merge_central_config),
            ("global", self.global_),
        )

    def headers(self) -> list[tuple[str, str]]:
        """The request headers: the token, and the cache directives of a cached read."""
        found: list[tuple[str, str]] = []
        if self.token:
            found.append(("X-Consul-Token", self.token))
        if self._from_cache:
            ages = (("max-age", self.max_age), ("stale-if-error", self.stale_if_error))
            directives = [f"{name}={seconds:.0f}" for name, seconds in ages if seconds > 0]
            if directives:
                found.append(("Cache-Control", ", ".join(directives)))
        return found

    @property
    def blocks(self) -> bool:
        """True when the server may hold the answer back."""
        return bool(self.index or self.hash)

    @property
    def _from_cache(self) -> bool:
        return self.cached and self.consistency != "consistent"  # Consul refuses the two together


NO_OPTIONS = QueryOptions()


class QueryMeta(msgspec.Struct, frozen=True, kw_only=True):
    """What the headers of an answer say about it. ``index`` is 0 on routes that have none."""

    index: int = 0
    content_hash: str = ""
    last_contact_ms: int = 0
    known_leader: bool = False
    cache_hit: bool = False
    age: int = 0
    address_translation: bool = False
    default_acl_policy: str = ""
    query_backend: str = ""
    effective_consistency: str = ""
    results_filtered_by_acls: bool = False

    @classmethod
    def of(cls, answer: Answer) -> QueryMeta:
        """Read the headers; one that is absent or not a number counts as its default, never as an error."""
        get = answer.header
        return cls(
            index=_index(get("x-consul-index")),
            content_hash=get("x-consul-contenthash"),
            last_contact_ms=_number(get("x-consul-lastcontact")),
            known_leader=get("x-consul-knownleader") == "true",
            cache_hit=get("x-cache").upper() == "HIT",
            age=_number(get("age")),
            address_translation=get("x-consul-translate-addresses") == "true",
            default_acl_policy=get("x-consul-default-acl-policy"),
            query_backend=get("x-consul-query-backend"),
            effective_consistency=get("x-consul-effective-consistency"),
            results_filtered_by_acls=get("x-consul-results-filtered-by-acls") == "true",
        )


class Reply(msgspec.Struct, Generic[T], frozen=True):
    """A decoded value with what the headers say about it."""

    value: T
    meta: QueryMeta


def params_of(*pairs: tuple[str, str | int | bool | Iterable[str] | None]) -> Params:
    """Query parameters: True becomes a bare name, False, 0, "" and None nothing, a list one pair an element."""
    found: list[tuple[str, str]] = []
    for name, value in pairs:
        if value is True:
            found.append((name, ""))
        elif isinstance(value, str | int):
            found += [(name, str(value))] if value else []
        elif value is not None:
            found += [(name, each) for each in value]
    return tuple(found)


def json_body(value: Any) -> bytes:
    """A request body of plain objects or structs; bytes beyond UTF-8, of a command line say, become U+FFFD as in Go."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        from pyconsul.structs.gojson import without_surrogates

        return msgspec.json.encode(without_surrogates(value))


def value_bytes(value: bytes | str) -> bytes:
    """A text in UTF-8; lone surrogates, of a command line say, become the bytes that they stand for."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def escape_path(text: str) -> str:
    """Percent-encode a path as Go's ``url.URL`` does: slashes stay, bytes beyond ASCII become ``%XX``."""
    return _escape(text, _ODD_IN_PATH)


def encode_query(params: list[tuple[str, str]]) -> str:
    """The query string, sorted by name as Go's ``url.Values.Encode`` does; values of a name keep their order."""
    ordered = sorted(params, key=itemgetter(0))
    return "&".join(f"{_escape_query(name)}={_escape_query(value)}" for name, value in ordered)


def milliseconds(seconds: float) -> str:
    """A duration as Consul's client writes it: ``1500ms``; a positive one is never ``0ms``, which means "default"."""
    whole = int(seconds * 1000)
    return f"{1 if seconds > 0 and whole == 0 else whole}ms"


def duration_text(value: float | str) -> str:
    """A duration for a request body: text stays as it is, seconds become ``15s`` or ``1500ms``, 0 becomes ""."""
    if isinstance(value, str):
        return value
    return f"{int(value)}s" if value == int(value) and value else milliseconds(value) if value else ""


def _escape(text: str, odd: re.Pattern[bytes]) -> str:
    # surrogateescape: keys that came from a server as bytes beyond UTF-8 go back as the same bytes
    return odd.sub(_percent, text.encode("utf-8", "surrogateescape")).decode("ascii")


def _percent(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


def _escape_query(text: str) -> str:
    return _escape(text, _ODD_IN_QUERY).replace(" ", "+")


def _index(text: str) -> int:
    """An index to wait on; one below 1 counts as 1, because waiting on 0 does not wait. 0 is for none at all."""
    return max(_number(text), 1) if text.isascii() and text.isdigit() else 0


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else 0
