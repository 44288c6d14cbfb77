"""The tree of a parsed Go template. ``source()`` gives a node's text as Go's messages show it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyconsul.lang.strconv import quote


@dataclass(slots=True, eq=False)
class Node:
    """A piece of a template and where it starts (in characters)."""

    pos: int

    def source(self) -> str:
        """The node as template text, normalised like Go's."""
        raise NotImplementedError


@dataclass(slots=True, eq=False)
class TextNode(Node):
    """Text outside of actions."""

    text: str

    def source(self) -> str:
        """The text itself."""
        return self.text


@dataclass(slots=True, eq=False)
class BoolNode(Node):
    """``true`` or ``false``."""

    value: bool

    def source(self) -> str:
        """The constant."""
        return "true" if self.value else "false"


@dataclass(slots=True, eq=False)
class NumberNode(Node):
    """A number; it may fit several kinds (``None``: it does not)."""

    text: str
    as_int: int | None = None
    as_uint: int | None = None
    as_float: float | None = None
    as_complex: complex | None = None

    def source(self) -> str:
        """The number as written."""
        return self.text


@dataclass(slots=True, eq=False)
class StringNode(Node):
    """A quoted text."""

    quoted: str
    text: str

    def source(self) -> str:
        """The literal as written."""
        return self.quoted


@dataclass(slots=True, eq=False)
class DotNode(Node):
    """The cursor."""

    def source(self) -> str:
        """A dot."""
        return "."


@dataclass(slots=True, eq=False)
class NilNode(Node):
    """The constant nil."""

    def source(self) -> str:
        """The word."""
        return "nil"


@dataclass(slots=True, eq=False)
class FieldNode(Node):
    """``.A.B``: fields of the cursor."""

    names: list[str]

    def source(self) -> str:
        """The fields with their dots."""
        return "." + ".".join(self.names)


@dataclass(slots=True, eq=False)
class VariableNode(Node):
    """``$x.A.B``: a variable (with its ``$``) and fields of it."""

    names: list[str]

    def source(self) -> str:
        """The variable and its fields."""
        return ".".join(self.names)


@dataclass(slots=True, eq=False)
class IdentifierNode(Node):
    """The name of a function."""

    name: str

    def source(self) -> str:
        """The name."""
        return self.name


@dataclass(slots=True, eq=False)
class ChainNode(Node):
    """Fields of something that is neither cursor nor variable, as in ``(f).A``."""

    node: Node
    names: list[str]

    def source(self) -> str:
        """The inner node, in parentheses if it is a pipeline, and the fields."""
        inner = self.node.source()
        if isinstance(self.node, PipeNode):
            inner = f"({inner})"
        return inner + "".join("." + name for name in self.names)


@dataclass(slots=True, eq=False)
class CommandNode(Node):
    """A function, method or value, with its arguments."""

    args: list[Node] = field(default_factory=list[Node])

    def source(self) -> str:
        """The words, one blank between them."""
        return " ".join(f"({a.source()})" if isinstance(a, PipeNode) else a.source() for a in self.args)


@dataclass(slots=True, eq=False)
class PipeNode(Node):
    """Commands that feed one another, and the variables that take the result."""

    commands: list[CommandNode] = field(default_factory=list[CommandNode])
    declared: list[VariableNode] = field(default_factory=list[VariableNode])
    is_assignment: bool = False

    def source(self) -> str:
        """Declarations and commands."""
        head = ""
        if self.declared:
            names = ", ".join(v.source() for v in self.declared)
            head = names + (" = " if self.is_assignment else " := ")
        return head + " | ".join(c.source() for c in self.commands)


@dataclass(slots=True, eq=False)
class ActionNode(Node):
    """A pipeline that is printed."""

    pipe: PipeNode

    def source(self) -> str:
        """The action in standard delimiters."""
        return "{{" + self.pipe.source() + "}}"


@dataclass(slots=True, eq=False)
class ListNode(Node):
    """What stands one after another."""

    nodes: list[Node] = field(default_factory=list[Node])

    def source(self) -> str:
        """All parts joined."""
        return "".join(n.source() for n in self.nodes)


@dataclass(slots=True, eq=False)
class BranchNode(Node):
    """``if``, ``with`` and ``range``."""

    word: str
    pipe: PipeNode
    body: ListNode
    otherwise: ListNode | None

    def source(self) -> str:
        """The whole structure."""
        other = "" if self.otherwise is None else "{{else}}" + self.otherwise.source()
        return f"{{{{{self.word} {self.pipe.source()}}}}}{self.body.source()}{other}{{{{end}}}}"


@dataclass(slots=True, eq=False)
class LoopExitNode(Node):
    """``break`` and ``continue``."""

    word: str

    def source(self) -> str:
        """The action."""
        return "{{" + self.word + "}}"


@dataclass(slots=True, eq=False)
class TemplateNode(Node):
    """A call of a named template."""

    name: str
    pipe: PipeNode | None

    def source(self) -> str:
        """The call."""
        data = "" if self.pipe is None else " " + self.pipe.source()
        return "{{template " + quote(self.name) + data + "}}"


@dataclass(slots=True, eq=False)
class EndNode(Node):
    """``end`` or ``else``: what closes a list; never part of a finished tree."""

    word: str

    def source(self) -> str:
        """The action."""
        return "{{" + self.word + "}}"
