"""One server: the state behind its log, the RPC methods, and what it does while it leads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from pyconsul import CONSUL_VERSION
from pyconsul.memdb import Store, WatchSet
from pyconsul.server import families
from pyconsul.server.acl import AclSettings, Resolver, told_nobody
from pyconsul.server.auth_methods import AuthMethods
from pyconsul.server.blocking import REPLY_WATCH, SharedReads, question
from pyconsul.server.fsm.machine import Fsm
from pyconsul.server.leader.coordinates import CoordinateBatches
from pyconsul.server.leader.leader import Leader
from pyconsul.server.registry import METHODS
from pyconsul.server.request_limits import RequestLimits, RequestRates
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.errors import ConnectDisabled, InternalError, NoLeader
from pyconsul.structs.operator import AutopilotConfig
from pyconsul.structs.wire import Indexed, ReadRequest, changed
from pyconsul.telemetry import logger, metrics

if TYPE_CHECKING:
    from pyconsul.raft.consensus import Consensus

R = TypeVar("R", bound=Indexed)
_log = logger("agent.server")
_rpc_log = logger("agent.server.rpc")

_CALLS: Final = metrics.counter("client.rpc")
_READS: Final = metrics.counter("rpc.query")
_CONSISTENT: Final = metrics.timing("rpc.consistentRead")
_BARRIER: Final = metrics.timing("leader.barrier")


class ServerConfig(msgspec.Struct, frozen=True):
    """What a server must know about itself; durations are nanoseconds."""

    datacenter: str
    node_name: str
    node_id: str
    data_dir: str = ""  # where the file lies that allows another bootstrap of ACLs
    advertise_address: str = "127.0.0.1"
    rpc_port: int = 8300
    grpc_port: int = -1
    grpc_tls_port: int = -1
    version: str = CONSUL_VERSION
    dev_mode: bool = False
    session_ttl_min: int = 10_000_000_000
    tombstone_ttl: int = 900_000_000_000
    tombstone_granularity: int = 30_000_000_000
    kv_max_value_size: int = 512 * 1024
    raft_multiplier: int = 1
    autopilot: AutopilotConfig = msgspec.field(default_factory=AutopilotConfig)
    acl: AclSettings = msgspec.field(default_factory=AclSettings)
    bootstrap_entries: tuple[ConfigEntry, ...] = ()  # written by a leader that finds none of their kind and name
    connect_enabled: bool = True
    request_rates: RequestRates = msgspec.field(default_factory=RequestRates)


class Server:
    """The server half of an agent. ``db`` is the current store; a restore swaps it."""

    def __init__(self, config: ServerConfig, consensus_of: Callable[[Fsm], Consensus]) -> None:
        self.config = config
        self.leader = Leader(self)  # before the state machine, which leaves notes to it while it replays
        self.fsm = Fsm(families.TABLES, self.leader.on_note)
        self.consensus: Consensus = consensus_of(self.fsm)
        self.acl = Resolver(config.acl, config.datacenter, lambda: self.fsm.db)
        self.auth_methods = AuthMethods()
        self.limits = RequestLimits(config.request_rates)
        self.shared_reads = SharedReads(lambda: self.fsm.db)
        self.coordinates = CoordinateBatches(self)
        self.leaving = False  # requests are refused, so that those who ask look for another server

    @property
    def db(self) -> Store:
        """The store that holds the state now."""
        return self.fsm.db

    async def start(self) -> None:
        """Recover the log, take the lead."""
        await self.consensus.start()
        try:
            self.leader.autopilot.look()
            _log.info("cluster leadership acquired")
            await self._catch_up()
            await self.leader.start()
            _log.info("New leader elected", payload=self.config.node_name)
        except BaseException:
            await self.stop()
            raise

    async def _catch_up(self) -> None:
        """Wait, before anything is led, until the state has seen all of the log."""
        began = time.perf_counter()
        await self.consensus.barrier()
        _BARRIER.add((time.perf_counter() - began) * 1000)

    def end_waits(self) -> None:
        """Answer all blocking queries with what there is, for an end that is near."""
        self.shared_reads.end()

    async def stop(self) -> None:
        """Give up the lead and close the log; safe where the start failed half way."""
        _log.info("shutting down server")
        self.coordinates.stop()
        await self.leader.stop()
        await self.consensus.stop()

    async def call(self, method: str, ask: Any) -> Any:
        """Run one RPC method. Raises ConsulError."""
        _CALLS.pending += 1
        endpoint = METHODS.get(method)
        if endpoint is None:
            raise InternalError(f"rpc: can't find method {method}")
        # Counted before it is known whether there is a way to the datacenter, as Consul's servers do.
        self.limits.admit(method)
        self.refuse_other_datacenters(getattr(ask, "Datacenter", ""), method)
        if self.leaving and not method.startswith("Status."):  # which only tell what this server sees
            raise NoLeader
        return await endpoint(self, ask)

    def refuse_other_datacenters(self, datacenter: str, method: str) -> None:
        """There is no way to another datacenter from a single one. Raises InternalError, as Consul does."""
        if datacenter and datacenter != self.config.datacenter:
            what = "RPC request for DC is currently failing as no path was found"
            _rpc_log.warn(what, datacenter=datacenter, method=method)
            raise InternalError("No path to datacenter")

    def require_connect(self) -> None:
        """Raise ConnectDisabled where the configuration has switched the service mesh off."""
        if not self.config.connect_enabled:
            raise ConnectDisabled

    async def propose(self, number: int, request: Any) -> Any:
        """Write through the log; returns what the FSM answered, raises what it refused with."""
        return await self.consensus.propose(number, request)

    async def verify(self) -> None:
        """Make sure that this server leads, as consistent reads must. Raises what the consensus refuses with."""
        began = time.perf_counter()
        await self.consensus.verify()
        _CONSISTENT.add((time.perf_counter() - began) * 1000)

    async def read(
        self,
        ask: ReadRequest,
        reader: Callable[[Store, WatchSet], R],
        *,
        found: Callable[[R], bool] | None = None,
        content: Callable[[R], object] | None = None,
    ) -> R:
        """Answer a read, blocking as ``ask`` says. Identical blocking reads share one watcher.

        ``found`` says whether the reply shows the asked thing, ``content`` what of it counts as a change
        (``wire/blocking.md`` 1.4). Readers ask ``acl.authorizer(ask.Token, ws)`` what may be seen.
        """
        _READS.pending += 1
        if ask.RequireConsistent:
            await self.verify()
        if ask.MinQueryIndex > 0:
            self.acl.authorizer(ask.Token)  # what others wait for may have been read before this token's time was over
            # One endpoint has one reader: by its name two of them that take the same kind of ask are told apart.
            key = (reader.__module__, reader.__qualname__, question(ask))
            return await self.shared_reads.wait_for(key, ask, lambda ws: self._run(ask, reader, ws), found, content)
        ws = REPLY_WATCH.get()
        if ws is not None:
            return self._run(ask, reader, ws)
        with WatchSet() as nobody:
            return self._run(ask, reader, nobody)

    def _run(self, ask: ReadRequest, reader: Callable[[Store, WatchSet], R], ws: WatchSet) -> R:
        """The reply of now. Its index is 1 at least: clients take 0 for the wish not to wait."""
        reply = reader(self.fsm.db, ws)
        if reply.ResultsFilteredByACLs and not ask.Token:
            reply = told_nobody(reply)
        return reply if reply.Index else changed(reply, Index=1)

    def raft_addresses(self) -> Sequence[str]:
        """Where the servers of this datacenter speak Raft, ``address:port``."""
        return [f"{self.config.advertise_address}:{self.config.rpc_port}"]
