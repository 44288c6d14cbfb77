"""Alias checks: what the checks of another service, or of a node, say together. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from pyconsul.lang.strconv import quote
from pyconsul.structs.catalog import HealthCheck
from pyconsul.structs.health import CRITICAL, PASSING, WARNING

__all__ = ["alias_verdict"]


def alias_verdict(
    checks: Iterable[HealthCheck], service_id: str, node: str, *, service_exists: bool
) -> tuple[str, str]:
    """Status and output of an alias of ``service_id`` ("" for none) on ``node`` ("" for the local one).

    Node checks count as well as the service's own; the worst one speaks.
    """
    status, text = PASSING, "No checks found."
    found = False
    for check in checks:
        if node and check.Node.lower() != node.lower():
            continue
        fits = check.ServiceID == service_id
        if check.ServiceID and not fits:
            continue
        found = found or fits
        if check.Status in (CRITICAL, WARNING):
            status, text = check.Status, f"Aliased check {quote(check.Name)} failing: {check.Output}"
            if status == CRITICAL:
                break
        elif status == PASSING:
            text = "All checks passing."
    if not found and not service_exists:
        return CRITICAL, f"Service {service_id} could not be found on node {node}"
    return status, text
