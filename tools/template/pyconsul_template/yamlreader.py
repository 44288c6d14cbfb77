"""PyYAML's reader, led to what go-yaml accepts and says: tabs between tokens, directives, messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml
from yaml.composer import ComposerError
from yaml.error import Mark
from yaml.events import AliasEvent, Event
from yaml.nodes import Node, ScalarNode
from yaml.parser import ParserError
from yaml.reader import ReaderError
from yaml.scanner import ScannerError

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.strconv import to_bytes

PLAIN, QUOTED = "plain", "quoted"
"""Marks in place of tags, for scalars that carry none."""

_BREAKS = "\r\n\x85\u2028\u2029"
_ENDS = "\0 \t" + _BREAKS


def first_document(text: str) -> tuple[Node | None, dict[int, str]]:
    """The root of the first document and the names of its anchors by node. Raises FunctionError."""
    data = to_bytes(text)
    if data[:2] in _BYTE_ORDERS:
        text = _from_utf16(data)
    else:
        _check_encoding(data)
    try:
        loader = _Loader(text)
        return (loader.get_node() if loader.check_node() else None), loader.names
    except yaml.YAMLError as error:
        raise FunctionError(_message(error)) from None
    except RecursionError:
        raise FunctionError("yaml: exceeded max depth of 10000") from None


_BYTE_ORDERS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_UTF16_PROBLEMS = {
    "truncated data": "incomplete UTF-16 character",
    "unexpected end of data": "incomplete UTF-16 surrogate pair",
    "illegal UTF-16 surrogate": "expected low surrogate area",
    "illegal encoding": "unexpected low surrogate area",
}
"""What libyaml says, by the reasons of Python's decoder."""


def _from_utf16(data: bytes) -> str:
    """The text behind a mark of its byte order. Raises FunctionError."""
    try:
        return data[2:].decode(_BYTE_ORDERS[data[:2]])
    except UnicodeDecodeError as error:
        raise FunctionError(f"yaml: {_UTF16_PROBLEMS[error.reason]}") from None


def _check_encoding(data: bytes) -> None:
    """Raise for the first bytes that are no UTF-8, by what is wrong with them."""
    try:
        data.decode()
        return
    except UnicodeDecodeError as error:
        lead, rest = data[error.start], data[error.start + 1 :]
    width = 1 + (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0)
    if width == 1 or lead >= 0xF8:
        problem = "invalid leading UTF-8 octet"
    elif len(rest) < width - 1:
        problem = "incomplete UTF-8 octet sequence"
    elif any(byte & 0xC0 != 0x80 for byte in rest[: width - 1]):
        problem = "invalid trailing UTF-8 octet"
    elif lead in (0xED, 0xF4) or lead > 0xF4:
        problem = "invalid Unicode character"
    else:
        problem = "invalid length of a UTF-8 sequence"
    raise FunctionError(f"yaml: {problem}")


class _TypedLoader(yaml.SafeLoader):
    """PyYAML's loader with the types that its stubs leave open."""

    index: int
    line: int

    if TYPE_CHECKING:

        def peek(self, index: int = 0) -> str: ...
        def prefix(self, length: int = 1) -> str: ...
        def peek_event(self) -> Event: ...
        def get_event(self) -> Event: ...
        def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool]) -> str: ...
        def compose_node(self, parent: Node | None, index: Any) -> Node | None: ...
        def scan_line_break(self) -> str: ...
        def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Mark]: ...
        def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Mark) -> list[str]: ...
        def scan_directive_name(self, start_mark: Mark) -> str: ...
        def scan_yaml_directive_value(self, start_mark: Mark) -> tuple[int, int]: ...


class _Loader(_TypedLoader):
    """Leaves scalars unresolved, so that written tags can be told from guessed ones; remembers anchors."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.names: dict[int, str] = {}

    def resolve(self, kind: type[Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        """A mark instead of a tag for scalars without one."""
        if kind is ScalarNode:
            return PLAIN if implicit[0] else QUOTED
        return super().resolve(kind, value, implicit)

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """A node; an anchor may be set again."""
        anchor = getattr(self.peek_event(), "anchor", None)
        if anchor is not None and not self.check_event(AliasEvent):
            self.anchors.pop(anchor, None)
        return super().compose_node(parent, index)

    def compose_document(self) -> Node | None:
        """The document; its anchors are forgotten afterwards."""
        self.get_event()
        node = self.compose_node(None, None)
        self.get_event()
        anchors: dict[str, Node] = self.anchors
        self.names = {id(anchored): name for name, anchored in anchors.items()}
        self.anchors = {}
        return node

    def need_more_tokens(self) -> bool:
        """Whether what the first token is hangs on what follows: it may turn out to be a key."""
        if not self.tokens:
            return not self.done
        keys = self.possible_simple_keys
        head = next((level for level in keys if keys[level].token_number == self.tokens_taken), None)
        return head is not None and self._may_be_key(head)

    def _may_be_key(self, level: int) -> bool:
        """Whether what began there may still be a key, which stands on one line and is not too long."""
        key = self.possible_simple_keys[level]
        if key.line == self.line and self.index - key.index <= 1024:
            return True
        if key.required:
            raise ScannerError("while scanning a simple key", key.mark, "could not find expected ':'", self.get_mark())
        del self.possible_simple_keys[level]
        return False

    def stale_possible_simple_keys(self) -> None:
        """Nothing: a key is looked at when it is the first token or gets its value, not with every token."""

    def fetch_value(self) -> None:
        """A colon, and the key before it if that is one."""
        if self.flow_level in self.possible_simple_keys:
            self._may_be_key(self.flow_level)
        super().fetch_value()

    def fetch_stream_end(self) -> None:
        """The end, which counts as a line of its own behind an unfinished one."""
        if self.column:
            self.line += 1
            self.column = 0
        keys = self.possible_simple_keys
        super().fetch_stream_end()
        self.possible_simple_keys = keys

    def scan_block_scalar_indicators(self, start_mark: Mark) -> tuple[bool | None, int | None]:
        """Whether line ends at the end are kept, and the indentation; blanks behind them are passed over."""
        keep: bool | None = None
        indent: int | None = None
        for _ in range(2):
            char = self.peek()
            if char in "+-" and keep is None:
                keep = char == "+"
            elif char in "0123456789" and indent is None:
                indent = int(char)
            else:
                break
            if indent == 0:
                said = "found an indentation indicator equal to 0"
                raise ScannerError("while scanning a block scalar", start_mark, said, self.get_mark())
            self.forward()
        while self.peek() in (" ", "\t"):
            self.forward()
        return keep, indent

    def scan_block_scalar_indentation(self) -> Any:
        """Empty lines, and how far the first other one is indented."""
        found = super().scan_block_scalar_indentation()
        self._refuse_tab()
        return found

    def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Mark]:
        """Empty lines, and the indentation of the next line."""
        found = super().scan_block_scalar_breaks(indent)
        if self.column < indent:
            self._refuse_tab()
        return found

    def _refuse_tab(self) -> None:
        if self.peek() == "\t":
            said = "found a tab character where an indentation space is expected"
            raise ScannerError("while scanning a block scalar", None, said, self.get_mark())

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line ends; a tab is a blank where no key may begin."""
        if self.index == 0 and self.peek() == "\ufeff":
            self.forward()
        while True:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0" + _BREAKS:
                    self.forward()
            if not self.scan_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Mark) -> list[str]:
        """Characters and escapes between quotes; an escape stands for a character, of which a surrogate is none."""
        try:
            chunks = super().scan_flow_scalar_non_spaces(double, start_mark)
            is_bad = any("\ud800" <= chunk <= "\udfff" for chunk in chunks)
        except (ValueError, OverflowError):  # beyond what chr() takes
            is_bad, chunks = True, []
        if is_bad:
            said = "found invalid Unicode character escape code"
            raise ScannerError("while parsing a quoted scalar", start_mark, said, self.get_mark())
        return chunks

    def scan_plain_spaces(self, indent: int, start_mark: Mark) -> list[str] | None:
        """The blanks inside a plain scalar as they count for its text; nothing when the document ends there."""
        length = 0
        while self.peek(length) in (" ", "\t"):
            length += 1
        blanks = self.prefix(length)
        self.forward(length)
        if self.peek() not in _BREAKS:
            return [blanks] if blanks else []
        first = self.scan_line_break()
        self.allow_simple_key = True
        more: list[str] = []
        while not self._is_document_mark():
            if self.peek() == " " or (self.peek() == "\t" and self.column >= indent):
                self.forward()
            elif self.peek() == "\t":
                where = "while scanning a plain scalar"
                said = "found a tab character that violates indentation"
                raise ScannerError(where, start_mark, said, self.get_mark())
            elif self.peek() in _BREAKS:
                more.append(self.scan_line_break())
            else:
                return [first, *more] if first != "\n" else more or [" "]
        return None

    def _is_document_mark(self) -> bool:
        return self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in _ENDS

    def scan_directive_name(self, start_mark: Mark) -> str:
        """The name of a directive, which must be a known one."""
        begins_well = self.peek() in "-_" or (self.peek().isascii() and self.peek().isalnum())
        try:
            name = super().scan_directive_name(start_mark)
        except ScannerError as error:
            if begins_well:
                error.problem = "found unexpected non-alphabetical character"
            raise
        if name not in ("YAML", "TAG"):
            raise ScannerError("while scanning a directive", start_mark, "found unknown directive name", start_mark)
        return name

    def scan_yaml_directive_value(self, start_mark: Mark) -> tuple[int, int]:
        """The version of YAML, of which 1.1 is the only one."""
        version = super().scan_yaml_directive_value(start_mark)
        if version != (1, 1):
            raise ParserError(None, None, "found incompatible YAML document", start_mark)
        return version


# What libyaml, which go-yaml follows, calls PyYAML's problems: pattern of the problem, word of its context, text.
_PROBLEMS = tuple(
    (re.compile(pattern, re.DOTALL), context, said)
    for pattern, context, said in (
        (r"expected ('.+') or ('.+'), but got.*", "", r"did not find expected \1 or \2"),
        (r"expected <block end>, but found .*", "mapping", "did not find expected key"),
        (r"expected <block end>, but found .*", "", "did not find expected '-' indicator"),
        (r"expected '<document start>', but found .*", "", "did not find expected <document start>"),
        (r"(mapping values|mapping keys) are not allowed here", "", r"\1 are not allowed in this context"),
        (r"sequence entries are not allowed here", "", "block sequence entries are not allowed in this context"),
        (r"(found character) .* (that cannot start any token)", "", r"\1 \2"),
        (r"expected alphabetic or numeric.*", "a directive", "could not find expected directive name"),
        (r"expected alphabetic or numeric.*", "", "did not find expected alphabetic or numeric character"),
        (r"expected a digit, but found.*", "", "did not find expected version number"),
        (r"expected a digit or '\.', but found.*", "", "did not find expected digit or '.' character"),
        (r"expected a digit or ' ', but found.*", "", "did not find expected comment or line break"),
        (r"expected a comment or a line break.*", "", "did not find expected comment or line break"),
        (r"expected escape sequence of . hexadecimal numbers.*", "", "did not find expected hexdecimal number"),
        (r"expected URI escape sequence.*", "", "did not find URI escaped octet"),
        (r"expected URI, but found.*", "", "did not find expected tag URI"),
        (r"expected '>', but found.*", "", "did not find the expected '>'"),
        (r"expected ' ', but found.*", "", "did not find expected whitespace or line break"),
        (r"expected '!', but found.*", "a tag", "did not find expected whitespace or line break"),
        (r"expected '!', but found.*", "", "did not find expected '!'"),
        (r"found unknown escape character.*", "", "found unknown escape character"),
        (r"expected the node content, but found .*", "", "did not find expected node content"),
        (r"found unexpected document separator", "", "found unexpected document indicator"),
        (r"found undefined alias (.*)", "", r"unknown anchor \1 referenced"),
        (r"found undefined tag handle.*", "", "found undefined tag handle"),
        (r"duplicate tag handle .*", "", "found duplicate %TAG directive"),
        (r"found duplicate YAML directive", "", "found duplicate %YAML directive"),
        (r"found incompatible YAML document.*", "", "found incompatible YAML document"),
    )
)  # fmt: skip


def _problem(error: yaml.YAMLError) -> str:
    said, context = str(getattr(error, "problem", None) or error), str(getattr(error, "context", ""))
    for pattern, word, ours in _PROBLEMS:
        found = pattern.fullmatch(said)
        if found and word in context:
            return found.expand(ours)
    return said


def _message(error: yaml.YAMLError) -> str:
    """go-yaml's message: lines count from 1 after scanner errors, from 0 after the parser's; 0 is not shown."""
    if isinstance(error, ReaderError):
        return "yaml: control characters are not allowed"
    problem = _problem(error)
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    if mark is None or isinstance(error, ComposerError):
        return f"yaml: {problem}"
    line: int = mark.line
    if isinstance(error, ScannerError):
        line = line + 1 if line else 0
    if not line and context is not None:
        line = context.line
    return f"yaml: line {line}: {problem}" if line else f"yaml: {problem}"
