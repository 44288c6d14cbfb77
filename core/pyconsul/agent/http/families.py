"""All families of HTTP routes: importing this module fills the route table."""

from pyconsul.agent.http import event as _event
from pyconsul.agent.http import kv as _kv
from pyconsul.agent.http import query as _query
from pyconsul.agent.http import session as _session
from pyconsul.agent.http import status as _status
from pyconsul.agent.http import txn as _txn

MODULES = (_txn, _event, _kv, _session, _status)
