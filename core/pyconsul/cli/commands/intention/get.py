"""``consul intention get``: show one intention."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.intention_text import place
from pyconsul.cli.output import columns, json_text
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk.blocking.client import Client

_ZERO_TIME = "0001-01-01T00:00:00Z"

USAGE = "[options] SRC DST"
HELP = """
Shows the intention between two services, or the one of the old kind with an ID.

    $ consul intention get web db
"""


def add_flags(flags: FlagSet) -> None:
    """Declare nothing of its own."""
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print."""
    client = console.connect(args)
    found = _find(client, args.rest)
    rows = [("Source:", place(found, "Source")), ("Destination:", place(found, "Destination"))]
    for label, field in (("Action:", "Action"), ("ID:", "ID"), ("Description:", "Description")):
        if found.get(field):
            rows.append((label, str(found[field])))
    meta: dict[str, str] = found.get("Meta") or {}
    rows += [(f"Meta[{key}]:", meta[key]) for key in sorted(meta)]
    rows.append(("Created At:", _rfc_850(str(found.get("CreatedAt") or ""))))
    console.say(columns(rows))
    if found.get("Permissions"):
        console.say("Permissions:\n" + json_text(found["Permissions"], "  "))
    return 0


def _find(client: Client, names: list[str]) -> dict[str, Any]:
    """The intention. Raises Failed with the API client's texts."""
    from pyconsul.sdk.errors import ConsulError, UnexpectedStatus

    if len(names) not in (1, 2):
        raise Failed("command requires exactly 1 or 2 arguments")
    try:
        if len(names) == 1:
            found = client.connect.intention_with_id(names[0])
            missing = f"ID {quote(names[0])}"
        else:
            found = client.connect.intention_get(names[0], names[1])
            missing = f"source {quote(names[0])} and destination {quote(names[1])}"
    except UnexpectedStatus as error:
        text = f"Unexpected response {error.status}: {error.body}"
        raise Failed(f"Error reading the intention: {text}") from error
    except ConsulError as error:
        raise Failed(f"Error reading the intention: {error}") from error
    if found is None:
        raise Failed(f"Intention not found with {missing}")
    return found


def _rfc_850(text: str) -> str:
    """A time as Go prints it in RFC 850 form, in local time; the zero time where there is none."""
    moment = datetime.fromisoformat((text or _ZERO_TIME)[:19] + "+00:00")
    # The zero time may fall into a year 0 here, which the system's calendar has and datetime has not.
    return time.strftime("%A, %d-%b-%y %H:%M:%S %Z", time.localtime(moment.timestamp()))
