"""All families of HTTP routes: importing this module fills the route table."""

from pyconsul.agent.http import catalog as _catalog
from pyconsul.agent.http import coordinate as _coordinate
from pyconsul.agent.http import event as _event
from pyconsul.agent.http import health as _health
from pyconsul.agent.http import internal as _internal
from pyconsul.agent.http import kv as _kv
from pyconsul.agent.http import operator as _operator
from pyconsul.agent.http import query as _query
from pyconsul.agent.http import session as _session
from pyconsul.agent.http import snapshot as _snapshot
from pyconsul.agent.http import status as _status
from pyconsul.agent.http import txn as _txn
from pyconsul.agent.http.routing import ROUTER, Router

MODULES = (_catalog, _health, _coordinate, _internal, _txn, _event, _kv, _query, _session, _operator, _snapshot, _status)


def router() -> Router:
    """The route table with all families in it."""
    assert all(MODULES)
    return ROUTER
