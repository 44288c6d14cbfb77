"""Write the tables of ``docs/tools/discover.md`` from the providers; ``--check`` only tells whether they fit."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pyconsul.toolkit.discovery import Parameter, Provider

PAGE = Path(__file__).resolve().parent.parent / "docs" / "tools" / "discover.md"
HEADING = "\n## The providers\n"
PACKAGE = "pyconsul_autojoin.providers."


def main() -> int:
    """Write the page, or compare it. Returns the exit status."""
    page = PAGE.read_text(encoding="utf-8")
    head = page.partition(HEADING)[0]
    wanted = head + HEADING + tables()
    if "--check" in sys.argv[1:]:
        if page != wanted:
            sys.stderr.write("docs/tools/discover.md is not current: run scripts/reference_discover.py\n")
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


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
    sys.exit(main())
