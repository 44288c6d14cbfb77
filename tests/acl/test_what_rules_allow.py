"""Rules and what they allow: one row a behaviour, in the words of a policy."""

from __future__ import annotations

import pytest

from pyconsul.acl import Access, Authorizer, Base, allow_all, deny_all, manage_all, parse_rules
from pyconsul.acl.questions import answer
from pyconsul.structs.acl import ANONYMOUS_ACCESSOR
from pyconsul.structs.errors import PermissionDenied

SEGMENTED = ("agent", "event", "key", "node", "query", "service", "session")
PLAIN = ("acl", "keyring", "mesh", "operator", "peering")


def holder(*policies: str, base: Base = Base.DENY) -> Authorizer:
    """Whoever was given these policies."""
    return Authorizer.of_policies([parse_rules(text) for text in policies], base, accessor_id="me")


def granted(authorizer: Authorizer, resource: str, segment: str = "") -> str:
    """The accesses that are granted: r, l, w."""
    found = ""
    for letter, access in (("r", Access.READ), ("l", Access.LIST), ("w", Access.WRITE)):
        if authorizer.allows(resource, access, segment):
            found += letter
    return found


# Levels


@pytest.mark.parametrize("resource", SEGMENTED)
@pytest.mark.parametrize(("level", "letters"), [("deny", ""), ("read", "r"), ("write", "rlw"), ("WRITE", "rlw")])
def test_a_level_grants_what_is_below_it(resource: str, level: str, letters: str) -> None:
    """For an exact rule and for a prefix; elsewhere the default policy decides."""
    exact = holder(f'{resource} "a" {{ policy = "{level}" }}')
    assert granted(exact, resource, "a") == letters
    assert not granted(exact, resource, "ab") and not granted(exact, resource, "")
    prefix = holder(f'{resource}_prefix "a" {{ policy = "{level}" }}')
    assert granted(prefix, resource, "a") == granted(prefix, resource, "ab") == letters
    assert not granted(prefix, resource, "b")


def test_list_is_a_level_of_keys() -> None:
    """It reads, too."""
    assert granted(holder('key "a" { policy = "list" }'), "key", "a") == "rl"


@pytest.mark.parametrize("resource", PLAIN)
@pytest.mark.parametrize(("level", "letters"), [("deny", ""), ("read", "r"), ("write", "rlw")])
def test_a_resource_without_segments_has_one_level(resource: str, level: str, letters: str) -> None:
    """It says nothing of the others."""
    authorizer = holder(f'{resource} = "{level}"')
    assert granted(authorizer, resource) == letters
    assert not granted(authorizer, "acl" if resource != "acl" else "keyring")


@pytest.mark.parametrize("resource", ["mesh", "peering"])
def test_mesh_and_peering_fall_back_to_operator(resource: str) -> None:
    """Only where they have no rule of their own."""
    assert granted(holder('operator = "write"'), resource) == "rlw"
    assert granted(holder(f'operator = "write"\n{resource} = "read"'), resource) == "r"
    assert granted(holder(f'operator = "deny"\n{resource} = "write"'), resource) == "rlw"


# Which rule counts


@pytest.mark.parametrize(
    ("key", "letters"),
    [("app", "r"), ("app/", "rlw"), ("app/x", "rlw"), ("app/secret", ""), ("app/secrets", "rlw"), ("ap", "r")],
)
def test_an_exact_rule_beats_prefixes_and_a_longer_prefix_a_shorter_one(key: str, letters: str) -> None:
    """Whatever stands first in the text."""
    authorizer = holder(
        'key "app/secret" { policy = "deny" }\n'
        'key_prefix "" { policy = "read" }\n'
        'key_prefix "app/" { policy = "write" }'
    )
    assert granted(authorizer, "key", key) == letters


@pytest.mark.parametrize(
    ("levels", "letters"),
    [
        (("read", "write"), "rlw"),
        (("write", "read"), "rlw"),
        (("write", "deny", "write"), ""),
        (("read", "list"), "rl"),
        (("list", "write"), "rlw"),
    ],
)
def test_of_two_rules_for_a_segment_deny_counts_then_the_higher_level(levels: tuple[str, ...], letters: str) -> None:
    """Across policies and within one."""
    texts = [f'key "a" {{ policy = "{level}" }}' for level in levels]
    assert granted(holder(*texts), "key", "a") == letters
    assert granted(holder("\n".join(texts)), "key", "a") == letters


def test_plain_levels_of_several_policies_merge_alike() -> None:
    """An empty one says nothing."""
    assert granted(holder('operator = "read"', 'operator = "write"', 'operator = ""'), "operator") == "rlw"
    assert granted(holder('operator = "deny"', 'operator = "write"'), "operator") == ""


# The default policy


@pytest.mark.parametrize("resource", [*SEGMENTED, "keyring", "mesh", "operator", "peering"])
def test_what_no_rule_speaks_of_is_for_the_default_policy(resource: str) -> None:
    """With allow everything but ACLs is allowed."""
    assert granted(holder(base=Base.ALLOW), resource, "a") == "rlw"
    assert granted(holder(base=Base.DENY), resource, "a") == ""
    assert granted(holder('acl = "read"', base=Base.ALLOW), "acl") == "r"
    assert granted(holder(base=Base.ALLOW), "acl") == ""


def test_the_three_authorizers_without_rules() -> None:
    """Only the one for switched-off ACLs restricts nobody."""
    assert granted(manage_all(), "acl") == "rlw" and manage_all().unrestricted
    assert granted(allow_all(), "acl") == "" and granted(allow_all(), "key", "a") == "rlw"
    assert granted(deny_all(), "key", "a") == "" and not allow_all().unrestricted


# Intentions


@pytest.mark.parametrize(
    ("rule", "letters"),
    [
        ('policy = "read"', "r"),
        ('policy = "write"', "r"),
        ('policy = "deny"', ""),
        ('policy = "deny"\nintentions = "write"', "rlw"),
        ('policy = "write"\nintentions = "deny"', ""),
        ('policy = "read"\nintentions = "write"', "rlw"),
    ],
)
def test_intentions_follow_the_service_unless_they_are_mentioned(rule: str, letters: str) -> None:
    """Who reads or writes a service reads its intentions; writing them must be granted."""
    assert granted(holder(f'service "web" {{ {rule}\n}}'), "intention", "web") == letters
    assert granted(holder(f'service_prefix "w" {{ {rule}\n}}'), "intention", "web") == letters


def test_intentions_of_every_service_are_read_with_any_and_written_with_all() -> None:
    """The wildcard is no segment like the others."""
    some = holder('service "web" { policy = "read" }')
    assert some.allows("intention", Access.READ, "*") and not some.allows("intention", Access.WRITE, "*")
    everywhere = 'service_prefix "" {\n policy = "read"\n intentions = "write"\n}'
    assert holder(everywhere).allows("intention", Access.WRITE, "*")
    but_one = holder(everywhere, 'service "db" { policy = "write" }')
    assert not but_one.allows("intention", Access.WRITE, "*")
    hidden = holder('service_prefix "" { policy = "deny" }', base=Base.ALLOW)
    assert not hidden.allows("intention", Access.READ, "*")


def test_a_connection_without_an_intention_is_for_the_default_policy() -> None:
    """No rule speaks of it."""
    assert holder(base=Base.ALLOW).intention_default_allow()
    assert not holder('service_prefix "" { policy = "write" }').intention_default_allow()


# More than one segment


@pytest.mark.parametrize(
    ("rules", "prefix", "allowed"),
    [
        ('key_prefix "a" { policy = "write" }', "a/b", True),
        ('key_prefix "a" { policy = "write" }', "", False),
        ('key_prefix "a" { policy = "write" }\nkey "a/b/c" { policy = "read" }', "a/", False),
        ('key_prefix "a" { policy = "write" }\nkey "a/b/c" { policy = "read" }', "a/x", True),
        ('key_prefix "a" { policy = "write" }\nkey_prefix "a/b" { policy = "deny" }', "a/", False),
        ('key_prefix "a" { policy = "read" }\nkey_prefix "a/b" { policy = "write" }', "a/b", True),
        ('key "a/" { policy = "write" }', "a/", False),
    ],
)
def test_a_tree_of_keys_is_written_where_no_rule_below_refuses_it(rules: str, prefix: str, allowed: bool) -> None:
    """An exact rule for the prefix itself is not enough."""
    assert holder(rules).writes_keys_below(prefix) is allowed


def test_with_the_default_policy_allow_a_tree_is_written_unless_a_rule_refuses_it() -> None:
    """Rules that grant it are not needed then."""
    assert holder(base=Base.ALLOW).writes_keys_below("a")
    assert not holder('key "a/b" { policy = "read" }', base=Base.ALLOW).writes_keys_below("a")


def test_what_a_peer_exports_is_seen_where_no_rule_hides_any_of_our_own() -> None:
    """A catch-all prefix is needed, or the default policy allow."""
    everything = 'node_prefix "" { policy = "read" }\nservice_prefix "" { policy = "read" }'
    assert holder(everything).reads_node("n", "peer") and holder(everything).reads_service("web", "peer")
    assert not holder(everything, 'node "n" { policy = "deny" }').reads_node("m", "peer")
    assert not holder('service "web" { policy = "read" }').reads_service("web", "peer")
    assert holder('service "web" { policy = "read" }', base=Base.ALLOW).reads_service("web", "peer")


def test_any_service_that_may_be_written_is_enough() -> None:
    """Imported nodes and services are seen by those who write any service."""
    writer = holder('service_prefix "" { policy = "deny" }\nservice "web" { policy = "write" }')
    assert writer.writes_any_service() and not writer.reads_service("db")
    assert writer.reads_service("db", peer="west") and writer.reads_node("n", peer="west")
    assert not holder('service "web" { policy = "read" }').reads_node("n", peer="west")


@pytest.mark.parametrize("kind", ["node", "service"])
def test_a_default_that_allows_shows_nothing_imported_to_those_from_whom_a_rule_hides_one(kind: str) -> None:
    """Only a rule makes somebody a writer of services; the default policy does not."""
    seen = {
        "node": holder('node "n" { policy = "deny" }', base=Base.ALLOW).reads_node("m", peer="west"),
        "service": holder('service "db" { policy = "deny" }', base=Base.ALLOW).reads_service("web", peer="west"),
    }
    assert not seen[kind]
    assert holder(base=Base.ALLOW).reads_node("m", peer="west")
    assert holder(base=Base.ALLOW).reads_service("web", peer="west")


# Questions by name


def test_every_resource_is_asked_about_by_name() -> None:
    """The answer is that of the authorizer; letter case of the access does not matter."""
    authorizer = holder('key_prefix "a" { policy = "write" }\noperator = "read"\nservice "web" { policy = "write" }')
    assert answer(authorizer, "key", "a/b", "WRITE") and answer(authorizer, "key", "a", "write-prefix")
    assert not answer(authorizer, "key", "", "write-prefix")
    assert answer(authorizer, "mesh", "whatever", "read") and not answer(authorizer, "operator", "", "write")
    assert answer(authorizer, "intention", "web", "read") and not answer(authorizer, "intention", "web", "write")


@pytest.mark.parametrize(
    ("resource", "access", "fault"),
    [
        ("nope", "read", 'Invalid ACL resource requested: "nope"'),
        ("", "read", 'Invalid ACL resource requested: ""'),
        ("node", "list", "Invalid access level for node resource: list"),
        ("key", "Delete", "Invalid access level for key resource: Delete"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(resource: str, access: str, fault: str) -> None:
    """In Consul's words."""
    with pytest.raises(ValueError) as error:
        answer(manage_all(), resource, "", access)
    assert str(error.value) == fault


# Refusals


def test_a_refusal_names_the_token_the_access_and_the_segment() -> None:
    """Never the secret."""
    with pytest.raises(PermissionDenied) as error:
        holder().require("key", Access.WRITE, "a")
    assert error.value.text == "Permission denied: token with AccessorID 'me' lacks permission 'key:write' on \"a\""
    with pytest.raises(PermissionDenied) as error:
        deny_all(ANONYMOUS_ACCESSOR).require("acl", Access.READ)
    assert error.value.text == (
        "Permission denied: anonymous token lacks permission 'acl:read'. "
        "The anonymous token is used implicitly when a request does not specify a token."
    )
