"""How the watcher reaches Consul, Vault and Nomad, by the configuration."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.sdk.retry import Retry
from pyconsul.sdk.settings import Settings as ClientSettings
from pyconsul.toolkit import clientset
from pyconsul.toolkit.errors import ConfigError, RunError
from pyconsul.toolkit.stanzas import NOMAD_ADDRESS, SECOND
from pyconsul.toolkit.vault import VaultClient
from pyconsul.toolkit.vault_exchange import VaultError
from pyconsul_template.config import Config
from pyconsul_template.gojson import Number
from pyconsul_template.watcher import Clients, Watcher, WatchSettings


def new_watcher(config: Config) -> Watcher:
    """A watcher of nothing yet. Raises RunError for settings that no client can be made of."""
    clientset.check(config.consul, config.vault, config.nomad, logging.getLogger("pyconsul_template.clients"))
    return Watcher(_clients(config), _watch_settings(config))


async def log_in(config: Config, clients: Clients) -> None:
    """Vault's token comes before everything else where it has to be got first. Raises RunError."""
    if not config.vault.needs_login:
        return
    try:
        await clients.vault()
    except (VaultError, ConsulError, ConfigError) as error:
        where = "runner: runner: client set: vault" if config.vault.uses_kubernetes else "vaultwatcher"
        raise RunError(f"{where}: {error}") from None


def _watch_settings(config: Config) -> WatchSettings:
    return WatchSettings(
        block_wait=config.block_query_wait / SECOND,
        max_stale=config.max_stale / SECOND,
        once=config.once,
        fail_lookups=config.err_on_failed_lookup,
        retry={"consul": config.consul.retry, "vault": config.vault.retry, "nomad": config.nomad.retry},
        default_lease=config.vault.default_lease_duration / SECOND,
        lease_threshold=config.vault.lease_renewal_threshold,
        nomad_place={k: v for k, v in (("region", config.nomad.region), ("namespace", config.nomad.namespace)) if v},
    )


def _clients(config: Config) -> Clients:
    async def vault() -> VaultClient:
        client = VaultClient(config.vault, number=Number, log=logging.getLogger("pyconsul_template.main"))
        await client.log_in()
        return client

    def nomad() -> AsyncClient:
        headers: Mapping[str, str] = {"X-Nomad-Token": config.nomad.token} if config.nomad.token else {}
        auth = f"{config.nomad.auth_username}:{config.nomad.auth_password}".removesuffix(":")
        address = config.nomad.address or NOMAD_ADDRESS
        tls = config.nomad.tls.for_client()
        patience = config.nomad.transport.dial_timeout / SECOND or 30.0
        return AsyncClient(
            ClientSettings(
                address=address,
                headers=headers,
                auth=auth,
                tls=tls,
                retry=Retry.NEVER,  # the views try again, as the stanza says
                connect_timeout=patience,
            )
        )

    return Clients(lambda: AsyncClient(config.consul.client_settings()), vault, nomad)
