"""What a login is given: selectors choose rules, variables fill their names."""

from typing import Any

import pytest

from pyconsul.acl.binding import Binder, BindingError, rule_fault, selector_fault
from pyconsul.acl.methods.jwt_method import JwtFields
from pyconsul.acl.methods.protocol import Identity
from pyconsul.structs.acl import ACLLink, ACLPolicy, ACLRole, ACLTemplatedPolicyVariables
from pyconsul.structs.acl_auth import ACLBindingRule

ADA = Identity(JwtFields({"team": "Blue"}, {"groups": ["dev", "ops"]}), {"value.team": "Blue"})
BINDER = Binder(
    "dc1",
    lambda name: ACLPolicy(ID="p-id", Name=name) if name == "p-blue" else None,
    lambda name: ACLRole(ID="r-id", Name=name) if name == "r-blue" else None,
)


def rule(kind: str, name: str, selector: str = "", **fields: Any) -> ACLBindingRule:
    """A binding rule."""
    return ACLBindingRule(BindType=kind, BindName=name, Selector=selector, **fields)


def test_every_kind_of_rule_gives_its_own() -> None:
    """Variables go in in lower case; policies and roles that are not there give nothing."""
    variables = ACLTemplatedPolicyVariables(name="s-${value.team}")
    found = BINDER.bind(
        [
            rule("service", "app-${value.team}"),
            rule("node", "n-${value.team}"),
            rule("policy", "p-${value.team}"),
            rule("policy", "nowhere"),
            rule("role", "r-${value.team}"),
            rule("role", "nowhere"),
            rule("templated-policy", "builtin/service", BindVars=variables),
        ],
        ADA,
    )
    assert [one.ServiceName for one in found.services] == ["app-blue"]
    assert [(one.NodeName, one.Datacenter) for one in found.nodes] == [("n-blue", "dc1")]
    assert (found.policies, found.roles) == ([ACLLink(ID="p-id", Name="p-blue")], [ACLLink(ID="r-id")])
    assert [one.TemplateVariables.name for one in found.templated if one.TemplateVariables] == ["s-blue"]


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ("", True),
        ('value.team == "Blue"', True),
        ('value.team == "blue"', False),
        ('"ops" in list.groups', True),
        ('"none" in list.groups', False),
        ("value.team ==", False),
        ('nothing.at.all == "x"', False),
    ],
)
def test_a_selector_chooses(selector: str, fits: bool) -> None:
    """None chooses everybody, one that does not work out nobody."""
    assert bool(BINDER.bind([rule("service", "x", selector)], ADA)) is fits


def test_a_name_that_cannot_be_is_an_error() -> None:
    """Not a token with less than was meant."""
    with pytest.raises(BindingError, match='invalid bind name: "NO!"'):
        BINDER.bind([rule("service", "NO!")], ADA)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (rule("service", "web"), ""),
        (rule("policy", "a/b"), ""),
        (rule("role", "-x"), ""),
        (rule("bogus", "x"), 'invalid Binding Rule: unknown BindType "bogus"'),
        (rule("service", "-x"), 'failed to validate bindType "service": invalid bind name: "-x"'),
        (
            rule("node", "${value.nope}"),
            'failed to validate bindType "node": error interpreting template: 1:3: unknown variable accessed: '
            "value.nope",
        ),
        (
            rule("templated-policy", "nope"),
            'failed to validate bindType "templated-policy": Bind name for templated-policy bind type does not match '
            "existing template name: nope",
        ),
    ],
)
def test_a_rule_that_never_works_is_found_out_when_written(made: ACLBindingRule, text: str) -> None:
    """It is tried with made-up values of the auth method's variables."""
    assert rule_fault(made, ["value.team"]) == text


def test_a_selector_must_parse_and_fit() -> None:
    """Maps take any key, other names must be there."""
    assert selector_fault("value.any == x", ADA) == ""
    assert selector_fault("nope == x", ADA) != ""
    assert selector_fault("value.team ==", ADA) != ""
