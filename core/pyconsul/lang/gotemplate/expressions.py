"""Turns pipelines into closures: commands, fields, variables, calls and their arguments.

Every closure takes the running state and the cursor. Beside each value closure stands the node that
Go would have visited last once it ran: that is the place that messages name. It is None where it
depends on data (``and``, ``or``); then the state holds it.

One class, a method for each kind of node: they call each other all over, so that parting them would only hide that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pyconsul.lang.gotemplate.builtins import BUILTINS
from pyconsul.lang.gotemplate.builtins import call as call_value
from pyconsul.lang.gotemplate.functions import (
    REFLECT,
    Function,
    WrongTypeError,
    argument_count_error,
    can_be_nil,
    checked,
    signature,
)
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
from pyconsul.lang.gotemplate.runtime import UNSET, State, field_of, holds_any, invoke, method_of
from pyconsul.lang.gotemplate.steps import (
    Code,
    Receiver,
    Stage,
    constant_code,
    dot_receiver,
    ideal_value,
    refuse_arguments,
    typed_number,
)
from pyconsul.lang.gotemplate.values import ANY, MISSING, NIL, Value, zero_value


class Expressions:
    """The pipelines of one template; ``scope`` maps the visible variables to their slots, innermost last."""

    def __init__(self, name: str, functions: Mapping[str, Function]) -> None:
        self.name = name
        self.functions = functions
        self.scope: list[tuple[str, int]] = [("$", 0)]
        self.slots = 1

    # -- pipelines ----------------------------------------------------------------

    def pipeline(self, pipe: PipeNode) -> Code:
        """The value of a pipeline; its variables are set."""
        first = self.command(pipe.commands[0], pipe)
        code = self.unwrapped(first)
        for command in pipe.commands[1:]:
            code = self.stage(code, command)
        if not pipe.declared:
            return code
        return self.declaration(pipe, code)

    def unwrapped(self, code: Code) -> Code:
        """The same value, out of its interface."""
        run = code.run

        def evaluate(state: State, dot: Value) -> Value:
            value = run(state, dot)
            return None if value is NIL else value

        return Code(evaluate, code.last)

    def stage(self, before: Code, command: CommandNode) -> Code:
        """One more command, which takes the value so far as its last argument."""
        run, last = self.piped(command, before.last)
        previous = before.run

        def evaluate(state: State, dot: Value) -> Value:
            value = run(state, dot, previous(state, dot))
            return None if value is NIL else value

        return Code(evaluate, last)

    def declaration(self, pipe: PipeNode, code: Code) -> Code:
        """Store the value in the pipeline's variables."""
        run, name, assigns = code.run, self.name, pipe.is_assignment
        targets: list[tuple[str, int | None]] = []
        for variable in pipe.declared:
            word = variable.names[0]
            if pipe.is_assignment:
                targets.append((word, self.slot_of(word)))
            else:
                self.scope.append((word, self.slots))
                targets.append((word, self.slots))
                self.slots += 1

        def evaluate(state: State, dot: Value) -> Value:
            value = run(state, dot)
            for word, slot in targets:
                if slot is None:
                    state.fail(name, code.last, f"undefined variable: {word}")
                state.vars[slot] = value
                if assigns:
                    state.any_slots.discard(slot)  # what a loop's variable is given is no longer its element
            return value

        return Code(evaluate, code.last)

    def slot_of(self, word: str) -> int | None:
        """The slot of the innermost variable of that name."""
        for known, slot in reversed(self.scope):
            if known == word:
                return slot
        return None

    # -- commands -------------------------------------------------------------------

    def command(self, command: CommandNode, pipe: PipeNode) -> Code:
        """The first command of a pipeline."""
        run, last = self.piped(command, pipe)
        return Code(lambda state, dot: run(state, dot, MISSING), last)

    def piped(self, command: CommandNode, visited: Node | None) -> tuple[Stage, Node | None]:
        """A command as a function of state, cursor and piped value (or MISSING), which is ``visited``'s."""
        word = command.args[0]
        if isinstance(word, IdentifierNode):
            return self.function_call(word, command, command.args[1:])
        if isinstance(word, FieldNode):
            return self.chain(dot_receiver, word, word.names, command.args[1:], word)
        if isinstance(word, VariableNode):
            return self.variable_chain(word, command.args[1:])
        if isinstance(word, ChainNode):
            return self.chain_node(word, command.args[1:])
        if isinstance(word, PipeNode):
            code, place = self.pipeline(word), visited
        else:
            code, place = self.plain_value(word), word
        return self.no_arguments(code, place, word, command.args[1:])

    def no_arguments(self, code: Code, place: Node | None, word: Node, args: list[Node]) -> tuple[Stage, Node | None]:
        """A value that is no function: arguments are an error, for a variable only after the look at it."""
        run, name, extra, is_variable = code.run, self.name, bool(args), isinstance(word, VariableNode)

        def evaluate(state: State, dot: Value, final: Value) -> Value:
            if extra or final is not MISSING:
                if is_variable:
                    run(state, dot)
                state.fail(name, place, f"can't give argument to non-function {word.source()}")
            return run(state, dot)

        return evaluate, code.last

    def plain_value(self, word: Node) -> Code:
        """A constant or the cursor, as a command."""
        if isinstance(word, DotNode):
            return Code(lambda _state, dot: dot, word)
        if isinstance(word, NilNode):
            return self.failing(word, "nil is not a command")
        return self.constant(word)

    def constant(self, node: Node) -> Code:
        """A constant with the type its spelling suggests."""
        if isinstance(node, BoolNode):
            return constant_code(node.value, node)
        if isinstance(node, StringNode):
            return constant_code(node.text, node)
        if isinstance(node, NumberNode):
            value = ideal_value(node)
            if value is UNSET:
                return self.failing(node, f"{node.text} overflows int")
            return constant_code(value, node)
        raise TypeError(f"no constant: {node!r}")

    def failing(self, node: Node | None, message: str) -> Code:
        """Code that only raises."""
        name = self.name

        def evaluate(state: State, _dot: Value) -> Value:
            state.fail(name, node, message)

        return Code(evaluate, node)

    # -- fields, variables, methods ---------------------------------------------------

    def variable_chain(self, word: VariableNode, args: list[Node]) -> tuple[Stage, Node | None]:
        """``$x`` with or without fields."""
        receiver = self.variable(word)
        if len(word.names) == 1:
            return self.no_arguments(Code(lambda s, d: receiver(s, d)[0], word), word, word, args)
        return self.chain(receiver, word, word.names[1:], args, word)

    def variable(self, word: VariableNode) -> Receiver:
        """The variable's value, and whether it is of interface type."""
        name, variable = self.name, word.names[0]
        slot = self.slot_of(variable)

        def evaluate(state: State, _dot: Value) -> tuple[Value, bool]:
            value = state.vars[slot] if slot is not None else UNSET
            if value is UNSET:
                state.fail(name, word, f"undefined variable: {variable}")
            return value, slot in state.any_slots

        return evaluate

    def chain_node(self, word: ChainNode, args: list[Node]) -> tuple[Stage, Node | None]:
        """Fields of a parenthesised pipeline or of a function's result."""
        if isinstance(word.node, NilNode):
            failed = self.failing(word, f"indirection through explicit nil in {word.source()}")
            return (lambda state, dot, _final: failed.run(state, dot)), word
        is_any = False
        if isinstance(word.node, PipeNode):
            inner = self.pipeline(word.node)
        elif isinstance(word.node, IdentifierNode):
            run, last = self.function_call(word.node, word.node, [])
            inner = Code(lambda state, dot: run(state, dot, MISSING), last)
            is_any = self.lookup(word.node.name).result == ANY
        else:
            run, last = self.piped(CommandNode(word.pos, [word.node]), PipeNode(word.pos))
            inner = Code(lambda state, dot: run(state, dot, MISSING), last)
        value = inner.run

        def receiver(state: State, dot: Value) -> tuple[Value, bool]:
            found = value(state, dot)
            return (NIL if found is None and is_any else found), is_any

        return self.chain(receiver, word, word.names, args, inner.last)

    def chain(
        self, receiver: Receiver, node: Node, names: list[str], args: list[Node], place: Node | None
    ) -> tuple[Stage, Node | None]:
        """Fields after one another; the last may be a method with arguments."""
        name, calls = self.name, _MethodCalls(self, node, place, args)
        has_args = bool(args)
        *path, end = names

        def evaluate(state: State, dot: Value, final: Value) -> Value:
            value, is_any = receiver(state, dot)
            for word in path:
                outer = value
                method = method_of(value, word)
                if method is not None:
                    value = calls.run(state, dot, value, method, word, MISSING, bare=True)
                else:
                    value = field_of(state, name, place, value, word, is_any)
                is_any = holds_any(outer, word)
            method = method_of(value, end)
            if method is not None:
                return calls.run(state, dot, value, method, end, final)
            if has_args or final is not MISSING:
                refuse_arguments(state, name, place, value, end)
            return field_of(state, name, place, value, end, is_any)

        return evaluate, self.last_of(args, place)

    def last_of(self, args: list[Node], otherwise: Node | None) -> Node | None:
        """The node visited last among arguments (their values do not matter for that)."""
        return self.visited_last(args[-1]) if args else otherwise

    def visited_last(self, node: Node) -> Node | None:
        """What Go would have visited last once this operand is evaluated; None when data decide."""
        while True:
            if isinstance(node, PipeNode):
                args = node.commands[-1].args
                if len(args) > 1 and not self.decides_early(args[0]):
                    node = args[-1]
                    continue
                node = args[0]
                if isinstance(node, PipeNode):
                    continue
            if isinstance(node, ChainNode):
                node = node.node
                continue
            return None if self.decides_early(node) else node

    def decides_early(self, node: Node) -> bool:
        """Whether this is ``and`` or ``or``, which may leave arguments out."""
        return isinstance(node, IdentifierNode) and node.name in ("and", "or") and node.name not in self.functions

    # -- functions ----------------------------------------------------------------------

    def lookup(self, name: str) -> Function:
        """The function of that name; the parser has checked that it exists."""
        return self.functions[name] if name in self.functions else BUILTINS[name]

    def function_call(self, word: IdentifierNode, node: Node, args: list[Node]) -> tuple[Stage, Node | None]:
        """A call by name. ``node`` is what messages show for an error of the function."""
        function = self.lookup(word.name)
        builtin = word.name not in self.functions
        if builtin and word.name in ("and", "or"):
            return self.short_circuit(word, args)
        if builtin and word.name == "call":
            spelled = args[0].source() if args else None
            function = signature("value, ...value", lambda *values: call_value(spelled, *values))
        return self.call(function, word.name, word, node, args)

    def call(
        self, function: Function, name: str, word: Node, node: Node, args: list[Node]
    ) -> tuple[Stage, Node | None]:
        """Evaluate the arguments by the function's types and call it."""
        site = self.name
        values, last = self.arguments(function, name, word, args)

        def evaluate(state: State, dot: Value, final: Value) -> Value:
            return invoke(state, site, node, name, function, values(state, dot, final))

        return evaluate, last

    def arguments(
        self, function: Function, name: str, word: Node | None, args: list[Node]
    ) -> tuple[Callable[[State, Value, Value], list[Value]], Node | None]:
        """All arguments as a list; ``word`` is the place of a wrong number of them."""
        site, explicit = self.name, len(args)
        wrong = argument_count_error(name, function, explicit, explicit)
        wrong_piped = argument_count_error(name, function, explicit + 1, explicit)
        types = [function.type_at(n) if function.params else ANY for n in range(explicit + 1)]
        codes = [] if wrong and wrong_piped else [self.argument(a, t) for a, t in zip(args, types, strict=False)]
        last = codes[-1].last if codes else word
        runs = [code.run for code in codes]
        final_type = types[explicit]

        def evaluate(state: State, dot: Value, final: Value) -> list[Value]:
            complaint = wrong if final is MISSING else wrong_piped
            if complaint is not None:
                state.fail(site, word, complaint)
            values = [run(state, dot) for run in runs]
            if final is not MISSING:
                try:
                    values.append(checked(final, final_type))
                except WrongTypeError as error:
                    state.fail(site, last, str(error))
            return values

        return evaluate, last

    def short_circuit(self, word: IdentifierNode, args: list[Node]) -> tuple[Stage, Node | None]:
        """``and`` and ``or`` stop at the first argument that decides."""
        site, stop_at = self.name, word.name == "or"
        codes = [self.argument(arg, REFLECT) for arg in args]
        name = word.name

        def evaluate(state: State, dot: Value, final: Value) -> Value:
            if not codes:
                state.node = word
                if final is MISSING:
                    state.fail(site, word, f"wrong number of args for {name}: want at least 1 got 0")
            value: Value = None
            for code in codes:
                value = code.run(state, dot)
                if code.last is not None:
                    state.node = code.last
                if bool(value) is stop_at:
                    return value
            return value if final is MISSING else final

        return evaluate, None

    # -- arguments ------------------------------------------------------------------------

    def argument(self, node: Node, go_type: str) -> Code:
        """An argument, made to fit its parameter."""
        if isinstance(node, NilNode):
            if not can_be_nil(go_type):
                return self.failing(node, f"cannot assign nil to {go_type}")
            return constant_code(None if go_type in (ANY, REFLECT) else zero_value(go_type), node)
        if isinstance(node, (BoolNode, NumberNode, StringNode)):
            return self.typed_constant(node, go_type)
        return self.fitted(self.argument_value(node), go_type)

    def argument_value(self, node: Node) -> Code:
        """The value of an argument that is no constant."""
        if isinstance(node, PipeNode):
            return self.pipeline(node)
        if isinstance(node, DotNode):
            return Code(lambda _state, dot: dot, node)
        run, last = self.piped(CommandNode(node.pos, [node]), PipeNode(node.pos))
        if isinstance(node, IdentifierNode):
            run, last = self.function_call(node, node, [])
        return Code(lambda state, dot: run(state, dot, MISSING), last)

    def fitted(self, code: Code, go_type: str) -> Code:
        """Check the value against a type."""
        run, last, name = code.run, code.last, self.name

        def evaluate(state: State, dot: Value) -> Value:
            value = run(state, dot)
            if go_type == "string" and type(value) is str:  # nearly always, and a call less
                return value
            try:
                return checked(value, go_type)
            except WrongTypeError as error:
                state.fail(name, last, str(error))

        return Code(evaluate, last)

    def typed_constant(self, node: Node, go_type: str) -> Code:
        """A constant where a certain type is wanted."""
        if go_type in (ANY, REFLECT):
            return self.constant(node)
        zero = zero_value(go_type)
        found: Value = UNSET
        wanted = ""
        if isinstance(zero, bool):
            wanted, found = "bool", node.value if isinstance(node, BoolNode) else UNSET
        elif isinstance(zero, str):
            wanted, found = "string", node.text if isinstance(node, StringNode) else UNSET
        elif isinstance(zero, (int, float, complex)):
            wanted, found = typed_number(node, zero)
        if not wanted:
            return self.failing(node, f"can't handle {node.source()} for arg of type {go_type}")
        if found is UNSET or found is None:
            return self.failing(node, f"expected {wanted}; found {node.source()}")
        return constant_code(found, node)


class _MethodCalls:
    """Calls of methods at one place; arguments are compiled once per method met there."""

    def __init__(self, compiler: Expressions, node: Node, place: Node | None, args: list[Node]) -> None:
        self.compiler = compiler
        self.node = node
        self.place = place
        self.args = args
        self.scope = list(compiler.scope)
        self.known: dict[tuple[str, bool, Function], Callable[[State, Value, Value], list[Value]]] = {}

    def run(
        self,
        state: State,
        dot: Value,
        receiver: Value,
        method: Function,
        name: str,
        final: Value,
        *,
        bare: bool = False,
    ) -> Value:
        """Call the method on the receiver; ``bare``: it stands inside a chain, without arguments."""
        key = (name, bare, method)
        arguments = self.known.get(key)
        if arguments is None:
            arguments = self.known[key] = self.compile(method, name, [] if bare else self.args)
        missing = self.compiler.slots - len(state.vars)
        if missing > 0:  # arguments may declare variables, and are compiled only now
            state.vars.extend([UNSET] * missing)
        values = arguments(state, dot, final)
        return invoke(state, self.compiler.name, self.node, name, method, [receiver, *values])

    def compile(self, method: Function, name: str, args: list[Node]) -> Callable[[State, Value, Value], list[Value]]:
        """The arguments, in the scope that was visible at this place."""
        compiler = self.compiler
        kept, compiler.scope = compiler.scope, list(self.scope)
        values, _ = compiler.arguments(method, name, self.place, args)
        compiler.scope = kept
        return values
