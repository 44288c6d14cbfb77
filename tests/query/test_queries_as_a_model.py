"""Prepared queries under any order of writes, against a dict that is searched from end to end."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from pyconsul.memdb import Store
from pyconsul.server import families
from pyconsul.server.fsm.prepared_query import apply_prepared_query
from pyconsul.server.fsm.session import create_session
from pyconsul.server.state.catalog import register
from pyconsul.server.state.prepared_query import all_queries, queries_index, resolve
from pyconsul.server.state.sessions import destroy_session
from pyconsul.structs.catalog import QuerySource, RegisterRequest
from pyconsul.structs.errors import InternalError
from pyconsul.structs.prepared_query import PreparedQuery, PreparedQueryRequest, QueryTemplateOptions, ServiceQuery
from pyconsul.structs.session import Session

IDS = [f"{n}0000000-0000-4000-8000-00000000000a" for n in range(3)]
NAMES = ["", "web", "WEB-a", "web-", "db"]
ASKED = ["web", "Web-A", "web-ab", "we", "db", "DB2", IDS[0], IDS[0].upper()]


class Queries(RuleBasedStateMachine):
    """A few queries with few names, some of them templates, some bound to a session."""

    def __init__(self) -> None:
        super().__init__()
        self.db = Store(families.TABLES)
        self.index = 1
        self.queries: dict[str, PreparedQuery] = {}
        self.written = 0
        register(self.db, 1, RegisterRequest(Node="n", Address="127.0.0.1"))
        self.begin()

    def begin(self) -> None:
        """Begin the session to which queries are bound."""
        create_session(self.db, self.index, Session(ID="s", Node="n"))

    def apply(self, op: str, query: PreparedQuery) -> bool:
        """One log entry at the next index; whether it was taken."""
        self.index += 1
        try:
            with self.db.transaction():
                apply_prepared_query(self.db, self.index, PreparedQueryRequest(Op=op, Query=query))
        except InternalError:
            return False
        return True

    @rule(query_id=st.sampled_from(IDS), name=st.sampled_from(NAMES), template=st.booleans(), bound=st.booleans())
    def put(self, query_id: str, name: str, template: bool, bound: bool) -> None:
        """A query is written unless another one has its name; of templates one may have none."""
        kind = QueryTemplateOptions(Type="name_prefix_match" if template else "")
        query = PreparedQuery(
            ID=query_id, Name=name, Session="s" if bound else "", Template=kind, Service=ServiceQuery(Service="x")
        )
        others = [other for other in self.queries.values() if query_id != other.ID]
        taken = any(
            other.Name.lower() == name.lower() and (name or (template and other.Template.Type)) for other in others
        )
        assert self.apply("create", query) is not taken
        if not taken:
            self.queries[query_id] = query
            self.written = self.index

    @rule(query_id=st.sampled_from(IDS))
    def delete(self, query_id: str) -> None:
        """One that is not there is no error."""
        assert self.apply("delete", PreparedQuery(ID=query_id.upper()))
        if self.queries.pop(query_id, None):
            self.written = self.index

    @rule()
    def end_session(self) -> None:
        """What is bound to it goes; a new one begins."""
        self.index += 1
        with self.db.transaction():
            destroy_session(self.db, self.index, "s")
        bound = [query_id for query_id, query in self.queries.items() if query.Session]
        for query_id in bound:
            del self.queries[query_id]
            self.written = self.index
        self.begin()

    def found(self, asked: str) -> str | None:
        """The ID that a text stands for: an ID, a name, or the longest template name that it begins with."""
        text = asked.lower()
        if text in self.queries:
            return text
        named = [query.ID for query in self.queries.values() if query.Name and query.Name.lower() == text]
        templates = [q for q in self.queries.values() if q.Template.Type and text.startswith(q.Name.lower())]
        longest = max(templates, key=lambda query: len(query.Name), default=None)
        return named[0] if named else longest.ID if longest else None

    @invariant()
    def all_are_there_and_the_index_is_that_of_the_last_change(self) -> None:
        """In the order of their IDs."""
        assert [query.ID for query in all_queries(self.db)] == sorted(self.queries)
        assert queries_index(self.db) == self.written

    @invariant()
    def each_text_finds_what_the_model_finds(self) -> None:
        """Templates are found by name only, which their ID says."""
        for asked in ASKED:
            wanted = self.found(asked)
            by_id = asked.lower() in self.queries
            if by_id and self.queries[asked.lower()].Template.Type:
                continue
            query = resolve(self.db, asked, QuerySource())
            assert (None if query is None else query.ID) == wanted, asked


def test_no_order_of_writes_confuses_which_query_is_meant() -> None:
    """Names are taken once, and texts find the query that a search of all of them finds."""
    run_state_machine_as_test(Queries, settings=settings(max_examples=40, stateful_step_count=20))
