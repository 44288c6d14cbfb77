"""All families of the server: importing this module fills the RPC, FSM and snapshot tables.

``TABLES`` lists every table of the state store.
"""

from typing import Any

from pyconsul.memdb import Table
from pyconsul.server.endpoints import acl as _acl_endpoints
from pyconsul.server.endpoints import acl_auth as _acl_auth_endpoints
from pyconsul.server.endpoints import acl_policies as _acl_policy_endpoints
from pyconsul.server.endpoints import acl_roles as _acl_role_endpoints
from pyconsul.server.endpoints import acl_tokens as _acl_token_endpoints
from pyconsul.server.endpoints import catalog as _catalog_endpoints
from pyconsul.server.endpoints import config_entries as _config_entry_endpoints
from pyconsul.server.endpoints import coordinate as _coordinate_endpoints
from pyconsul.server.endpoints import federation as _federation_endpoints
from pyconsul.server.endpoints import health as _health_endpoints
from pyconsul.server.endpoints import intentions as _intention_endpoints
from pyconsul.server.endpoints import internal as _internal_endpoints
from pyconsul.server.endpoints import kv as _kv_endpoints
from pyconsul.server.endpoints import operator as _operator_endpoints
from pyconsul.server.endpoints import prepared_query as _prepared_query_endpoints
from pyconsul.server.endpoints import session as _session_endpoints
from pyconsul.server.endpoints import snapshot as _snapshot_endpoints
from pyconsul.server.endpoints import status as _status_endpoints
from pyconsul.server.endpoints import txn as _txn_endpoints
from pyconsul.server.fsm import acl as _acl_fsm
from pyconsul.server.fsm import acl_auth as _acl_auth_fsm
from pyconsul.server.fsm import autopilot as _autopilot_fsm
from pyconsul.server.fsm import catalog as _catalog_fsm
from pyconsul.server.fsm import config_entries as _config_entry_fsm
from pyconsul.server.fsm import coordinate as _coordinate_fsm
from pyconsul.server.fsm import federation as _federation_fsm
from pyconsul.server.fsm import index as _index_fsm
from pyconsul.server.fsm import intentions as _intention_fsm
from pyconsul.server.fsm import kv as _kv_fsm
from pyconsul.server.fsm import prepared_query as _prepared_query_fsm
from pyconsul.server.fsm import session as _session_fsm
from pyconsul.server.fsm import system_metadata as _system_metadata_fsm
from pyconsul.server.fsm import txn as _txn_fsm
from pyconsul.server.fsm import virtual_ips as _virtual_ips_fsm
from pyconsul.server.state.acl import AUTH_METHODS, BINDING_RULES, POLICIES, ROLES, TOKENS
from pyconsul.server.state.autopilot import AUTOPILOT
from pyconsul.server.state.catalog_tables import CHECKS, KIND_SERVICE_NAMES, LEFT_SERVICES, NODES, SERVICES
from pyconsul.server.state.config_entry_reads import CONFIG_ENTRIES
from pyconsul.server.state.coordinate import COORDINATES
from pyconsul.server.state.federation import FEDERATION_STATES
from pyconsul.server.state.gateway_services import GATEWAY_SERVICES
from pyconsul.server.state.indexes import INDEXES
from pyconsul.server.state.kv import KVS, TOMBSTONES
from pyconsul.server.state.mesh_topology import MESH_TOPOLOGY
from pyconsul.server.state.prepared_query import PREPARED_QUERIES
from pyconsul.server.state.sessions import SESSIONS
from pyconsul.server.state.system_metadata import SYSTEM_METADATA
from pyconsul.server.state.virtual_ips import FREE_VIRTUAL_IPS, SERVICE_VIRTUAL_IPS

__all__ = ["MODULES", "TABLES"]

MODULES = (
    _index_fsm,
    _catalog_fsm,
    _coordinate_fsm,
    _federation_fsm,
    _config_entry_fsm,
    _intention_fsm,
    _virtual_ips_fsm,
    _kv_fsm,
    _session_fsm,
    _prepared_query_fsm,
    _txn_fsm,
    _autopilot_fsm,
    _acl_fsm,
    _acl_auth_fsm,
    _system_metadata_fsm,
    _acl_endpoints,
    _acl_token_endpoints,
    _acl_auth_endpoints,
    _acl_policy_endpoints,
    _acl_role_endpoints,
    _txn_endpoints,
    _kv_endpoints,
    _catalog_endpoints,
    _health_endpoints,
    _coordinate_endpoints,
    _federation_endpoints,
    _config_entry_endpoints,
    _intention_endpoints,
    _internal_endpoints,
    _session_endpoints,
    _prepared_query_endpoints,
    _operator_endpoints,
    _snapshot_endpoints,
    _status_endpoints,
)

TABLES: tuple[Table[Any], ...] = (
    INDEXES,
    KVS,
    TOMBSTONES,
    SESSIONS,
    PREPARED_QUERIES,
    AUTOPILOT,
    TOKENS,
    POLICIES,
    ROLES,
    BINDING_RULES,
    AUTH_METHODS,
    SYSTEM_METADATA,
    NODES,
    SERVICES,
    LEFT_SERVICES,
    CHECKS,
    KIND_SERVICE_NAMES,
    COORDINATES,
    MESH_TOPOLOGY,
    GATEWAY_SERVICES,
    CONFIG_ENTRIES,
    FEDERATION_STATES,
    SERVICE_VIRTUAL_IPS,
    FREE_VIRTUAL_IPS,
)
