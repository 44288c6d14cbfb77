"""All families of HTTP routes: importing this module fills the route table."""

from pyconsul.agent.http import acl as _acl
from pyconsul.agent.http import acl_auth as _acl_auth
from pyconsul.agent.http import acl_policies as _acl_policies
from pyconsul.agent.http import acl_roles as _acl_roles
from pyconsul.agent.http import acl_tokens as _acl_tokens
from pyconsul.agent.http import agent_checks as _agent_checks
from pyconsul.agent.http import agent_control as _agent_control
from pyconsul.agent.http import agent_health as _agent_health
from pyconsul.agent.http import agent_members as _agent_members
from pyconsul.agent.http import agent_self as _agent_self
from pyconsul.agent.http import agent_services as _agent_services
from pyconsul.agent.http import agent_telemetry as _agent_telemetry
from pyconsul.agent.http import catalog as _catalog
from pyconsul.agent.http import config as _config
from pyconsul.agent.http import coordinate as _coordinate
from pyconsul.agent.http import event as _event
from pyconsul.agent.http import federation as _federation
from pyconsul.agent.http import health as _health
from pyconsul.agent.http import intentions as _intentions
from pyconsul.agent.http import internal as _internal
from pyconsul.agent.http import kv as _kv
from pyconsul.agent.http import later as _later
from pyconsul.agent.http import operator as _operator
from pyconsul.agent.http import query as _query
from pyconsul.agent.http import session as _session
from pyconsul.agent.http import snapshot as _snapshot
from pyconsul.agent.http import status as _status
from pyconsul.agent.http import txn as _txn
from pyconsul.agent.http.routing import ROUTER, Router

# In use by being imported; named here, so that nobody takes the imports for idle.
MODULES = (
    _agent_checks,
    _agent_control,
    _agent_health,
    _agent_members,
    _agent_self,
    _agent_services,
    _agent_telemetry,
    _catalog,
    _health,
    _coordinate,
    _internal,
    _txn,
    _event,
    _kv,
    _query,
    _config,
    _intentions,
    _session,
    _acl_auth,
    _acl,
    _acl_tokens,
    _acl_policies,
    _acl_roles,
    _later,
    _federation,
    _operator,
    _snapshot,
    _status,
)


def router() -> Router:
    """The route table with all families in it."""
    assert all(MODULES)
    return ROUTER
