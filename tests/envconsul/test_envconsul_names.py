"""How keys, services and secrets become names of variables."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.toolkit.errors import RunError
from pyconsul_envconsul.config import Config, KeyConfig, PrefixConfig, ServiceConfig
from pyconsul_envconsul.names import Naming, PrefixNames, SecretNames, ServiceNames, path_of
from pyconsul_envconsul.queries import PrefixQuery, SecretQuery, ServiceQuery
from pyconsul_envconsul.runner import collect, environment_of, sources_of

PLAIN = Naming()


def of_prefix(pairs: dict[str, str], naming: Naming = PLAIN, path: str = "app/x", **settings: Any) -> dict[str, object]:
    """The variables of a prefix."""
    return dict(PrefixNames(PrefixConfig(path, **settings), path, naming).variables(pairs))


def of_secret(
    secret: dict[str, str], naming: Naming = PLAIN, path: str = "kv/app", **settings: Any
) -> dict[str, object]:
    """The variables of a secret."""
    return dict(SecretNames(PrefixConfig(path, **settings), path, naming).variables(secret))


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "db/ho-st"),
        ({"no_prefix": True}, "db/ho-st"),
        ({"no_prefix": False}, "app_x_db/ho-st"),
        ({"format": "my.{{ key }}"}, "my.db/ho-st"),
        ({"format": "{{ key }}!", "no_prefix": False}, "app_x_db/ho-st!"),
        ({"format": '{{ key | replaceKey "db/ho-st" "HOST" }}'}, "HOST"),
        ({"format": '{{ key | replaceKey "other" "HOST" }}'}, "db/ho-st"),
        ({"format": '{{ key | replaceKey "other" }}'}, "other"),
    ],
)
def test_the_name_of_a_key(settings: dict[str, Any], name: str) -> None:
    """The part behind the prefix, the path before it when asked for, then the format."""
    assert of_prefix({"db/ho-st": "1"}, **settings) == {name: "1"}


def test_format_then_sanitize_then_upcase() -> None:
    """The order matters: a format may bring characters that sanitizing takes out."""
    found = of_prefix({"ho-st": "1"}, Naming(sanitize=True, upcase=True), format="my.{{ key }}")
    assert found == {"MY_HO_ST": "1"}


def test_the_prefix_itself_is_no_variable() -> None:
    """The folder key has nothing behind the prefix."""
    assert of_prefix({"": "", "sub/": "x"}) == {"sub/": "x"}


def test_secrets_have_their_path_unless_told_otherwise() -> None:
    """Other than with keys, the path stands before the name by default."""
    assert of_secret({"user": "u"}) == {"kv_app_user": "u"}
    assert of_secret({"user": "u"}, no_prefix=True) == {"user": "u"}


def test_key_stanzas_pick_and_rename() -> None:
    """What no stanza names is left out; a key may get several names."""
    keys = (KeyConfig("user", "U"), KeyConfig("user", "{{ key }}2"), KeyConfig("host"))
    found = of_secret({"user": "u", "host": "h", "other": "o"}, no_prefix=True, keys=keys)
    assert found == {"U": "u", "user2": "u", "host": "h"}


def test_a_general_format_makes_key_stanzas_void() -> None:
    """With a format of the stanza its keys are not looked at."""
    found = of_secret({"a": "1", "b": "2"}, no_prefix=True, format="x_{{ key }}", keys=(KeyConfig("a", "A"),))
    assert found == {"x_a": "1", "x_b": "2"}


def test_the_attributes_of_a_service() -> None:
    """Each has a name of its own, which a format may replace."""
    names = ServiceNames(ServiceConfig("pg", {"port": "{{ service }}.{{ key }}", "id": "fixed"}), Naming(upcase=True))
    instance = {"id": "pg-1", "name": "pg", "address": "", "tag": "a,b", "port": "5432"}
    assert dict(names.variables(instance)) == {
        "FIXED": "pg-1",
        "PG/NAME": "pg",
        "PG/ADDRESS": "",
        "PG/TAG": "a,b",
        "PG.PORT": "5432",
    }


@pytest.mark.parametrize("form", ["{{ ke", "{{ nope }}", "{{ key", '{{ env "X" }}'])
def test_a_format_that_cannot_be_read_is_an_error(form: str) -> None:
    """It does not silently give nameless variables."""
    with pytest.raises(RunError, match="template: filter"):
        of_prefix({"a": "1"}, format=form)


def test_paths_may_use_variables() -> None:
    """A variable that is not set is an error that names it."""
    assert path_of('{{ env "REGION" }}/app', {"REGION": "eu"}) == "eu/app"
    with pytest.raises(RunError, match='unable to read environment variable "REGION" in template'):
        path_of('{{ env "REGION" }}/app', {})


@pytest.mark.parametrize(
    ("make", "text", "message"),
    [
        (PrefixQuery, "@x", 'kv.list: invalid format: "@x"'),
        (ServiceQuery, "!", 'catalog.service: invalid format: "!"'),
        (SecretQuery, "/", 'vault.read: invalid format: ""'),
        (PrefixQuery, "a?x=1", 'kv.list: invalid query parameter key "x"'),
    ],
)
def test_queries_that_cannot_be_read(make: Any, text: str, message: str) -> None:
    """The message says which kind of query it was."""
    with pytest.raises(RunError, match=re.escape(message)):
        make(text)


def test_a_service_query_has_tag_datacenter_and_near() -> None:
    """All parts of the text become parameters."""
    query = ServiceQuery("blue.web@dc2~_agent")
    assert (query.service, query.params) == ("web", {"tag": "blue", "dc": "dc2", "near": "_agent"})


def test_later_sources_win_and_secrets_over_all() -> None:
    """The order is prefixes, services, secrets, whatever the order of the stanzas."""
    config = Config(prefixes=(PrefixConfig("a"), PrefixConfig("b")), secrets=(PrefixConfig("kv/s", no_prefix=True),))
    sources = sources_of(config, {})
    data = {"kv.list(a)": {"x": "a", "y": "a"}, "kv.list(b)": {"y": "b", "z": "b"}, "vault.read(kv/s)": {"z": "s"}}
    found = collect(sources, data)
    assert found is not None and found.variables == {"x": "a", "y": "b", "z": "s"}
    assert collect(sources, {"kv.list(a)": {}}) is None


def test_of_stanzas_that_ask_for_the_same_the_last_one_counts() -> None:
    """With its formats, and at its place."""
    config = Config(prefixes=(PrefixConfig("/a", format="X_{{ key }}"), PrefixConfig("b"), PrefixConfig("a")))
    found = collect(sources_of(config, {}), {"kv.list(a)": {"x": "a"}, "kv.list(b)": {"x": "b"}})
    assert found is not None and found.variables == {"x": "a"}


def test_reload_false_keeps_a_source_from_telling() -> None:
    """Its variables are there, but do not count for the question whether something changed."""
    config = Config(prefixes=(PrefixConfig("a", reload=False), PrefixConfig("b")))
    found = collect(sources_of(config, {}), {"kv.list(a)": {"x": "1"}, "kv.list(b)": {"y": "2"}})
    assert found is not None and (found.variables, found.telling) == ({"x": "1", "y": "2"}, {"y": "2"})


@pytest.mark.parametrize(
    ("naming", "key", "attribute"),
    [(Naming(upcase=True), "STRAßE/IX", "STRAßE/IX"), (Naming(sanitize=True, upcase=True), "STRA_E__X", "STRA_E_IX")],
)
def test_letters_are_raised_one_by_one(naming: Naming, key: str, attribute: str) -> None:
    """As in Go: a letter that would become two stays; one that becomes plain is so for services alone."""
    assert (naming.of_key("straße/ıx"), naming.of_service("straße/ıx")) == (key, attribute)


@given(st.text(min_size=1))
def test_sanitized_names_have_plain_characters_only(key: str) -> None:
    """Whatever the key."""
    for name in of_prefix({key: "v"}, Naming(sanitize=True, upcase=True)):
        assert re.fullmatch(r"[A-Z0-9_]+", name)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5)))
def test_every_environment_can_be_given_to_a_process(pairs: dict[str, str]) -> None:
    """Names with ``=``, empty ones and NUL never reach the system."""
    config = Config(prefixes=(PrefixConfig("a"),))
    found = collect(sources_of(config, {}), {"kv.list(a)": pairs})
    assert found is not None
    for name, value in environment_of(config, {}, found.variables).items():
        assert name and "=" not in name and "\0" not in name + value
