"""Values of old keys reach the settings that replaced them; where both are given, the new key wins."""

from __future__ import annotations

from operator import attrgetter

import pytest

from pyconsul.config.decode import Raw
from pyconsul.config.deprecated import put_if_unset, replace_deprecated, take
from tests.config.conftest import Reader

# Old and new spelling of the same, and the setting where it arrives.
TOKENS = 'acl {{ tokens {{ {} = "t" }} }}'.format
PAIRS: list[tuple[str, str, str, object]] = [
    ('acl_agent_master_token = "t"', TOKENS("agent_recovery"), "acl.tokens.agent_recovery", "t"),
    (TOKENS("agent_master"), TOKENS("agent_recovery"), "acl.tokens.agent_recovery", "t"),
    ('acl_agent_token = "t"', TOKENS("agent"), "acl.tokens.agent", "t"),
    ('acl_token = "t"', TOKENS("default"), "acl.tokens.default", "t"),
    ('acl_master_token = "t"', TOKENS("initial_management"), "acl.tokens.initial_management", "t"),
    (TOKENS("master"), TOKENS("initial_management"), "acl.tokens.initial_management", "t"),
    ('acl_replication_token = "t"', TOKENS("replication"), "acl.tokens.replication", "t"),
    ("enable_acl_replication = true", "acl { enable_token_replication = true }", "acl.enable_token_replication", True),
    ('acl_datacenter = "dc1"', 'primary_datacenter = "dc1"', "primary_datacenter", "dc1"),
    ('acl_default_policy = "deny"', 'acl { default_policy = "deny" }', "acl.default_policy", "deny"),
    ('acl_down_policy = "deny"', 'acl { down_policy = "deny" }', "acl.down_policy", "deny"),
    ('acl_ttl = "7s"', 'acl { token_ttl = "7s" }', "acl.token_ttl", 7_000_000_000),
    ("acl_enable_key_list_policy = true", "acl { enable_key_list_policy = true }", "acl.enable_key_list_policy", True),
    ('start_join = ["a"]', 'retry_join = ["a"]', "retry_join", ("a",)),
    ('ca_file = "f"', 'tls { defaults { ca_file = "f" } }', "tls.https.ca_file", "f"),
    ('ca_path = "f"', 'tls { defaults { ca_path = "f" } }', "tls.grpc.ca_path", "f"),
    ('tls_min_version = "tls13"', 'tls { https { tls_min_version = "TLSv1_3" } }',
     "tls.https.tls_min_version", "TLSv1_3"),
    ('tls_min_version = ""', 'tls { https { tls_min_version = "" } }', "tls.https.tls_min_version", "TLS_AUTO"),
    ('verify_outgoing = true ca_file = "f"', 'tls { internal_rpc { verify_outgoing = true ca_file = "f" } }',
     "tls.internal_rpc.verify_outgoing", True),
    ('verify_incoming_https = true ca_file = "f"', 'tls { https { verify_incoming = true ca_file = "f" } }',
     "tls.https.verify_incoming", True),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "setting", "value"), PAIRS, ids=[old for old, *_ in PAIRS])
def test_an_old_key_sets_what_the_new_one_sets(read: Reader, old: str, new: str, setting: str, value: object) -> None:
    """With a warning, which the new one does not give."""
    of_old, of_new = read(old), read(new)
    assert attrgetter(setting)(of_old.runtime) == attrgetter(setting)(of_new.runtime) == value
    assert any("deprecated" in line for line in of_old.warnings)
    assert not any("deprecated" in line for line in of_new.warnings)


def test_the_new_key_wins_over_the_old_one(read: Reader) -> None:
    """Wherever it stands."""
    found = read('acl_token = "old" acl { tokens { default = "new" } }')
    assert found.runtime.acl.tokens.default == "new"


def test_addresses_to_join_come_from_both_keys(read: Reader) -> None:
    """Lists are joined, the new key's first."""
    assert read('start_join = ["old"] retry_join = ["new"]').runtime.retry_join == ("new", "old")


@pytest.mark.parametrize(
    ("text", "enabled", "replicates"),
    [
        ('acl_replication_token = "t"', False, True),
        ('acl_datacenter = "dc1"', True, False),
        ('acl_token = "t"', False, False),
    ],
)
def test_some_old_keys_switch_something_on(read: Reader, text: str, enabled: bool, replicates: bool) -> None:
    """That was what they meant before there were switches."""
    acl = read(text).runtime.acl
    assert (acl.enabled, acl.enable_token_replication) == (enabled, replicates)


def test_the_old_demand_for_certificates_leaves_grpc_out(read: Reader) -> None:
    """It never asked gRPC clients for any."""
    tls = read('verify_incoming = true ca_file = "f"').runtime.tls
    assert (tls.internal_rpc.verify_incoming, tls.https.verify_incoming, tls.grpc.verify_incoming) == (
        True,
        True,
        False,
    )
    new = read('tls { defaults { verify_incoming = true ca_file = "f" } }').runtime.tls
    assert new.grpc.verify_incoming


def test_an_empty_list_of_an_old_key_is_nothing() -> None:
    """Nobody is warned of what says nothing."""
    assert replace_deprecated({"start_join": []}) == ({}, [])


def test_a_value_is_taken_and_put_by_its_dotted_name() -> None:
    """What is there already stays, and what is not there is None."""
    values: Raw = {"a": {"b": 1}}
    assert (take(values, "a.b"), take(values, "a.b"), take(values, "x.y")) == (1, None, None)
    put_if_unset(values, "a.b", 2)
    put_if_unset(values, "a.b", 3)
    assert values == {"a": {"b": 2}}
