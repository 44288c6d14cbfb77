"""The tree of a parsed Go template. ``source()`` gives a node's text as Go's messages show it."""

from __future__ import annotations

import msgspec

from pyconsul.lang.strconv import quote


class Node(msgspec.Struct, eq=False):
    """A piece of a template and where it starts (in characters)."""

    pos: int

    def source(self) -> str:
        """The node as template text, normalised like Go's."""
        raise NotImplementedError


class TextNode(Node, eq=False):
    """Text outside of actions."""

    text: str

    def source(self) -> str:
        """The text itself."""
        return self.text


class BoolNode(Node, eq=False):
    """``true`` or ``false``."""

    value: bool

    def source(self) -> str:
        """The constant."""
        return "true" if self.value else "false"


class NumberNode(Node, eq=False):
    """A number; it may fit several kinds (``None``: it does not)."""

    text: str
    as_int: int | None = None
    as_uint: int | None = None
    as_float: float | None = None
    as_complex: complex | None = None

    def source(self) -> str:
        """The number as written."""
        return self.text


class StringNode(Node, eq=False):
    """A quoted text."""

    quoted: str
    text: str

    def source(self) -> str:
        """The literal as written."""
        return self.quoted


class DotNode(Node, eq=False):
    """The cursor."""

    def source(self) -> str:
        """A dot."""
        return "."


class NilNode(Node, eq=False):
    """The constant nil."""

    def source(self) -> str:
        """The word."""
        return "nil"


class FieldNode(Node, eq=False):
    """``.A.B``: fields of the cursor."""

    names: list[str]

    def source(self) -> str:
        """The fields with their dots."""
        return "." + ".".join(self.names)


class VariableNode(Node, eq=False):
    """``$x.A.B``: a variable (with its ``$``) and fields of it."""

    names: list[str]

    def source(self) -> str:
        """The variable and its fields."""
        return ".".join(self.names)


class IdentifierNode(Node, eq=False):
    """The name of a function."""

    name: str

    def source(self) -> str:
        """The name."""
        return self.name


class ChainNode(Node, eq=False):
    """Fields of something that is neither cursor nor variable, as in ``(f).A``."""

    node: Node
    names: list[str]

    def source(self) -> str:
        """The inner node, in parentheses if it is a pipeline, and the fields."""
        inner = self.node.source()
        if isinstance(self.node, PipeNode):
            inner = f"({inner})"
        return inner + "".join("." + name for name in self.names)


class CommandNode(Node, eq=False):
    """A function, method or value, with its arguments."""

    args: list[Node] = msgspec.field(default_factory=list[Node])

    def source(self) -> str:
        """The words, one blank between them."""
        return " ".join(f"({a.source()})" if isinstance(a, PipeNode) else a.source() for a in self.args)


class PipeNode(Node, eq=False):
    """Commands that feed one another, and the variables that take the result."""

    commands: list[CommandNode] = msgspec.field(default_factory=list[CommandNode])
    declared: list[VariableNode] = msgspec.field(default_factory=list[VariableNode])
    is_assignment: bool = False

    def source(self) -> str:
        """Declarations and commands."""
        head = ""
        if self.declared:
            names = ", ".join(v.source() for v in self.declared)
            head = names + (" = " if self.is_assignment else " := ")
        return head + " | ".join(c.source() for c in self.commands)


class ActionNode(Node, eq=False):
    """A pipeline that is printed."""

    pipe: PipeNode

    def source(self) -> str:
        """The action in standard delimiters."""
        return "{{" + self.pipe.source() + "}}"


class ListNode(Node, eq=False):
    """What stands one after another."""

    nodes: list[Node] = msgspec.field(default_factory=list[Node])

    def source(self) -> str:
        """All parts joined."""
        return "".join(n.source() for n in self.nodes)


class BranchNode(Node, eq=False):
    """``if``, ``with`` and ``range``."""

    word: str
    pipe: PipeNode
    body: ListNode
    otherwise: ListNode | None

    def source(self) -> str:
        """The whole structure."""
        other = "" if self.otherwise is None else "{{else}}" + self.otherwise.source()
        return f"{{{{{self.word} {self.pipe.source()}}}}}{self.body.source()}{other}{{{{end}}}}"


class LoopExitNode(Node, eq=False):
    """``break`` and ``continue``."""

    word: str

    def source(self) -> str:
        """The action."""
        return "{{" + self.word + "}}"


class TemplateNode(Node, eq=False):
    """A call of a named template."""

    name: str
    pipe: PipeNode | None

    def source(self) -> str:
        """The call."""
        data = "" if self.pipe is None else " " + self.pipe.source()
        return "{{template " + quote(self.name) + data + "}}"


class EndNode(Node, eq=False):
    """``end`` or ``else``: what closes a list; never part of a finished tree."""

    word: str

    def source(self) -> str:
        """The action."""
        return "{{" + self.word + "}}"
