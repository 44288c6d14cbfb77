"""``config_entries.bootstrap``: config entries that come with the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig
    from pyconsul.structs.config_entries.entry import ConfigEntry


def bootstrap_entries(config: RuntimeConfig) -> tuple[ConfigEntry, ...]:
    """The entries, ready to be written; reading the configuration made sure that they are fit for it."""
    from pyconsul.structs.config_entries.decode import decode_entry  # 20 ms of imports
    from pyconsul.structs.config_entries.hashing import prepared

    return tuple(prepared(decode_entry(raw, whole_numbers=True)) for raw in config.config_entries.bootstrap)
