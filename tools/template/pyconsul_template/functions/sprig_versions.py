"""Semantic versions of the sprig library: parsing, comparing, constraints."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from pyconsul.lang.gotemplate import Function, FunctionError, signature
from pyconsul.lang.gotemplate.values import Field, Stringer, Struct, Uint64, Value
from pyconsul.lang.strconv import NumberSyntaxError, parse_uint
from pyconsul_template.functions.registry import function

_VERSION = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?(?:\+([0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*))?"
)
_PART = r"[0-9xX*|]+"
_SUFFIX = r"[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*"
_PATTERN = rf"v?({_PART})(\.{_PART})?(\.{_PART})?(-{_SUFFIX})?(\+{_SUFFIX})?"
_OPERATOR = r"(!=|>=|=>|<=|=<|~>|=|>|<|~|\^|)"
_CONSTRAINT = re.compile(rf"\s*{_OPERATOR}\s*{_PATTERN}\s*")
_RANGE = re.compile(rf"\s*({_PATTERN})\s+-\s+({_PATTERN})\s*")


class _Bare(Struct):
    """The library's struct behind a version, for verbs that do not ask for its text."""

    go_type = "semver.Version"
    fields = (
        *(Field(name, "uint64") for name in ("major", "minor", "patch")),
        *(Field(name, "string") for name in ("pre", "metadata", "original")),
    )


class Version(Stringer):
    """A semantic version."""

    go_type = "*semver.Version"

    def __init__(self, numbers: tuple[int, int, int], prerelease: str, metadata: str, original: str) -> None:
        self.numbers = numbers
        self.prerelease = prerelease
        self.metadata = metadata
        self.original = original

    @classmethod
    def parse(cls, text: str) -> Version:
        """From ``1.2.3-pre+meta``, where minor and patch may be missing. Raises FunctionError."""
        found = _VERSION.fullmatch(text)
        if found is None:
            raise FunctionError("Invalid Semantic Version")
        try:
            numbers = parse_uint(found[1]), parse_uint(found[2] or "0"), parse_uint(found[3] or "0")
        except NumberSyntaxError as error:
            raise FunctionError(f"Error parsing version segment: {error}") from None
        for part in (found[4] or "").split("."):
            if len(part) > 1 and part.isdecimal() and part[0] == "0":
                raise FunctionError("Version segment starts with 0")
        return cls(numbers, found[4] or "", found[5] or "", text)

    def go_string(self) -> str:
        """The full text."""
        pre = f"-{self.prerelease}" if self.prerelease else ""
        return ".".join(map(str, self.numbers)) + pre + (f"+{self.metadata}" if self.metadata else "")

    def json(self) -> str:
        """The form JSON shows."""
        return self.go_string()

    def bare(self) -> Struct:
        """Its numbers and texts."""
        major, minor, patch = map(Uint64, self.numbers)
        return _Bare(
            major=major,
            minor=minor,
            patch=patch,
            pre=self.prerelease,
            metadata=self.metadata,
            original=self.original,
        )

    def next(self, place: int) -> Version:
        """The version with the number at this place raised; a prerelease only loses its mark at the last."""
        major, minor, patch = self.numbers
        if place == 2:
            numbers = (major, minor, patch if self.prerelease else patch + 1)
        else:
            numbers = (major + 1, 0, 0) if place == 0 else (major, minor + 1, 0)
        v = "v" if self.original.startswith("v") else ""
        return Version(numbers, "", "", v + ".".join(map(str, numbers)))

    def compare(self, other: Version) -> int:
        """-1, 0 or 1."""
        if self.numbers != other.numbers:
            return 1 if self.numbers > other.numbers else -1
        return _compare_prereleases(self.prerelease, other.prerelease)


def _compare_prereleases(a: str, b: str) -> int:
    if a == b:
        return 0
    if not a or not b:
        return -1 if a else 1
    left, right = a.split("."), b.split(".")
    for x, y in zip(left, right, strict=False):
        if x != y:
            x_number, y_number = x.isdecimal(), y.isdecimal()
            if x_number and y_number:
                return 1 if int(x) > int(y) else -1
            if x_number != y_number:
                return -1 if x_number else 1
            return 1 if x > y else -1
    return 1 if len(left) > len(right) else -1


def _of_version(call: Callable[[Version], Value]) -> Function:
    return signature("", call)


def _with_other(call: Callable[[Version, Version], Value]) -> Function:
    return signature("*semver.Version", call)


Version.methods = {
    "Major": _of_version(lambda v: Uint64(v.numbers[0])),
    "Minor": _of_version(lambda v: Uint64(v.numbers[1])),
    "Patch": _of_version(lambda v: Uint64(v.numbers[2])),
    "Prerelease": _of_version(lambda v: v.prerelease),
    "Metadata": _of_version(lambda v: v.metadata),
    "IncMajor": _of_version(lambda v: v.next(0)),
    "IncMinor": _of_version(lambda v: v.next(1)),
    "IncPatch": _of_version(lambda v: v.next(2)),
    "Original": _of_version(lambda v: v.original),
    "String": _of_version(Version.go_string),
    "Compare": _with_other(Version.compare),
    "Equal": _with_other(lambda v, o: v.compare(o) == 0),
    "LessThan": _with_other(lambda v, o: v.compare(o) < 0),
    "GreaterThan": _with_other(lambda v, o: v.compare(o) > 0),
}


class _Constraint(msgspec.Struct, frozen=True):
    """One comparison; ``given`` counts the numbers that were written out."""

    operator: str
    version: Version
    given: int

    def holds(self, v: Version) -> bool:
        """Whether the version fits. A prerelease only fits a constraint that names one."""
        c = self.version
        if v.prerelease and not c.prerelease and not (self.operator == "!=" and self.given == 3):
            return False
        return _CHECKS[self.operator](self, v)

    def not_equal(self, v: Version) -> bool:
        """``!=``."""
        c = self.version
        if self.given in (0, 3):
            return v.compare(c) != 0
        return v.numbers[: self.given] != c.numbers[: self.given]

    def greater(self, v: Version) -> bool:
        """``>``: with missing numbers the whole range must be passed."""
        if self.given in (0, 3):
            return v.compare(self.version) > 0
        return v.numbers[: self.given] > self.version.numbers[: self.given]

    def less_or_equal(self, v: Version) -> bool:
        """``<=``: with missing numbers the whole range belongs to it."""
        if self.given == 3:
            return v.compare(self.version) <= 0
        places = 1 if self.given == 1 else 2
        return v.numbers[:places] <= self.version.numbers[:places]

    def tilde(self, v: Version) -> bool:
        """``~``: the same minor version, from this one on."""
        c = self.version
        if v.compare(c) < 0:
            return False
        if c.numbers == (0, 0, 0) and self.given in (0, 3):
            return True
        return v.numbers[: 1 if self.given == 1 else 2] == c.numbers[: 1 if self.given == 1 else 2]

    def tilde_or_equal(self, v: Version) -> bool:
        """Without operator: the same version, or the range that missing numbers leave open."""
        return v.compare(self.version) == 0 if self.given == 3 else self.tilde(v)

    def caret(self, v: Version) -> bool:
        """``^``: up to the next change of the first number that is not zero."""
        c = self.version
        if v.compare(c) < 0:
            return False
        if c.numbers[0] > 0 or self.given == 1:
            return v.numbers[0] == c.numbers[0]
        if v.numbers[0] > 0:
            return False
        if c.numbers[1] > 0 or self.given == 2:
            return v.numbers[1] == c.numbers[1]
        return v.numbers[1] == 0 and v.numbers[2] == c.numbers[2]


_CHECKS: dict[str, Callable[[_Constraint, Version], bool]] = {
    "": _Constraint.tilde_or_equal,
    "=": _Constraint.tilde_or_equal,
    "!=": _Constraint.not_equal,
    ">": _Constraint.greater,
    "<": lambda c, v: v.compare(c.version) < 0,
    ">=": lambda c, v: v.compare(c.version) >= 0,
    "=>": lambda c, v: v.compare(c.version) >= 0,
    "<=": _Constraint.less_or_equal,
    "=<": _Constraint.less_or_equal,
    "~": _Constraint.tilde,
    "~>": _Constraint.tilde,
    "^": _Constraint.caret,
}


def _is_any(part: str | None) -> bool:
    return part is None or part.removeprefix(".") in ("x", "X", "*", "")


def _constraint(found: re.Match[str], whole: str) -> _Constraint:
    operator, major, minor, patch, pre = found[1], found[2], found[3], found[4], found[5] or ""
    given = 0 if _is_any(major) else 1 if _is_any(minor) else 2 if _is_any(patch) else 3
    parts = [p.removeprefix(".") for p in (major, minor, patch)[:given]] + ["0"] * (3 - given)
    if not all(p.isdecimal() for p in parts):
        raise FunctionError(f"improper constraint: {whole}")
    try:
        return _Constraint(operator, Version.parse(".".join(parts) + pre), given)
    except FunctionError:
        raise FunctionError("constraint Parser Error") from None


def _alternative(text: str) -> list[_Constraint]:
    """Constraints that must all hold, with blanks or commas between them."""
    text = _RANGE.sub(lambda m: f">= {m[1]}, <= {m[7]} ", text)
    out: list[_Constraint] = []
    at = 0
    while at < len(text) or not out:
        found = _CONSTRAINT.match(text, at)
        if found is None:
            raise FunctionError(f"improper constraint: {text}")
        out.append(_constraint(found, text))
        at = found.end()
        if text[at : at + 1] == ",":
            at += 1
    return out


@function("sprig_semver", "string")
def semver(text: str) -> Version:
    """A version."""
    return Version.parse(text)


@function("sprig_semverCompare", "string, string")
def semver_compare(constraint: str, version: str) -> bool:
    """Whether the version fits the constraint."""
    alternatives = [_alternative(text) for text in constraint.split("||")]
    found = Version.parse(version)
    return any(all(c.holds(found) for c in group) for group in alternatives)
