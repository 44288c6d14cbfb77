"""An agent: the server half (or, later, a connection to one), local state, and the doors in front of both."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import uuid
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pyconsul.agent.access import accessor_alias, recovery_authorizer
from pyconsul.agent.cache import AgentCache
from pyconsul.agent.capabilities import refuse_foreign_address, refuse_hasty_snapshots, refuse_odd_servers
from pyconsul.agent.dns.server import DnsServer
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.agent.ending import Ending
from pyconsul.agent.events import Events, LocalInstance
from pyconsul.agent.figures import Figures, configure_metrics
from pyconsul.agent.host import host_id
from pyconsul.agent.http.agent_members import join
from pyconsul.agent.http.door import Door
from pyconsul.agent.http.front.listeners import Listeners
from pyconsul.agent.keyring import Keyrings
from pyconsul.agent.last_seen import LastSeen
from pyconsul.agent.local.coordinates import CoordinateSender, pause_between
from pyconsul.agent.local.loading import LoadError
from pyconsul.agent.local.state import LocalState, NodeFacts
from pyconsul.agent.local.sync import Syncer
from pyconsul.agent.local.tokens import Tokens, kept_at
from pyconsul.agent.local.work import LocalWork
from pyconsul.agent.members import lan_members
from pyconsul.agent.reloading import reloaded, with_old_safeguards
from pyconsul.agent.retry_join import RetryJoin, RetryJoins
from pyconsul.agent.rpc import rpc_of
from pyconsul.agent.systemd import tell_ready
from pyconsul.agent.tls_files import check_tls_files
from pyconsul.config.bootstrap_entries import bootstrap_entries
from pyconsul.config.loading import ConfigError
from pyconsul.primitives.dialing import errno_text
from pyconsul.primitives.dice import DICE
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.ids import uuid_fault
from pyconsul.primitives.system_errors import file_text, words_of
from pyconsul.primitives.whole_files import make_directory, write_durably
from pyconsul.raft.archive import Server as RaftServer
from pyconsul.raft.single import DurableVoter, MemoryVoter, SnapshotRules
from pyconsul.server.acl import AclSettings
from pyconsul.server.leader.bootstrap_entries import write_bootstrap_entries
from pyconsul.server.leader.registration import META_CONSUL_VERSION
from pyconsul.server.request_limits import RPC_BURST, RequestRates
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.catalog import Locality
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.operator import AutopilotConfig
from pyconsul.structs.wire import omit
from pyconsul.telemetry.logging import LogSink, level_from, logger, set_level, valid_level

if TYPE_CHECKING:
    from pyconsul.acl import Authorizer
    from pyconsul.agent.remote_exec import RemoteExec
    from pyconsul.agent.watches import Watches
    from pyconsul.config.runtime import RuntimeConfig
    from pyconsul.config.sections import LimitsRequestLimits
    from pyconsul.memdb import WatchSet
    from pyconsul.raft.consensus import Consensus
    from pyconsul.server.fsm.machine import Fsm

log = logger("agent")
_server_log = logger("agent.server")
_limits_log = logger("agent.server.rpc-rate-limit")

SESSION_TTL_MIN_NS = 10_000_000_000  # where none is configured
LEAVE_DRAIN_TIME_NS = 5_000_000_000  # where none above zero is configured
_UINT64 = 1 << 64
_SAME_LIMITS = (
    "UpdateConfig called but configuration has not changed.  Skipping updating the server rate limiter configuration."
)


class Agent:
    """One agent. ``start`` opens the doors, ``stop`` closes them; both belong to one event loop."""

    def __init__(self, config: RuntimeConfig, read_config: Callable[[], RuntimeConfig] | None = None) -> None:
        self.node_id = node_id_of(config)
        self.config = msgspec.structs.replace(config, node_id=self.node_id)
        self.shown = self.config  # what /v1/agent/self shows: after a reload also what takes a restart to work
        self._read_config = read_config or (lambda: config)  # what a reload reads
        self.log_sinks: list[LogSink] = []  # those whose level a reload of log_level changes
        self.node_name = config.node_name
        self.datacenter = config.datacenter
        self.server = Server(server_config(config, self.node_id), self._consensus)
        self.rpc = rpc_of(self.server)
        self.keyrings = Keyrings.empty(self.node_name, self.datacenter, wan=config.serf_advertise_wan is not None)
        self.cache = AgentCache(self.rpc, rights=self.server.acl.version)
        self.cache.limit(config.cache.entry_fetch_rate, config.cache.entry_fetch_max_burst)
        self.tokens = Tokens()
        self._recovery = recovery_authorizer(self.node_name)
        self.server.acl.local = lambda secret: self._recovery if self.tokens.is_recovery(secret) else None
        self.local = LocalState(
            self._facts(config),
            on_change=lambda: self.syncer.wake(),  # which is made of this
            stagger=lambda seconds: DICE.random() * seconds,
            check_update_interval=config.check_update_interval / 1e9,
            discard_check_output=config.discard_check_output,
        )
        self.syncer = Syncer(
            self.local,
            self.rpc,
            self.tokens,
            interval=config.ae_interval / 1e9,
            accessor_of=self._accessor_of,
        )
        self.coordinates = CoordinateSender(
            self.node_name,
            self.datacenter,
            self.rpc,
            self.tokens,
            pause=self._pause_between_coordinates,
            accessor_of=self._accessor_of,
        )
        self.local_work = LocalWork(config, self.local, self.syncer, self.rpc, self.tokens)
        self.watches: Watches | None = None
        self.last_seen = LastSeen(config)
        self.figures = Figures()
        self.remote_exec = None if config.disable_remote_exec else self._remote_exec()
        self.events = Events(self.node_name, self._instances, self.remote_exec and self.remote_exec.begin)
        self.door = Door(self)
        self.listeners = Listeners(self)
        self.dns = DnsServer(DnsSettings(), self.rpc)
        self.tokens.on_change = self._tokens_changed  # not before there are answers to forget
        self.retry_joins = RetryJoins(self._give_up)
        self._choose_lanes()
        self._reloaded_limits: LimitsRequestLimits | None = None  # by the last reload; the first differs from none
        self.ending = Ending()
        self.stopped = asyncio.Event()
        self.exit_code = 0  # of the process, where the agent stops by itself

    @property
    def http_address(self) -> str:
        """``host:port`` of the first HTTP listener, as it came out for port 0."""
        return self.listeners.http_address

    @property
    def kv_max_value_size(self) -> int:
        """The largest KV value in bytes."""
        return self.config.limits.kv_max_value_size

    @property
    def txn_max_req_len(self) -> int:
        """The longest body of a transaction in bytes: the limit of values, which is older, where that is larger."""
        limits = self.config.limits
        return max(limits.txn_max_req_len, limits.kv_max_value_size)

    def default_token(self) -> str:
        """The token of requests that bring none."""
        return self.tokens.default

    def authorizer(self, token: str, ws: WatchSet | None = None) -> Authorizer:
        """What the holder of a token may do; ``ws`` fires when that may change. Raises AclNotFound."""
        return self.server.acl.authorizer(token, ws)

    def _remote_exec(self) -> RemoteExec:
        from pyconsul.agent.remote_exec import RemoteExec  # few agents obey, and only those pay for it

        return RemoteExec(self.node_name, self.datacenter, self.rpc, self.tokens)

    def _pause_between_coordinates(self) -> float:
        config = self.config
        least = config.sync_coordinate_interval_min / 1e9
        return pause_between(config.sync_coordinate_rate_target, least, len(lan_members(self)))

    def _accessor_of(self, token: str) -> str:
        """The public ID of a token, for the log; "" where it cannot be found out."""
        try:
            return accessor_alias(self.authorizer(token))
        except ConsulError:
            return ""

    async def start(self) -> None:
        """Recover the state, open the doors, begin syncing.

        Raises OSError for a port that is taken or an address that is not here, ValueError for settings that only show
        here that they cannot work.
        """
        self._load_keyrings()
        refuse_odd_servers(self.config)
        refuse_foreign_address(self.config)
        self.last_seen.check()
        self.load_tokens()
        configure_metrics(self.config)  # before the server has anything to measure
        await self.server.start()
        try:
            self.local_work.start()
            await self._configure_dns(self.config)
            await self.dns.start(self.config.dns_addrs)
            await self.listeners.start()
            self._watch(self.config)
        except BaseException:
            await self.stop()
            raise
        self.syncer.start()
        if not self.config.disable_coordinates:
            self.coordinates.start()
        await self.last_seen.start()
        self.figures.start(self)
        self.retry_joins.start(self._wanted_joins())
        if not self.config.retry_join:  # else the agent is ready once it has joined
            tell_ready()

    async def stop(self) -> None:
        """Close the doors, stop syncing, close the log."""
        log.info("Requesting shutdown")
        self.figures.stop()
        self.last_seen.stop()
        await self.retry_joins.stop()
        if self.watches is not None:
            await self.watches.stop()
        if self.remote_exec is not None:
            await self.remote_exec.stop()
        self.ending.begin()
        self.cache.stop()
        self.server.end_waits()
        await self.dns.stop()
        await self.listeners.stop()
        log.info("Endpoints down")
        await self.local_work.stop()
        await self.syncer.stop()
        self.coordinates.stop()
        await self.server.stop()
        log.info("consul server down")
        log.info("shutdown complete")
        self.stopped.set()

    async def leave(self) -> None:
        """Refuse what servers are asked, and return when those who ask had time to look for another server.

        Who waits in a blocking query goes on waiting. Alone there is nobody to be told of it.
        """
        _server_log.info("server starting leave")
        drain_time = self.config.performance.leave_drain_time
        drain_time = drain_time if drain_time > 0 else LEAVE_DRAIN_TIME_NS
        _server_log.info("Waiting to drain RPC traffic", drain_time=format_duration(drain_time))
        self.server.leaving = True
        self._choose_lanes()
        await asyncio.sleep(drain_time / 1e9)

    async def reload(self, *, unasked: bool = False) -> None:
        """Read the configuration again and take over what may change while running.

        ``unasked`` is a reload because a file has changed, which changes less. Raises ConfigError; what was taken over
        until then stays.
        """
        fresh = msgspec.structs.replace(self._read_config(), node_id=self.node_id)
        if unasked:
            fresh = with_old_safeguards(self.config, fresh)
        if not valid_level(fresh.log_level):
            log.warn("Invalid log level in new configuration", level=fresh.log_level)
            fresh = msgspec.structs.replace(fresh, log_level=self.config.log_level)
        config = reloaded(self.config, fresh)
        for sink in self.log_sinks:
            set_level(sink, level_from(config.log_level))
        try:
            await self._take_over(config)
        finally:
            self.listeners.front.replies.clear()
        self.config, self.shown = config, fresh

    async def _take_over(self, config: RuntimeConfig) -> None:
        """Work by a new configuration from now on, in Consul's order. Raises ConfigError."""
        self.load_tokens(config)  # first: what follows registers with them
        with _reloading("tls configuration"):
            check_tls_files(config)
            await self.listeners.reload(config)
        try:
            self.local_work.reload(config, self._facts(config))
        except LoadError as error:
            raise ConfigError(f"Failed reloading {error.what}: {error}") from error
        with _reloading("watches"):
            self._watch(config)
        with _reloading("dns config "):  # the blank is Consul's
            await self._configure_dns(config)
        try:
            refuse_hasty_snapshots(config)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        self.server.consensus.configure_snapshots(_snapshot_rules(config))
        if self.server.consensus.is_leader:
            await write_bootstrap_entries(self.server, bootstrap_entries(config))
        if config.limits.request_limits == self._reloaded_limits:
            _limits_log.warn(_SAME_LIMITS)
        self._reloaded_limits = config.limits.request_limits
        self.server.limits.configure(_request_rates(config))
        configure_metrics(config)
        if config.cache == self.config.cache:
            log.debug("Cache options have not been modified")
        else:
            self.cache.limit(config.cache.entry_fetch_rate, config.cache.entry_fetch_max_burst)
            log.info("Cache options have been updated")
        self._choose_lanes()

    def _watch(self, config: RuntimeConfig) -> None:
        """Run the watches of a configuration instead of those that run. Raises BadWatch."""
        if self.watches is None:
            if not config.watches:
                return
            from pyconsul.agent.watches import Watches  # only agents with watches pay for the client

            self.watches = Watches()
        self.watches.start(config, self.http_address)

    def _choose_lanes(self) -> None:
        """Answer from kept replies only where servers answer and nobody counts how often they are asked."""
        keeping = not (self.server.limits.active or self.server.leaving)
        self.listeners.front.replies.switch(on=keeping)
        self.dns.keep_answers(on=keeping)

    async def _configure_dns(self, config: RuntimeConfig) -> None:
        """Answer DNS by this configuration. Raises ValueError for a recursor that has no address."""
        read = asyncio.to_thread(DnsSettings.of, config, self.tokens.dns_token())  # looks up the names of recursors
        self.dns.reload(await read)

    def _load_keyrings(self) -> None:
        config = self.config
        try:
            self.keyrings.load("" if config.disable_keyring_file else config.data_dir, config.encrypt)
        except (OSError, ValueError) as error:
            raise ValueError(f"Failed to configure keyring: {words_of(error)}") from error

    def load_tokens(self, config: RuntimeConfig | None = None) -> None:
        """Take the configured tokens of this agent, or those of a newer configuration, and those that it keeps.

        What it does not find, the log tells.
        """
        config = config or self.config
        self.tokens.load(config.acl.tokens, kept_at(config))

    def _tokens_changed(self) -> None:
        """Forget what was answered to those who bring no token of their own."""
        self.listeners.front.replies.clear()
        self.dns.use_token(self.tokens.dns_token())

    async def _join_lan(self, host: str) -> None:
        await join(self, host, wan=False)
        tell_ready()

    def _wanted_joins(self) -> list[RetryJoin]:
        config = self.config
        wan = config.retry_join_wan
        if wan and not config.server:
            log.warn("(WAN) couldn't join: Err: Must be a server to join WAN cluster")
            wan = ()
        return [
            RetryJoin(
                "LAN",
                config.retry_join,
                config.retry_interval,
                config.retry_max,
                self._join_lan,
            ),
            RetryJoin(
                "WAN", wan, config.retry_interval_wan, config.retry_max_wan, lambda host: join(self, host, wan=True)
            ),
        ]

    def _give_up(self) -> None:
        """End this agent, and its process with a failure."""
        self.exit_code = 1
        self._ending = asyncio.ensure_future(self.stop())  # kept: a loop does not keep its tasks alive

    def _consensus(self, fsm: Fsm) -> Consensus:
        config = self.config
        me = RaftServer(self.node_id, f"{config.rpc_advertise.host}:{config.rpc_advertise.port}")
        if config.dev_mode:  # its folder keeps what is the agent's own, as node ID and services
            return MemoryVoter(fsm, me)
        return DurableVoter(fsm, me, Path(config.data_dir) / "raft", _snapshot_rules(config))

    def _instances(self) -> list[LocalInstance]:
        return [LocalInstance(s.ID, tuple(s.Tags or ())) for s in self.local.services()]

    def _facts(self, config: RuntimeConfig) -> NodeFacts:
        place = config.locality
        return NodeFacts(
            datacenter=config.datacenter,
            node=config.node_name,
            node_id=self.node_id,
            address=config.advertise_addr,
            tagged_addresses=dict(config.tagged_addresses),
            meta={"consul-network-segment": config.segment, META_CONSUL_VERSION: config.version, **config.node_meta},
            locality=place and Locality(Region=omit(place.region), Zone=omit(place.zone)),
        )


@contextlib.contextmanager
def _reloading(what: str) -> Generator[None]:
    """Turn what goes wrong inside into the error of a reload."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfigError(f"Failed reloading {what}: {words_of(error)}") from error


def _snapshot_rules(config: RuntimeConfig) -> SnapshotRules:
    """Zeros stand for the defaults. Consul counts without a sign: less than none are more than there will ever be."""
    standard = SnapshotRules()
    return SnapshotRules(
        interval=config.raft_snapshot_interval / 1e9 or standard.interval,
        threshold=config.raft_snapshot_threshold % _UINT64 or standard.threshold,
        trailing_logs=config.raft_trailing_logs % _UINT64 or standard.trailing_logs,
    )


def _request_rates(config: RuntimeConfig) -> RequestRates:
    limits = config.limits
    return RequestRates(
        mode=limits.request_limits.mode,
        read=limits.request_limits.read_rate,
        write=limits.request_limits.write_rate,
        rpc=limits.rpc_rate if limits.rpc_rate > 0 else math.inf,  # as Consul takes them
        rpc_burst=limits.rpc_max_burst if limits.rpc_max_burst > 0 else RPC_BURST,
    )


def server_config(config: RuntimeConfig, node_id: str) -> ServerConfig:
    """What the server half needs of the configuration."""
    return ServerConfig(
        datacenter=config.datacenter,
        node_name=config.node_name,
        node_id=node_id,
        data_dir=config.data_dir,
        advertise_address=config.advertise_addr,
        rpc_port=config.rpc_advertise.port,
        grpc_port=config.ports.grpc,
        grpc_tls_port=config.ports.grpc_tls,
        version=config.version,
        dev_mode=config.dev_mode,
        session_ttl_min=config.session_ttl_min or SESSION_TTL_MIN_NS,
        kv_max_value_size=config.limits.kv_max_value_size,
        raft_multiplier=config.performance.raft_multiplier,
        autopilot=AutopilotConfig(
            CleanupDeadServers=config.autopilot.cleanup_dead_servers,
            LastContactThreshold=config.autopilot.last_contact_threshold,
            MaxTrailingLogs=config.autopilot.max_trailing_logs,
            MinQuorum=config.autopilot.min_quorum,
            ServerStabilizationTime=config.autopilot.server_stabilization_time,
            RedundancyZoneTag=config.autopilot.redundancy_zone_tag,
            DisableUpgradeMigration=config.autopilot.disable_upgrade_migration,
            UpgradeVersionTag=config.autopilot.upgrade_version_tag,
        ),
        acl=AclSettings(
            enabled=config.acl.enabled,
            default_policy=config.acl.default_policy,
            down_policy=config.acl.down_policy,
            primary_datacenter=config.primary_datacenter or config.datacenter,
            initial_management=config.acl.tokens.initial_management,
            key_list_policy=config.acl.enable_key_list_policy,
        ),
        bootstrap_entries=bootstrap_entries(config),
        connect_enabled=config.connect.enabled,
        request_rates=_request_rates(config),
    )


def node_id_of(config: RuntimeConfig) -> str:
    """The configured node ID, else the one kept in the data directory, else a new one, which is kept from then on.

    Raises ValueError for one that is no UUID.
    """
    if config.node_id:
        if fault := uuid_fault(config.node_id):
            raise ValueError(f"failed to setup node ID: specified NodeID is invalid: {fault}")
        return config.node_id.lower()
    if not config.data_dir:
        return _new_node_id(config)
    path = Path(config.data_dir) / "node-id"
    if (kept := _kept_node_id(path)) is not None:
        if fault := uuid_fault(kept):
            raise ValueError(f"failed to setup node ID: NodeID in {path} is invalid: {fault}")
        return kept
    try:
        node_id = _new_node_id(config)
        make_directory(path.parent, mode=0o755)
        write_durably(path, node_id.encode(), mode=0o600)
    except OSError as error:
        call = "failed to write NodeID to disk: open" if path.parent.is_dir() else "mkdir"
        where = error.filename or path
        raise ValueError(f"failed to setup node ID: {call} {where}: {errno_text(error)}") from error
    return node_id


def _new_node_id(config: RuntimeConfig) -> str:
    """A random UUID, or one that is the same each time on this machine.

    It is hashed since machines of one make, or of one cloud, may have IDs that are all but equal.
    """
    if config.disable_host_node_id:
        return str(uuid.uuid4())
    return str(uuid.UUID(bytes=hashlib.sha512(host_id().encode()).digest()[:16]))


def _kept_node_id(path: Path) -> str | None:
    """What a file says, None where there is none. Raises ValueError for one that cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip().lower()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"failed to setup node ID: {file_text(error)}") from error
