"""``py-consul agent``: from a command line to a running agent and back to an exit code."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import gc
import os
import signal
import sys
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pyconsul.agent.capabilities import refuse_unbuilt
from pyconsul.agent.tls_files import check_tls_files
from pyconsul.config.loading import ConfigError, Loaded, load
from pyconsul.primitives import open_files
from pyconsul.primitives.child_signals import heed_signals
from pyconsul.primitives.standard_streams import OutputLost, give_up, say
from pyconsul.primitives.system_errors import file_text, system_text
from pyconsul.telemetry.dump import print_finished_intervals
from pyconsul.telemetry.logging import LogSink, StreamSink, add_sink, level_from, logger, valid_level
from pyconsul.telemetry.routines import Routine, report_lost_errors

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.config.runtime import RuntimeConfig
    from pyconsul.lang.goflags import Args

log = logger("agent")
_reload_log = logger("agent.auto_config")  # where Consul reads its files again

GRACEFUL_TIMEOUT = 15.0  # seconds for a graceful leave
PREFIX = "==> "
GC_THRESHOLDS = (20_000, 20, 20)  # Python's 700, 10, 10 cost some 2 µs of a PUT's 60


def given_flags(args: Args) -> dict[str, Any]:
    """The flags that stood on the command line, with ``config-paths`` in the order of its files and folders."""
    found: dict[str, Any] = {name: args.value(name) for name in args.given()}
    paths = [value for name, value in _words(args) if name in ("config-file", "config-dir")]
    return found | ({"config-paths": paths} if paths else {})


def _words(args: Args) -> list[tuple[str, str]]:
    """Flags and values of the command line in order, for those that take a value."""
    found: list[tuple[str, str]] = []
    words = iter(args.words)
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name in ("config-file", "config-dir"):
            found.append((name, value if equals else next(words, "")))
    return found


def run_agent(args: Args) -> int:
    """Run an agent until it is told to stop. Returns the exit code."""
    open_files.raise_limit()
    heed_signals()
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # shells have it ignored by what they start in the background
    faulthandler.register(signal.SIGQUIT, chain=True)  # tells where every thread is before it ends us, as in Go
    gc.disable()  # what is made until the agent runs stays: looking through it again and again costs 10 ms
    flags = given_flags(args)
    try:
        loaded = load(flags)
    except ConfigError as error:
        return _refuse(str(error))
    config = loaded.runtime
    if not valid_level(config.log_level):
        known = "[TRACE DEBUG INFO WARN ERR ERROR]"
        return _refuse(f"Invalid log level: {config.log_level}. Valid log levels are: {known}")
    return _loop_runner()(_run(flags, loaded))


def _refuse(text: str) -> int:
    with contextlib.suppress(OSError):  # there is nowhere else to say it
        sys.stderr.write(f"{PREFIX}{text}\n")
    return 1


def _loop_runner() -> Any:
    try:
        import uvloop  # not on every platform
    except ImportError:
        return asyncio.run
    return uvloop.run


async def _run(flags: dict[str, Any], loaded: Loaded) -> int:
    signals = Signals()  # first: what follows takes its time
    from pyconsul.agent.agent import Agent, node_id_of

    config = loaded.runtime
    report_lost_errors(log)
    try:
        sinks = await _file_sinks(config, signals)
        node_id_of(config)  # a bad one is told before anything else, as Consul does
        check_tls_files(config)
        refuse_unbuilt(config)
        agent = Agent(config, partial(_read_again, flags))
    except (OSError, ValueError) as error:
        return _refuse(_start_error(error))
    with contextlib.suppress(OutputLost):  # an agent runs without a place for its lines, too
        say(banner(config, agent.node_id))
    sinks.append(StreamSink(sys.stdout, level_from(config.log_level), json_lines=config.log_json))
    for sink in sinks:
        add_sink(sink)
    agent.log_sinks.extend(sinks)
    for warning in loaded.warnings:
        log.warn(warning)
    with contextlib.ExitStack() as while_running:
        try:
            if not await started(agent, signals):
                return _ended(1)
            # Not before its ports are its own: another agent that runs with the same file keeps it.
            try:
                while_running.enter_context(_pid_file(config.pid_file))
            except OSError:  # nobody would find its process
                await agent.stop()
                raise
        except Exception as error:
            log.error("Error starting agent", error=_start_error(error))
            return _ended(1)
        _settle_memory()
        log.info("Consul agent running!")
        watcher = _watch_files(agent, loaded)
        code = await _serve(agent, signals)
        if watcher is not None:
            watcher.stop()
    return _ended(code)


def _read_again(flags: dict[str, Any]) -> RuntimeConfig:
    """The configuration as its files have it now; what is odd about it goes to the log. Raises ConfigError."""
    loaded = load(flags)
    for warning in loaded.warnings:
        _reload_log.warn(warning)
    return loaded.runtime


def _ended(code: int) -> int:
    log.info("Exit code", code=code)
    try:
        sys.stdout.flush()
    except OSError:
        give_up()  # lines that found no place do not make the end a failure
    return code


async def _file_sinks(config: RuntimeConfig, stop: Signals) -> list[LogSink]:
    """Where log lines go besides standard output. Raises OSError with Consul's text."""
    from pyconsul.agent.figures import file_sink

    sinks: list[LogSink] = []
    if config.enable_syslog:
        from pyconsul.agent.syslog_setup import first_that_opens
        from pyconsul.telemetry.syslog import SyslogSink

        facility, level = config.syslog_facility, level_from(config.log_level)
        sinks.append(await first_that_opens(lambda: SyslogSink(facility, level, json_lines=config.log_json), stop.next))
    if config.log_file:
        try:
            sinks.append(file_sink(config))
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise OSError(f"Failed to setup logging: open {error.filename}: {reason}") from error
    return sinks


def _settle_memory() -> None:
    """Leave what the start made out of garbage collection for good: a full one over it holds the loop for 15 ms.

    Rows and most of what a request makes die by their reference counts, so collections may come less often, too.
    """
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def _watch_files(agent: Agent, loaded: Loaded) -> Routine | None:
    """What reloads when a configuration file, a certificate or a key changes, where that is wanted."""
    if not loaded.runtime.auto_reload_config:
        return None
    from pyconsul.agent.auto_reload import reload_on_change

    def paths() -> list[str]:
        tls = agent.shown.tls
        each = (tls.internal_rpc, tls.grpc, tls.https)
        return [*loaded.watched, *(name for part in each for name in (part.cert_file, part.key_file) if name)]

    watcher = Routine(
        "auto-reload config", partial(reload_on_change, paths, partial(agent.reload, unasked=True), log), log
    )
    watcher.start()
    return watcher


def _start_error(error: Exception) -> str:
    """An error in words; one that was given its words has no file's name any more."""
    if not isinstance(error, OSError) or not error.filename:
        return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return file_text(error)


class Signals:
    """The signals of this process as a queue, but for SIGUSR1, which shows figures. Must be made inside the loop."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[signal.Signals] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._queue.put_nowait, number)
        loop.add_signal_handler(signal.SIGUSR1, print_finished_intervals)

    async def next(self) -> signal.Signals:
        """The next signal."""
        return await self._queue.get()


class Startable(Protocol):
    """What can be started, and stopped when that was done."""

    async def start(self) -> None:
        """May take minutes, for a long log."""
        ...

    async def stop(self) -> None:
        """End what was started."""
        ...


async def started(agent: Startable, signals: Signals) -> bool:
    """Start an agent; False where a signal was faster. Raises what its start raises."""
    starting = asyncio.ensure_future(agent.start())
    while True:
        caught = asyncio.ensure_future(signals.next())
        await asyncio.wait((starting, caught), return_when=asyncio.FIRST_COMPLETED)
        if not caught.done():
            caught.cancel()
            await starting
            return True
        number = caught.result()
        if number is signal.SIGHUP:
            log.error("Caught", signal=GO_SIGNALS[number], error="cannot reload before agent started")
            continue
        log.info("Caught", signal=GO_SIGNALS[number])
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
            await agent.stop()
        return False


async def _serve(agent: Agent, signals: Signals) -> int:
    """Wait for signals, or for the agent to stop by itself (``/v1/agent/leave``)."""
    while True:
        caught = asyncio.ensure_future(signals.next())
        stopped = asyncio.ensure_future(agent.stopped.wait())
        await asyncio.wait((caught, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not caught.done():
            caught.cancel()
            return agent.exit_code
        stopped.cancel()
        number = caught.result()
        log.info("Caught", signal=GO_SIGNALS[number])
        if number is signal.SIGHUP:
            try:
                await agent.reload()
            except Exception as error:  # a bad configuration changes nothing, and must not end what runs
                log.error("Reload config failed", error=str(error) if isinstance(error, ConfigError) else repr(error))
            continue
        return await _shut_down(agent, number, signals)


GO_SIGNALS = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminated", signal.SIGHUP: "hangup"}


async def _shut_down(agent: Agent, number: signal.Signals, signals: Signals) -> int:
    config = agent.config
    graceful = (number is signal.SIGINT and not config.skip_leave_on_interrupt) or (
        number is signal.SIGTERM and config.leave_on_terminate
    )
    if not graceful:
        log.info("Graceful shutdown disabled. Exiting")
        await agent.stop()
        return 1
    log.info("Gracefully shutting down agent...")
    leaving = asyncio.ensure_future(agent.leave())
    second = asyncio.ensure_future(signals.next())
    await asyncio.wait((leaving, second), timeout=GRACEFUL_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
    if leaving.done():
        log.info("Graceful exit completed")
        await agent.stop()
        return 0
    if second.done():
        log.info("Caught second signal, Exiting", signal=GO_SIGNALS[second.result()])
    else:
        log.info("Timeout on graceful leave. Exiting")
    await agent.stop()
    return 1


@contextlib.contextmanager
def _pid_file(path: str) -> Generator[None]:
    """A file with the process ID while the agent runs, where one is configured. Raises OSError with Consul's text."""
    if not path:
        yield
        return
    _write_pid_file(path)
    try:
        yield
    finally:
        _remove_pid_file(path)


def _write_pid_file(path: str) -> None:
    try:
        Path(path).write_text(str(os.getpid()))
    except OSError as error:
        reason = f"open {path}: {system_text(error)}"
        raise OSError(error.errno, f"Could not open pid file: {reason}") from error


def _remove_pid_file(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        step = "stat" if isinstance(error, FileNotFoundError) else "remove"  # Consul looks before it removes
        reason = f"{step} {path}: {system_text(error)}"
        log.warn("could not delete pid file", error=f"Could not remove pid file: {reason}")


def banner(config: RuntimeConfig, node_id: str) -> str:
    """What an agent says first, in Consul's layout; with JSON logs nothing, so that every line is JSON."""
    if config.log_json:
        return ""
    ports = config.ports
    client = f"[{' '.join(config.client_addrs)}]"
    doors = f"HTTP: {ports.http}, HTTPS: {ports.https}, gRPC: {ports.grpc}, gRPC-TLS: {ports.grpc_tls}"
    https, grpc, internal = config.tls.https, config.tls.grpc, config.tls.internal_rpc
    rows = [
        ("Version", f"'{config.version}'"),
        ("Build Date", f"'{config.build_date}'"),
        ("Node ID", f"'{node_id}'"),
        ("Node name", f"'{config.node_name}'"),
        ("Datacenter", f"'{config.datacenter}' (Segment: '{'<all>' if config.server else config.segment}')"),
        ("Server", f"{_go(config.server)} (Bootstrap: {_go(config.bootstrap)})"),
        ("Client Addr", f"{client} ({doors}, DNS: {ports.dns})"),
        ("Cluster Addr", f"{config.advertise_addr} (LAN: {ports.serf_lan}, WAN: {ports.serf_wan})"),
        ("Gossip Encryption", _go(bool(config.encrypt))),
        ("Auto-Encrypt-TLS", _go(config.auto_encrypt.tls or config.auto_encrypt.allow_tls)),
        ("ACL Enabled", _go(config.acl.enabled)),
        *([("Reporting Enabled", _go(config.reporting.license.enabled))] if config.server else []),
        ("ACL Default Policy", config.acl.default_policy),
        ("HTTPS TLS", f"{_verifying(https)}, Min Version: {https.tls_min_version}"),
        ("gRPC TLS", f"Verify Incoming: {_go(grpc.verify_incoming)}, Min Version: {grpc.tls_min_version}"),
        (
            "Internal RPC TLS",
            f"{_verifying(internal)} (Verify Hostname: {_go(internal.verify_server_hostname)}), "
            f"Min Version: {internal.tls_min_version}",
        ),
    ]
    lines = "".join(f"    {name:>18}: {value}\n" for name, value in rows)
    return f"{PREFIX}Starting Consul agent...\n{lines}\n{PREFIX}Log data will now stream in as it occurs:\n\n"


def _verifying(tls: Any) -> str:
    return f"Verify Incoming: {_go(tls.verify_incoming)}, Verify Outgoing: {_go(tls.verify_outgoing)}"


def _go(truth: bool) -> str:
    return "true" if truth else "false"
