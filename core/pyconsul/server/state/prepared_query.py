"""Prepared queries: found by ID, by name, or by the longest template name that a name begins with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from pyconsul.lang.strconv import quote
from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index, raise_index, set_index
from pyconsul.server.state.sessions import ENDINGS, session_with_id
from pyconsul.server.state.uuid_keys import uuid_key
from pyconsul.structs.catalog import QuerySource
from pyconsul.structs.errors import InternalError
from pyconsul.structs.prepared_query import PreparedQuery
from pyconsul.structs.session import Session
from pyconsul.structs.wire import changed

if TYPE_CHECKING:
    from pyconsul.server.state.prepared_query_template import Template

INDEX = "prepared-queries"
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class StoredQuery(msgspec.Struct, frozen=True):
    """A query with its compiled template; the template is None for queries that answer their own name only."""

    query: PreparedQuery
    template: Template | None


def _names(row: StoredQuery) -> Iterable[str]:
    return (row.query.Name.lower(),) if row.query.Name else ()


PREPARED_QUERIES: Table[StoredQuery] = Table(
    name="prepared-queries",
    primary=lambda row: row.query.ID.lower(),
    indexes={
        "name": Index(lambda row: tuple(_names(row))),
        "template": Index(lambda row: (row.query.Name.lower(),) if row.template is not None else ()),
        "session": Index(lambda row: (row.query.Session.lower(),) if row.query.Session else ()),
    },
)


def is_uuid(text: str) -> bool:
    """Whether a text is spelled like a query's ID."""
    return _UUID.fullmatch(text) is not None


def _key(query_id: str) -> str:
    return uuid_key(query_id, "prepared query")


def queries_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the table."""
    return max_index(db, INDEX, ws=ws)


def query_with_id(db: Store, query_id: str, ws: WatchSet | None = None) -> PreparedQuery | None:
    """The query, or None. Raises InternalError for what is no UUID."""
    row = db.get(PREPARED_QUERIES, _key(query_id), ws)
    return None if row is None else row.query


def all_queries(db: Store, ws: WatchSet | None = None) -> list[PreparedQuery]:
    """All queries in the order of their IDs."""
    return [row.query for row in db.all(PREPARED_QUERIES, ws)]


def set_query(db: Store, index: int, query: PreparedQuery) -> None:
    """Create or replace a query. Raises InternalError where a name is taken or the template does not work."""
    if not query.ID:
        raise InternalError("Missing Query ID")
    existing = query_with_id(db, query.ID)
    query = changed(query, CreateIndex=existing.CreateIndex if existing else index, ModifyIndex=index)
    _refuse_taken_names(db, query, existing)
    if query.Session and session_with_id(db, query.Session) is None:
        raise InternalError(f"invalid session {quote(query.Session)}")
    put_query(db, query)
    set_index(db, index, INDEX)


def put_query(db: Store, query: PreparedQuery) -> None:
    """Store a query as it is. Raises InternalError where its template does not compile."""
    template: Template | None = None
    if query.is_template():
        from pyconsul.server.state.prepared_query_template import compile_template  # HIL: 8 ms, rarely needed

        try:
            template = compile_template(query)
        except ValueError as error:
            raise InternalError(f"failed compiling template: {error}") from error
    db.put(PREPARED_QUERIES, StoredQuery(query, template))


def _refuse_taken_names(db: Store, query: PreparedQuery, existing: PreparedQuery | None) -> None:
    name = query.Name.lower()
    if name:
        text = f"name '{query.Name}' aliases an existing query name"
        others = db.where(PREPARED_QUERIES, "name", name)
    elif query.is_template():
        text = "a query template with an empty name already exists"
        others = db.where(PREPARED_QUERIES, "template", name)
    else:
        return
    if any(existing is None or row.query.ID != existing.ID for row in others):
        raise InternalError(text)
    if is_uuid(query.Name) and query_with_id(db, query.Name) is not None:
        raise InternalError(f"name '{query.Name}' aliases an existing query ID")


def delete_query(db: Store, index: int, query_id: str) -> None:
    """Drop a query; one that is not there is no error."""
    if db.delete(PREPARED_QUERIES, _key(query_id)) is not None:
        raise_index(db, index, INDEX)


def drop_queries_of_session(db: Store, index: int, session: Session) -> None:
    """Drop the queries bound to a session that ends."""
    for row in db.where(PREPARED_QUERIES, "session", session.ID.lower()):
        delete_query(db, index, row.query.ID)


def resolve(db: Store, id_or_name: str, source: QuerySource) -> PreparedQuery | None:
    """The query that an ID or name stands for, rendered if it is a template; None where there is none.

    An ID wins over a name, a name over the templates, a longer template name over a shorter one.
    """
    if not id_or_name:
        raise InternalError("Missing Query ID")
    if is_uuid(id_or_name):
        query = query_with_id(db, id_or_name)
        if query is not None:
            if query.is_template():
                raise InternalError("prepared query templates can only be resolved up by name, not by ID")
            return query
    name = id_or_name.lower()
    rows = db.where(PREPARED_QUERIES, "name", name)
    if not rows:
        prefixes = [known for known in db.index_values(PREPARED_QUERIES, "template") if name.startswith(known)]
        rows = db.where(PREPARED_QUERIES, "template", max(prefixes, key=len)) if prefixes else []
    if not rows:
        return None
    row = rows[0]
    if row.template is None:
        return row.query
    try:
        return row.template.render(id_or_name, source)
    except ValueError as error:
        raise InternalError(str(error)) from error


ENDINGS.append(drop_queries_of_session)
