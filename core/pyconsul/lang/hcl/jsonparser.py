"""JSON as HashiCorp's HCL library reads it: the same tree, nested objects flattened into labels.

An object whose values are all objects stands for labelled blocks, a list of objects for repeated blocks. Where the
library silently loses data (booleans and lists inside lists, everything behind a missing comma), this reader keeps
the values and refuses the broken text.
"""

from __future__ import annotations

import re
from typing import Final

from pyconsul.lang.hcl.errors import HclError, place, position
from pyconsul.lang.hcl.nodes import Item, ItemList, ListNode, Node, ObjectNode, Token
from pyconsul.lang.hcl.parser import MAX_DEPTH

_TOKEN: Final = re.compile(
    r"[ \t\n\r]*+(?:"
    r'(?P<STRING>"(?:[^"\\\n]++|\\[^\n])*+")'
    r"|(?P<MARK>[\[\]{},:])"
    r"|(?P<WORD>[^\W\d][\w\-]*+)"
    r"|(?P<FLOAT>-?[0-9]++(?:\.[0-9]*+(?:[eE][+-]?[0-9]*+)?|[eE][+-]?[0-9]*+)|\.[0-9]++(?:[eE][+-]?[0-9]*+)?)"
    r"|(?P<NUMBER>-?[0-9]++)"
    r"|(?P<PERIOD>\.)"
    r"|(?P<EOF>\Z))"
)
_MARKS: Final = {"[": "LBRACK", "]": "RBRACK", "{": "LBRACE", "}": "RBRACE", ",": "COMMA", ":": "COLON"}


def parse_json(source: str) -> ItemList:
    """The entries of the root object, flattened. Raises HclError."""
    parser = _JsonParser(source)
    token = parser.take()
    if token.kind != "LBRACE":
        raise HclError(f"Expected object, got unknown token: {parser.shown(token)}")
    root = parser.object().content
    _flatten(root)
    return root


class _JsonParser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.token = Token("EOF", "", 0)
        self.depth = 0

    def shown(self, token: Token) -> str:
        return f"{place(self.source, token.at)} {token.kind} {token.text}"

    def fail(self, at: int, message: str) -> HclError:
        return HclError(f"{place(self.source, at)}: {message}", *position(self.source, at))

    def take(self) -> Token:
        match = _TOKEN.match(self.source, self.at)
        if match is None:
            raise self.scan_error()
        kind = str(match.lastgroup)
        text, at = match[kind], match.start(kind)
        self.at = match.end()
        if kind == "MARK":
            kind = _MARKS[text]
        elif kind == "WORD":
            if text not in ("true", "false", "null"):
                raise self.fail(match.end() - 1, "illegal char")
            kind = "NULL" if text == "null" else "BOOL"
        elif kind == "NUMBER" and text.lstrip("-")[0] == "0" and len(text.lstrip("-")) > 1:
            raise self.fail(match.end() - 1, "numbers cannot start with 0")
        self.token = Token(kind, text, at, json=True)
        return self.token

    def scan_error(self) -> HclError:
        at = len(self.source) - len(self.source[self.at :].lstrip(" \t\n\r"))
        if self.source[at] == '"':
            end = self.source.find("\n", at)
            return self.fail(len(self.source) if end < 0 else end, "literal not terminated")
        return self.fail(at, f"illegal char: {self.source[at]}")

    def enter(self, at: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.fail(at, f"objects and lists are nested deeper than {MAX_DEPTH} levels")

    def object(self) -> ObjectNode:
        opening = self.token.at
        self.enter(opening)
        items: list[Item] = []
        while True:
            key = self.take()
            if key.kind == "RBRACE":
                break
            entry = self.entry(key)
            if entry is None:
                break
            items.append(entry)
            if self.take().kind != "COMMA":
                break
        # HashiCorp's parser takes the end of the text for the end of every object that is open.
        if self.token.kind not in ("RBRACE", "EOF"):
            raise HclError(f"expected: RBRACE | COMMA got: {self.token.kind}", *position(self.source, self.token.at))
        self.depth -= 1
        return ObjectNode(ItemList(items), opening)

    def entry(self, key: Token) -> Item | None:
        """One member of an object, None if the text ends before its value begins."""
        keys: list[Token] = []
        while key.kind == "STRING":
            keys.append(key)
            key = self.take()
        if key.kind == "EOF":
            return None
        if key.kind != "COLON" or not keys:
            raise HclError(f"expected: STRING got: {key.kind}", *position(self.source, key.at))
        value = self.value()
        return None if value is None else Item(keys, value, assigned=True)

    def value(self) -> Node | None:
        """What stands behind a colon, None if the text ends there."""
        token = self.take()
        match token.kind:
            case "STRING" | "NUMBER" | "FLOAT" | "BOOL":
                return token
            case "NULL":
                return Token("STRING", "", token.at, json=True)
            case "EOF":
                return None
            case "LBRACE":
                return self.object()
            case "LBRACK":
                return self.list()
            case _:
                raise HclError(
                    f"Expected object value, got unknown token: {self.shown(token)}",
                    *position(self.source, token.at),
                )

    def list(self) -> ListNode:
        opening = self.token.at
        self.enter(opening)
        items: list[Node] = []
        while True:
            token = self.take()
            match token.kind:
                case "NUMBER" | "FLOAT" | "STRING" | "BOOL":
                    items.append(token)
                case "LBRACE":
                    items.append(self.object())
                case "RBRACK":
                    self.depth -= 1
                    return ListNode(items, opening)
                case "LBRACK":
                    items.append(self.list())
                case "COMMA":
                    pass
                case _:
                    raise HclError(
                        f"unexpected token while parsing list: {token.kind}", *position(self.source, token.at)
                    )


def _flatten(entries: ItemList) -> None:
    """Rewrite objects of objects and lists of objects as labelled and repeated entries, everywhere below."""
    done: list[Item] = []
    frontier = list(entries.items)
    while frontier:
        item = frontier.pop()
        value = item.value
        if isinstance(value, ObjectNode) and value.content.items:
            inner = value.content.items
            if all(isinstance(sub.value, ObjectNode) for sub in inner):
                frontier.extend(Item(item.keys + sub.keys, sub.value, item.assigned) for sub in inner)
                continue
        elif isinstance(value, ListNode) and value.items and all(isinstance(sub, ObjectNode) for sub in value.items):
            frontier.extend(Item(item.keys, sub, item.assigned) for sub in value.items)
            continue
        done.append(item)
    done.reverse()
    entries.items = done
    for item in done:
        _flatten_inside(item.value)


def _flatten_inside(node: Node | None) -> None:
    if isinstance(node, ObjectNode):
        _flatten(node.content)
    elif isinstance(node, ListNode):
        for item in node.items:
            _flatten_inside(item)
