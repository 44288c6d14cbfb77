"""Templates: which texts are filled in, from what, and what is wrong with bad ones."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.server.state.prepared_query_template import TemplateError, compile_template
from pyconsul.structs.catalog import QuerySource
from pyconsul.structs.prepared_query import (
    PreparedQuery,
    QueryFailoverOptions,
    QueryFailoverTarget,
    QueryTemplateOptions,
    ServiceQuery,
)


def render(name: str, *, prefix: str = "geo-", regexp: str = "", drop: bool = False, **service: Any) -> ServiceQuery:
    """Compile a template and render it for a name."""
    options = QueryTemplateOptions(Type="name_prefix_match", Regexp=regexp, RemoveEmptyTags=drop)
    query = PreparedQuery(Name=prefix, Template=options, Service=ServiceQuery(**service))
    return compile_template(query).render(name, QuerySource(Segment="alpha")).Service


def test_every_text_of_the_service_query_is_filled_in() -> None:
    """Lists, maps (their values) and the failover, too; keys and plain texts stay."""
    service = render(
        "geo-web",
        Service="${name.suffix}",
        Near="${agent.segment}",
        Tags=["${name.full}", "plain", "$${name.full}"],
        IgnoreCheckIDs=["${name.prefix}x"],
        NodeMeta={"${k}": "${name.suffix}"},
        ServiceMeta={"a": "b"},
        Failover=QueryFailoverOptions(
            Datacenters=["${name.suffix}"], Targets=[QueryFailoverTarget(Peer="${name.suffix}-peer")]
        ),
        Peer="${name.suffix}",
    )
    assert service.Service == service.Peer == "web"
    assert service.Near == "alpha"
    assert service.Tags == ["geo-web", "plain", "${name.full}"]
    assert service.IgnoreCheckIDs == ["geo-x"]
    assert service.NodeMeta == {"${k}": "web"}
    assert service.Failover.Datacenters == ["web"]
    assert service.Failover.Targets == [QueryFailoverTarget(Peer="web-peer")]


def test_a_regular_expression_cuts_the_name() -> None:
    """``match(0)`` is all of it; groups that are not there are empty, and empty tags may be dropped."""
    tags = ["${match(1)}", "${match(2)}", "${match(7)}"]
    pattern = "^geo-(.*?)-([^-]+?)$"
    service = render("geo-web-v2", regexp=pattern, Service="${match(0)}", Tags=tags)
    assert (service.Service, service.Tags) == ("geo-web-v2", ["web", "v2", ""])
    assert render("geo-web-v2", regexp=pattern, Service="x", Tags=tags, drop=True).Tags == ["web", "v2"]
    assert render("other", regexp=pattern, Service="${match(1)}").Service == ""
    assert render("geo-x", Service="x", drop=True).Tags == []


def test_groups_that_took_no_part_are_empty() -> None:
    """An optional group may match nothing."""
    assert render("geo-", regexp="geo-(x)?", Service="[${match(1)}]").Service == "[]"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            PreparedQuery(Template=QueryTemplateOptions(Type="wrong"), Service=ServiceQuery(Service="x")),
            "Bad Template.Type 'wrong'",
        ),
        (
            PreparedQuery(
                Template=QueryTemplateOptions(Type="name_prefix_match", Regexp="("), Service=ServiceQuery(Service="x")
            ),
            "Bad Regexp: error parsing regexp: missing closing ): `(`",
        ),
        (
            PreparedQuery(
                Template=QueryTemplateOptions(Type="name_prefix_match"), Service=ServiceQuery(Service="${name.nosuch}")
            ),
            "Bad evaluation for '${name.nosuch}' in Service.Service: 1:3: unknown variable accessed: name.nosuch",
        ),
        (
            PreparedQuery(
                Template=QueryTemplateOptions(Type="name_prefix_match"),
                Service=ServiceQuery(Service="x", Tags=["ok", "${nope"]),
            ),
            "Bad format '${nope' in Service.Tags[1]: parse error at 1:7: expected \"}\" but found end of string",
        ),
        (
            PreparedQuery(
                Template=QueryTemplateOptions(Type="name_prefix_match"),
                Service=ServiceQuery(Service="x", NodeMeta={"k": "${match(x)}"}),
            ),
            "Bad evaluation for '${match(x)}' in Service.NodeMeta[k]: 1:9: unknown variable accessed: x",
        ),
    ],
)
def test_bad_templates_are_told_with_their_place(query: PreparedQuery, text: str) -> None:
    """Type, expression for the name, syntax and names are checked before anything is stored."""
    with pytest.raises(TemplateError) as refused:
        compile_template(query)
    assert str(refused.value) == text
