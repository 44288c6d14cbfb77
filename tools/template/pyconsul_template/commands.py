"""Commands of templates: what runs after their files were written."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence

from pyconsul.lang.strconv import quote
from pyconsul.toolkit.child import run_command, start_command
from pyconsul.toolkit.errors import RunError
from pyconsul_template.config import TemplateConfig

logger = logging.getLogger("pyconsul_template.runner")
child_logger = logging.getLogger("pyconsul_template.child")


async def run_commands(written: Sequence[TemplateConfig], variables: Mapping[str, str]) -> list[str]:
    """Run the commands of the written templates one after another, equal ones once. Returns what went wrong.

    ``variables`` come to the tool's own environment. A command without a limit is not waited for.
    """
    problems: list[str] = []
    for config in _distinct([config for config in written if config.exec.has_command]):
        shown = quote(_shown(config.exec.command))
        logger.info("executing command %s from %s", shown, config.display)
        environment = config.exec.environment.build(os.environ, variables)
        try:
            if config.exec.timeout:
                await run_command(config.exec.command, environment, config.exec.timeout, child_logger)
            else:
                start_command(config.exec.command, environment, child_logger)
        except RunError as error:
            problems.append(f"failed to execute command {shown} from {config.display}: {error}")
    return problems


def _distinct(configs: Sequence[TemplateConfig]) -> list[TemplateConfig]:
    """Those whose command no earlier one has."""
    found: list[TemplateConfig] = []
    for config in configs:
        command = config.exec.command
        twin = next((other for other in found if other.exec.command == command), None)
        if twin is None:
            logger.debug("appending command %s from %s", _shown(command), config.display)
            found.append(config)
        else:
            said = "skipping command %s from %s (already appended from %s)"
            logger.debug(said, _shown(command), config.display, twin.display)
    return found


def _shown(command: Sequence[str]) -> str:
    return f"[{' '.join(map(quote, command))}]"
