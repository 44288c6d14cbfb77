"""Rules of ACL policies: rules or a RulesError, and levels that exist."""

from __future__ import annotations

from pyconsul.acl import Authorizer, Base, RulesError, parse_rules

SEEDS = [
    b'acl = "read"\nkey_prefix "a/" { policy = "list" }\nservice "web" {\n policy = "write"\n intentions = "deny"\n}',
    b'{"key": {"a": {"policy": "read"}, "b": {"policy": "deny"}}, "operator": "write", "agent": [{"n": {}}]}',
    b'node = { "n" = { policy = "read" } }\nidentity "x" { policy = "nothing" }\nmesh = <<E\nread\nE\n',
]
TOKENS = [b"{", b"}", b"[", b"]", b"=", b'"', b",", b"key", b"acl", b"policy", b'"deny"', b"\n", b":", b"true", b"1"]


def run(data: bytes) -> None:
    """Read the rules both ways, and let somebody have them."""
    text = data.decode("utf-8", "surrogateescape")
    for refuse in (False, True):
        try:
            rules = parse_rules(text, refuse_duplicates=refuse)
        except RulesError as error:
            assert str(error)
        else:
            Authorizer.of_policies([rules, rules], Base.DENY).writes_keys_below("a")
