"""HIL tokens into a tree, by recursive descent."""

from pyconsul.lang.hil.nodes import (
    Call,
    Conditional,
    HilError,
    Index,
    Kind,
    Literal,
    Node,
    Operation,
    Output,
    Pos,
    Variable,
    children_of,
)
from pyconsul.lang.hil.scanner import T, Token, scan
from pyconsul.lang.strconv import NumberSyntaxError, parse_float, parse_int

_PRECEDENCE = (("||",), ("&&",), ("==", "!="), (">", ">=", "<", "<="), ("+", "-"), ("*", "/", "%"))
_MAX_DEPTH = 64  # of expressions in expressions
_MAX_LEVELS = 256  # of a tree, to which operators in a row add as well: what walks over it is recursive


def parse(text: str) -> Node:
    """The tree of ``text``. Raises HilError."""
    tree = _Parser(text).sequence(T.LITERAL, T.EOF)
    level = [tree]
    for _ in range(_MAX_LEVELS):
        level = [child for node in level for child in children_of(node)]
    if level:
        raise HilError(f"nested deeper than {_MAX_LEVELS} levels")
    return tree


def _error(pos: Pos, text: str) -> HilError:
    return HilError(f"parse error at {pos}: {text}")


def _expected(wanted: str, found: Token) -> HilError:
    return _error(found.pos, f"expected {wanted} but found {found}")


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(scan(text))
        self._at = 0
        self._depth = 0

    def peek(self) -> Token:
        return self._tokens[self._at]

    def read(self) -> Token:
        token = self._tokens[self._at]
        if token.kind is not T.EOF:  # which is the last one, again and again
            self._at += 1
        return token

    def take(self, symbol: str) -> bool:
        """Whether the next token is this symbol, which then is read."""
        token = self.peek()
        if token.kind is not T.SYMBOL or token.text != symbol:
            return False
        self._at += 1
        return True

    def require(self, kind: T, text: str, wanted: str) -> None:
        token = self.read()
        if token.kind is not kind or token.text != text:
            raise _expected(wanted, token)

    def sequence(self, content: T, end: T) -> Node:
        """Text and expressions up to ``end``; text alone stays a literal."""
        start = self.peek().pos
        parts: list[Node] = []
        while True:
            token = self.read()
            if token.kind is end:
                break
            if token.kind is content:
                parts.append(Literal(token.pos, Kind.STRING, _unescape(token)))
            elif token.kind is T.BEGIN:
                parts.append(self.expression())
                self.require(T.END, "}", '"}"')
            else:
                raise _expected('"${"', token)
        if not parts:
            return Literal(start, Kind.STRING, "")
        only = parts[0]
        if len(parts) == 1 and isinstance(only, Literal) and only.kind is Kind.STRING:
            return only
        return Output(start, tuple(parts))

    def expression(self) -> Node:
        """An expression with the conditional operator, which binds least."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _error(self.peek().pos, f"expression nested deeper than {_MAX_DEPTH} levels")
        start = self.peek().pos
        node = self.binary(0)
        if self.take("?"):
            yes = self.expression()
            colon = self.read()
            if colon.kind is not T.SYMBOL or colon.text != ":":
                raise _expected(":", colon)
            node = Conditional(start, node, yes, self.expression())
        self._depth -= 1
        return node

    def binary(self, level: int) -> Node:
        """Operators of one precedence, from left to right."""
        if level == len(_PRECEDENCE):
            return self.term()
        start = self.peek().pos
        node = self.binary(level + 1)
        while (token := self.peek()).kind is T.SYMBOL and token.text in _PRECEDENCE[level]:
            self._at += 1
            node = Operation(start, token.text, node, self.binary(level + 1))
        return node

    def term(self) -> Node:
        """A literal, a name, or something in parentheses; a sign is a subtraction, a bang a comparison."""
        token = self.peek()
        if token.kind is T.IDENTIFIER:
            return self.name()
        if token.kind is T.OPEN_QUOTE:
            self._at += 1
            return self.sequence(T.STRING, T.CLOSE_QUOTE)
        if token.kind in (T.INTEGER, T.FLOAT, T.BOOL):
            self._at += 1
            return _constant(token)
        if self.take("("):
            node = self.expression()
            self.require(T.SYMBOL, ")", '")"')
            return node
        for sign, operator, operand in (("-", "-", 0), ("!", "==", False)):
            if self.take(sign):
                kind = Kind.BOOL if operand is False else Kind.INT
                return Operation(token.pos, operator, Literal(token.pos, kind, operand), self.nested_term())
        raise _expected("expression", token)

    def nested_term(self) -> Node:
        """The operand of a sign, counted like any nesting."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise _error(self.peek().pos, f"expression nested deeper than {_MAX_DEPTH} levels")
        node = self.term()
        self._depth -= 1
        return node

    def name(self) -> Node:
        """A variable, an element of one, or a call."""
        token = self.read()
        if self.take("("):
            arguments: list[Node] = []
            while not (self.peek().kind is T.SYMBOL and self.peek().text == ")"):
                arguments.append(self.expression())
                if not self.take(","):
                    break
            self.require(T.SYMBOL, ")", '")"')
            return Call(token.pos, token.text, tuple(arguments))
        variable = Variable(token.pos, token.text)
        bracket = self.peek().pos
        if self.take("["):
            key = self.expression()
            self.require(T.SYMBOL, "]", '"]"')
            return Index(bracket, variable, key)
        return variable


def _constant(token: Token) -> Literal:
    if token.kind is T.BOOL:
        return Literal(token.pos, Kind.BOOL, token.text == "true")
    try:
        if token.kind is T.INTEGER:
            return Literal(token.pos, Kind.INT, parse_int(token.text, func="Atoi"))
        return Literal(token.pos, Kind.FLOAT, parse_float(token.text))
    except NumberSyntaxError as error:
        name = "integer" if token.kind is T.INTEGER else "float"
        raise _error(token.pos, f"invalid {name}: {error}") from error


_ESCAPES = {"\\": "\\", "n": "\n", '"': '"'}


def _unescape(token: Token) -> str:
    """The text that a token stands for: ``$$`` is a dollar sign, backslashes count in quoted strings only."""
    if token.kind is T.LITERAL:
        return token.text.replace("$$", "$")
    out: list[str] = []
    text, at = token.text, 0
    while at < len(text):
        char = text[at]
        if char == "$" and text[at + 1 : at + 2] == "$":
            at += 1
        elif char == "\\":
            pos = Pos(token.pos.line, token.pos.column + at)
            if at + 1 == len(text):
                raise _error(pos, "unfinished backslash escape sequence")
            if text[at + 1] not in _ESCAPES:
                raise _error(pos, "invalid backslash escape sequence")
            at += 1
            char = _ESCAPES[text[at]]
        out.append(char)
        at += 1
    return "".join(out)
