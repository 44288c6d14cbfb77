"""Prepared queries: what is stored, what is asked of them, and what running one answers."""

from typing import ClassVar, TypeAlias

from pyconsul.structs.catalog import CheckServiceNode, QuerySource
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.wire import Indexed, ReadRequest, WireStruct, WriteRequest

NAME_PREFIX_MATCH = "name_prefix_match"
QUERY_NOT_FOUND = "Query not found"
REDACTED_TOKEN = "<hidden>"


class QueryFailoverTarget(WireStruct, frozen=True, kw_only=True):
    """A datacenter or a peer to try when the local datacenter has no instance."""

    Peer: str = ""
    Datacenter: str = ""


class QueryFailoverOptions(WireStruct, frozen=True, kw_only=True):
    """Where to look further: the ``NearestN`` datacenters, then those named, or the ``Targets``."""

    NearestN: int = 0
    Datacenters: list[str] | None = None
    Targets: list[QueryFailoverTarget] | None = None

    def as_targets(self) -> list[QueryFailoverTarget]:
        """The named datacenters as targets, or the targets."""
        if self.Datacenters:
            return [QueryFailoverTarget(Datacenter=name) for name in self.Datacenters]
        return self.Targets or []


class QueryDNSOptions(WireStruct, frozen=True, kw_only=True):
    """How the answer is served over DNS; ``TTL`` is Go duration text."""

    TTL: str = ""


class ServiceQuery(WireStruct, frozen=True, kw_only=True):
    """Which instances a query is after. A tag with ``!`` in front must be absent."""

    go_field_types: ClassVar[dict[str, str]] = {"IgnoreCheckIDs": "[]types.CheckID"}

    Service: str = ""
    SamenessGroup: str = ""
    Failover: QueryFailoverOptions = QueryFailoverOptions()
    OnlyPassing: bool = False
    IgnoreCheckIDs: list[str] | None = None
    Near: str = ""
    Tags: list[str] | None = None
    NodeMeta: dict[str, str] | None = None
    ServiceMeta: dict[str, str] | None = None
    Connect: bool = False
    Peer: str = ""


class QueryTemplateOptions(WireStruct, frozen=True, kw_only=True):
    """Makes a query answer every name with its own name in front; ``Regexp`` cuts parts out of the name."""

    Type: str = ""
    Regexp: str = ""
    RemoveEmptyTags: bool = False


ServiceQueryRow: TypeAlias = ServiceQuery


class PreparedQuery(WireStruct, frozen=True, kw_only=True):
    """One query. ``Session`` binds its life to a session's, ``Token`` is used when it runs."""

    ID: str = ""
    Name: str = ""
    Session: str = ""
    Token: str = ""
    Template: QueryTemplateOptions = QueryTemplateOptions()
    Service: ServiceQueryRow = ServiceQuery()
    DNS: QueryDNSOptions = QueryDNSOptions()
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def is_template(self) -> bool:
        """Whether it answers more names than its own."""
        return self.Template.Type != ""

    def acl_prefix(self) -> str | None:
        """The name that ``query`` rules apply to; None for queries that only their ID protects."""
        return self.Name if self.Name or self.is_template() else None


PreparedQueryRow: TypeAlias = PreparedQuery


class PreparedQueryRequest(WriteRequest, frozen=True, kw_only=True):
    """``Op``: create, update or delete. Log entry 7."""

    Op: str = ""
    Query: PreparedQuery | None = None


class PreparedQuerySpecificRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of one query."""

    QueryID: str = ""


class PreparedQueryExecuteRequest(ReadRequest, frozen=True, kw_only=True):
    """Run or explain a query. ``Source`` is what to sort by, ``Agent`` who passes the question on."""

    QueryIDOrName: str = ""
    Limit: int = 0
    Connect: bool = False
    Source: QuerySource = QuerySource()
    Agent: QuerySource = QuerySource()


class PreparedQueryExecuteRemoteRequest(ReadRequest, frozen=True, kw_only=True):
    """Run a query of another datacenter here, without failing over any further."""

    Query: PreparedQuery = PreparedQuery()
    Limit: int = 0
    Connect: bool = False


class IndexedPreparedQueries(Indexed, frozen=True, kw_only=True):
    """Queries in the order of their IDs."""

    Queries: list[PreparedQuery] | None = None


class PreparedQueryExecuteResponse(Indexed, frozen=True, kw_only=True):
    """The instances that a query found.

    ``Failovers`` counts the places asked besides the local datacenter.
    """

    Service: str = ""
    Nodes: list[CheckServiceNode] | None = None
    DNS: QueryDNSOptions = QueryDNSOptions()
    Datacenter: str = ""
    PeerName: str = ""
    Failovers: int = 0


class PreparedQueryExplainResponse(Indexed, frozen=True, kw_only=True):
    """A query as a name selects and fills it."""

    Query: PreparedQueryRow = PreparedQuery()


def is_query_not_found(error: ConsulError) -> bool:
    """Whether an RPC failed because there is no such query."""
    return QUERY_NOT_FOUND in error.text
