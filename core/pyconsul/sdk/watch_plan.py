"""Watch plans: the parameters of agent configurations, ``consul watch`` and the watch tool, made into requests.

``parse`` says what is wrong with parameters in Consul's words. A new type is a row in the table at the end and a
test. Pure; ``watch.py`` follows plans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from pyconsul.lang.mapstructure import decoding_failed, go_kind, unconvertible
from pyconsul.primitives.durations import DurationError, parse_duration, to_seconds
from pyconsul.primitives.untyped import is_list_or_tuple, is_mapping
from pyconsul.sdk import agent, catalog, event, health, kv
from pyconsul.sdk.decode import first_of, json_of
from pyconsul.sdk.errors import WatchError
from pyconsul.sdk.request import Answer, QueryOptions, Request
from pyconsul.sdk.results import KVPair, UserEvent, plain
from pyconsul.structs import gojson

DEFAULT_TIMEOUT = 10.0  # seconds an HTTP handler may take

Params: TypeAlias = dict[str, Any]
V = TypeVar("V", str, bool)


class WrongParameters(WatchError):
    """Parameters that make no plan; ``left`` are those that were not understood before the error came up."""

    def __init__(self, text: str, left: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.left = left


class HTTPHandler(msgspec.Struct, frozen=True, kw_only=True):
    """Where an HTTP handler is called. ``timeout`` is seconds."""

    path: str
    method: str = "POST"
    timeout: float = DEFAULT_TIMEOUT
    header: Mapping[str, list[str]] = {}
    tls_skip_verify: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One watch, ready to be followed. ``exempt`` holds the parameters that only the caller understands."""

    type: str
    request: Request[Any]
    options: QueryOptions = QueryOptions()
    handler_type: str = ""
    http_handler: HTTPHandler | None = None
    exempt: Mapping[str, Any] = {}

    def to_json(self, value: Any) -> bytes:
        """A value of this plan as Consul hands it to handlers: one line of JSON, with its line end."""
        return gojson.encode(plain(value)) + b"\n"

    def to_pretty_json(self, value: Any) -> bytes:
        """A value of this plan as ``consul watch`` prints it: indented by four spaces, without a line end."""
        return gojson.encode_pretty(plain(value))


class Update(msgspec.Struct, frozen=True):
    """One change. ``mark`` is the index, or the content hash for ``agent_service``."""

    mark: int | str
    value: Any

    @property
    def index(self) -> int:
        """The index for ``X-Consul-Index`` and ``CONSUL_INDEX``; 0 when the watch has none."""
        return self.mark if isinstance(self.mark, int) else 0


def parse(params: Mapping[str, Any], exempt: Iterable[str] = ()) -> Plan:
    """A plan from the parameters of a watch. Raises WrongParameters for unknown, missing and wrong ones.

    Parameters named in ``exempt`` (``handler``, ``args`` …) are not looked at.
    """
    left = dict(params)
    try:
        return _parse(left, exempt)
    except WatchError as error:
        raise WrongParameters(str(error), left) from error


def _parse(left: Params, exempt: Iterable[str]) -> Plan:
    datacenter = _text(left, "datacenter")
    token = _text(left, "token")
    kind = _text(left, "type")
    if not kind:
        raise WatchError("Watch type must be specified")
    handler_type = _text(left, "handler_type")
    http_handler = _http_handler(left) if handler_type == "http" else None
    if kind not in TYPES:
        raise WatchError(f"Unsupported watch type: {kind}")
    request, options = TYPES[kind](left)
    kept = {name: left.pop(name) for name in tuple(exempt) if name in left}
    if left:
        raise WatchError(f"Invalid parameters: [{' '.join(left)}]")
    return Plan(
        type=kind,
        request=request,
        options=msgspec.structs.replace(options, datacenter=datacenter, token=token),
        handler_type=handler_type,
        http_handler=http_handler,
        exempt=kept,
    )


def newest_events(events: list[UserEvent], mark: int | str | None) -> list[UserEvent]:
    """The events after the one that ``mark`` stands for; all of them when it is none of these."""
    for position, each in enumerate(events):
        if event.index_of(each.ID) == mark:
            return events[position + 1 :]
    return events


def _text(params: Params, name: str) -> str:
    value = params.get(name, "")
    if not isinstance(value, str):
        raise WatchError(f"Expecting {name} to be a string")
    params.pop(name, None)
    return value


def _bool(params: Params, name: str) -> bool:
    value = params.get(name, False)
    if not isinstance(value, bool):
        raise WatchError(f"Expecting {name} to be a boolean")
    params.pop(name, None)
    return value


def _texts(params: Params, name: str) -> list[str]:
    value: Any = params.get(name, [])
    if isinstance(value, str):
        value = [value]
    if not is_list_or_tuple(value):
        raise WatchError(f"Expecting {name} to be a string or []string")
    texts: list[str] = []
    for position, each in enumerate(value):
        if not isinstance(each, str):
            raise WatchError(f"Index {position} of {name} expected to be string")
        texts.append(each)
    params.pop(name, None)
    return texts


def _http_handler(params: Params) -> HTTPHandler:
    if "http_handler_config" not in params:
        raise WatchError("Handler type 'http' requires 'http_handler_config' to be set")
    try:
        handler = _handler_of(params["http_handler_config"])
    except WatchError as error:
        raise WatchError(f"Failed to parse 'http_handler_config': {error}") from error
    del params["http_handler_config"]
    return handler


def _handler_of(given: Any) -> HTTPHandler:
    if is_list_or_tuple(given) and len(given) == 1:
        given = given[0]  # an HCL block comes as a list of one
    if not is_mapping(given):
        raise WatchError("'' expected a map")
    config = {str(name).lower(): value for name, value in given.items()}
    faults: list[str] = []
    path, method, timeout = (_handler_value(config, name, "", faults) for name in ("path", "method", "timeout"))
    skips = _handler_value(config, "tls_skip_verify", False, faults)
    header = _handler_header(config.get("header"), faults)
    if faults:
        raise WatchError(decoding_failed(faults))
    if not path:
        raise WatchError("Requires 'path' to be set")
    try:
        seconds = to_seconds(parse_duration(timeout)) if timeout else DEFAULT_TIMEOUT
    except DurationError as error:
        raise WatchError(f"Failed to parse timeout: {error}") from error
    return HTTPHandler(path=path, method=method or "POST", timeout=seconds, header=header, tls_skip_verify=skips)


def _handler_value(config: Mapping[str, Any], name: str, default: V, faults: list[str]) -> V:
    """A text or a truth; what is none is noted."""
    value = config.get(name)
    if value is None:
        return default
    if not isinstance(value, type(default)):
        faults.append(unconvertible(name, go_kind(default), value))
        return default
    return value


def _handler_header(value: Any, faults: list[str]) -> dict[str, list[str]]:
    """Headers with all their values; what is none is noted."""
    if value is None:
        return {}
    if not is_mapping(value):
        faults.append(f"'header' expected a map, got '{go_kind(value)}'")
        return {}
    header: dict[str, list[str]] = {}
    for name, values in value.items():
        where = f"header[{name}]"
        if not is_list_or_tuple(values):
            faults.append(f"'{where}': source data must be an array or slice, got {go_kind(values)}")
            continue
        members = list(enumerate(values))
        faults += [unconvertible(f"{where}[{at}]", "string", it) for at, it in members if not isinstance(it, str)]
        header[name] = [str(member) for _, member in members]
    return header


Parsed: TypeAlias = tuple[Request[Any], QueryOptions]


def _options(params: Params, *, with_filter: bool = False) -> QueryOptions:
    stale = _bool(params, "stale")
    wanted = _text(params, "filter") if with_filter else ""
    return QueryOptions(consistency="stale" if stale else "default", filter=wanted)


def _key(params: Params) -> Parsed:
    options = _options(params)
    key = _text(params, "key")
    if not key:
        raise WatchError("Must specify a single key to watch")
    read = first_of(KVPair)
    return msgspec.structs.replace(kv.get_request(key), decode=read), options


def _keyprefix(params: Params) -> Parsed:
    options = _options(params)
    prefix = _text(params, "prefix")
    if not prefix:
        raise WatchError("Must specify a single prefix to watch")
    return msgspec.structs.replace(kv.list_request(prefix), decode=_pairs_or_null), options


def _pairs_or_null(answer: Answer) -> list[KVPair] | None:
    return None if answer.status == 404 else json_of(list[KVPair])(answer)


def _services(params: Params) -> Parsed:
    options = _options(params, with_filter=True)
    return catalog.services_request(), options


def _nodes(params: Params) -> Parsed:
    options = _options(params, with_filter=True)
    return catalog.nodes_request(), options


def _service(params: Params) -> Parsed:
    options = _options(params, with_filter=True)
    service = _text(params, "service")
    if not service:
        raise WatchError("Must specify a single service to watch")
    tags = _texts(params, "tag")
    passing = _bool(params, "passingonly")
    return health.service_request(service, tags=tags, passing=passing), options


def _checks(params: Params) -> Parsed:
    stale = _bool(params, "stale")
    service = _text(params, "service")
    state = _text(params, "state")
    options = QueryOptions(consistency="stale" if stale else "default", filter=_text(params, "filter"))
    if service and state:
        raise WatchError("Cannot specify service and state")
    return health.checks_request(service) if service else health.state_request(state or "any"), options


def _event(params: Params) -> Parsed:
    return event.list_request(_text(params, "name")), QueryOptions()


def _connect_roots(params: Params) -> Parsed:
    del params
    return agent.ca_roots_request(), QueryOptions()


def _connect_leaf(params: Params) -> Parsed:
    return agent.ca_leaf_request(_text(params, "service")), QueryOptions()


def _agent_service(params: Params) -> Parsed:
    request = agent.service_request(_text(params, "service_id"))
    return msgspec.structs.replace(request, accept=(200,)), QueryOptions()


# One row a watch type: what takes its own parameters out of the dict and says what to ask.
TYPES: dict[str, Callable[[Params], Parsed]] = {
    "key": _key,
    "keyprefix": _keyprefix,
    "services": _services,
    "nodes": _nodes,
    "service": _service,
    "checks": _checks,
    "event": _event,
    "connect_roots": _connect_roots,
    "connect_leaf": _connect_leaf,
    "agent_service": _agent_service,
}
