"""Autopilot's settings: one row. It moves no index of the index table (``wire/fsm.md`` section 2)."""

from pyconsul.memdb import Store, Table, WatchSet
from pyconsul.structs.operator import AutopilotConfig
from pyconsul.structs.wire import changed

_ONLY = "config"

AUTOPILOT: Table[AutopilotConfig] = Table(name="autopilot-config", primary=lambda _: _ONLY)


def autopilot_config(db: Store, ws: WatchSet | None = None) -> AutopilotConfig | None:
    """The settings; None until a leader has written them first."""
    return db.get(AUTOPILOT, _ONLY, ws)


def set_autopilot_config(db: Store, index: int, config: AutopilotConfig) -> None:
    """Store the settings."""
    old = autopilot_config(db)
    created = index if old is None else old.CreateIndex
    db.put(AUTOPILOT, changed(config, CreateIndex=created, ModifyIndex=index))


def cas_autopilot_config(db: Store, index: int, config: AutopilotConfig) -> bool:
    """Store the settings if nobody changed them since ``config.ModifyIndex``; whether it did."""
    old = autopilot_config(db)
    if old is None or old.ModifyIndex != config.ModifyIndex:
        return False
    set_autopilot_config(db, index, config)
    return True
