"""The route table. Families fill it with ``@route``; the front looks a function up by path and method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pyconsul.agent.http.reply import Reply
    from pyconsul.agent.http.request import Request

Handler = Callable[["Request"], Awaitable["Reply"]]
ANY_METHOD: Final = "*"  # of a handler that sorts the methods out by itself


class Route(msgspec.Struct):
    """One path pattern with its handlers by method; ``allow`` lists the methods in Consul's order."""

    pattern: str
    handlers: dict[str, Handler] = msgspec.field(default_factory=dict[str, Handler])
    unlisted: set[str] = msgspec.field(default_factory=set[str])  # methods with a handler that only refuses

    @property
    def allow(self) -> tuple[str, ...]:
        """The methods as Consul names them in an Allow header."""
        return ("OPTIONS", *(method for method in self.handlers if method not in self.unlisted))

    def handler(self, method: str) -> Handler | None:
        """What answers this method, or None."""
        return self.handlers.get(method) or self.handlers.get(ANY_METHOD)


class _Node(msgspec.Struct):
    """One level of the tree of path segments."""

    literal: dict[str, _Node] = msgspec.field(default_factory=dict[str, "_Node"])
    one: tuple[str, _Node] | None = None
    rest: tuple[str, Route] | None = None
    route: Route | None = None


class Router:
    """Finds routes by path: literal segments first, then ``{one}`` segment, then ``{rest...}``."""

    def __init__(self) -> None:
        self._root = _Node()
        self.routes: dict[str, Route] = {}
        self._folders: set[str] = set()  # what stands before the first placeholder of a pattern, without its slash

    def add(self, method: str, pattern: str, handler: Handler, *, listed: bool = True) -> None:
        """Register a handler. Raises ValueError when method and pattern are taken."""
        route = self.routes.get(pattern)
        if route is None:
            route = self.routes[pattern] = Route(pattern)
            self._insert(route)
            fixed, brace, _ = pattern.partition("{")
            if brace:
                self._folders.add(fixed.removesuffix("/"))
        if method in route.handlers:
            raise ValueError(f"two handlers of {method} {pattern}")
        route.handlers[method] = handler
        if not listed:
            route.unlisted.add(method)

    def find(self, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route of a decoded path and the values of its placeholders, or None."""
        values: dict[str, str] = {}
        route = self._find(self._root, path.lstrip("/").split("/"), 0, values)
        return None if route is None else (route, values)

    def is_folder(self, path: str) -> bool:
        """Whether routes begin below a path that has none itself; one above may still take its name for a value."""
        return path in self._folders and path not in self.routes

    def _find(self, node: _Node, parts: list[str], at: int, values: dict[str, str]) -> Route | None:
        if at == len(parts):
            return node.route
        below = node.literal.get(parts[at])
        if below is not None:
            route = self._find(below, parts, at + 1, values)
            if route is not None:
                return route
        if node.one is not None:
            name, below = node.one
            route = self._find(below, parts, at + 1, values)
            if route is not None:
                values[name] = parts[at]
                return route
        if node.rest is not None:
            name, route = node.rest
            values[name] = "/".join(parts[at:])
            return route
        return None

    def _insert(self, route: Route) -> None:
        node = self._root
        for part in route.pattern.lstrip("/").split("/"):
            if part.startswith("{") and part.endswith("...}"):
                node.rest = (part[1:-4], route)
                return
            if part.startswith("{") and part.endswith("}"):
                if node.one is None:
                    node.one = (part[1:-1], _Node())
                node = node.one[1]
            else:
                node = node.literal.setdefault(part, _Node())
        node.route = route


ROUTER = Router()


def route(method: str, pattern: str, *, listed: bool = True) -> Callable[[Handler], Handler]:
    """Register the decorated function for a method and a path pattern; ``listed`` methods stand in Allow headers."""

    def register(handler: Handler) -> Handler:
        ROUTER.add(method, pattern, handler, listed=listed)
        return handler

    return register
