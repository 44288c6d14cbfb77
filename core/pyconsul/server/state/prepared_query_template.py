"""Query templates: the texts of a service query with ``${…}`` in them, filled in from the name that was asked for."""

from collections.abc import Callable
from typing import Final

import msgspec

from pyconsul.lang.goregexp import GoRegexError, Regexp, compile_regexp
from pyconsul.lang.hil import Function, HilError, Kind, Node, Scope, evaluate, parse
from pyconsul.structs.catalog import QuerySource
from pyconsul.structs.prepared_query import (
    NAME_PREFIX_MATCH,
    PreparedQuery,
    QueryFailoverOptions,
    QueryFailoverTarget,
    ServiceQuery,
)
from pyconsul.structs.wire import changed

Visit = Callable[[str, str], str]


class TemplateError(ValueError):
    """A template that cannot be compiled or rendered."""


class Template(msgspec.Struct, frozen=True):
    """A compiled template: the parsed texts by their path in the service query, and the expression for the name."""

    query: PreparedQuery
    trees: dict[str, Node]
    pattern: Regexp | None

    def render(self, name: str, source: QuerySource) -> PreparedQuery:
        """The query for a name. Raises TemplateError where an expression does not work out."""
        scope = self._scope(name, source)

        def fill(path: str, text: str) -> str:
            tree = self.trees.get(path)
            if tree is None:
                return text
            try:
                return evaluate(tree, scope)
            except HilError as error:
                raise TemplateError(f"Bad evaluation for '{text}' in Service{path}: {error}") from error

        service = walk(self.query.Service, fill)
        if self.query.Template.RemoveEmptyTags:
            service = changed(service, Tags=[tag for tag in service.Tags or [] if tag])
        return changed(self.query, Service=service)

    def _scope(self, name: str, source: QuerySource) -> Scope:
        found = self.pattern.search(name) if self.pattern is not None else None
        matches: list[str] = [found.group(0), *(text or "" for text in found.groups())] if found else []

        def match(number: int) -> str:
            return matches[number] if 0 <= number < len(matches) else ""

        prefix = self.query.Name
        variables = {
            "name.full": name,
            "name.prefix": prefix,
            "name.suffix": name.removeprefix(prefix),
            "agent.segment": source.Segment,
        }
        return Scope(variables, {"match": Function((Kind.INT,), Kind.STRING, match)})


_ahead: dict[bytes, Template] = {}  # what was compiled for queries that are about to be stored, one or two
_MOST_AHEAD: Final = 4


def compile_ahead(query: PreparedQuery) -> None:
    """Compile a template that is about to be stored, in whatever thread. Raises TemplateError."""
    template = _compiled(query)
    while len(_ahead) >= _MOST_AHEAD:
        _ahead.pop(next(iter(_ahead)), None)
    _ahead[_content(query)] = template


def compile_template(query: PreparedQuery) -> Template:
    """The template of a query, tried once with its own name. Raises TemplateError."""
    found = _ahead.pop(_content(query), None) if _ahead else None
    return _compiled(query) if found is None else msgspec.structs.replace(found, query=query)


def _content(query: PreparedQuery) -> bytes:
    """What a template is made of."""
    return msgspec.msgpack.encode((query.Name, query.Template, query.Service))


def _compiled(query: PreparedQuery) -> Template:
    if query.Template.Type != NAME_PREFIX_MATCH:
        raise TemplateError(f"Bad Template.Type '{query.Template.Type}'")
    trees: dict[str, Node] = {}

    def keep(path: str, text: str) -> str:
        try:
            trees[path] = parse(text)
        except HilError as error:
            raise TemplateError(f"Bad format '{text}' in Service{path}: {error}") from error
        return text

    walk(query.Service, keep)
    try:
        pattern = compile_regexp(query.Template.Regexp) if query.Template.Regexp else None
    except GoRegexError as error:
        raise TemplateError(f"Bad Regexp: {error}") from error
    template = Template(query, trees, pattern)
    template.render(query.Name, QuerySource())
    return template


def walk(service: ServiceQuery, visit: Visit) -> ServiceQuery:
    """``service`` with every text in it replaced by what ``visit`` says for its path and value."""
    return changed(
        service,
        Service=visit(".Service", service.Service),
        SamenessGroup=visit(".SamenessGroup", service.SamenessGroup),
        Failover=_walk_failover(service.Failover, visit),
        IgnoreCheckIDs=_walk_list(".IgnoreCheckIDs", service.IgnoreCheckIDs, visit),
        Near=visit(".Near", service.Near),
        Tags=_walk_list(".Tags", service.Tags, visit),
        NodeMeta=_walk_map(".NodeMeta", service.NodeMeta, visit),
        ServiceMeta=_walk_map(".ServiceMeta", service.ServiceMeta, visit),
        Peer=visit(".Peer", service.Peer),
    )


def _walk_failover(failover: QueryFailoverOptions, visit: Visit) -> QueryFailoverOptions:
    datacenters = _walk_list(".Failover.Datacenters", failover.Datacenters, visit)
    targets = failover.Targets
    if targets is not None:
        targets = [
            QueryFailoverTarget(
                Peer=visit(f".Failover.Targets[{at}].Peer", target.Peer),
                Datacenter=visit(f".Failover.Targets[{at}].Datacenter", target.Datacenter),
            )
            for at, target in enumerate(targets)
        ]
    return changed(failover, Datacenters=datacenters, Targets=targets)


def _walk_list(path: str, texts: list[str] | None, visit: Visit) -> list[str] | None:
    return None if texts is None else [visit(f"{path}[{at}]", text) for at, text in enumerate(texts)]


def _walk_map(path: str, texts: dict[str, str] | None, visit: Visit) -> dict[str, str] | None:
    return None if texts is None else {key: visit(f"{path}[{key}]", text) for key, text in texts.items()}
