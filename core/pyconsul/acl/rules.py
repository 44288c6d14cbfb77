"""The rules of a policy, read from HCL or JSON and checked (``spec/acl.tsv``, rows ``rule``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pyconsul.acl.levels import is_level
from pyconsul.lang.hcl import HclError, Value, parse
from pyconsul.lang.strconv import quote


class RulesError(ValueError):
    """The text is no rules; its message is Consul's."""


@dataclass(frozen=True, slots=True)
class Kind:
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


@dataclass(frozen=True, slots=True)
class Rule:
    """One labelled rule. ``policy`` and ``intentions`` stand as they were written."""

    segment: str
    policy: str
    intentions: str = ""


@dataclass(frozen=True, slots=True)
class PolicyRules:
    """All rules of one policy: labelled ones by name (``key``, ``key_prefix`` …), the others by theirs."""

    labelled: dict[str, tuple[Rule, ...]] = field(default_factory=dict[str, tuple[Rule, ...]])
    plain: dict[str, str] = field(default_factory=dict[str, str])


def parse_rules(text: str, *, refuse_duplicates: bool = True) -> PolicyRules:
    """Read and check a policy's rules; names that mean nothing are passed over. Raises RulesError.

    ``refuse_duplicates``: an argument that is set twice is an error, as where a policy is written. Stored ones may
    come from times when it was none.
    """
    if not text:
        return PolicyRules()
    try:
        tree = {name.lower(): value for name, value in parse(text, refuse_duplicates=refuse_duplicates).items()}
        rules = PolicyRules(
            {name: tuple(_labelled(name, tree[name])) for kind in KINDS for name in _names(kind) if name in tree},
            {name: _text(name, tree[name]) for name in PLAIN if name in tree},
        )
    except HclError as error:
        raise RulesError(f"Failed to parse ACL rules: {error}") from None
    _check(rules)
    return rules


def _names(kind: Kind) -> tuple[str, ...]:
    return tuple(kind.resource + suffix for suffix in _SUFFIXES)


def _labelled(name: str, value: Value) -> Iterator[Rule]:
    """The rules below one name: each block maps labels to bodies."""
    for block in _blocks(name, value):
        for label, bodies in block.items():
            for body in _blocks(f"{name}.{label}", bodies):
                fields = {
                    key.lower(): _text(f"{name}.{key}", found) for key, found in body.items() if key.lower() in _FIELDS
                }
                yield Rule(label, fields.get("policy", ""), fields.get("intentions", ""))


_FIELDS: Final = ("policy", "intentions")


def _blocks(name: str, value: Value) -> list[dict[str, Value]]:
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        raise HclError(f"{name}: not an object type for struct")
    return [one for one in found if isinstance(one, dict)]


def _text(name: str, value: Value) -> str:
    match value:
        case str():
            return value
        case bool() | None | list() | dict():
            raise HclError(f"{name}: unknown type for string")
        case _:
            return str(value)


def _check(rules: PolicyRules) -> None:
    """Raise RulesError for the first level that its rule may not have, in Consul's order."""
    _check_plain(rules, "acl")
    for kind in KINDS:
        for name in _names(kind):
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
