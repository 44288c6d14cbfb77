"""A token by auth method: logged in at the start, logged out at the end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pyconsul.primitives.system_errors import words_of
from pyconsul.sdk import AsyncClient, Settings
from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.errors import ConfigError, RunError
from pyconsul_snapshot_agent.config import Config, Login
from pyconsul_snapshot_agent.lines import logger


@asynccontextmanager
async def connected(config: Config) -> AsyncGenerator[AsyncClient]:
    """A client with the right token. Raises ConfigError or RunError when the login fails."""
    settings = config.client
    if not config.login.auth_method:
        async with AsyncClient(settings) as client:
            yield client
        return
    async with AsyncClient(await _logged_in(settings, config.login)) as client:
        try:
            yield client
        finally:
            try:
                await client.acl.logout()
            except ConsulError as error:
                logger.warning("Cannot log out: %s", error)


async def _logged_in(settings: Settings, login: Login) -> Settings:
    """The settings with the login's token, which wins over any other."""
    bearer = _bearer(login)
    async with AsyncClient(settings.replace(token="", token_file="")) as client:
        try:
            token = await client.acl.login(login.auth_method, bearer, meta=login.meta or {})
            return settings.replace(token=str(token["SecretID"]), token_file="")
        except (ConsulError, KeyError, TypeError) as error:
            raise RunError(f"cannot log in: {error}") from error


def _bearer(login: Login) -> str:
    """What to log in with; the file wins. Raises ConfigError."""
    bearer = login.bearer_token
    if login.bearer_token_file:
        try:
            with open(login.bearer_token_file, encoding="utf-8") as file:
                bearer = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the bearer token: {words_of(error)}") from error
    if not bearer:
        raise ConfigError("a login needs a bearer token")
    return bearer
