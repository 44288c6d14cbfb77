"""Reads pipelines: tokens that can be taken back, errors in Go's form, commands and operands."""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NoReturn

from pyconsul.lang.gotemplate.errors import ParseError
from pyconsul.lang.gotemplate.lexer import Lexer, T, Token
from pyconsul.lang.gotemplate.nodes import (
    BoolNode,
    ChainNode,
    CommandNode,
    DotNode,
    FieldNode,
    IdentifierNode,
    NilNode,
    Node,
    NumberNode,
    PipeNode,
    StringNode,
    VariableNode,
)
from pyconsul.lang.gotemplate.numbers import number
from pyconsul.lang.strconv import quote, unquote

MAX_PAREN_DEPTH: Final = 10_000

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


class PipelineParser:
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
        self.paren_depth: int = 0
        self.action_line: int = 0

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

    def unquoted(self, token: Token) -> str:
        """The text of a string token."""
        try:
            return unquote(token.text)
        except ValueError as error:
            raise self.error(str(error)) from None

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
