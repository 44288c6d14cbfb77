"""Write ``docs/configuration.md`` from the table of configuration keys.

Run without arguments to write the page; ``--check`` only says whether it is up to date (a test does the same).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pages import ROOT, write_or_check

from pyconsul.config.keys import KEYS, Key, flag_rows

PAGE = ROOT / "docs" / "configuration.md"

_INTRODUCTION = """\
# Configuration

<!-- Written by scripts/reference_config.py from core/pyconsul/config/keyrows_*.py; do not edit. -->

An agent reads, in this order, each laid over the one before it: its defaults; with `-dev` the defaults for
development; lists given by flags; the files and folders named by `-config-file` and `-config-dir` in the order of
the command line (a folder's `.hcl` and `.json` files by name, not below it); all other flags; and pieces of HCL given
with `-hcl`. Later values win, lists grow, maps and sections are merged.

Files are HCL or JSON. A duration is text such as `"10s"` or `"1h30m"`. Letter case of keys does not matter. An
unknown key, a value of a wrong type and a rule that is broken stop the agent with the reason; `py-consul validate`
checks without starting one. Addresses may be templates: `{{ GetInterfaceIP "eth0" }}`, `{{ GetPrivateIP }}`,
`{{ GetAllInterfaces | include "network" "10.0.0.0/8" | attr "address" }}`.

Columns: *reload* – `py-consul reload` or SIGHUP takes a new value over; *dev* – the default with `-dev`. Secrets
(**secret**) are never shown. Keys inside `services`, `checks` and nested definitions are those of `service` and
`check`.
"""


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    current = [key for key in KEYS if not key.instead and not key.enterprise]
    simple = [key for key in current if "." not in key.name and key.fixed is None]
    parts.append(_table("Keys at the top of a file", simple))
    sections: dict[str, list[Key]] = {}
    for key in current:
        if "." in key.name and key.fixed is None:
            sections.setdefault(key.name.split(".")[0], []).append(key)
    parts.extend(_table(f"`{name}`", keys) for name, keys in sections.items())
    parts.append(_old_keys(key for key in KEYS if key.instead))
    parts.append(_names("Keys that nobody can change", (key for key in current if key.fixed is not None)))
    parts.append(
        _names(
            "Keys of the enterprise edition",
            (key for key in KEYS if key.enterprise),
            "They are accepted and have no effect; most give a warning.",
        )
    )
    parts.append(_flags())
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _value(value: object) -> str:
    if value is None:
        return ""
    if value is True or value is False:
        return f"`{str(value).lower()}`"
    return "unlimited" if value == float("inf") else f"`{value}`"


def _table(title: str, keys: list[Key]) -> str:
    lines = [
        f"## {title}",
        "",
        "| key | type | default | dev | flag | reload | meaning |",
        "|---|---|---|---|---|---|---|",
    ]
    for key in keys:
        cells = (
            f"`{key.name}`",
            key.kind.value,
            _value(key.default),
            _value(key.dev),
            f"`-{key.flag}`" if key.flag else "",
            "yes" if key.reload else "",
            _cell(key.doc) + (" **secret**" if key.secret else ""),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _old_keys(keys: Iterable[Key]) -> str:
    lines = ["## Keys that were replaced", "", "They still work, with a warning.", "", "| old | new |", "|---|---|"]
    for key in keys:
        new = "nothing; it has no effect" if key.instead == "nothing" else f"`{key.instead}`"
        lines.append(f"| `{key.name}` | {new} |")
    return "\n".join(lines) + "\n"


def _names(title: str, keys: Iterable[Key], text: str = "") -> str:
    names = ", ".join(f"`{key.name}`" for key in keys)
    return "\n".join([f"## {title}", "", *([text, ""] if text else []), names, ""])


def _flags() -> str:
    lines = ["## Flags of the agent", "", "| flag | key | type | meaning |", "|---|---|---|---|"]
    known = {key.name for key in KEYS}
    for key in flag_rows():
        name = f"`{key.name}`" if key.name in known else ""
        lines.append(f"| `-{key.flag}` | {name} | {key.kind.value} | {_cell(key.doc)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), sys.argv[1:]))
