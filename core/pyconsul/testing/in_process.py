"""An agent inside the test process: a thread and an event loop of its own, free ports, state in memory.

The thread is why synchronous tests can use it, and why a blocked test cannot block the agent.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from pyconsul.agent.agent import Agent
from pyconsul.config.loading import load
from pyconsul.config.runtime import Address, RuntimeConfig
from pyconsul.sdk import AsyncClient, Client, Settings
from pyconsul.testing.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

_HOST = "127.0.0.1"
_START_ATTEMPTS = 5  # forked processes draw the same ports for DNS, and may meet


class InProcessAgent:
    """A dev agent for tests. A context manager, or ``start`` and ``stop``; both return when it is done.

    ``config`` is HCL as in a configuration file, ``flags`` are command-line flags without their dash. With
    ``data_dir`` the state is on disk and a second agent over the same folder finds it again.

    ``acl``: nobody may do anything without a token. ``management_token`` may do everything; ``client``, ``settings``
    and ``environment`` carry it.
    """

    def __init__(
        self,
        *,
        node: str = "test-node",
        datacenter: str = "dc1",
        config: str = "",
        data_dir: Path | str | None = None,
        acl: bool = False,
        **flags: str | bool | list[str],
    ) -> None:
        self.management_token = str(uuid.uuid4()) if acl else ""
        parts = [part for part in (_acl(self.management_token) if acl else "", config) if part]
        self._flags: dict[str, Any] = {
            "node": node,
            "datacenter": datacenter,
            "bind": _HOST,
            "log-level": "ERROR",
            **_mode(data_dir),
            **({"hcl": parts} if parts else {}),
            **{name.replace("_", "-"): value for name, value in flags.items()},
        }
        self._agent: Agent | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._ready = threading.Event()

    def start(self) -> InProcessAgent:
        """Start and wait until it answers. Raises ConfigError, or OSError for a port that cannot be had."""
        if self._thread is not None:
            raise RuntimeError("the agent runs already")
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="consul-agent", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            self._thread = None
            raise self._failure
        return self

    def stop(self) -> None:
        """Stop and wait for the end; an agent that does not run is left alone. Raises what it failed of meanwhile."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if "client" in self.__dict__:
            self.client.close()
            del self.__dict__["client"]
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):  # the loop has ended by itself: somebody asked the agent to leave
                self._loop.call_soon_threadsafe(self._stopping.set)
        thread.join()
        self._agent = None
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> InProcessAgent:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def agent(self) -> Agent:
        """The agent itself, for looking inside; touch it only from its loop (``run``)."""
        if self._agent is None:
            raise RuntimeError("the agent does not run")
        return self._agent

    @property
    def http_address(self) -> str:
        """``host:port`` of the HTTP API."""
        return self.agent.http_address

    @property
    def url(self) -> str:
        """The HTTP API as a URL."""
        return f"http://{self.http_address}"

    @property
    def dns_address(self) -> tuple[str, int]:
        """Host and port of DNS, the same for UDP and TCP."""
        return self.agent.dns.udp_addresses[0]

    @property
    def settings(self) -> Settings:
        """SDK settings for a client of this agent."""
        return Settings(address=self.http_address, token=self.management_token)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which any Consul program finds this agent."""
        token = {"CONSUL_HTTP_TOKEN": self.management_token} if self.management_token else {}
        return {"CONSUL_HTTP_ADDR": self.http_address, **token}

    @cached_property
    def client(self) -> Client:
        """A blocking client; closed with the agent."""
        return Client(self.settings)

    def async_client(self) -> AsyncClient:
        """A new async client; the caller closes it (``async with``)."""
        return AsyncClient(self.settings)

    def new_token(self, rules: str) -> str:
        """The secret of a new token with these rules, HCL; with ``acl=True``."""
        policy = self.client.acl.policy_create({"Name": str(uuid.uuid4()), "Rules": rules})
        token = self.client.acl.token_create({"Policies": [{"ID": policy["ID"]}]})
        return str(token["SecretID"])

    def run(self, work: Callable[[Agent], Awaitable[T]]) -> T:
        """Do ``work(agent)`` in the agent's loop and return what it gives."""

        async def done() -> T:
            return await work(self.agent)

        if self._loop is None or self._thread is None:
            raise RuntimeError("the agent does not run")
        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    def _run(self) -> None:
        """The thread: one loop from start to stop."""
        try:
            asyncio.run(self._live())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self._agent = await self._started()
        self._ready.set()
        ends = [asyncio.ensure_future(event.wait()) for event in (self._stopping, self._agent.stopped)]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            if not self._agent.stopped.is_set():  # it may have been asked to leave
                await self._agent.stop()

    async def _started(self) -> Agent:
        runtime = load(self._flags, {}).runtime
        attempt = 1
        while True:
            agent = Agent(_on_free_ports(runtime))
            try:
                await agent.start()
            except OSError:
                if attempt == _START_ATTEMPTS:
                    raise
                attempt += 1
            else:
                return agent


def _mode(data_dir: Path | str | None) -> dict[str, Any]:
    if data_dir is None:
        return {"dev": True}
    return {"server": True, "bootstrap-expect": "1", "data-dir": str(data_dir)}


def _acl(token: str) -> str:
    """Configuration that denies by default and lets one token do everything, the agent's own work included."""
    tokens = f'tokens {{ initial_management = "{token}" agent = "{token}" }}'
    return f'acl {{ enabled = true default_policy = "deny" {tokens} }}'


def _on_free_ports(runtime: RuntimeConfig) -> RuntimeConfig:
    """The configuration with its doors on the loopback's free ports and nothing else listening."""
    dns = free_port()
    doors = tuple(Address(network, _HOST, dns) for network in ("tcp", "udp"))
    return msgspec.structs.replace(
        runtime, http_addrs=(Address("tcp", _HOST, 0),), dns_addrs=doors if runtime.dns_addrs else ()
    )
