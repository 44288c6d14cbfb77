"""How long log entries take to apply: Consul's ``fsm.*`` summaries, by the type of an entry and its operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pyconsul.structs.messages import MessageType as T
from pyconsul.telemetry import metrics

__all__ = ["LATE", "SUMMARIES", "declare_for", "timing_of"]

# Entry type → (summary, what the label ``op`` says: empty for no such label, "Op" for the request's own field).
SUMMARIES: Final[dict[int, tuple[str, str]]] = {
    T.REGISTER: ("fsm.register", ""),
    T.DEREGISTER: ("fsm.deregister", ""),
    T.KVS: ("fsm.kvs", "Op"),
    T.SESSION: ("fsm.session", "Op"),
    T.TOMBSTONE: ("fsm.tombstone", "Op"),
    T.COORDINATE_BATCH_UPDATE: ("fsm.coordinate.batch-update", ""),
    T.PREPARED_QUERY: ("fsm.prepared-query", "Op"),
    T.TXN: ("fsm.txn", ""),
    T.AUTOPILOT: ("fsm.autopilot", ""),
    T.INTENTION: ("fsm.intention", "Op"),
    T.CONNECT_CA: ("fsm.ca", "Op"),
    T.CONNECT_CA_LEAF: ("fsm.ca.leaf", "Op"),
    T.ACL_TOKEN_SET: ("fsm.acl.token", "upsert"),
    T.ACL_TOKEN_DELETE: ("fsm.acl.token", "delete"),
    T.ACL_BOOTSTRAP: ("fsm.acl.token", "bootstrap"),
    T.ACL_POLICY_SET: ("fsm.acl.policy", "upsert"),
    T.ACL_POLICY_DELETE: ("fsm.acl.policy", "delete"),
    T.ACL_ROLE_SET: ("fsm.acl.role", "upsert"),
    T.ACL_ROLE_DELETE: ("fsm.acl.role", "delete"),
    T.ACL_BINDING_RULE_SET: ("fsm.acl.bindingrule", "upsert"),
    T.ACL_BINDING_RULE_DELETE: ("fsm.acl.bindingrule", "delete"),
    T.ACL_AUTH_METHOD_SET: ("fsm.acl.authmethod", "upsert"),
    T.ACL_AUTH_METHOD_DELETE: ("fsm.acl.authmethod", "delete"),
    T.CONFIG_ENTRY: ("fsm.config_entry.{kind}", "Op"),
    T.FEDERATION_STATE: ("fsm.federation_state.{dc}", "Op"),
    T.SYSTEM_METADATA: ("fsm.system_metadata", "Op"),
    T.PEERING_WRITE: ("fsm.peering", "write"),
    T.PEERING_DELETE: ("fsm.peering", "delete"),
}

LATE: Final = frozenset(("fsm.acl.role",))  # not there until the first entry
DOUBLED: Final = frozenset(("fsm.ca", "fsm.intention"))  # shown under an older name, too

_timings: dict[tuple[int, str, str], Callable[[float], None]] = {}


def declare_for(number: int) -> None:
    """Show the summary of an entry type from the start; called when its handler registers."""
    name = SUMMARIES.get(number, ("", ""))[0]
    if name and "{" not in name and name not in LATE:
        metrics.declare("summary", name, *([f"consul.{name}"] if name in DOUBLED else ()))


def timing_of(number: int, request: Any) -> Callable[[float], None] | None:
    """Where to note the milliseconds that applying ``request`` took; None for a type without a figure."""
    row = SUMMARIES.get(number)
    if row is None:
        return None
    name, op = row
    if op == "Op":
        op = request.Op
    detail = _detail(number, request) if "{" in name else ""
    add = _timings.get((number, op, detail))
    if add is None:
        full = name.format(kind=detail, dc=detail)
        labels = (("op", op),) if op else ()
        add = metrics.doubled(full, labels) if full in DOUBLED else metrics.timing(full, labels).add
        _timings[number, op, detail] = add
    return add


def _detail(number: int, request: Any) -> str:
    """What stands in the name besides the type: a kind of config entry, a datacenter."""
    if number == T.CONFIG_ENTRY:
        return str(request.Entry.kind)
    return str(request.State.Datacenter) if request.State is not None else ""
