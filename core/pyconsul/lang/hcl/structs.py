"""The syntax tree into structs with declared fields, by HashiCorp's rules, with its errors.

Where ``parse`` fills a map with whatever stands in the text, this looks for certain names alone and passes over others.
A struct's ``key`` field takes the label of its block.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pyconsul.lang.hcl.decode import GO_NAMES, by_first_key
from pyconsul.lang.hcl.errors import HclError, error_at
from pyconsul.lang.hcl.literals import string_value
from pyconsul.lang.hcl.nodes import NO_PLACE, Item, ItemList, ListNode, Node, ObjectNode, Token


class StructType(msgspec.Struct, frozen=True):
    """A struct: its key field, texts by name, and lists of structs by name, all in Go's order."""

    key: str = ""
    fields: tuple[tuple[str, StructType | None], ...] = ()  # None: a text


class Struct(msgspec.Struct):
    """One struct that was found; absent texts are not in ``texts``."""

    key: str = ""
    texts: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    lists: dict[str, list[Struct]] = msgspec.field(default_factory=dict[str, "list[Struct]"])


def decode_struct(source: str | None, root: ItemList, kind: StructType) -> Struct:
    """The struct that a whole document stands for. Raises HclError.

    ``source`` None: errors name no place, as those of a JSON document.
    """
    return _Decoder(source).struct("root", root, kind)


class _Decoder:
    def __init__(self, source: str | None) -> None:
        self._source = source

    def struct(self, name: str, node: Node, kind: StructType) -> Struct:
        item = node if isinstance(node, Item) else None
        entries = self._entries(name, node)
        found = Struct()
        if kind.key:
            if item is None:
                raise self._error(entries, f"{name}: {kind.key} asked for 'key', impossible")
            found.key = string_value(item.keys[0])
        named = by_first_key(entries.items)
        for field_name, inner in kind.fields:
            for value in _values(named.get(field_name.casefold(), [])):
                if inner is None:
                    found.texts[field_name] = self._text(f"{name}.{field_name}", value)
                else:
                    found.lists.setdefault(field_name, []).extend(self._list(f"{name}.{field_name}", value, inner))
        return found

    def _entries(self, name: str, node: Node) -> ItemList:
        """What stands in a struct's braces; a labelled literal counts as its own entry."""
        value: Node | None = node.value if isinstance(node, Item) else node
        match value:
            case ObjectNode():
                return value.content
            case ItemList():
                return value
            case Token() if isinstance(node, Item):
                return ItemList([node])
            case _:
                where = value if value is not None else node
                raise self._error(where, f"{name}: not an object type for struct ({GO_NAMES[type(where)]})")

    def _list(self, name: str, node: Node, kind: StructType) -> Iterator[Struct]:
        nodes: list[Node]
        match node:
            case ItemList():
                nodes = list(node.items)
            case ListNode():
                nodes = node.items
            case _:
                raise self._error(node, f"unknown slice type: {GO_NAMES[type(node)]}")
        for number, element in enumerate(nodes):
            yield self.struct(f"{name}[{number}]", _expanded(element), kind)

    def _text(self, name: str, node: Node) -> str:
        if isinstance(node, Token) and node.kind == "NUMBER":
            return node.text
        if isinstance(node, Token) and node.kind in ("STRING", "HEREDOC"):
            return string_value(node)
        raise self._error(node, f"{name}: unknown type for string {GO_NAMES[type(node)]}")

    def _error(self, node: Node, message: str) -> HclError:
        if self._source is None:
            return error_at("", NO_PLACE, message)
        return error_at(self._source, node.at, message)


def _values(named: list[Item]) -> Iterator[Node]:
    """What is given for a name: all labelled entries as one list, then the others one by one."""
    labelled = [Item(item.keys[1:], item.value, item.assigned) for item in named if len(item.keys) > 1]
    if labelled:
        yield ItemList(labelled)
    for item in named:
        if len(item.keys) == 1 and item.value is not None:
            yield item.value.content if isinstance(item.value, ObjectNode) else item.value


def _expanded(node: Node) -> Node:
    """An entry with two labels, as JSON's nested objects become, is a struct of the first with one entry."""
    if not isinstance(node, Item) or len(node.keys) != 2:
        return node
    inner = Item(node.keys[1:], node.value, node.assigned)
    return Item(node.keys[:1], ObjectNode(ItemList([inner]), node.at))
