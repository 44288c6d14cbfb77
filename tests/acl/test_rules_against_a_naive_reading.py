"""Longest prefix, exact rules and merging, compared with the plainest way to say them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyconsul.acl import Access, Authorizer, Base, PolicyRules
from pyconsul.acl.rules import Rule

GRANTS = {"deny": "", "read": "r", "list": "rl", "write": "rlw"}
STRICTEST = ("deny", "write", "list", "read")

_SEGMENTS = st.text("ab/", max_size=4)
_RULES = st.lists(st.tuples(_SEGMENTS, st.sampled_from(sorted(GRANTS))), max_size=6)
_POLICIES = st.lists(st.tuples(_RULES, _RULES), max_size=3)
_ACCESS = st.sampled_from((Access.READ, Access.LIST, Access.WRITE))

Rules = list[tuple[str, str]]


def authorizer(policies: list[tuple[Rules, Rules]], base: Base) -> Authorizer:
    """Of keys alone: exact rules and prefixes of each policy."""
    made = [
        PolicyRules({"key": tuple(Rule(*one) for one in exact), "key_prefix": tuple(Rule(*one) for one in prefixes)})
        for exact, prefixes in policies
    ]
    return Authorizer.of_policies(made, base)


def level_of(rules: Rules, segment: str) -> str:
    """The level that counts among all rules for just this segment; "" for none."""
    levels = {level for at, level in rules if at == segment}
    return next((level for level in STRICTEST if level in levels), "")


def applying(policies: list[tuple[Rules, Rules]], key: str) -> str:
    """The level that counts for a key: exact, else that of its longest prefix with a rule."""
    exact = [rule for rules, _ in policies for rule in rules]
    prefixes = [rule for _, rules in policies for rule in rules]
    starts = [key[:size] for size in range(len(key), -1, -1)]
    return next((level for level in (level_of(exact, key), *(level_of(prefixes, s) for s in starts)) if level), "")


@given(_POLICIES, _SEGMENTS, _ACCESS, st.sampled_from(Base))
def test_the_rule_that_counts_is_found(
    policies: list[tuple[Rules, Rules]], key: str, access: Access, base: Base
) -> None:
    """Whatever the order of rules and policies."""
    level = applying(policies, key)
    wanted = access.value[0] in GRANTS[level] if level else base is not Base.DENY
    assert authorizer(policies, base).allows("key", access, key) is wanted


@given(_POLICIES, _SEGMENTS, st.sampled_from(Base))
def test_a_tree_is_written_where_its_prefix_and_all_rules_below_grant_it(
    policies: list[tuple[Rules, Rules]], prefix: str, base: Base
) -> None:
    """The exact rule for the prefix itself counts as one below."""
    exact = [rule for rules, _ in policies for rule in rules]
    prefixes = [rule for _, rules in policies for rule in rules]
    above = applying([([], prefixes)], prefix)
    below = [
        level_of(rules, segment) for rules in (exact, prefixes) for segment, _ in rules if segment.startswith(prefix)
    ]
    refused = above not in ("", "write") or any(level != "write" for level in below)
    wanted = not refused and (above == "write" or base is not Base.DENY)
    assert authorizer(policies, base).writes_keys_below(prefix) is wanted


@given(_POLICIES, st.permutations(range(3)))
def test_the_order_of_policies_does_not_matter(policies: list[tuple[Rules, Rules]], order: list[int]) -> None:
    """Deny, write, list, read is an order of its own."""
    turned = [policies[at] for at in order if at < len(policies)]
    for key in ("", "a", "ab", "a/b", "b/"):
        for access in (Access.READ, Access.LIST, Access.WRITE):
            one, other = authorizer(policies, Base.DENY), authorizer(turned, Base.DENY)
            assert one.allows("key", access, key) is other.allows("key", access, key)
