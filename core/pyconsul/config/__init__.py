"""The agent's configuration: every key, where it can be set, and the checked result.

``load(flags)`` reads defaults, files, flags and environment and gives a ``RuntimeConfig`` with warnings, or raises
ConfigError with Consul's text. Knows nothing of how an agent uses it.
"""

from __future__ import annotations

from pyconsul.config.errors import ConfigError
from pyconsul.config.loading import Loaded, load
from pyconsul.config.runtime import Address, RuntimeConfig

__all__ = ["Address", "ConfigError", "Loaded", "RuntimeConfig", "load"]
