"""The grammar of HCL: tokens into the syntax tree, with the errors of HashiCorp's parser."""

from __future__ import annotations

from typing import Final

from pyconsul.lang.hcl.errors import HclError, error_at, place, position
from pyconsul.lang.hcl.nodes import Item, ItemList, ListNode, Node, ObjectNode, Token
from pyconsul.lang.hcl.scanner import Scanner

MAX_DEPTH: Final = 120
"""Objects and lists may nest this deep; HashiCorp's reader has no limit and dies of far deeper ones."""

_LITERALS: Final = frozenset({"NUMBER", "FLOAT", "BOOL", "STRING", "HEREDOC"})


class _EndOfText(Exception):
    """The text ended where an entry might have begun."""


def parse_hcl(source: str, *, refuse_duplicates: bool = False) -> ItemList:
    """The entries of a document. Raises HclError."""
    parser = _Parser(source, refuse_duplicates)
    try:
        entries = parser.entries(braced=False)
    except HclError:
        # What the scanner found is the cause, whatever the parser made of the rest.
        if parser.scanner.error is not None:
            raise parser.scanner.error from None
        raise
    if parser.scanner.error is not None:
        raise parser.scanner.error
    return entries


class _Parser:
    def __init__(self, source: str, refuse_duplicates: bool) -> None:
        self.source = source
        self.scanner = Scanner(source)
        self.refuse_duplicates = refuse_duplicates
        self.token = Token("EOF", "", 0)
        self.held = False
        self.depth = 0

    def take(self) -> Token:
        if self.held:
            self.held = False
        else:
            self.token = self.scanner.next()
        return self.token

    def error(self, at: int, message: str) -> HclError:
        return error_at(self.source, at, message)

    def entries(self, *, braced: bool) -> ItemList:
        """Entries up to the end of the text, or, with ``braced``, up to the closing brace."""
        found: list[Item] = []
        seen: set[str] = set()
        while True:
            if braced:
                kind = self.take().kind
                self.held = True
                if kind == "RBRACE":
                    break
            try:
                item = self.entry()
            except _EndOfText:
                break
            if item.assigned and self.refuse_duplicates:
                self.note_key(item.keys[0], seen)
            found.append(item)
            if self.take().kind != "COMMA":
                self.held = True
        return ItemList(found)

    def note_key(self, key: Token, seen: set[str]) -> None:
        if key.text in seen:
            quoted = '"' + key.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
            raise HclError(
                f"The argument {quoted} at {place(self.source, key.at)} was already set. "
                "Each argument can only be defined once",
                *position(self.source, key.at),
            )
        seen.add(key.text)

    def entry(self) -> Item:
        keys = self.keys()
        if self.token.kind == "ASSIGN":
            return Item(keys, self.value(), assigned=True)
        if self.token.kind == "LBRACE":
            return Item(keys, self.object())
        names = " ".join(key.text for key in keys)
        raise self.error(self.token.at, f"key '{names}' expected start of object ('{{') or assignment ('=')")

    def keys(self) -> list[Token]:
        """The keys before ``=`` or ``{``; without a value behind them the caller complains."""
        keys: list[Token] = []
        while True:
            token = self.take()
            match token.kind:
                case "IDENT" | "STRING":
                    keys.append(token)
                case "EOF":
                    if keys:
                        return keys
                    raise _EndOfText
                case "ASSIGN":
                    if len(keys) > 1:
                        raise self.error(token.at, "nested object expected: LBRACE got: ASSIGN")
                    if not keys:
                        raise self.error(token.at, "no object keys found!")
                    return keys
                case "LBRACE":
                    if not keys:
                        raise self.error(token.at, "expected: IDENT | STRING got: LBRACE")
                    return keys
                case "RBRACE" if keys:
                    return keys
                case "ILLEGAL":
                    raise self.error(token.at, "illegal character")
                case _:
                    raise self.error(token.at, f"expected: IDENT | STRING | ASSIGN | LBRACE got: {token.kind}")

    def value(self) -> Node:
        token = self.take()
        if token.kind in _LITERALS:
            return token
        if token.kind == "LBRACE":
            return self.object()
        if token.kind == "LBRACK":
            return self.list()
        if token.kind == "EOF":
            raise _EndOfText
        shown = f"{place(self.source, token.at)} {token.kind} {token.text}"
        raise self.error(token.at, f"Unknown token: {shown}")

    def enter(self, at: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(at, f"objects and lists are nested deeper than {MAX_DEPTH} levels")

    def object(self) -> ObjectNode:
        """The rest of an object whose opening brace was just read."""
        opening = self.token.at
        self.enter(opening)
        content = self.entries(braced=True)
        closing = self.take()
        if closing.kind != "RBRACE":
            raise self.error(closing.at, f"object expected closing RBRACE got: {closing.kind}")
        self.depth -= 1
        return ObjectNode(content, opening)

    def list(self) -> ListNode:
        """The rest of a list whose opening bracket was just read."""
        opening = self.token.at
        self.enter(opening)
        items: list[Node] = []
        need_comma = False
        while True:
            token = self.take()
            if token.kind == "RBRACK":
                self.depth -= 1
                return ListNode(items, opening)
            if token.kind == "COMMA":
                need_comma = False
                # HashiCorp's parser looks one token ahead here for a comment.
                self.take()
                self.held = True
                continue
            if need_comma:
                raise self.error(token.at, f"error parsing list, expected comma or list end, got: {token.kind}")
            if token.kind in _LITERALS:
                items.append(token)
                need_comma = True
            elif token.kind == "LBRACE":
                items.append(self.nested(token.at, "object"))
                need_comma = True
            elif token.kind == "LBRACK":
                items.append(self.nested(token.at, "list"))
            else:
                raise self.error(token.at, f"unexpected token while parsing list: {token.kind}")

    def nested(self, at: int, what: str) -> Node:
        try:
            return self.object() if what == "object" else self.list()
        except HclError as error:
            if self.depth > MAX_DEPTH:
                raise
            raise self.error(at, f"error while trying to parse {what} within list: {error}") from None
