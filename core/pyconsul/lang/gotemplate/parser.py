"""Reads a Go template into trees of texts, actions, blocks and definitions, with Go's messages."""

from __future__ import annotations

from collections.abc import Container, Generator
from contextlib import contextmanager
from typing import Final

import msgspec

from pyconsul.lang.gotemplate import stack
from pyconsul.lang.gotemplate.lexer import T, Token
from pyconsul.lang.gotemplate.nodes import (
    ActionNode,
    BranchNode,
    EndNode,
    ListNode,
    LoopExitNode,
    Node,
    PipeNode,
    TemplateNode,
    TextNode,
)
from pyconsul.lang.gotemplate.pipelines import PipelineParser
from pyconsul.lang.strconv import quote

MAX_BLOCK_DEPTH: Final = 10_000
"""Go does not limit how deep blocks nest; nobody writes this many."""


class Tree(msgspec.Struct):
    """One template: its name (empty for the text's own), root, and the text it was read from."""

    name: str
    root: ListNode
    parse_name: str
    text: str


def parse(name: str, text: str, functions: Container[str], left: str = "", right: str = "") -> dict[str, Tree]:
    """All templates that the text defines, itself under ``name``. Raises ParseError."""
    with stack.deep():
        return _Parser(name, text, functions, left, right).run()


class _Parser(PipelineParser):
    """State of one run: the blocks that pipelines stand in."""

    def __init__(self, name: str, text: str, functions: Container[str], left: str, right: str) -> None:
        super().__init__(name, text, functions, left, right)
        self.range_depth = 0
        self.block_depth = 0
        self.trees: dict[str, Tree] = {}

    def run(self) -> dict[str, Tree]:
        """Read the whole text."""
        root = ListNode(self.peek().pos)
        while self.peek().kind != T.EOF:
            if self.peek().kind == T.LEFT_DELIM:
                delim = self.next()
                if self.next_word().kind == T.DEFINE:
                    self.definition()
                    continue
                self.push_back_two(delim)
            node = self.text_or_action()
            if isinstance(node, EndNode):
                self.fail(f"unexpected {node.source()}")
            root.nodes.append(node)
        self.add(self.name, root)
        return self.trees

    def add(self, name: str, root: ListNode) -> None:
        """Keep a finished template; an empty one never replaces another."""
        known = self.trees.get(name)
        if known is None or is_empty(known.root):
            self.trees[name] = Tree(name, root, self.name, self.text)
        elif not is_empty(root):
            self.fail(f"template: multiple definition of template {quote(name)}")

    @contextmanager
    def own_variables(self) -> Generator[None]:
        """A template sees no variables and loops of the text around it; its errors name no action there."""
        kept = self.variables, self.range_depth, self.paren_depth, self.action_line
        self.variables, self.range_depth, self.paren_depth, self.action_line = ["$"], 0, 0, 0
        yield
        self.variables, self.range_depth, self.paren_depth, self.action_line = kept

    def definition(self) -> None:
        """The rest of a ``define``."""
        context = "define clause"
        with self.own_variables():
            name = self.unquoted(self.expect((T.STRING, T.RAW_STRING), context))
            self.expect((T.RIGHT_DELIM,), context)
            root, end = self.item_list()
            if end.word != "end":
                self.fail(f"unexpected {end.source()} in {context}")
            self.add(name, root)

    def item_list(self) -> tuple[ListNode, EndNode]:
        """Everything up to ``end`` or ``else``, and that."""
        self.block_depth += 1
        if self.block_depth > MAX_BLOCK_DEPTH:
            self.fail("max block depth exceeded")
        items = ListNode(self.peek_word().pos)
        while self.peek_word().kind != T.EOF:
            node = self.text_or_action()
            if isinstance(node, EndNode):
                self.block_depth -= 1
                return items, node
            items.nodes.append(node)
        raise self.error("unexpected EOF")

    def text_or_action(self) -> Node:
        """A text or a whole action."""
        token = self.next_word()
        if token.kind == T.TEXT:
            return TextNode(token.pos, token.text)
        if token.kind != T.LEFT_DELIM:
            self.unexpected(token, "input")
        self.action_line = token.line
        node = self.action()
        self.action_line = 0
        return node

    def action(self) -> Node:
        """What stands after a left delimiter."""
        token = self.next_word()
        if token.kind in (T.IF, T.RANGE, T.WITH):
            return self.branch(token.text)
        if token.kind == T.TEMPLATE:
            return self.template_call()
        if token.kind == T.BLOCK:
            return self.block()
        if token.kind in (T.BREAK, T.CONTINUE):
            return self.loop_exit(token)
        if token.kind == T.ELSE:
            return self.else_control()
        if token.kind == T.END:
            return EndNode(self.expect((T.RIGHT_DELIM,), "end").pos, "end")
        self.backup()
        start = self.peek().pos
        return ActionNode(start, self.pipeline("command", T.RIGHT_DELIM))

    def loop_exit(self, token: Token) -> Node:
        """``break`` or ``continue``."""
        after = self.next_word()
        if after.kind != T.RIGHT_DELIM:
            self.unexpected(after, "{{" + token.text + "}}")
        if self.range_depth == 0:
            self.fail("{{" + token.text + "}} outside {{range}}")
        return LoopExitNode(token.pos, token.text)

    def else_control(self) -> Node:
        """An ``else``, which may go on with ``if`` or ``with``."""
        ahead = self.peek_word()
        if ahead.kind in (T.IF, T.WITH):
            return EndNode(ahead.pos, "else")
        return EndNode(self.expect((T.RIGHT_DELIM,), "else").pos, "else")

    def branch(self, word: str) -> BranchNode:
        """``if``, ``with`` or ``range`` with all that belongs to it."""
        visible = len(self.variables)
        pipe = self.pipeline(word, T.RIGHT_DELIM)
        self.range_depth += word == "range"
        body, end = self.item_list()
        self.range_depth -= word == "range"
        otherwise: ListNode | None = None
        if end.word == "else":
            if word != "range" and self.peek().text == word and self.peek().kind in (T.IF, T.WITH):
                self.next()
                otherwise = ListNode(end.pos)
                self.block_depth += 1
                otherwise.nodes.append(self.branch(word))
                self.block_depth -= 1
            else:
                otherwise, end = self.item_list()
                if end.word != "end":
                    self.fail(f"expected end; found {end.source()}")
        del self.variables[visible:]
        return BranchNode(pipe.pos, word, pipe, body, otherwise)

    def template_name(self, token: Token, context: str) -> str:
        """The constant name of a template."""
        if token.kind not in (T.STRING, T.RAW_STRING):
            self.unexpected(token, context)
        return self.unquoted(token)

    def template_call(self) -> Node:
        """``template "name" pipeline``."""
        context = "template clause"
        token = self.next_word()
        name = self.template_name(token, context)
        pipe: PipeNode | None = None
        if self.next_word().kind != T.RIGHT_DELIM:
            self.backup()
            pipe = self.pipeline(context, T.RIGHT_DELIM)
        return TemplateNode(token.pos, name, pipe)

    def block(self) -> Node:
        """``block "name" pipeline``: a definition and its call."""
        context = "block clause"
        token = self.next_word()
        name = self.template_name(token, context)
        pipe = self.pipeline(context, T.RIGHT_DELIM)
        opening = self.token[0]
        with self.own_variables():
            root, end = self.item_list()
            if end.word != "end":
                self.token[0] = opening  # a tree of its own was read, of which this one's line knows nothing
                self.fail(f"unexpected {end.source()} in {context}")
            self.add(name, root)
        return TemplateNode(token.pos, name, pipe)


def is_empty(node: Node) -> bool:
    """Whether a tree prints only blanks."""
    if isinstance(node, TextNode):
        return not node.text.strip()
    return isinstance(node, ListNode) and all(is_empty(n) for n in node.nodes)
