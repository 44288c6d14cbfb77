"""What a run has besides rendering: readiness, diff, graph, status endpoint, display on a terminal."""

from __future__ import annotations

import logging
import os
import socket
import sys
from types import TracebackType
from typing import Any

from pyconsul.primitives.standard_streams import say
from pyconsul_template import rendering
from pyconsul_template.arguments import Arguments
from pyconsul_template.config import Config
from pyconsul_template.runner import Hooks, Runner, Template

logger = logging.getLogger("pyconsul_template.cli")

DIFFERS = 2
"""Exit status of ``-diff`` when something would change."""


class Extras:
    """Makes the runner of one configuration and hangs the extras on it."""

    def __init__(self, args: Arguments, config: Config) -> None:
        self.args = args
        self.config = config
        self.differs = False
        self._runner: Runner | None = None
        self._status: Any = None
        self._display: Any = None

    def runner(self) -> Runner:
        """The runner. Raises ToolError."""
        hooks = Hooks(ready=notify_systemd, rendered=self._rendered, round_done=self._round_done)
        looking = self.args.diff or self.args.graph
        self._runner = Runner(self.config, dry=self.args.dry or looking, quiet=looking, hooks=hooks)
        return self._runner

    async def __aenter__(self) -> Extras:
        if self.config.status_address and self._runner is not None:
            from pyconsul.toolkit.status import StatusServer
            from pyconsul_template.status import RunnerStatus

            told = logging.getLogger("pyconsul_template.status")
            self._status = StatusServer(RunnerStatus(self._runner), self.config.status_address, told)
            await self._status.start()
        if sys.stderr.isatty() and self._runner is not None:
            from pyconsul_template.display import Display

            self._display = Display(self._runner, sys.stderr)
            self._display.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._display is not None:
            await self._display.stop()
        if self._status is not None:
            await self._status.stop()

    def status(self) -> int:
        """The exit status of a run that ended by itself."""
        if self.args.graph and self._runner is not None:
            from pyconsul_template.graph import graphviz

            say(graphviz(self._runner.templates))
        return DIFFERS if self.args.diff and self.differs else 0

    def _rendered(self, template: Template, result: rendering.Rendered) -> None:
        if self.args.diff and result.wrote:
            from pyconsul_template.graph import unified

            self.differs = True
            say(unified(template.config.destination, result.before, result.after))

    def _round_done(self, runner: Runner) -> None:
        if self._display is not None:
            self._display.update(runner)


def notify_systemd() -> None:
    """Tell systemd that everything is rendered, where it asks for that."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.connect(address)
            channel.sendall(b"READY=1")
    except OSError as error:
        logger.warning("failed to signal readiness to systemd: %s", error)
