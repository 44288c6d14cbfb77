"""The text of a policy's rules: what is read, and what is refused in which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.acl import RulesError, parse_rules
from pyconsul.acl.rules import KINDS, PLAIN, Rule

LABELLED = [kind.resource + suffix for kind in KINDS for suffix in ("", "_prefix")]


@pytest.mark.parametrize("name", LABELLED)
def test_every_labelled_rule_is_read(name: str) -> None:
    """Blocks, assigned objects and JSON say the same."""
    wanted = {name: (Rule("a", "read"),)}
    for text in (
        f'{name} "a" {{ policy = "read" }}',
        f'{name} = {{ "a" = {{ policy = "read" }} }}',
        f'{{"{name}": {{"a": {{"policy": "read"}}}}}}',
        f'{{"{name}": [{{"a": {{"policy": "read"}}}}]}}',
        f'{name.upper()} "a" {{ Policy = "read" }}',
    ):
        assert parse_rules(text).labelled == wanted, text


@pytest.mark.parametrize("name", PLAIN)
def test_every_rule_without_a_label_is_read(name: str) -> None:
    """It is a single level."""
    assert parse_rules(f'{name} = "write"').plain == {name: "write"}
    assert parse_rules(f'{{"{name}": "write"}}').plain == {name: "write"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "{}",
        'namespace "x" { policy = "read" }',
        'partition_prefix "" { mesh = "write" }',
        'nonsense = [1, 2, { a = "b" }]',
        'identity "web" { policy = "anything" }',
    ],
)
def test_names_that_mean_nothing_are_passed_over(text: str) -> None:
    """Those of the enterprise edition, former ones, and any other."""
    rules = parse_rules(text)
    assert not rules.labelled and not rules.plain


def test_a_service_rule_has_a_level_for_intentions_too() -> None:
    """It stands beside that of the service; other rules have none."""
    text = (
        'service "web" {\n policy = "read"\n intentions = "write"\n}\nkey "a" {\n policy = "read"\n intentions = 7\n}'
    )
    assert parse_rules(text).labelled == {"service": (Rule("web", "read", "write"),), "key": (Rule("a", "read"),)}


def test_a_label_may_be_given_twice() -> None:
    """Both rules are kept; the stricter one will count."""
    text = 'key "a" { policy = "read" }\nkey "a" { policy = "deny" }'
    assert parse_rules(text).labelled["key"] == (Rule("a", "read"), Rule("a", "deny"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        # A level that does not exist, or not for this rule
        ('acl = "list"', 'Invalid acl policy: "list"'),
        ('keyring = "x"', 'Invalid keyring policy: "x"'),
        ('operator = "x"', 'Invalid operator policy: "x"'),
        ('mesh = "x"', 'Invalid mesh policy: "x"'),
        ('peering = "x"', 'Invalid peering policy: "x"'),
        ('agent "n" { policy = "list" }', 'Invalid agent policy: &acl.AgentRule{Node:"n", Policy:"list"}'),
        ('event "e" { policy = "x" }', 'Invalid event policy: &acl.EventRule{Event:"e", Policy:"x"}'),
        ('query_prefix "q" {}', 'Invalid query_prefix policy: &acl.PreparedQueryRule{Prefix:"q", Policy:""}'),
        ('session "n" { policy = "x" }', 'Invalid session policy: &acl.SessionRule{Node:"n", Policy:"x"}'),
        (
            'key_prefix "k" { policy = "x" }',
            'Invalid key_prefix policy: &acl.KeyRule{Prefix:"k", Policy:"x", EnterpriseRule:acl.EnterpriseRule{}}',
        ),
        (
            'node "n" { policy = "list" }',
            'Invalid node policy: &acl.NodeRule{Name:"n", Policy:"list", EnterpriseRule:acl.EnterpriseRule{}}',
        ),
        (
            'service "s" {\n policy = "read"\n intentions = "list"\n}',
            "Invalid service intentions policy: "
            '&acl.ServiceRule{Name:"s", Policy:"read", Intentions:"list", EnterpriseRule:acl.EnterpriseRule{}}',
        ),
        # The first fault in Consul's order, not in that of the text
        ('mesh = "x"\nkey "k" { policy = "x" }\nacl = "y"', 'Invalid acl policy: "y"'),
        # A shape that is none
        ('node = "x"', "Failed to parse ACL rules: At 1:8: unknown slice type: *ast.LiteralType"),
        (
            'key = ["x"]',
            "Failed to parse ACL rules: At 1:8: root.key[0]: not an object type for struct (*ast.LiteralType)",
        ),
        (
            'key = [{ policy = "read" }]',
            "Failed to parse ACL rules: At 1:10: root.key[0]: Prefix asked for 'key', impossible",
        ),
        ('key "a" = "x"', "Failed to parse ACL rules: At 1:9: nested object expected: LBRACE got: ASSIGN"),
        (
            '{"key": {"a": ["x"]}}',
            "Failed to parse ACL rules: At -: root.key[0]: not an object type for struct (*ast.ListType)",
        ),
        (
            'key "a" { policy = true }',
            "Failed to parse ACL rules: At 1:20: root.key[0].Policy: unknown type for string *ast.LiteralType",
        ),
        ("acl = {}", "Failed to parse ACL rules: At -: root.acl: unknown type for string *ast.ObjectList"),
        ('{"key": "x"}', "Failed to parse ACL rules: At -: unknown slice type: *ast.LiteralType"),
        ("identity = 1", "Failed to parse ACL rules: At 1:12: unknown slice type: *ast.LiteralType"),
        # An argument that is set twice
        (
            'acl = "read"\nacl = "write"',
            'Failed to parse ACL rules: The argument "acl" at 2:1 was already set. '
            "Each argument can only be defined once",
        ),
        # No HCL at all
        ("acl", "Failed to parse ACL rules: At 1:5: key 'acl' expected start of object ('{') or assignment ('=')"),
    ],
)
def test_a_fault_is_told_in_the_words_of_consul(text: str, fault: str) -> None:
    """Down to the way in which Go prints a rule."""
    with pytest.raises(RulesError) as error:
        parse_rules(text)
    assert str(error.value) == fault


def test_what_was_stored_in_former_times_may_set_an_argument_twice() -> None:
    """The later one counts, as Consul has it."""
    text = 'acl = "read"\nacl = "write"'
    assert parse_rules(text, refuse_duplicates=False).plain == {"acl": "write"}


_PIECES = st.sampled_from(
    ['key "a" { policy = "read" }', "acl", "=", '"read"', "{", "}", "[", "]", ",", ":", "\n", "#", "<<E\n", "E\n", '"']
)


@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=12).map(" ".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but RulesError comes out."""
    try:
        parse_rules(text)
    except RulesError as error:
        assert str(error)
