"""What a configuration may ask that this version does not have: refused at the start, never quietly left out."""

from __future__ import annotations

from pyconsul.config.runtime import RuntimeConfig


class NotCapable(ValueError):
    """The configuration asks for a capability that is not there yet; the text says which and what to do."""


def refuse_unbuilt(config: RuntimeConfig) -> None:
    """Raise NotCapable for settings that an agent without them would have to ignore at somebody's risk."""
    for asked, text in (
        (
            not config.server,
            "server: client agents are not available yet in this version of py-consul. Use -dev, or -server with "
            "-bootstrap-expect=1",
        ),
        (
            config.bootstrap_expect > 1,
            "bootstrap_expect: clusters of several servers are not available yet in this version of py-consul. Use "
            "-bootstrap-expect=1",
        ),
        (
            config.server and not config.dev_mode and not config.bootstrap and config.bootstrap_expect == 0,
            "bootstrap_expect: a server that waits for others to join is not available yet in this version of "
            "py-consul. Use -bootstrap-expect=1",
        ),
    ):
        if asked:
            raise NotCapable(text)
