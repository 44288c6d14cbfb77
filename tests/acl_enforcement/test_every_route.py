"""Nobody without a token gets anything where all is denied by default: every route of the API, one by one."""

from __future__ import annotations

# Told to anyone by Consul: who leads, which datacenters there are, how a proxy trusts another, and the page itself.
OPEN = {
    "GET /v1/acl/replication": 200,
    "GET /v1/catalog/datacenters": 200,
    "GET /v1/connect/ca/roots": 200,
    "GET /v1/agent/connect/ca/roots": 200,
    "GET /v1/coordinate/datacenters": 200,
    "GET /v1/status/leader": 200,
    "GET /v1/status/peers": 200,
}
