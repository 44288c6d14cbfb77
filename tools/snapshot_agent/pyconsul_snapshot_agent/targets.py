"""Opening the configured destinations."""

from __future__ import annotations

from typing import cast

from pyconsul.primitives.plugins import load
from pyconsul.toolkit.errors import ConfigError
from pyconsul_snapshot_agent.config import Config, Destination
from pyconsul_snapshot_agent.sealing import Keys, SealError
from pyconsul_snapshot_agent.storage import Storage, StorageUnusable


def open_target(destination: Destination) -> Storage:
    """One destination, ready for use; nothing is asked of it yet. Raises ConfigError."""
    try:
        return cast(Storage, load("snapshot_storage", destination.provider)(destination.settings))
    except LookupError as error:
        raise ConfigError(str(error.args[0])) from error
    except StorageUnusable as error:
        raise ConfigError(f"destination {destination.provider}: {error}") from error


def open_targets(config: Config) -> list[Storage]:
    """All of them. Raises ConfigError, also when two are the same place."""
    targets = [open_target(destination) for destination in config.destinations]
    places = [(target.where, target.fixed_name) for target in targets]
    for place in places:
        if places.count(place) > 1:
            raise ConfigError(f"two destinations are the same place: {place[0]}")
    return targets


def keys_of(config: Config) -> Keys:
    """The keys for encryption, none without a key file. Raises ConfigError."""
    path = config.schedule.encryption_key_file
    try:
        return Keys.from_file(path) if path else Keys()
    except SealError as error:
        raise ConfigError(str(error)) from error
