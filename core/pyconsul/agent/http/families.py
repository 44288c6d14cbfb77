"""All families of HTTP routes: importing this module fills the route table."""

from pyconsul.agent.http import kv as _kv
from pyconsul.agent.http import session as _session
from pyconsul.agent.http import status as _status

MODULES = (_kv, _session, _status)
