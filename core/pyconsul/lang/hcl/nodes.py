"""The syntax tree of an HCL document; every node knows its offset in the text."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

NO_PLACE = -1


class Token(NamedTuple):
    """One token: its kind by HCL's name, its text as written, its offset."""

    kind: str
    text: str
    at: int
    json: bool = False


class ListNode(msgspec.Struct):
    """``[ … ]``."""

    items: list[Node]
    at: int


class Item(msgspec.Struct):
    """One entry of an object: its keys (a block has its labels behind its type) and its value."""

    keys: list[Token]
    value: Node | None
    assigned: bool = False

    @property
    def at(self) -> int:
        """Where its first key stands."""
        return self.keys[0].at if self.keys else NO_PLACE


class ItemList(msgspec.Struct):
    """Entries without braces of their own: a document, or the entries that share a key."""

    items: list[Item]

    @property
    def at(self) -> int:
        """Where its first entry stands."""
        return self.items[0].at if self.items else NO_PLACE


class ObjectNode(msgspec.Struct):
    """``{ … }``."""

    content: ItemList
    at: int


Node = Token | ListNode | ObjectNode | ItemList | Item
