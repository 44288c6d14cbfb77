"""What ``-graph`` and ``-diff`` print."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence

from pyconsul_template.runner import Template


def _quoted(text: str) -> str:
    """A name in the language of Graphviz."""
    return json.dumps(text, ensure_ascii=False)


def graphviz(templates: Sequence[Template]) -> str:
    """Which template needs which data, as a directed graph; what is still missing is dashed."""
    lines = ["digraph templates {", "  rankdir=LR;"]
    data = sorted({name for t in templates for name in t.used})
    lines += [f"  {_quoted(name)} [shape=ellipse];" for name in data]
    for template in templates:
        node = _quoted(f"{template.config.label} => {template.config.destination}")
        lines.append(f"  {node} [shape=box];")
        for name in template.used:
            style = " [style=dashed]" if name in template.missing else ""
            lines.append(f"  {_quoted(name)} -> {node}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def unified(path: str, before: bytes | None, after: bytes) -> str:
    """How a file would change; binary content only says that it would."""
    try:
        old = (before or b"").decode()
        new = after.decode()
    except UnicodeDecodeError:
        return f"Binary file {path} differs\n"
    origin = path if before is not None else "/dev/null"
    changes = difflib.unified_diff(old.splitlines(True), new.splitlines(True), origin, path)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in changes)
