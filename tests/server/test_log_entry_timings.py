"""How long log entries take is noted by type and operation, whatever an entry holds."""

import pytest

from pyconsul.server.families import MODULES
from pyconsul.server.fsm.registry import LOG_HANDLERS
from pyconsul.server.fsm.timings import SUMMARIES, timing_of
from pyconsul.structs.config_entries.requests import ConfigEntryRequest
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.kv import KVSRequest
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry.metrics import current


def noted(number: int, request: object) -> set[str]:
    """The names and ``op`` labels under which a millisecond of it is shown."""
    note = timing_of(number, request)
    assert note is not None
    before = {key: row.count for key, row in current().interval().samples.items()}
    note(1.0)
    after = current().interval().samples
    new = (key for key, row in after.items() if row.count != before.get(key, 0))
    return {f"{name.removeprefix('consul.')} {dict(labels).get('op', '')}" for name, labels in new}


def test_operations_are_labels() -> None:
    """One series for each."""
    assert noted(MessageType.KVS, KVSRequest(Op="cas")) == {"fsm.kvs cas"}


def test_config_entries_have_their_kind_in_the_name() -> None:
    """As Consul has it."""
    request = ConfigEntryRequest(Op="upsert", Entry=ServiceDefaults(Name="web"))
    assert noted(MessageType.CONFIG_ENTRY, request) == {"fsm.config_entry.service-defaults upsert"}


@pytest.mark.parametrize("number", sorted(set(SUMMARIES) & set(LOG_HANDLERS)) if MODULES else ())
def test_an_empty_entry_has_a_timing(number: int) -> None:
    """A figure never makes an entry fail that the state machine would have refused in words."""
    assert timing_of(number, LOG_HANDLERS[number].request()) is not None
