"""A provider of one's own: servers from an inventory file, ``provider=inventory file=… role=…``.

A package of yours needs one line for it, ``inventory = "module:Inventory"``, below
``[project.entry-points."pyconsul.autojoin"]`` in its pyproject.toml. Run by itself it asks the file beside it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from pyconsul.toolkit.discovery import Lookup, Parameter


class Inventory:
    """Hosts with a role in a JSON file: ``[{"address": "10.0.0.1", "role": "server"}]``."""

    title = "Inventory file"
    parameters = (
        Parameter("file", "Path of the JSON file.", required=True, env="INVENTORY"),
        Parameter("role", "Role that hosts must have.", default="server"),
    )
    notes = ""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The addresses of all hosts with the role, in the file's order."""
        path, role = Path(ask.need("file", "INVENTORY")), ask.get("role", default="server")
        try:
            hosts: list[dict[str, Any]] = json.loads(await asyncio.to_thread(path.read_text))
        except (OSError, ValueError) as error:
            raise ask.error(f"file {path}: {error}") from error
        ask.debug(f"{path} has {len(hosts)} hosts")
        return [host["address"] for host in hosts if host.get("role") == role]


if __name__ == "__main__":
    here = Path(__file__).with_name("inventory.json")
    asked = Lookup("inventory", {"provider": "inventory", "file": str(here)})
    print(" ".join(asyncio.run(Inventory().addresses(asked))))
