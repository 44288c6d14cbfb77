"""What the template tool tells at its status endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyconsul.toolkit.status import Metric, single
from pyconsul_template.runner import Runner


class RunnerStatus:
    """A runner as the endpoint's subject (``toolkit.status.Subject``)."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def missing(self) -> set[str]:
        """The names of what is waited for."""
        return {name for template in self.runner.templates for name in template.missing}

    def problem(self) -> str:
        """Not healthy before everything was rendered."""
        return "" if all(template.is_rendered for template in self.runner.templates) else "waiting for data"

    def state(self) -> dict[str, Any]:
        """What the tool is doing: every template, and what is waited for."""
        return {
            "Ready": not self.problem(),
            "Dependencies": len(self.runner.dependencies),
            "Missing": sorted(self.missing()),
            "ChildPid": self.runner.child.pid if self.runner.child is not None else 0,
            "Templates": [
                {
                    "Source": t.config.label,
                    "Destination": t.config.destination,
                    "Rendered": t.is_rendered,
                    "Renders": t.renders,
                    "LastRender": t.rendered_at or None,
                    "Error": t.last_error,
                    "Missing": sorted(t.missing),
                }
                for t in self.runner.templates
            ],
        }

    def metrics(self) -> Iterator[Metric]:
        """The same as numbers."""
        running = self.runner.child is not None and self.runner.child.is_running
        yield single("consul_template_dependencies", "gauge", len(self.runner.dependencies))
        yield single("consul_template_missing_dependencies", "gauge", len(self.missing()))
        yield single("consul_template_commands_exec_running", "gauge", int(running))
        rows = [({"destination": t.config.destination}, t) for t in self.runner.templates]
        yield Metric("consul_template_renders_total", "counter", [(label, t.renders) for label, t in rows])
        times = [(label, round(t.rendered_at, 3)) for label, t in rows]
        yield Metric("consul_template_last_render_timestamp_seconds", "gauge", times)
        yield Metric("consul_template_failed", "gauge", [(label, int(bool(t.last_error))) for label, t in rows])
