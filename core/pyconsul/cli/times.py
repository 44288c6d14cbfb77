"""Times as Go prints them by default: ``2026-01-02 15:04:05.123456789 +0000 UTC``."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Final

_RFC_3339: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)")


def go_time(text: str) -> str:
    """An RFC 3339 time in that form; text that is none stays as it is.

    Go names the zone only where its offset is the local one at that time; another is named by its offset.
    """
    match = _RFC_3339.fullmatch(text)
    if not match:
        return text
    date, clock, fraction, zone = match.groups()
    digits = (fraction or "").rstrip("0")
    moment = f"{date} {clock}" + (f".{digits}" if digits else "")
    if zone == "Z":
        return f"{moment} +0000 UTC"
    offset = zone.replace(":", "")
    return f"{moment} {offset} {_local_name(text) or offset}"


def _local_name(text: str) -> str:
    """The name of the local zone where it has this offset at that time."""
    moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text))
    local = time.localtime(moment.timestamp())
    same = timedelta(seconds=local.tm_gmtoff) == moment.utcoffset()
    return local.tm_zone if same else ""
