"""The syntax tree into plain Python values, by the rules of HashiCorp's decoder for untyped targets.

An object directly inside a list is a dict; any other object is a list of dicts, to which later blocks of the same
name are appended. A scalar that is set again must be convertible to the type it had first.
"""

from __future__ import annotations

from typing import Final

from pyconsul.lang.hcl.errors import HclError, error_at
from pyconsul.lang.hcl.literals import float_value, int_value, string_value
from pyconsul.lang.hcl.nodes import Item, ItemList, ListNode, Node, ObjectNode, Token

Value = bool | int | float | str | dict[str, "Value"] | list["Value"] | None


class Blocks(list[Value]):
    """The dicts of repeated blocks of one name, as opposed to a written list.

    In Go it is a ``[]map[string]interface{}``.
    """


GO_NAMES: Final[dict[type, str]] = {
    Token: "*ast.LiteralType",
    ListNode: "*ast.ListType",
    ObjectNode: "*ast.ObjectType",
    ItemList: "*ast.ObjectList",
    Item: "*ast.ObjectItem",
}


def decode(source: str, root: ItemList) -> dict[str, Value]:
    """The dict for a whole document. Raises HclError."""
    out: dict[str, Value] = {}
    _Decoder(source).fill("root", root, out)
    return out


class _Decoder:
    def __init__(self, source: str) -> None:
        self.source = source

    def error(self, node: Node, message: str) -> HclError:
        return error_at(self.source, node.at, message)

    def fill(self, name: str, node: Node, out: dict[str, Value]) -> None:
        """Decode the entries of an object-like node into ``out``."""
        if isinstance(node, Item):
            node = ItemList([node])
        elif isinstance(node, ObjectNode):
            node = node.content
        if not isinstance(node, ItemList):
            raise self.error(node, f"{name}: not an object type for map ({GO_NAMES[type(node)]})")
        done: set[str] = set()
        labelled: dict[str, list[Item]] | None = None
        for item in node.items:
            if item.value is None:
                continue
            if not item.keys:
                raise self.error(node, f"{name}: map must have string keys")
            key = string_value(item.keys[0])
            if key in done:
                continue
            value: Node = item.value
            # All entries of a name that have labels are read together, at the place of the first of them.
            if len(item.keys) > 1:
                if labelled is None:
                    labelled = by_first_key(node.items)
                value = ItemList([Item(same.keys[1:], same.value, same.assigned) for same in labelled[key.casefold()]])
                done.add(key)
            out[key] = self.value(f"{name}.{key}", value, out.get(key))

    def value(self, name: str, node: Node, old: Value, *, in_list: bool = False) -> Value:
        """The value of a node, laid over the one that the same key had before, if any."""
        match old:
            case bool():
                return self.bool_over(name, node)
            case int():
                return self.int_over(name, node)
            case float():
                return self.float_over(name, node)
            case str():
                return self.text_over(name, node)
            case list():
                return self.extend(name, node, old)
            case _:
                return self.fresh(name, node, in_list=in_list)

    def fresh(self, name: str, node: Node, *, in_list: bool) -> Value:
        match node:
            case ObjectNode() | ItemList() if in_list:
                out: dict[str, Value] = {}
                self.fill(name, node, out)
                return out
            case ObjectNode() | ItemList():
                return self.extend(name, node, Blocks())
            case ListNode():
                return self.extend(name, node, [])
            case Token():
                return _literal(node)
            case Item():
                raise HclError(f"{name}: cannot decode into interface: *ast.ObjectItem")

    def extend(self, name: str, node: Node, old: list[Value]) -> list[Value]:
        """Append what a node holds to a list; ``old`` itself is the result."""
        nodes: list[Node]
        match node:
            case ItemList():
                nodes = list(node.items)
            case ObjectNode():
                nodes = [node]
            case ListNode():
                nodes = node.items
            case _:
                raise self.error(node, f"unknown slice type: {GO_NAMES[type(node)]}")
        for number, element in enumerate(nodes):
            label = f"{name}[{number}]"
            if isinstance(old, Blocks):
                out: dict[str, Value] = {}
                self.fill(label, element, out)
                old.append(out)
            else:
                old.append(self.fresh(label, element, in_list=True))
        return old

    def bool_over(self, name: str, node: Node) -> bool:
        if isinstance(node, Token) and node.kind == "BOOL":
            return node.text == "true"
        raise self.error(node, f"{name}: unknown type {GO_NAMES[type(node)]}")

    def int_over(self, name: str, node: Node) -> int:
        if isinstance(node, Token) and node.kind == "NUMBER":
            return int_value(node.text)
        if isinstance(node, Token) and node.kind == "STRING":
            return int_value(string_value(node))
        raise self.error(node, f"{name}: unknown type {GO_NAMES[type(node)]}")

    def float_over(self, name: str, node: Node) -> float:
        if isinstance(node, Token) and node.kind in ("FLOAT", "NUMBER"):
            return float_value(node.text)
        raise self.error(node, f"{name}: unknown type {GO_NAMES[type(node)]}")

    def text_over(self, name: str, node: Node) -> str:
        if isinstance(node, Token) and node.kind == "NUMBER":
            return node.text
        if isinstance(node, Token) and node.kind in ("STRING", "HEREDOC"):
            return string_value(node)
        raise self.error(node, f"{name}: unknown type for string {GO_NAMES[type(node)]}")


def by_first_key(items: list[Item]) -> dict[str, list[Item]]:
    """Entries by their first key, whatever case its letters have, in the order of the text.

    Raises HclError.
    """
    found: dict[str, list[Item]] = {}
    for item in items:
        if item.keys:
            found.setdefault(string_value(item.keys[0]).casefold(), []).append(item)
    return found


def _literal(token: Token) -> Value:
    match token.kind:
        case "BOOL":
            return token.text == "true"
        case "NUMBER":
            return int_value(token.text)
        case "FLOAT":
            return float_value(token.text)
        case _:
            return string_value(token)
