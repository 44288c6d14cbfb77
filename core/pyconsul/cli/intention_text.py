"""Intentions as the command line writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyconsul.cli.console import Failed


def named_parts(text: str, what: str) -> dict[str, str]:
    """``[partition/][namespace/]name`` under the API's field names (``Source…``). Raises Failed."""
    parts = text.split("/")
    if len(parts) > 3:
        side = "source" if what == "Source" else "destination"
        raise Failed(f"Error: Invalid intention {side}: input can contain at most two '/'")
    names = (f"{what}Partition", f"{what}NS", f"{what}Name")[-len(parts) :]
    return {name: part for name, part in zip(names, parts, strict=True) if part}


def place(intention: Mapping[str, Any], what: str) -> str:
    """One side of an intention: the name alone in the default namespace."""
    name, namespace = str(intention.get(f"{what}Name", "")), str(intention.get(f"{what}NS", ""))
    return name if namespace in ("", "default") else f"{namespace}/{name}"


def full_place(intention: Mapping[str, Any], what: str) -> str:
    """One side of an intention with its namespace, where it has one."""
    name, namespace = str(intention.get(f"{what}Name", "")), str(intention.get(f"{what}NS", ""))
    return f"{namespace}/{name}" if namespace else name


def summary(intention: Mapping[str, Any]) -> str:
    """``web => db (allow)``."""
    permissions = intention.get("Permissions") or ()
    if permissions:
        plural = "" if len(permissions) == 1 else "s"
        detail = f"{len(permissions)} permission{plural}"
    else:
        detail = str(intention.get("Action", ""))
    return f"{place(intention, 'Source')} => {place(intention, 'Destination')} ({detail})"
