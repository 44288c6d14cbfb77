"""Pages that are made from the registries: written, or with ``--check`` compared."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_or_check(page: Path, text: str, words: Sequence[str]) -> int:
    """Bring a page up to date; with ``--check`` among the words only say whether it is. Returns the exit status."""
    if "--check" not in words:
        page.write_text(text, encoding="utf-8")
        return 0
    if page.is_file() and page.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{page.relative_to(ROOT)} is not current: run make docs\n")
    return 1
