"""The rules of a policy, read from HCL or JSON and checked (``spec/acl.tsv``, rows ``rule``)."""

from __future__ import annotations

from typing import Final

import msgspec

from pyconsul.acl.levels import is_level
from pyconsul.lang.hcl import HclError, Struct, StructType, parse_struct
from pyconsul.lang.strconv import quote


class RulesError(ValueError):
    """The text is no rules; its message is Consul's."""


class Kind(msgspec.Struct, frozen=True):
    """A kind of labelled rule, and how Consul prints one: type name and the name of its label's field."""

    resource: str
    type_name: str
    label: str
    enterprise: bool = False  # its Go type embeds an empty struct, which shows in error texts


KINDS: Final = (
    Kind("agent", "AgentRule", "Node"),
    Kind("key", "KeyRule", "Prefix", enterprise=True),
    Kind("node", "NodeRule", "Name", enterprise=True),
    Kind("service", "ServiceRule", "Name", enterprise=True),
    Kind("session", "SessionRule", "Node"),
    Kind("event", "EventRule", "Event"),
    Kind("query", "PreparedQueryRule", "Prefix"),
)
PLAIN: Final = ("acl", "keyring", "operator", "mesh", "peering")
_SUFFIXES: Final = ("", "_prefix")


class Rule(msgspec.Struct, frozen=True):
    """One labelled rule. ``policy`` and ``intentions`` stand as they were written."""

    segment: str
    policy: str
    intentions: str = ""


class PolicyRules(msgspec.Struct, frozen=True):
    """All rules of one policy: labelled ones by name (``key``, ``key_prefix`` …), the others by theirs."""

    labelled: dict[str, tuple[Rule, ...]] = msgspec.field(default_factory=dict[str, tuple[Rule, ...]])
    plain: dict[str, str] = msgspec.field(default_factory=dict[str, str])


def parse_rules(text: str, *, refuse_duplicates: bool = True) -> PolicyRules:
    """Read and check a policy's rules; names that mean nothing are passed over. Raises RulesError.

    ``refuse_duplicates``: an argument that is set twice is an error, as where a policy is written. Stored ones may
    come from times when it was none.
    """
    if not text:
        return PolicyRules()
    try:
        found = parse_struct(text, _DOCUMENT, refuse_duplicates=refuse_duplicates)
    except HclError as error:
        raise RulesError(f"Failed to parse ACL rules: {error}") from None
    labelled = {name: tuple(map(_rule, rules)) for name, rules in found.lists.items() if name not in _FORMER}
    rules = PolicyRules(labelled, found.texts)
    _check(rules)
    return rules


def _names(resource: str) -> tuple[str, ...]:
    return tuple(resource + suffix for suffix in _SUFFIXES)


def _struct_type(label: str, *, intentions: bool) -> StructType:
    return StructType(label, (("Policy", None), *((("Intentions", None),) if intentions else ())))


# The rules of workload identities are of former times: they must be well-formed, and mean nothing.
_FORMER: Final = _names("identity")
_DOCUMENT: Final = StructType(
    fields=(
        ("acl", None),
        *(
            (name, _struct_type(kind.label, intentions=kind.resource == "service"))
            for kind in KINDS
            for name in _names(kind.resource)
        ),
        *((name, None) for name in PLAIN if name != "acl"),
        *((name, _struct_type("Name", intentions=True)) for name in _FORMER),
    )
)


def _rule(found: Struct) -> Rule:
    return Rule(found.key, found.texts.get("Policy", ""), found.texts.get("Intentions", ""))


def _check(rules: PolicyRules) -> None:
    """Raise RulesError for the first level that its rule may not have, in Consul's order."""
    _check_plain(rules, "acl")
    for kind in KINDS:
        for name in _names(kind.resource):
            for rule in rules.labelled.get(name, ()):
                if not is_level(rule.policy, may_list=kind.resource == "key"):
                    raise RulesError(f"Invalid {name} policy: {_shown(kind, rule)}")
                if rule.intentions and kind.resource == "service" and not is_level(rule.intentions, may_list=False):
                    raise RulesError(f"Invalid {name} intentions policy: {_shown(kind, rule)}")
    for name in PLAIN[1:]:
        _check_plain(rules, name)


def _check_plain(rules: PolicyRules, name: str) -> None:
    level = rules.plain.get(name, "")
    if level and not is_level(level, may_list=False):
        raise RulesError(f"Invalid {name} policy: {quote(level)}")


def _shown(kind: Kind, rule: Rule) -> str:
    """A rule as Go prints it with ``%#v``."""
    fields = [f"{kind.label}:{quote(rule.segment)}", f"Policy:{quote(rule.policy)}"]
    if kind.resource == "service":
        fields.append(f"Intentions:{quote(rule.intentions)}")
    if kind.enterprise:
        fields.append("EnterpriseRule:acl.EnterpriseRule{}")
    return f"&acl.{kind.type_name}{{{', '.join(fields)}}}"
