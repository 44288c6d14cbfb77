"""go-bexpr's parsing expression grammar, by hand, with its error texts.

An error names what the grammar would have accepted at the farthest place it got to, so every alternative must be
tried just as go-bexpr tries it. Results are remembered by rule and place: the time is linear in the text, where
go-bexpr itself needs exponential time for nested parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

from pyconsul.lang.bexpr.ast import And, Expression, Match, Not, Operator, Or
from pyconsul.lang.bexpr.errors import FilterError
from pyconsul.lang.strconv import unquote

MAX_DEPTH: Final = 64
"""Parentheses and ``not`` may nest this deep. Each level takes seven calls, of the thousand that Python grants."""

_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_IDENTIFIER: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*+")
_DIGITS: Final = re.compile(r"[0-9]*+")
_NO_UTF8: Final = re.compile("[\udc80-\udcff]")

_SPACE_NAME: Final = r"[ \t\r\n]"
_LETTER: Final = "[a-zA-Z]"
_WORD: Final = "[a-zA-Z0-9_]"
_DIGIT: Final = "[0-9]"

T = TypeVar("T")
Found = tuple[int, T] | None
"""Where a rule ended and what it found; None when it does not match."""

# The operators of words between a selector and a value, and those without a value: (rule, words, operator), in
# go-bexpr's order.
_WordRule = tuple[str, tuple[str, ...], Operator]
_VALUE_WORDS: Final[tuple[_WordRule, ...]] = (
    ("MatchContains", ("contains",), Operator.IN),
    ("MatchNotContains", ("not", "contains"), Operator.NOT_IN),
    ("MatchMatches", ("matches",), Operator.MATCHES),
    ("MatchNotMatches", ("not", "matches"), Operator.NOT_MATCHES),
)
_SIGNS: Final = (("MatchEqual", "==", Operator.EQUAL), ("MatchNotEqual", "!=", Operator.NOT_EQUAL))
_EMPTY_WORDS: Final[tuple[_WordRule, ...]] = (
    ("MatchIsEmpty", ("is", "empty"), Operator.IS_EMPTY),
    ("MatchIsNotEmpty", ("is", "not", "empty"), Operator.IS_NOT_EMPTY),
)
_IN_WORDS: Final[tuple[_WordRule, ...]] = (
    ("MatchIn", ("in",), Operator.IN),
    ("MatchNotIn", ("not", "in"), Operator.NOT_IN),
)


def parse(text: str) -> Expression:
    """The expression. Raises FilterError with the text of go-bexpr's parser."""
    return _Parser(text).input()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.size = len(text)
        self.stray = {found.start() for found in _NO_UTF8.finditer(text)}  # where bytes are that are no UTF-8
        self.inverted = False  # inside an odd number of "must not follow"
        self.far = 0
        self.expected: set[str] = set()
        self.errors: dict[str, None] = {}
        # What each rule found at a place, inside and outside of "must not follow", where it notes other expectations.
        self.ors: dict[tuple[int, bool], Found[Expression]] = {}
        self.ands: dict[tuple[int, bool], Found[Expression]] = {}
        self.nots: dict[tuple[int, bool], Found[Expression]] = {}
        self.groups: dict[tuple[int, bool], Found[Expression]] = {}
        self.selectors: dict[tuple[int, bool], Found[tuple[str, ...]]] = {}
        self.values: dict[tuple[int, bool], Found[str]] = {}
        self.strings: dict[tuple[int, bool], Found[str]] = {}
        self.depth = 0

    # Bookkeeping -------------------------------------------------------------------------------------------------

    def note(self, at: int, wanted: str) -> None:
        """Remember what would have been accepted at ``at``, if no alternative got farther."""
        if at > self.far:
            self.far = at
            self.expected.clear()
        if at == self.far:
            self.expected.add("!" + wanted if self.inverted else wanted)

    def place(self, at: int) -> str:
        seen = self.text[: at + 1]
        line = seen.count("\n") + 1
        offset = len(self.text[:at].encode("utf-8", "surrogateescape"))
        return f"{line}:{at - seen.rfind(chr(10)) if line > 1 else at + 1} ({offset})"

    def complain(self, at: int, rule: str, message: str) -> None:
        """Record an error that stays, whatever the other alternatives do."""
        self.errors[f"{self.place(at)}: rule {rule}: {message}"] = None

    def reach(self, at: int, rule: str) -> None:
        """Record that ``rule`` read on to ``at``, where go-bexpr complains of a byte that is no UTF-8."""
        if at in self.stray:
            self.complain(at, rule, "invalid encoding")

    def must_not(self, run: Callable[[], bool]) -> bool:
        """Whether ``run`` does not match.

        Callers that know it have it run all the same: what it notes on its way is part of the error's text.
        """
        self.inverted = not self.inverted
        matched = run()
        self.inverted = not self.inverted
        return not matched

    # Tokens ------------------------------------------------------------------------------------------------------

    def literal(self, at: int, wanted: str, rule: str) -> int:
        """The place behind ``wanted``, or -1. It is a part of ``rule``."""
        matched = self.text.startswith(wanted, at)
        if matched == self.inverted:
            self.note(at, '"\\""' if wanted == '"' else f'"{wanted}"')
        for end in range(at + 1, at + len(wanted) + 1) if self.stray else ():
            if self.text.startswith(wanted[: end - at], at):
                self.reach(end, rule)
        return at + len(wanted) if matched else -1

    def space(self, at: int) -> int:
        """The place behind one or more white characters, or -1."""
        match = _SPACE.match(self.text, at)
        end = match.end() if match else at
        if end > at:
            self.reach(end, '"whitespace"')
        if not self.inverted:
            self.note(end, _SPACE_NAME)
        elif end > at:
            self.note(end - 1, _SPACE_NAME)
        return end if end > at else -1

    def maybe_space(self, at: int) -> int:
        return max(self.space(at), at)

    def end_of_text(self, at: int) -> bool:
        if (at < self.size) != self.inverted:
            # Something follows where nothing may (or, turned around, the other way).
            self.inverted = not self.inverted
            self.note(at, ".")
            self.inverted = not self.inverted
        if at < self.size:
            self.reach(at + 1, "EOF")
        return at >= self.size

    def words(self, at: int, words: tuple[str, ...], rule: str) -> int:
        """The place behind words with space before each of them. They are a part of ``rule``."""
        for word in words:
            at = self.space(at)
            if at >= 0:
                at = self.literal(at, word, rule)
            if at < 0:
                return -1
        return at

    # Expressions -------------------------------------------------------------------------------------------------

    def input(self) -> Expression:
        if 0 in self.stray:
            self.errors[f"{self.place(0)}: invalid encoding"] = None
        found = self.whole()
        if self.errors:
            raise FilterError("\n".join(self.errors))
        if found is None:
            raise FilterError(f"{self.place(self.far)}: no match found, expected: {self.wanted()}")
        return found

    def wanted(self) -> str:
        names = sorted(self.expected - {"!."})
        if "!." in self.expected:
            names.append("EOF")
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"

    def whole(self) -> Expression | None:
        at = self.maybe_space(0)
        # Parentheses around everything are a rule of their own; where it fails, what it expected is told, too.
        inner = self.literal(at, "(", "Input")
        if inner >= 0:
            found = self.any_of(self.maybe_space(inner))
            if found is not None:
                closed = self.literal(self.maybe_space(found[0]), ")", "Input")
                if closed >= 0 and self.end_of_text(self.maybe_space(closed)):
                    return found[1]
        found = self.any_of(at)
        if found is not None and self.end_of_text(self.maybe_space(found[0])):
            return found[1]
        return None

    def any_of(self, at: int) -> Found[Expression]:
        key = (at, self.inverted)
        if key not in self.ors:
            self.ors[key] = self.chain(at, "or", "OrExpression", self.all_of, Or)
        return self.ors[key]

    def all_of(self, at: int) -> Found[Expression]:
        key = (at, self.inverted)
        if key not in self.ands:
            self.ands[key] = self.chain(at, "and", "AndExpression", self.negation, And)
        return self.ands[key]

    def chain(
        self,
        at: int,
        word: str,
        rule: str,
        term: Callable[[int], Found[Expression]],
        kind: Callable[[tuple[Expression, ...]], Expression],
    ) -> Found[Expression]:
        """Terms joined by a word; what follows the last good term is left alone."""
        terms: list[Expression] = []
        end = at
        while (found := term(at)) is not None:
            end, expression = found
            terms.append(expression)
            at = self.words(end, (word,), rule)
            if at >= 0:
                at = self.space(at)
            if at < 0:
                break
        if not terms:
            return None
        return end, terms[0] if len(terms) == 1 else kind(tuple(terms))

    def negation(self, at: int) -> Found[Expression]:
        key = (at, self.inverted)
        if key in self.nots:
            return self.nots[key]
        found: Found[Expression] = None
        inner = self.literal(at, "not", "NotExpression")
        if inner >= 0:
            inner = self.space(inner)
        if inner >= 0:
            self.enter()
            found = self.negation(inner)
            self.depth -= 1
        if found is None:
            found = self.grouping(at)
        else:
            operand = found[1]
            found = found[0], operand.operand if isinstance(operand, Not) else Not(operand)
        self.nots[key] = found
        return found

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FilterError(f"parentheses and negations are nested deeper than {MAX_DEPTH} levels")

    def grouping(self, at: int) -> Found[Expression]:
        key = (at, self.inverted)
        if key not in self.groups:
            self.groups[key] = self.read_grouping(at)
        return self.groups[key]

    def read_grouping(self, at: int) -> Found[Expression]:
        inner = self.literal(at, "(", '"grouping"')
        group: Found[Expression] = None
        behind = at
        if inner >= 0:
            start = self.maybe_space(inner)
            self.enter()
            group = self.any_of(start)
            self.depth -= 1
        if group is not None:
            behind = self.maybe_space(group[0])
            closed = self.literal(behind, ")", '"grouping"')
            if closed >= 0:
                return closed, group[1]
        match = self.match(at)
        if match is not None:
            return match
        if group is not None and self.must_not(lambda: self.literal(behind, ")", '"grouping"') >= 0):
            self.complain(behind, '"grouping"', "Unmatched parentheses")
        return None

    # Matches -----------------------------------------------------------------------------------------------------

    def match(self, at: int) -> Found[Expression]:
        return self.selector_first(at) or self.value_first(at)

    def selector_first(self, at: int) -> Found[Expression]:
        selector = self.selector(at)
        if selector is None:
            return None
        end, path = selector
        operator = self.value_operator(end)
        if operator is not None:
            value = self.value(operator[0])
            if value is not None:
                return value[0], Match(path, operator[1], value[1])
        for rule, words, empty_operator in _EMPTY_WORDS:
            behind = self.words(end, words, rule)
            if behind >= 0:
                return behind, Match(path, empty_operator, None)
        return None

    def value_operator(self, at: int) -> Found[Operator]:
        for rule, sign, operator in _SIGNS:
            behind = self.literal(self.maybe_space(at), sign, rule)
            if behind >= 0:
                return self.maybe_space(behind), operator
        return self.word_operator(at, _VALUE_WORDS)

    def word_operator(self, at: int, table: tuple[_WordRule, ...]) -> Found[Operator]:
        for rule, words, operator in table:
            behind = self.words(at, words, rule)
            if behind >= 0:
                behind = self.space(behind)
            if behind >= 0:
                return behind, operator
        return None

    def value_first(self, at: int) -> Found[Expression]:
        value = self.value(at)
        operator = self.word_operator(value[0], _IN_WORDS) if value is not None else None
        if value is None or operator is None:
            return None
        behind = operator[0]
        selector = self.selector(behind)
        if selector is not None:
            return selector[0], Match(selector[1], operator[1], value[1])
        if self.must_not(lambda: self.selector(behind) is not None):
            self.complain(behind, '"match"', "Invalid selector")
        return None

    # Selectors and values ----------------------------------------------------------------------------------------

    def selector(self, at: int) -> Found[tuple[str, ...]]:
        key = (at, self.inverted)
        if key not in self.selectors:
            self.selectors[key] = self.read_selector(at)
        return self.selectors[key]

    def read_selector(self, at: int) -> Found[tuple[str, ...]]:
        first = self.identifier(at)
        if first is None:
            return None
        end, name = first
        path = [name]
        while True:
            step: Found[str] = None
            dot = self.literal(end, ".", "SelectorOrIndex")
            if dot >= 0:
                step = self.identifier(dot)
            if step is None:
                step = self.index(end)
            if step is None:
                return end, tuple(path)
            end, name = step
            path.append(name)

    def identifier(self, at: int) -> Found[str]:
        match = _IDENTIFIER.match(self.text, at)
        if match is None:
            if not self.inverted:
                self.note(at, _LETTER)
            return None
        if not self.inverted:
            self.note(match.end(), _WORD)
        else:
            self.note(at, _LETTER)
            if match.end() > at + 1:
                self.note(match.end() - 1, _WORD)
        self.reach(match.end(), "Identifier")
        return match.end(), match[0]

    def index(self, at: int) -> Found[str]:
        inner = self.literal(at, "[", '"index"')
        if inner < 0:
            return None
        inner = self.maybe_space(inner)
        name = self.string(inner)
        if name is not None:
            behind = self.maybe_space(name[0])
            closed = self.literal(behind, "]", '"index"')
            if closed >= 0:
                return closed, name[1]
            if self.must_not(lambda: self.literal(behind, "]", '"index"') >= 0):
                self.complain(behind, '"index"', "Unclosed index expression")
        elif self.must_not(lambda: self.string(inner) is not None):
            self.complain(inner, '"index"', "Invalid index")
        return None

    def value(self, at: int) -> Found[str]:
        key = (at, self.inverted)
        if key not in self.values:
            selector = self.selector(at)
            if selector is not None:
                self.values[key] = selector[0], ".".join(selector[1])
            else:
                self.values[key] = self.number(at) or self.string(at)
        return self.values[key]

    def number(self, at: int) -> Found[str]:
        start = max(self.literal(at, "-", '"number"'), at)
        end = self.digits(start)
        if end < 0:
            return None
        if self.after_number(end):
            return end, self.text[at:end]
        if self.must_not(lambda: self.after_number(end)):
            self.complain(end, '"number"', "Invalid number literal")
        return None

    def digits(self, at: int) -> int:
        """Behind an integer or a decimal fraction, or -1."""
        end = self.literal(at, "0", "IntegerOrFloat")
        if end < 0:
            if not "1" <= self.text[at : at + 1] <= "9":
                self.note_class(at, "[1-9]")
                return -1
            self.reach(at + 1, "IntegerOrFloat")
            end = self.digit_run(at + 1)
        point = self.literal(end, ".", "IntegerOrFloat")
        if point >= 0:
            behind = self.digit_run(point)
            if behind > point:
                return behind
        return end

    def digit_run(self, at: int) -> int:
        match = _DIGITS.match(self.text, at)
        end = match.end() if match else at
        self.note_class(end, _DIGIT)
        if end > at:
            self.reach(end, "IntegerOrFloat")
        return end

    def note_class(self, at: int, name: str) -> None:
        if not self.inverted:
            self.note(at, name)

    def after_number(self, at: int) -> bool:
        return self.space(at) >= 0 or self.end_of_text(at) or self.literal(at, ")", "AfterNumbers") >= 0

    def string(self, at: int) -> Found[str]:
        key = (at, self.inverted)
        if key not in self.strings:
            self.strings[key] = self.read_string(at)
        return self.strings[key]

    def read_string(self, at: int) -> Found[str]:
        for mark in ("`", '"'):
            if self.literal(at, mark, '"string"') >= 0:
                return self.quoted(at, mark)
        return None

    def quoted(self, at: int, mark: str) -> Found[str]:
        close = self.text.find(mark, at + 1)  # the grammar knows no escaped mark: the next one ends the text
        self.reach_inside(at, self.size if close < 0 else close, mark)
        if close < 0:
            self.complain(self.size, '"string"', "Unterminated string literal")
            return None
        before, self.inverted = self.inverted, True
        self.note(close, '"\\""' if mark == '"' else f'"{mark}"')
        self.inverted = before
        written = self.text[at : close + 1]
        try:
            return close + 1, unquote(written)
        except ValueError as error:
            self.complain(at, '"string"', str(error))
            return close + 1, ""

    def reach_inside(self, at: int, end: int, mark: str) -> None:
        """Record the stray bytes of a string from ``at`` to ``mark`` at ``end``, and the one behind that."""
        for place in range(at + 2, end + 2) if self.stray else ():
            self.reach(place, "RawStringChar" if mark == "`" else "DoubleStringChar")
        self.reach(end + 1, '"string"')
