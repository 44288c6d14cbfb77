"""Declaring flags and reading a command line by the rules of Go's ``flag`` package.

``-name=value``, ``-name value`` and, for booleans, ``-name`` alone; one or two dashes are the same. Reading
stops at the first word that is not a flag, or after ``--``. A repeated flag overwrites, unless it collects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar, cast

from pyconsul.lang.goflags import values
from pyconsul.lang.goflags.errors import FlagError, HelpRequested
from pyconsul.lang.goflags.values import ValueRefused
from pyconsul.lang.strconv import quote

T = TypeVar("T")


class Flag(NamedTuple):
    """One declared flag.

    ``fold(old, text)`` gives the new value; ``brief`` chooses between the flag package's short refusals
    (``parse error``) and the long ones of strconv, which Consul's own flag types let through.
    """

    name: str
    kind: str
    usage: str
    default: Any
    default_text: str
    fold: Callable[[Any, str], Any]
    is_bool: bool = False
    brief: bool = True
    group: str = "command"


class Args:
    """A command line that has been read: the value of each flag, which ones were given, and the rest.

    ``words`` is the whole command line as it came, ``rest`` what follows the flags.
    """

    def __init__(self, found: dict[str, Any], given: Sequence[str], rest: list[str], words: Sequence[str] = ()) -> None:
        self._found: Final = found
        self._given: Final = given
        self.rest: Final = rest
        self.words: Final = list(words)

    def was_set(self, name: str) -> bool:
        """Whether the flag stood on the command line."""
        return name in self._given

    def given(self) -> Sequence[str]:
        """The names of the flags that were given, in the order of their last appearance."""
        return self._given

    def value(self, name: str) -> Any:
        """The value of any flag. Raises KeyError for one that was not declared."""
        return self._found[name]

    def string(self, name: str) -> str:
        """The value of a text flag."""
        return cast(str, self._found[name])

    def boolean(self, name: str) -> bool:
        """The value of a boolean flag."""
        return cast(bool, self._found[name])

    def integer(self, name: str) -> int:
        """The value of a signed or unsigned number flag."""
        return cast(int, self._found[name])

    def number(self, name: str) -> float:
        """The value of a floating point flag."""
        return cast(float, self._found[name])

    def duration(self, name: str) -> int:
        """The value of a duration flag in nanoseconds."""
        return cast(int, self._found[name])

    def strings(self, name: str) -> list[str]:
        """What a repeatable flag collected, in order."""
        return cast("list[str]", self._found[name])

    def mapping(self, name: str) -> dict[str, str]:
        """What a repeatable ``key=value`` flag collected."""
        return cast("dict[str, str]", self._found[name])

    def argument(self, index: int) -> str:
        """The word at ``index`` after the flags, or an empty text."""
        return self.rest[index] if index < len(self.rest) else ""


class FlagSet:
    """The flags of one command: declare them, then ``parse``.

    ``brief`` is the default of every flag's refusals: True for Go's own flag types, False for flag types like
    Consul's, which pass strconv's longer sentences on. ``name`` is shown above the generated list of flags.
    """

    def __init__(self, name: str = "", *, brief: bool = True) -> None:
        self.name: Final = name
        self._brief: Final = brief
        self._flags: Final[dict[str, Flag]] = {}

    def __iter__(self) -> Iterator[Flag]:
        """The declared flags in alphabetical order, as Go visits them."""
        return iter(sorted(self._flags.values(), key=lambda f: f.name))

    def add(self, flag: Flag) -> None:
        """Declare one flag. Raises ValueError when its name is taken."""
        if flag.name in self._flags:
            raise ValueError(f"flag redefined: {flag.name}")
        self._flags[flag.name] = flag

    def merge(self, other: Iterable[Flag]) -> None:
        """Declare all flags of another set."""
        for flag in other:
            self.add(flag)

    def value(
        self,
        name: str,
        usage: str,
        convert: Callable[[str], T],
        default: T,
        *,
        kind: str = "value",
        default_text: str = "",
        is_bool: bool = False,
        brief: bool | None = None,
        group: str = "command",
    ) -> None:
        """Declare a flag of any type; ``convert`` raises ValueError (best ValueRefused) on a bad text."""

        def fold(_: Any, text: str) -> Any:
            return convert(text)

        told = self._brief if brief is None else brief
        self.add(Flag(name, kind, usage, default, default_text, fold, is_bool, told, group))

    def string(self, name: str, usage: str = "", default: str = "", *, group: str = "command") -> None:
        """Declare a text flag."""
        # Go's list of flags calls what belongs to a flag type that is not its own just "value".
        kind = "string" if self._brief else "value"
        text = quote(default) if default and self._brief else default
        self.value(name, usage, str, default, kind=kind, default_text=text, group=group)

    def boolean(self, name: str, usage: str = "", default: bool = False, *, group: str = "command") -> None:
        """Declare a boolean flag, which needs no value."""
        shown = "true" if default else ""
        self.value(name, usage, values.to_bool, default, kind="", default_text=shown, is_bool=True, group=group)

    def integer(
        self,
        name: str,
        usage: str = "",
        default: int = 0,
        *,
        bits: int = 64,
        base: int = 0,
        group: str = "command",
    ) -> None:
        """Declare a signed number flag; ``base`` 0 reads prefixes such as ``0x``, too."""

        def convert(text: str) -> int:
            return values.to_int(text, bits, base)

        kind = "int" if self._brief else "value"
        self.value(name, usage, convert, default, kind=kind, default_text=_unless_zero(default), group=group)

    def unsigned(self, name: str, usage: str = "", default: int = 0, *, group: str = "command") -> None:
        """Declare an unsigned 64-bit number flag."""
        kind = "uint" if self._brief else "value"
        shown = _unless_zero(default)
        self.value(name, usage, values.to_uint, default, kind=kind, default_text=shown, group=group)

    def number(self, name: str, usage: str = "", default: float = 0.0, *, group: str = "command") -> None:
        """Declare a floating point flag."""
        kind = "float" if self._brief else "value"
        shown = f"{default:g}" if default else ""
        self.value(name, usage, values.to_float, default, kind=kind, default_text=shown, group=group)

    def duration(self, name: str, usage: str = "", default: int = 0, *, group: str = "command") -> None:
        """Declare a duration flag; ``default`` and the value are nanoseconds."""
        kind = "duration" if self._brief else "value"
        shown = _duration_text(default)
        self.value(name, usage, values.to_duration, default, kind=kind, default_text=shown, group=group)

    def strings(self, name: str, usage: str = "", *, group: str = "command") -> None:
        """Declare a text flag that collects each of its appearances."""
        self.add(Flag(name, "value", usage, (), "", _append, brief=self._brief, group=group))

    def mapping(self, name: str, usage: str = "", *, group: str = "command") -> None:
        """Declare a ``key=value`` flag that collects each of its appearances; the last of a key wins."""
        self.add(Flag(name, "value", usage, {}, "", _put, brief=False, group=group))

    def parse(self, argv: Sequence[str]) -> Args:
        """Read a command line. Raises FlagError with Go's sentence, or HelpRequested for ``-h``."""
        found = {name: _fresh(flag.default) for name, flag in self._flags.items()}
        given: dict[str, None] = {}
        words = list(argv)
        at = 0
        while at < len(words):
            word = words[at]
            if len(word) < 2 or word[0] != "-":
                break
            at += 1
            if word == "--":
                break
            flag, text = self._split(word)
            if text is None and not flag.is_bool:
                if at == len(words):
                    raise FlagError(f"flag needs an argument: -{flag.name}")
                text = words[at]
                at += 1
            found[flag.name] = _set(flag, found[flag.name], text)
            given.pop(flag.name, None)
            given[flag.name] = None
        return Args(found, tuple(given), words[at:], words)

    def _split(self, word: str) -> tuple[Flag, str | None]:
        """The flag that a word names and the value that it carries after an equals sign."""
        body = word[2:] if word.startswith("--") else word[1:]
        if not body or body[0] in "-=":
            raise FlagError(f"bad flag syntax: {word}")
        name, equals, text = body.partition("=")
        flag = self._flags.get(name)
        if flag is None:
            if name in ("help", "h"):
                raise HelpRequested
            raise FlagError(f"flag provided but not defined: -{name}")
        return flag, text if equals else None


def _set(flag: Flag, old: Any, text: str | None) -> Any:
    """The flag's value after ``text``. Raises FlagError in the words of the flag package."""
    try:
        return flag.fold(old, "true" if text is None else text)
    except ValueError as e:
        reason = e.brief if flag.brief and isinstance(e, ValueRefused) else str(e)
    if text is None:
        raise FlagError(f"invalid boolean flag {flag.name}: {reason}")
    if flag.is_bool:
        raise FlagError(f"invalid boolean value {quote(text)} for -{flag.name}: {reason}")
    raise FlagError(f"invalid value {quote(text)} for flag -{flag.name}: {reason}")


def _append(old: list[str], text: str) -> list[str]:
    return [*old, text]


def _put(old: Mapping[str, str], text: str) -> dict[str, str]:
    key, value = values.to_pair(text)
    return {**old, key: value}


def _fresh(default: Any) -> Any:
    """A default that the caller may keep and change."""
    if isinstance(default, tuple):
        return list(cast("tuple[str, ...]", default))
    return dict(cast("dict[str, str]", default)) if isinstance(default, dict) else default


def _unless_zero(default: int) -> str:
    return str(default) if default else ""


def _duration_text(default: int) -> str:
    if not default:
        return ""
    from pyconsul.primitives.durations import format_duration

    return format_duration(default)
