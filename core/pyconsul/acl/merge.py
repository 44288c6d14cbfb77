"""What several policies grant together: of rules for the same segment a refusal counts, else what grants most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyconsul.acl.levels import Access, takes_precedence
from pyconsul.acl.rules import KINDS, PLAIN, PolicyRules, Rule
from pyconsul.acl.segments import Segments

INTENTION: Final = "intention"  # a resource that has no rules of its own: services' rules carry it


def merge(policies: Iterable[PolicyRules]) -> tuple[dict[str, Segments], dict[str, Access]]:
    """Segments by resource (``key``, ``intention`` …), and levels of the resources without segments."""
    policies = list(policies)
    segments: dict[str, Segments] = {}
    for kind in KINDS:
        exact = _merged(policies, kind.resource)
        prefixes = _merged(policies, f"{kind.resource}_prefix")
        segments[kind.resource] = Segments(_levels(exact), _levels(prefixes))
        if kind.resource == "service":
            segments[INTENTION] = Segments(_intention_levels(exact), _intention_levels(prefixes))
    plain: dict[str, str] = {}
    for name in PLAIN:
        for policy in policies:
            level = policy.plain.get(name, "")
            if level and takes_precedence(level, plain.get(name, "")):
                plain[name] = level
    return segments, {name: Access(level.lower()) for name, level in plain.items()}


def _merged(policies: Iterable[PolicyRules], name: str) -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for policy in policies:
        for rule in policy.labelled.get(name, ()):
            known = found.get(rule.segment)
            found[rule.segment] = rule if known is None else _combined(known, rule)
    return found


def _combined(known: Rule, new: Rule) -> Rule:
    return Rule(
        known.segment,
        new.policy if takes_precedence(new.policy, known.policy) else known.policy,
        new.intentions if takes_precedence(new.intentions, known.intentions) else known.intentions,
    )


def _levels(rules: dict[str, Rule]) -> dict[str, Access]:
    return {segment: Access(rule.policy.lower()) for segment, rule in rules.items()}


def _intention_levels(rules: dict[str, Rule]) -> dict[str, Access]:
    return {segment: _intention_level(rule) for segment, rule in rules.items()}


def _intention_level(rule: Rule) -> Access:
    """The written level; else reading for those who read or write the service. Only lower case counts, as in Consul."""
    if rule.intentions:
        return Access(rule.intentions.lower())
    return Access.READ if rule.policy in (Access.READ, Access.WRITE) else Access.DENY
