"""Readers of answers: JSON into typed values, lenient where servers of other versions differ from ours.

A field that a struct does not know is ignored; a null where a struct wants a list, a map or a text counts as absent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar, cast

import msgspec

from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.sdk.errors import UnreadableAnswer
from pyconsul.sdk.request import Answer

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _kept(readers: int) -> Callable[[F], F]:
    """``lru_cache``, but type checkers still know what is read."""
    return cast("Callable[[F], F]", lru_cache(maxsize=readers))


@_kept(readers=256)
def json_of(kind: type[T]) -> Callable[[Answer], T]:
    """A reader of JSON bodies of type ``kind``; a null body counts as an empty list or map where ``kind`` is one."""
    decoder = msgspec.json.Decoder(kind)

    def read(answer: Answer) -> T:
        try:
            return decoder.decode(answer.body)
        except _UNREADABLE:
            return loosely(answer.body, kind)

    return read


@_kept(readers=64)
def first_of(kind: type[T]) -> Callable[[Answer], T | None]:
    """A reader of a list of zero or one ``kind``: its first element, or None; a 404 is None too."""
    read_list = json_of(list[kind])

    def read(answer: Answer) -> T | None:
        found = [] if answer.status == 404 else read_list(answer)
        return found[0] if found else None

    return read


@_kept(readers=64)
def list_or_empty(kind: type[T]) -> Callable[[Answer], list[T]]:
    """A reader of a list; a 404 is an empty one."""
    read_list = json_of(list[kind])

    def read(answer: Answer) -> list[T]:
        return [] if answer.status == 404 else read_list(answer)

    return read


@_kept(readers=64)
def one_or_none(kind: type[T]) -> Callable[[Answer], T | None]:
    """A reader of one object; a 404 or a null body is None."""
    read_one = json_of(kind)

    def read(answer: Answer) -> T | None:
        return None if answer.status == 404 or answer.body.strip() in (b"", b"null") else read_one(answer)

    return read


def loosely(body: bytes, kind: type[T]) -> T:
    """Decode ``body`` with nulls left out. Raises UnreadableAnswer."""
    try:
        value = _without_nulls(_value(body))
        if value is None:
            value = _empty(kind)
        return msgspec.convert(value, kind, strict=False)
    except _UNREADABLE as error:
        raise UnreadableAnswer(f"cannot read the answer: {error}") from error


def _value(body: bytes) -> Any:
    """The JSON in ``body``, as Go takes it: what follows a whole value is not looked at. Raises UnreadableAnswer."""
    try:
        return msgspec.json.decode(body)
    except _UNREADABLE:
        from pyconsul.lang.gojson_syntax import GoSyntaxError, first_value

        try:
            return first_value(body)
        except GoSyntaxError as error:
            raise UnreadableAnswer(str(error)) from error


def truth(answer: Answer) -> bool:
    """Whether the body says ``true``."""
    return b"true" in answer.body


def text(answer: Answer) -> str:
    """The body as text."""
    return answer.text()


def nothing(answer: Answer) -> None:
    """The answer matters only by its status."""


def whole(answer: Answer) -> Answer:
    """The answer itself."""
    return answer


def _empty(kind: object) -> Any:
    empty: dict[object, Any] = {list: [], dict: {}}
    return empty.get(getattr(kind, "__origin__", kind))


def _without_nulls(value: Any) -> Any:
    if is_dict(value):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if is_list(value):
        return [_without_nulls(item) for item in value]
    return value
