"""Turns template trees into closures: texts, actions, blocks, around ``expressions``' pipelines.

A statement gives what leaves its loop, or nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from pyconsul.lang.gotemplate.expressions import Expressions
from pyconsul.lang.gotemplate.functions import Function
from pyconsul.lang.gotemplate.gofmt import shown
from pyconsul.lang.gotemplate.nodes import ActionNode, BranchNode, ListNode, LoopExitNode, Node, TemplateNode, TextNode
from pyconsul.lang.gotemplate.parser import Tree
from pyconsul.lang.gotemplate.runtime import MAX_DEPTH, UNSET, Program, State, Statement
from pyconsul.lang.gotemplate.steps import (
    BREAK,
    CONTINUE,
    Code,
    elements_any,
    if_step,
    range_pairs,
    text_step,
    with_step,
)
from pyconsul.lang.gotemplate.values import NIL, Channel, Value, type_of
from pyconsul.lang.strconv import quote


def compile_tree(tree: Tree, functions: Mapping[str, Function]) -> Program:
    """The program of one template."""
    return _Compiler(tree.name, functions).program(tree.root)


class _Compiler(Expressions):
    """Compiles one template."""

    def program(self, root: ListNode) -> Program:
        """Compile everything."""
        body = self.items(root)
        return Program(body, self.slots)

    def items(self, node: ListNode) -> Statement:
        """Statements one after another; one that leaves the loop ends the list."""
        steps = [self.statement(n) for n in node.nodes]
        if len(steps) == 1:
            return steps[0]

        def run(state: State, dot: Value) -> int | None:
            for step in steps:
                code = step(state, dot)
                if code:
                    return code
            return None

        return run

    def statement(self, node: Node) -> Statement:
        """One text, action or block."""
        if isinstance(node, TextNode):
            return text_step(node.text)
        if isinstance(node, ActionNode):
            return self.action(node)
        if isinstance(node, BranchNode):
            return self.branch(node)
        if isinstance(node, LoopExitNode):
            code = BREAK if node.word == "break" else CONTINUE
            return lambda _state, _dot: code
        if isinstance(node, TemplateNode):
            return self.template_call(node)
        raise TypeError(f"no statement: {node!r}")

    def action(self, node: ActionNode) -> Statement:
        """Print a pipeline, or only run it when it declares variables."""
        value = self.pipeline(node.pipe).run
        if node.pipe.declared:

            def keep(state: State, dot: Value) -> int | None:
                value(state, dot)
                return None

            return keep
        name = self.name

        def show(state: State, dot: Value) -> int | None:
            result = value(state, dot)
            if type(result) is str:
                state.out.append(result)
            elif result is None:
                state.out.append("<no value>")
            elif isinstance(result, (Channel, Function)):
                state.fail(name, node, f"can't print {node.source()} of type {type_of(result)}")
            else:
                state.out.append(shown(result))
            return None

        return show

    def branch(self, node: BranchNode) -> Statement:
        """``if``, ``with``, ``range``; what they declare ends with them."""
        visible = len(self.scope)
        pipe = self.pipeline(node.pipe)
        if node.word == "range":
            run = self.range_loop(node, pipe)
        else:
            inside = len(self.scope)
            inner = self.items(node.body)
            del self.scope[inside:]  # the parser lets ``else`` name them, but they are never set there
            other = self.items(node.otherwise) if node.otherwise is not None else None
            run = if_step(pipe.run, inner, other) if node.word == "if" else with_step(pipe.run, inner, other)
        del self.scope[visible:]
        return run

    def range_loop(self, node: BranchNode, pipe: Code) -> Statement:
        """A loop over whatever the pipeline gives."""
        declared = [self.slot_of(v.names[0]) for v in node.pipe.declared]
        inside = len(self.scope)
        body = self.items(node.body)
        del self.scope[inside:]
        other = self.items(node.otherwise) if node.otherwise is not None else None
        key_slot = declared[0] if len(declared) > 1 else None
        value_slot = declared[-1] if declared else None
        value, last, name, count = pipe.run, pipe.last, self.name, len(declared)

        def loop(state: State, dot: Value) -> int | None:
            items = value(state, dot)
            pairs = range_pairs(state, name, last, items, count)
            # That elements are of interface type shows in messages only, so it stands beside the values, not in them.
            outer_any, inner_any = state.dot_any, elements_any(items)
            if value_slot is not None:
                (state.any_slots.add if inner_any else state.any_slots.discard)(value_slot)
            variables = state.vars
            ran = False
            for key, element in pairs:
                ran = True
                # Set anew each time: the body's own blocks change it.
                state.dot_any = inner_any
                if element is None:
                    element = NIL
                if value_slot is not None:
                    variables[value_slot] = element
                    if key_slot is not None:
                        variables[key_slot] = key
                if body(state, element) == BREAK:
                    break
            state.dot_any = outer_any
            return other(state, dot) if not ran and other is not None else None

        return loop

    def template_call(self, node: TemplateNode) -> Statement:
        """Run a named template with variables of its own."""
        data = self.pipeline(node.pipe).run if node.pipe is not None else None
        name, site = node.name, self.name

        def run(state: State, dot: Value) -> int | None:
            program = state.programs(name)
            if program is None:
                state.fail(site, node, f"template {quote(name)} not defined")
            if state.depth == MAX_DEPTH:
                state.fail(site, node, f"exceeded maximum template depth ({MAX_DEPTH})")
            inner = data(state, dot) if data is not None else None
            outer = state.vars, state.any_slots, state.dot_any
            state.vars = [UNSET] * program.slots
            state.vars[0] = inner
            state.any_slots, state.dot_any = set(), False
            state.depth += 1
            program.body(state, inner)
            state.depth -= 1
            state.vars, state.any_slots, state.dot_any = outer
            return None

        return run
