"""The error of a configuration that cannot be used."""

from __future__ import annotations


class ConfigError(ValueError):
    """A configuration that an agent must not start with; the text is what Consul says."""
