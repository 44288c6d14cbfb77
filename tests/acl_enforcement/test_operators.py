"""What operators do: Raft, autopilot, usage, snapshots, federation states."""

from __future__ import annotations

from collections.abc import Callable

from tests.acl_enforcement.conftest import Guarded

RULES = {
    "reads": 'operator = "read"',
    "writes": 'operator = "write"',
    "denied": 'operator = "deny"',
    "reads acl": 'acl = "read" operator = "write"',
    "acl": 'acl = "write"',
}
READS = (
    "raft/configuration",
    "autopilot/configuration",
    "autopilot/state",
    "autopilot/health",
    "usage",
)


def test_the_state_of_servers_is_for_operators(check: Callable[..., None]) -> None:
    """Reading needs operator:read and nothing else."""
    for what in READS:
        check(
            RULES,
            [
                ("denied", f"GET /v1/operator/{what}", "403 operator:read"),
                ("acl", f"GET /v1/operator/{what}", "403 operator:read"),
                ("", f"GET /v1/operator/{what}", "403 operator:read"),
            ],
        )


def test_readers_get_the_state_of_servers(guarded: Guarded) -> None:
    """All of it."""
    token = guarded.token(RULES["reads"])
    assert {what: guarded.answer(f"GET /v1/operator/{what}", token)[0] for what in READS if "health" not in what} == {
        what: 200 for what in READS if "health" not in what
    }


def test_changing_servers_needs_the_right_to_write(check: Callable[..., None]) -> None:
    """Before anything is looked at."""
    check(
        RULES,
        [
            ("reads", "PUT /v1/operator/autopilot/configuration", "403 operator:write"),
            ("reads", "DELETE /v1/operator/raft/peer?id=none", "403 operator:write"),
            ("reads", "DELETE /v1/operator/raft/peer?address=none", "403 operator:write"),
            ("reads", "POST /v1/operator/raft/transfer-leader", "403 operator:write"),
            ("writes", "PUT /v1/operator/autopilot/configuration", "200 True"),
            ("writes", "DELETE /v1/operator/raft/peer?id=x", '500 id "x" was not found in the Raft configuration'),
            ("writes", "POST /v1/operator/raft/transfer-leader", "500 cannot find peer"),
            ("reads", "GET /v1/internal/federation-state/dc1", "200 dc1"),
            ("denied", "GET /v1/internal/federation-state/dc1", "403 operator:read"),
            ("denied", "GET /v1/internal/federation-states", "403 operator:read"),
            ("denied", "GET /v1/internal/federation-states/mesh-gateways", "200"),
        ],
        {"PUT /v1/operator/autopilot/configuration": {"CleanupDeadServers": True}},
    )


def test_snapshots_are_for_who_may_write_acls(check: Callable[..., None], guarded: Guarded) -> None:
    """Both ways: who has one has every secret in it."""
    check(
        RULES,
        [
            ("writes", "GET /v1/snapshot", "403 acl:write"),
            ("reads acl", "GET /v1/snapshot", "403 acl:write"),
            ("", "GET /v1/snapshot?stale", "403 acl:write"),
            ("reads acl", "PUT /v1/snapshot", "403 acl:write"),
        ],
        {"PUT /v1/snapshot": b"x"},
    )
    status, _, archive = guarded.answer("GET /v1/snapshot", guarded.token(RULES["acl"]))
    assert status == 200
    assert archive[:2] == b"\x1f\x8b"
