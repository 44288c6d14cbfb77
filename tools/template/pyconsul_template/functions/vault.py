"""Data from Vault."""

from __future__ import annotations

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Slice, Value
from pyconsul.lang.strconv import quote
from pyconsul_template.dependencies import vault as queries
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.text import GO_SPACE


def _pairs(words: tuple[str, ...]) -> dict[str, str]:
    out: dict[str, str] = {}
    for word in words:
        if not word:
            continue
        key, found, value = word.partition("=")
        if not found:
            raise FunctionError(f"not k=v pair {quote(word)}")
        out[key.strip(GO_SPACE)] = value.strip(GO_SPACE)
    return out


@function("secret", "...string -> any", context=True)
def secret(run: Execution, *words: str) -> Value:
    """A secret; with pairs they are written first."""
    if not words:
        return None
    path, *rest = words
    pairs = _pairs(tuple(rest))
    value = run.ask(queries.WriteQuery(path, pairs) if rest else queries.ReadQuery.parse(path))
    return None if value is ABSENT else value


@function("secrets", "string", context=True)
def secrets(run: Execution, path: str) -> Slice:
    """The names below a path."""
    value = run.ask(queries.ListQuery(path)) if path else ABSENT
    return Slice("[]string", is_nil=True) if value is ABSENT else value


@function("pkiCert", "...string -> any", context=True)
def pki_cert(run: Execution, *words: str) -> Value:
    """A certificate, kept while the one in the destination is valid."""
    if not words:
        return None
    path, *rest = words
    value = run.ask(queries.CertificateQuery(path, _pairs(tuple(rest)), run.destination))
    return None if value is ABSENT else value
