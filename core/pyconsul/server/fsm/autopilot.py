"""Log entries of autopilot's settings, and their snapshot record."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.autopilot import AUTOPILOT, cas_autopilot_config, set_autopilot_config
from pyconsul.structs.messages import MessageType
from pyconsul.structs.operator import AutopilotConfig, AutopilotSetConfigRequest


@applies(MessageType.AUTOPILOT, AutopilotSetConfigRequest)
def apply_autopilot(db: Store, index: int, req: AutopilotSetConfigRequest) -> bool | None:
    """Set the settings; a conditional write answers whether it happened."""
    if req.CAS:
        return cas_autopilot_config(db, index, req.Config)
    set_autopilot_config(db, index, req.Config)
    return None


def load_autopilot(db: Store, row: AutopilotConfig) -> None:
    """Put the settings back as they were."""
    db.put(AUTOPILOT, row)


@snapshot_records(MessageType.AUTOPILOT, AutopilotConfig, load=load_autopilot)
def autopilot_rows(frozen: FrozenStore) -> Iterable[AutopilotConfig]:
    """The settings, if any were written."""
    return frozen.all(AUTOPILOT)
