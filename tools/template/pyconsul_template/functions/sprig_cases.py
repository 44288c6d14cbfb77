"""Letter cases of the sprig library: titles, and words joined as the xstrings library joins them."""

from __future__ import annotations

import re
import unicodedata

from pyconsul.lang.gocases import lower, simple_case, upper
from pyconsul.lang.strconv import runes
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.text import GO_SPACE


def _separates(char: str) -> bool:
    """What Go's old title casing takes for the end of a word: among ASCII all but letters, digits, underscore."""
    if char.isascii():
        return not (char.isalnum() or char == "_")
    return char in GO_SPACE


@function("sprig_title", "string")
def title(text: str) -> str:
    """The first letter of every word raised."""
    text = runes(text)
    before = " " + text
    return "".join(simple_case(c, c.title()) if _separates(p) else c for p, c in zip(before, text, strict=False))


@function("sprig_untitle", "string")
def untitle(text: str) -> str:
    """The first letter of every word lowered."""
    text = runes(text)
    before = " " + text
    return "".join(lower(c) if p in GO_SPACE else c for p, c in zip(before, text, strict=False))


@function("sprig_swapcase", "string")
def swapcase(text: str) -> str:
    """Upper becomes lower, lower becomes upper, at the beginning of a word with its first half alone (``ǅ``)."""
    text = runes(text)
    return "".join(_swapped(c, p in GO_SPACE) for p, c in zip(" " + text, text, strict=False))


def _swapped(char: str, begins_word: bool) -> str:
    category = unicodedata.category(char)
    if category in ("Lu", "Lt"):
        return lower(char)
    if category != "Ll":
        return char
    return simple_case(char, char.title()) if begins_word else upper(char)


def _is_connector(char: str) -> bool:
    return char in "-_" or char in GO_SPACE


def _letter_of(char: str) -> str:
    """The kind of a character as one letter, for ``_WORDS``; Chinese characters are no alphabet."""
    category = unicodedata.category(char)
    if _is_connector(char):
        return "k" if char in "-_" else "c"
    if category == "Lu":
        return "u"
    is_chinese = "\u3400" <= char <= "\u4d85" or "\u4e00" <= char <= "\u9fcc" or "\U00020000" <= char <= "\U0002b81d"
    return {"P": "p", "N": "n", "L": "o" if is_chinese else "a"}.get(category[0], "o")


# Words over the letters of ``_letter_of``. Of several capitals the last one begins the word that follows.
_WORDS = re.compile(
    r"(?P<connector>[ck]+)|(?P<punct>p[pk]*)|(?P<upper>u+(?=ua)|ua+|u+)|(?P<alphabet>a+)|(?P<number>n+)|(?P<other>o+)"
)


class _Words:
    """The words of a text, one by one; an empty kind is the end."""

    def __init__(self, text: str, connector: str) -> None:
        self.connector = connector
        letters = "".join(map(_letter_of, text))
        self.found = [(m.lastgroup or "", text[m.start() : m.end()]) for m in _WORDS.finditer(letters)]
        self.at = -1
        self.kind = ""
        self.word = ""
        self.out: list[str] = []
        self.next()

    def next(self) -> None:
        """Go to the next word."""
        self.at += 1
        self.kind, self.word = self.found[self.at] if self.at < len(self.found) else ("", "")

    def write(self) -> None:
        """Write the present word in lower case and go on."""
        if self.kind == "connector":
            self.out.append("".join(self.connector if _is_connector(c) else c for c in self.word))
        else:
            self.out.append(
                "".join(lower(c) if c.isupper() else c for c in self.word) if self.kind == "upper" else self.word
            )
        self.next()

    def write_tail(self) -> None:
        """Letters and digits that go on without a capital belong to the number before them."""
        while self.kind in ("alphabet", "number"):
            self.write()

    def after_number(self) -> None:
        """What follows a number."""
        self.write_tail()
        if self.kind not in ("", "punct", "connector"):
            self.out.append(self.connector)

    def before_number(self) -> None:
        """A number behind letters stands for itself when letters follow it, else it belongs to them."""
        is_last = self.at + 1 >= len(self.found)
        if is_last:
            return
        if self.found[self.at + 1][0] != "alphabet":
            self.write()
            if self.kind not in ("connector", "punct", ""):
                self.out.append(self.connector)
            return
        self.out.append(self.connector)
        self.write()
        self.write_tail()
        if self.kind not in ("", "connector", "punct"):
            self.out.append(self.connector)


def _joined_words(text: str, connector: str) -> str:
    """Words in lower case with a connector between them, by the rules of the xstrings library."""
    words = _Words(text, connector)
    while words.kind:
        before = words.kind
        words.write()
        if before == "number":
            words.after_number()
        elif before in ("connector", "punct"):
            continue
        elif words.kind == "number":
            words.before_number()
        elif words.kind not in ("", "connector", "punct"):
            words.out.append(connector)
    return "".join(words.out)


@function("sprig_snakecase", "string")
def snakecase(text: str) -> str:
    """``FirstName`` as ``first_name``."""
    return _joined_words(text, "_")


@function("sprig_kebabcase", "string")
def kebabcase(text: str) -> str:
    """``FirstName`` as ``first-name``."""
    return _joined_words(text, "-")


@function("sprig_camelcase", "string")
def camelcase(text: str) -> str:
    """``http_server`` as ``HttpServer``; leading connectors stay, runs of capitals keep their first."""
    text = runes(text)
    body = text.lstrip("-_" + GO_SPACE)
    if not body:
        return text + text[-1:]
    out = [text[: len(text) - len(body)]]
    lower_run = body[0].isupper()
    held = upper(body[0])
    for char in body[1:]:
        if _is_connector(held):
            if _is_connector(char):
                out.append(held)
            else:
                lower_run = char.isupper()
                char = upper(char)
            held = char
            continue
        if lower_run and char.isupper():
            char = lower(char)
        else:
            lower_run = False
        out.append(held)
        held = char
    return "".join([*out, held])
