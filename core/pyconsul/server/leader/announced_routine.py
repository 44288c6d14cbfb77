"""Work that goes on while this server leads: a `Routine` of which the log tells when it begins and ends."""

from __future__ import annotations

from pyconsul.telemetry.logging import logger
from pyconsul.telemetry.routines import Routine

announcements = logger("agent.leader")


class AnnouncedRoutine(Routine):
    """A routine whose beginning and end operators can follow."""

    def start(self) -> None:
        """Begin; in a running loop."""
        super().start()
        announcements.info("started routine", routine=self.name)

    def stop(self) -> None:
        """End; what is under way is cancelled at its next await."""
        if not self.is_running:
            return
        announcements.info("stopping routine", routine=self.name)
        super().stop()
        announcements.info("stopped routine", routine=self.name)
