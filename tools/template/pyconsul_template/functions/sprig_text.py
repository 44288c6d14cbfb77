"""Texts of the sprig library, a table of small functions: cutting, quoting, wrapping, Base32, checksums."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib

from pyconsul.lang import gocases, strconv
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import to_string
from pyconsul.lang.gotemplate.values import Known, Map, Slice, Value, string_map, strings
from pyconsul.lang.strconv import from_bytes, quote, to_bytes
from pyconsul.primitives.dice import DICE
from pyconsul_template.functions.digests import decode_base64
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.text import GO_SPACE, go_split

MAX_REPEAT = 1 << 28
"""Bytes a repeated text may take; Go would run out of memory at some point."""


@function("sprig_hello", "")
def hello() -> str:
    """A greeting."""
    return "Hello!"


def text_of(value: Value) -> str:
    """sprig's conversion of any value."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else to_string(value)


def texts_of(value: Known) -> list[str]:
    """A list of texts from any list; nil elements are left out."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text_of(v) for v in value if v is not None]
    return [text_of(value)]


@function("sprig_toString", "any")
def to_text(value: Value) -> str:
    """Any value as text."""
    return text_of(value)


@function("sprig_toStrings", "any")
def to_texts(value: Value) -> Slice:
    """Any list as a list of texts."""
    return strings(texts_of(value))


function("sprig_upper", "string")(gocases.upper)
function("sprig_lower", "string")(gocases.lower)


@function("sprig_initials", "string")
def initials(text: str) -> str:
    """The first letters of all words; the library takes bytes for characters."""
    shown = "".join(map(chr, to_bytes(text)))
    return "".join(c for p, c in zip(" " + shown, shown, strict=False) if p in GO_SPACE and c not in GO_SPACE)


@function("sprig_trim", "string")
def trim(text: str) -> str:
    """Leave out white space at both ends."""
    return text.strip(GO_SPACE)


@function("sprig_trimAll", "string, string")
def trim_all(cutset: str, text: str) -> str:
    """Leave out characters at both ends."""
    return text.strip(cutset) if cutset else text


function("sprig_trimall", "string, string")(trim_all)


@function("sprig_trimPrefix", "string, string")
def trim_prefix(prefix: str, text: str) -> str:
    """Leave out a prefix."""
    return text.removeprefix(prefix)


@function("sprig_trimSuffix", "string, string")
def trim_suffix(suffix: str, text: str) -> str:
    """Leave out a suffix."""
    return text.removesuffix(suffix)


@function("sprig_nospace", "string")
def nospace(text: str) -> str:
    """Without any white space; where there is some, the library takes bytes for characters."""
    shown = "".join(map(chr, to_bytes(text)))
    kept = "".join(c for c in shown if c not in GO_SPACE)
    return text if kept == shown else kept


@function("sprig_contains", "string, string")
def contains(part: str, text: str) -> bool:
    """Whether the text contains the part."""
    return part in text


@function("sprig_hasPrefix", "string, string")
def has_prefix(prefix: str, text: str) -> bool:
    """Whether the text begins so."""
    return text.startswith(prefix)


@function("sprig_hasSuffix", "string, string")
def has_suffix(suffix: str, text: str) -> bool:
    """Whether the text ends so."""
    return text.endswith(suffix)


@function("sprig_repeat", "int, string")
def repeat(count: int, text: str) -> str:
    """The text several times."""
    if count < 0:
        raise FunctionError("strings: negative Repeat count")
    if count * len(text) > MAX_REPEAT:
        raise FunctionError("strings: Repeat output length overflow")
    return text * count


@function("sprig_quote", "...any")
def quoted(*values: Value) -> str:
    """Every value in double quotes."""
    return " ".join(quote(text_of(v)) for v in values if v is not None)


@function("sprig_squote", "...any")
def single_quoted(*values: Value) -> str:
    """Every value in single quotes."""
    return " ".join(f"'{to_string(v)}'" for v in values if v is not None)


@function("sprig_cat", "...any")
def cat(*values: Value) -> str:
    """The values with blanks between them."""
    return " ".join(to_string(v) for v in values if v is not None)


@function("sprig_indent", "int, string")
def indent(spaces: int, text: str) -> str:
    """Spaces before every line."""
    if spaces < 0:
        raise FunctionError("strings: negative Repeat count")
    pad = " " * min(spaces, 1 << 20)
    return pad + text.replace("\n", "\n" + pad)


@function("sprig_nindent", "int, string")
def nindent(spaces: int, text: str) -> str:
    """A newline, then the indented text."""
    return "\n" + indent(spaces, text)


@function("sprig_replace", "string, string, string")
def replace(old: str, new: str, text: str) -> str:
    """Every occurrence replaced."""
    return text.replace(old, new)


@function("sprig_plural", "string, string, int")
def plural(one: str, many: str, count: int) -> str:
    """The one word for 1, the other for all other counts."""
    return one if count == 1 else many


@function("sprig_substr", "int, int, string")
def substr(start: int, end: int, text: str) -> str:
    """The bytes from start to end; a negative end means all the rest."""
    data = to_bytes(text)
    if start < 0:
        if not 0 <= end <= len(data):
            raise FunctionError(
                f"runtime error: slice bounds out of range [:{end}]" + (f" with length {len(data)}" if end > 0 else "")
            )
        return from_bytes(data[:end])
    stop = len(data) if end < 0 or end > len(data) else end
    if not 0 <= start <= stop <= len(data):
        raise FunctionError(f"runtime error: slice bounds out of range [{start}:{stop}]")
    return from_bytes(data[start:stop])


@function("sprig_trunc", "int, string")
def trunc(count: int, text: str) -> str:
    """The first bytes; with a negative count the last ones."""
    data = to_bytes(text)
    if count < 0 and len(data) + count > 0:
        return from_bytes(data[len(data) + count :])
    return from_bytes(data[:count]) if 0 <= count < len(data) else text


@function("sprig_abbrev", "int, string")
def abbrev(width: int, text: str) -> str:
    """At most so many bytes, with dots at the end of what was cut."""
    return text if width < 4 else _abbreviated(text, 0, width)


@function("sprig_abbrevboth", "int, int, string")
def abbrevboth(left: int, right: int, text: str) -> str:
    """At most ``right`` bytes from the offset ``left``, with dots at both cut ends."""
    return text if right < 4 or (left > 0 and right < 7) else _abbreviated(text, left, right)


def _abbreviated(text: str, offset: int, width: int) -> str:
    data = to_bytes(text)
    if len(data) <= width:
        return text
    offset = min(offset, len(data))
    if len(data) - offset < width - 3:
        offset = len(data) - (width - 3)
    if offset <= 4:
        return from_bytes(data[: width - 3]) + "..."
    if offset + width - 3 < len(data):
        return "..." + _abbreviated(from_bytes(data[offset:]), 0, width - 3)
    return "..." + from_bytes(data[len(data) - (width - 3) :])


def _wrapped(text: str, width: int, newline: str, *, cut_words: bool) -> str:
    data, mark, width = to_bytes(text), to_bytes(newline or "\n"), max(width, 1)
    out: list[bytes] = []
    at = 0
    while len(data) - at > width:
        if data[at : at + 1] == b" ":
            at += 1
            continue
        blank = data.rfind(b" ", at, at + width + 1)
        if blank < 0 and not cut_words:
            blank = data.find(b" ", at + width)
            if blank < 0:
                break
        stop = blank if blank >= 0 else at + width
        out += [data[at:stop], mark]
        at = stop + (1 if blank >= 0 else 0)
    return from_bytes(b"".join([*out, data[at:]])) if text else ""


@function("sprig_wrap", "int, string")
def wrap(width: int, text: str) -> str:
    """Lines of at most so many bytes; longer words stay whole."""
    return _wrapped(text, width, "", cut_words=False)


@function("sprig_wrapWith", "int, string, string")
def wrap_with(width: int, newline: str, text: str) -> str:
    """Pieces of at most so many bytes with the given mark between them; longer words are cut."""
    return _wrapped(text, width, newline, cut_words=True)


@function("sprig_shuffle", "string", changing=True)
def shuffle(text: str) -> str:
    """The characters in another order."""
    chars = list(text)
    DICE.shuffle(chars)
    return "".join(chars)


def _numbered(parts: list[str]) -> Map:
    return string_map({f"_{n}": part for n, part in enumerate(parts)})


@function("sprig_split", "string, string")
def split(separator: str, text: str) -> Map:
    """The parts under ``_0``, ``_1`` …"""
    return _numbered(go_split(text, separator))


@function("sprig_splitn", "string, int, string")
def splitn(separator: str, count: int, text: str) -> Map:
    """Up to so many parts under ``_0``, ``_1`` …"""
    return _numbered(go_split(text, separator, count))


@function("sprig_splitList", "string, string")
def split_list(separator: str, text: str) -> Slice:
    """The parts as a list."""
    return strings(go_split(text, separator))


@function("sprig_join", "string, any")
def join(separator: str, value: Value) -> str:
    """The texts of a list with the separator between them."""
    return separator.join(texts_of(value))


@function("sprig_sortAlpha", "any")
def sort_alpha(value: Known) -> Slice:
    """The texts of a list in order."""
    return strings(sorted(texts_of(value), key=to_bytes) if isinstance(value, list) else [text_of(value)])


@function("sprig_b64enc", "string")
def b64enc(text: str) -> str:
    """Standard Base64."""
    return base64.b64encode(to_bytes(text)).decode()


@function("sprig_b64dec", "string")
def b64dec(text: str) -> str:
    """Standard Base64 undone; a mistake gives its message."""
    try:
        return from_bytes(decode_base64(text))
    except ValueError as error:
        return str(error)


@function("sprig_b32enc", "string")
def b32enc(text: str) -> str:
    """Base32."""
    return base64.b32encode(to_bytes(text)).decode()


@function("sprig_b32dec", "string")
def b32dec(text: str) -> str:
    """Base32 undone; a mistake gives its message."""
    clean = text.replace("\r", "").replace("\n", "")
    end = _base32_end(clean)
    if end < 0:
        return f"illegal base32 data at input byte {-end - 1}"
    body = clean[:end]
    return from_bytes(base64.b32decode(body + "=" * (-end % 8)))


def _base32_end(text: str) -> int:
    """How many characters of the text carry data, or the place of the first mistake: -1 for place 0, and so on."""
    body = re.match(r"[A-Z2-7]*", text)
    end = body.end() if body else 0
    spare, rest = end % 8, len(text) - end
    if not rest:
        return end if not spare else -(end - spare) - 1
    if text[end] != "=" or spare < 2 or rest > 8:
        return -end - 1
    padding = text[end : end + 8 - spare]
    if len(padding) < 8 - spare:
        return -len(text) - 1
    if padding.strip("="):
        return -(end + padding.index(padding.strip("=")) - 1) - 1
    return -end - 1 if spare in (3, 6) else end  # whatever stands behind the padding is not read


@function("sprig_sha1sum", "string")
def sha1sum(text: str) -> str:
    """SHA-1 in hexadecimal."""
    return hashlib.sha1(to_bytes(text), usedforsecurity=False).hexdigest()


@function("sprig_sha256sum", "string")
def sha256sum(text: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(to_bytes(text)).hexdigest()


@function("sprig_sha512sum", "string")
def sha512sum(text: str) -> str:
    """SHA-512 in hexadecimal."""
    return hashlib.sha512(to_bytes(text)).hexdigest()


@function("sprig_adler32sum", "string")
def adler32sum(text: str) -> str:
    """Adler-32 in decimal."""
    return str(zlib.adler32(to_bytes(text)))


@function("sprig_atoi", "string")
def atoi(text: str) -> int:
    """A decimal integer, the limit for one that is too large; 0 for anything else."""
    try:
        return strconv.parse_int(text)
    except strconv.NumberSyntaxError as error:
        return error.nearest
