"""``?filter=`` for the endpoints: an expression over rows of one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pyconsul.lang.bexpr import FilterError, compile_filter
from pyconsul.server.aside import aside
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import ReadRequest

if TYPE_CHECKING:
    from pyconsul.server.server import Server

T = TypeVar("T")


async def vetted_filter(srv: Server, ask: ReadRequest, row_type: type[T]) -> Callable[[list[T]], list[T]]:
    """``rows_filter`` for reads that refuse an unknown token before they look at the expression."""
    if ask.Filter:
        srv.acl.authorizer(ask.Token)
    return await rows_filter(ask.Filter, row_type)


async def rows_filter(expression: str, row_type: type[T]) -> Callable[[list[T]], list[T]]:
    """A function that keeps the rows which fit; all of them without an expression. A long one is read in a thread.

    Raises InternalError, here and where it is used, for an expression that does not parse or does not fit the rows.
    """
    if not expression:
        return list
    try:
        fits = await aside(len(expression), lambda: compile_filter(expression, row_type))
    except FilterError as error:
        raise InternalError(str(error)) from error

    def keep(rows: list[T]) -> list[T]:
        try:
            return [row for row in rows if fits(row)]
        except FilterError as error:
            raise InternalError(str(error)) from error

    return keep
