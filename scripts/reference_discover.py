"""Write the tables of ``docs/tools/discover.md`` from the providers; ``--check`` only tells whether they fit."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import Any

from pages import ROOT, write_or_check

from pyconsul.toolkit.discovery import Parameter, Provider

PAGE = ROOT / "docs" / "tools" / "discover.md"
HEADING = "\n## The providers\n"
PACKAGE = "pyconsul_autojoin.providers."


def page() -> str:
    """The page: its own prose, and the tables behind it."""
    return PAGE.read_text(encoding="utf-8").partition(HEADING)[0] + HEADING + tables()


def tables() -> str:
    """A section for each provider of this distribution, by name."""
    found = {each.name: each for each in entry_points(group="pyconsul.autojoin") if each.value.startswith(PACKAGE)}
    note = "Made by `scripts/reference_discover.py` from the providers; change those.\n"
    return note + "".join(section(name, found[name].load()()) for name in sorted(found))


def section(name: str, provider: Provider) -> str:
    """Heading, parameters and notes of one provider."""
    text = f"\n### `{name}`\n{provider.title}.\n"
    if provider.parameters:
        text += "\n| parameter | needed | environment | default | |\n|---|---|---|---|---|\n"
        text += "".join(row(each) for each in provider.parameters)
    notes = provider.notes.strip()
    return f"{text}\n{notes}\n" if notes else text


def row(parameter: Parameter) -> str:
    """One parameter."""
    cells: list[Any] = [f"`{parameter.name}`", "yes" if parameter.required else ""]
    cells += [f"`{text}`" if text else "" for text in (parameter.env, parameter.default)]
    cells.append(parameter.text.replace("|", "\\|") + (" Secret." if parameter.secret else ""))
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    sys.exit(write_or_check(PAGE, page(), sys.argv[1:]))
