"""Reads a Go template into trees, with Go's rules and messages.

One recursive descent over one token stream, as long as the grammar is.
"""

from __future__ import annotations

import re
from collections.abc import Container, Generator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

import msgspec

from pyconsul.lang.gotemplate import stack
from pyconsul.lang.gotemplate.errors import ParseError
from pyconsul.lang.gotemplate.lexer import Lexer, T, Token
from pyconsul.lang.gotemplate.nodes import (
    ActionNode,
    BoolNode,
    BranchNode,
    ChainNode,
    CommandNode,
    DotNode,
    EndNode,
    FieldNode,
    IdentifierNode,
    ListNode,
    LoopExitNode,
    NilNode,
    Node,
    NumberNode,
    PipeNode,
    StringNode,
    TemplateNode,
    TextNode,
    VariableNode,
)
from pyconsul.lang.strconv import (
    MAX_INT64,
    MAX_UINT64,
    MIN_INT64,
    NumberSyntaxError,
    parse_float,
    parse_int,
    parse_uint,
    quote,
    unquote,
    unquote_rune,
)

MAX_PAREN_DEPTH: Final = 10_000
MAX_BLOCK_DEPTH: Final = 10_000
"""Go does not limit how deep blocks nest; nobody writes this many."""

_OPERANDS = frozenset(
    {
        T.BOOL,
        T.CHAR_CONSTANT,
        T.COMPLEX,
        T.DOT,
        T.FIELD,
        T.IDENTIFIER,
        T.NUMBER,
        T.NIL,
        T.RAW_STRING,
        T.STRING,
        T.VARIABLE,
        T.LEFT_PAREN,
    }
)
_COMPLEX = re.compile(r"([+-]?[^+-]+(?:[eEpP][+-]?\d+)?)([+-].+)i")


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


class _Parser:
    """State of one run; ``token[0]`` is always the token read last, which errors take their line from."""

    def __init__(self, name: str, text: str, functions: Container[str], left: str, right: str) -> None:
        self.name = name
        self.text = text
        self.functions = functions
        self.lexer = Lexer(text, left, right)
        self.lexer.break_is_keyword = "break" not in functions
        self.lexer.continue_is_keyword = "continue" not in functions
        self.token: list[Token] = [Token(T.EOF, 0, "", 0)] * 3
        self.peeked = 0
        self.variables = ["$"]
        self.range_depth = 0
        self.paren_depth = 0
        self.block_depth = 0
        self.action_line = 0
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

    # -- tokens ---------------------------------------------------------------

    def next(self) -> Token:
        """The next token."""
        if self.peeked > 0:
            self.peeked -= 1
        else:
            self.token[0] = self.lexer.next_token()
        return self.token[self.peeked]

    def backup(self) -> None:
        """Take the last token back."""
        self.peeked += 1

    def push_back_two(self, first: Token) -> None:
        """Take the last token back, and ``first`` that stood before it."""
        self.token[1] = first
        self.peeked = 2

    def push_back_three(self, first: Token, second: Token) -> None:
        """Take the last token back, and the two that stood before it."""
        self.token[1] = second
        self.token[2] = first
        self.peeked = 3

    def peek(self) -> Token:
        """The next token, left where it is."""
        if self.peeked > 0:
            return self.token[self.peeked - 1]
        self.peeked = 1
        self.token[0] = self.lexer.next_token()
        return self.token[0]

    def next_word(self) -> Token:
        """The next token that is no blank."""
        token = self.next()
        while token.kind == T.SPACE:
            token = self.next()
        return token

    def peek_word(self) -> Token:
        """The next token that is no blank, left where it is."""
        token = self.next_word()
        self.backup()
        return token

    def expect(self, kinds: tuple[T, ...], context: str) -> Token:
        """The next token, which must be one of these kinds."""
        token = self.next_word()
        if token.kind not in kinds:
            self.unexpected(token, context)
        return token

    # -- errors ---------------------------------------------------------------

    def error(self, message: str) -> ParseError:
        """The error with Go's preamble."""
        line = self.token[0].line
        return ParseError(f"template: {self.name}:{line}: {message}", line)

    def fail(self, message: str) -> NoReturn:
        """Raise with Go's preamble."""
        raise self.error(message)

    def unexpected(self, token: Token, context: str) -> NoReturn:
        """Raise for a token that does not belong here."""
        if token.kind != T.ERROR:
            self.fail(f"unexpected {token} in {context}")
        extra = ""
        if self.action_line not in (0, token.line):
            extra = f" in action started at {self.name}:{self.action_line}"
            if token.text.endswith(" action"):
                extra = extra.removeprefix(" in action")
        self.fail(f"{token}{extra}")

    # -- lists and actions ------------------------------------------------------

    def add(self, name: str, root: ListNode) -> None:
        """Keep a finished template; an empty one never replaces another."""
        known = self.trees.get(name)
        if known is None or is_empty(known.root):
            self.trees[name] = Tree(name, root, self.name, self.text)
        elif not is_empty(root):
            self.fail(f"template: multiple definition of template {quote(name)}")

    @contextmanager
    def own_variables(self) -> Generator[None]:
        """A template sees no variables of the text around it, nor its loops."""
        kept = self.variables, self.range_depth, self.paren_depth
        self.variables, self.range_depth, self.paren_depth = ["$"], 0, 0
        yield
        self.variables, self.range_depth, self.paren_depth = kept

    def definition(self) -> None:
        """The rest of a ``define``."""
        context = "define clause"
        line_before, self.action_line = self.action_line, 0
        with self.own_variables():
            name = self.unquoted(self.expect((T.STRING, T.RAW_STRING), context))
            self.expect((T.RIGHT_DELIM,), context)
            root, end = self.item_list()
            if end.word != "end":
                self.fail(f"unexpected {end.source()} in {context}")
            self.add(name, root)
        self.action_line = line_before

    def unquoted(self, token: Token) -> str:
        """The text of a string token."""
        try:
            return unquote(token.text)
        except ValueError as error:
            raise self.error(str(error)) from None

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
        with self.own_variables():
            root, end = self.item_list()
            if end.word != "end":
                self.fail(f"unexpected {end.source()} in {context}")
            self.add(name, root)
        return TemplateNode(token.pos, name, pipe)

    # -- pipelines ----------------------------------------------------------------

    def pipeline(self, context: str, end: T) -> PipeNode:
        """Declarations and commands up to the token ``end``."""
        pipe = PipeNode(self.peek_word().pos)
        self.declarations(pipe, context)
        while True:
            token = self.next_word()
            if token.kind == end:
                self.check_pipeline(pipe, context)
                return pipe
            if token.kind not in _OPERANDS:
                self.unexpected(token, context)
            self.backup()
            pipe.commands.append(self.command())

    def declare(self, pipe: PipeNode, token: Token) -> None:
        """Make a variable known."""
        pipe.declared.append(VariableNode(token.pos, token.text.split(".")))
        self.variables.append(token.text)

    def declarations(self, pipe: PipeNode, context: str) -> None:
        """``$a :=``, ``$a =`` or, for range, ``$a, $b :=``."""
        while self.peek_word().kind == T.VARIABLE:
            variable = self.next_word()
            after = self.peek()
            ahead = self.peek_word()
            if ahead.kind in (T.ASSIGN, T.DECLARE):
                pipe.is_assignment = ahead.kind == T.ASSIGN
                self.next_word()
                self.declare(pipe, variable)
            elif ahead.kind == T.CHAR and ahead.text == ",":
                self.next_word()
                self.declare(pipe, variable)
                if context == "range" and len(pipe.declared) < 2:
                    if self.peek_word().kind in (T.VARIABLE, T.RIGHT_DELIM, T.RIGHT_PAREN):
                        continue
                    self.fail("range can only initialize variables")
                self.fail(f"too many declarations in {context}")
            elif after.kind == T.SPACE:
                self.push_back_three(variable, after)
            else:
                self.push_back_two(variable)
            return

    def check_pipeline(self, pipe: PipeNode, context: str) -> None:
        """A pipeline has commands, and only the first may be a plain value."""
        if not pipe.commands:
            self.fail(f"missing value for {context}")
        for stage, command in enumerate(pipe.commands[1:], 2):
            if isinstance(command.args[0], (BoolNode, DotNode, NilNode, NumberNode, StringNode)):
                self.fail(f"non executable command in pipeline stage {stage}")

    def command(self) -> CommandNode:
        """Operands up to a pipe sign, a closing parenthesis or the delimiter."""
        command = CommandNode(self.peek_word().pos)
        while True:
            self.peek_word()
            operand = self.operand()
            if operand is not None:
                command.args.append(operand)
            token = self.next()
            if token.kind == T.SPACE:
                continue
            if token.kind in (T.RIGHT_DELIM, T.RIGHT_PAREN):
                self.backup()
            elif token.kind != T.PIPE:
                self.unexpected(token, "operand")
            break
        if not command.args:
            self.fail("empty command")
        return command

    def operand(self) -> Node | None:
        """A term and the fields that follow it."""
        node = self.term()
        if node is None or self.peek().kind != T.FIELD:
            return node
        pos = self.peek().pos
        names: list[str] = []
        while self.peek().kind == T.FIELD:
            names.append(self.next().text[1:])
        if isinstance(node, FieldNode):
            return FieldNode(pos, node.names + names)
        if isinstance(node, VariableNode):
            return VariableNode(pos, node.names + names)
        if isinstance(node, (BoolNode, StringNode, NumberNode, NilNode, DotNode)):
            self.fail(f"unexpected . after term {quote(node.source())}")
        return ChainNode(pos, node, names)

    def term(self) -> Node | None:
        """One literal, name, variable, field or parenthesised pipeline; None when there is none."""
        token = self.next_word()
        kind = token.kind
        if kind == T.IDENTIFIER:
            if token.text not in self.functions:
                self.fail(f"function {quote(token.text)} not defined")
            return IdentifierNode(token.pos, token.text)
        if kind == T.FIELD:
            return FieldNode(token.pos, [token.text[1:]])
        if kind == T.VARIABLE:
            return self.use_variable(token)
        if kind in (T.STRING, T.RAW_STRING):
            return StringNode(token.pos, token.text, self.unquoted(token))
        if kind == T.LEFT_PAREN:
            return self.parenthesised()
        return self.constant(token)

    def constant(self, token: Token) -> Node | None:
        """Dot, nil, a truth value or a number."""
        if token.kind == T.DOT:
            return DotNode(token.pos)
        if token.kind == T.NIL:
            return NilNode(token.pos)
        if token.kind == T.BOOL:
            return BoolNode(token.pos, token.text == "true")
        if token.kind in (T.CHAR_CONSTANT, T.COMPLEX, T.NUMBER):
            try:
                return number(token.pos, token.text, token.kind)
            except ValueError as error:
                self.fail(str(error))
        self.backup()
        return None

    def parenthesised(self) -> PipeNode:
        """A pipeline in parentheses."""
        if self.paren_depth >= MAX_PAREN_DEPTH:
            self.fail("max expression depth exceeded")
        self.paren_depth += 1
        pipe = self.pipeline("parenthesized pipeline", T.RIGHT_PAREN)
        self.paren_depth -= 1
        return pipe

    def use_variable(self, token: Token) -> VariableNode:
        """A variable, which must be known here."""
        if token.text not in self.variables:
            self.fail(f"undefined variable {quote(token.text)}")
        return VariableNode(token.pos, [token.text])


def is_empty(node: Node) -> bool:
    """Whether a tree prints only blanks."""
    if isinstance(node, TextNode):
        return not node.text.strip()
    return isinstance(node, ListNode) and all(is_empty(n) for n in node.nodes)


def number(pos: int, text: str, kind: T) -> NumberNode:
    """A number with every kind it fits. Raises ValueError with Go's text."""
    node = NumberNode(pos, text)
    if kind == T.CHAR_CONSTANT:
        code = unquote_rune(text)
        node.as_int, node.as_uint, node.as_float = code, code, float(code)
        return node
    if kind == T.COMPLEX:
        _simplify(node, _complex(text))
        return node
    if text.endswith("i"):
        try:
            _simplify(node, complex(0, parse_float(text[:-1])))
        except NumberSyntaxError:
            raise ValueError(f"illegal number syntax: {quote(text)}") from None
        return node
    _whole_number(node)
    if node.as_int is not None or node.as_uint is not None:
        node.as_float = float(node.as_int if node.as_int is not None else node.as_uint or 0)
    else:
        _fraction(node)
    return node


def _whole_number(node: NumberNode) -> None:
    # A text may fit one kind, both or none.
    with suppress(NumberSyntaxError):
        node.as_int = parse_int(node.text, 0)
    with suppress(NumberSyntaxError):
        node.as_uint = 0 if node.as_int == 0 else parse_uint(node.text, 0)


def _fraction(node: NumberNode) -> None:
    try:
        value = parse_float(node.text)
    except NumberSyntaxError:
        raise ValueError(f"illegal number syntax: {quote(node.text)}") from None
    if not any(c in node.text for c in ".eEpP"):
        raise ValueError(f"integer overflow: {quote(node.text)}")
    node.as_float = value
    _whole_float(node, value)


def _whole_float(node: NumberNode, value: float) -> None:
    if value.is_integer():
        whole = int(value)
        node.as_int = whole if MIN_INT64 <= whole <= MAX_INT64 else None
        node.as_uint = whole if 0 <= whole <= MAX_UINT64 else None


def _complex(text: str) -> complex:
    found = _COMPLEX.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return complex(parse_float(found[1]), parse_float(found[2]))
    except ValueError:
        raise ValueError("syntax error scanning complex number") from None


def _simplify(node: NumberNode, value: complex) -> None:
    node.as_complex = value
    if value.imag == 0:
        node.as_float = value.real
        _whole_float(node, value.real)
