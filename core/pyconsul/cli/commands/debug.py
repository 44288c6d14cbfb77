"""``consul debug``: record what an agent does for a while, as one archive for those who help."""

from __future__ import annotations

import os
import shutil
import tarfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pyconsul.cli.children import start
from pyconsul.cli.commands.operator.raft_list_peers import peers_table
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import write_atomically
from pyconsul.cli.flags import client_flags
from pyconsul.cli.output import json_text
from pyconsul.cli.signals import Signals, Stopped, stoppable
from pyconsul.cli.times import go_time
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.durations import MINUTE, SECOND, format_duration, to_seconds
from pyconsul.primitives.folders import make_folders
from pyconsul.primitives.multierror import multi_error
from pyconsul.primitives.system_errors import file_text, naming, system_text, words_of
from pyconsul.primitives.whole_files import replacing

if TYPE_CHECKING:
    from pyconsul.sdk import Client, QueryOptions
    from pyconsul.sdk.blocking.client import Stream

USAGE = "[options]"
HELP = """
Records what an agent says about itself, its cluster and its machine, and what
it logs and measures for a while, and packs all of it into one archive.

    $ consul debug -duration=1m -interval=20s -capture=agent -capture=logs

Look through the archive before you give it away: tokens and the like are
hidden in it, names and addresses are not. With ACLs, a token with the right
operator:read is needed.
"""
BAD_FLAGS = "==> Error parsing flags: {}"

_TARGETS = ("metrics", "logs", "pprof", "host", "agent", "members")
_OLD_TARGETS = ("cluster",)
_LEAST_DURATION = 10 * SECOND
_LEAST_INTERVAL = 5 * SECOND
_GRACE = 2 * SECOND  # so that the last interval is whole
_EXTENSION = ".tar.gz"
_TIME = "%Y-%m-%dT%H-%M-%S"  # no colons: tar takes what stands before one for a host


def add_flags(flags: FlagSet) -> None:
    """Declare what to record, and for how long."""
    flags.strings("capture", f"What to record, may be repeated: {', '.join(_TARGETS)}. By default all.")
    flags.duration("interval", "Time between two samples.", 30 * SECOND)
    flags.duration("duration", "Time for which to record.", 5 * MINUTE)
    flags.boolean("archive", "Pack the files into one archive; else leave them in a folder.", True)
    flags.string("output", "Path of the archive without its extension. By default consul-debug and the time.")
    flags.string("since", "Time from which on to collect past data, through the program hcdiag.")
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Record and pack."""
    if args.rest:
        raise _failed("debug: Too many arguments provided, expected 0")
    client = console.connect(args, "==> Error connecting to Consul agent")
    recording = _Recording(args, console, client)
    recording.prepare()
    recording.greet()
    if since := args.string("since"):
        _collect_past(since, console)
    else:
        recording.record()
    return 0


def _collect_past(since: str, console: Console) -> None:
    """Leave it to hcdiag, which Consul has inside and we call; how it ends is its own affair. Raises Failed."""
    console.flush()
    program = shutil.which("hcdiag", path=console.environ.get("PATH"))
    if program is None:
        raise _failed("-since needs the program hcdiag, which py-consul does not come with")
    start([program, "run", "-consul", f"-since={since}"], console.environ, None).wait()


def _failed(text: str) -> Failed:
    return Failed(f"==> {text}")


def _zone() -> str:
    """How far local time is from UTC in Go's form, which is Z where they are the same."""
    offset = time.strftime("%z")
    return "Z" if offset == "+0000" else offset


class _Recording:
    """One run: what to capture, where the files go, and until when."""

    def __init__(self, args: Args, console: Console, client: Client) -> None:
        self._console = console
        self._client = client
        self._interval = args.duration("interval")
        self._duration = args.duration("duration")
        self._folder = args.string("output") or f"consul-debug-{time.strftime(_TIME)}{_zone()}"
        self._packs = args.boolean("archive")
        self._targets = args.strings("capture") or list(_TARGETS)
        self._version = ""
        self._done = False  # the time is over: streams that break off now were closed by us
        self._failures: list[str] = []  # of the collection; Consul tells the first one, at its end

    def prepare(self) -> None:
        """Check times and targets, and make the folder. Raises Failed."""
        if self._duration < _LEAST_DURATION:
            raise _invalid(f"duration must be longer than {format_duration(_LEAST_DURATION)}")
        if self._interval < _LEAST_INTERVAL:
            # Consul names the least duration here, too, and takes intervals from five seconds on.
            raise _invalid(f"interval must be longer than {format_duration(_LEAST_DURATION)}")
        if self._duration < self._interval:
            duration, interval = format_duration(self._duration), format_duration(self._interval)
            raise _invalid(f"duration ({duration}) must be longer than interval ({interval})")
        self._look_at_agent()
        for target in self._targets:
            if target not in (*_TARGETS, *_OLD_TARGETS):
                raise _invalid(f"target not found: {target}")
        try:
            make_folders(os.path.dirname(os.path.abspath(self._folder)), 0o755)
            os.mkdir(self._folder, 0o755)
        except (FileExistsError, NotADirectoryError) as e:  # all that Consul knows is that it is not missing
            raise _invalid(f"output directory already exists: {self._folder}") from e
        except OSError as e:
            raise _invalid(f"could not create output directory: mkdir {e.filename}: {system_text(e)}") from e

    def _look_at_agent(self) -> None:
        """The agent's version, and whether it lets itself be profiled."""
        from pyconsul.sdk.errors import ConsulError

        try:
            about = self._client.agent.self()
        except ConsulError as e:
            told = f"error querying target agent: {e}. verify connectivity and agent address"
            raise _invalid(told) from e
        self._version = str(about.get("Config", {}).get("Version", ""))
        if not self._version:
            raise _invalid("agent response did not contain version key")
        settings: dict[str, Any] = about.get("DebugConfig", {})
        if "EnableDebug" not in settings or "ACLsEnabled" not in settings:
            raise _invalid("agent response did not contain EnableDebug key")
        if "pprof" in self._targets and not (settings["EnableDebug"] or settings["ACLsEnabled"]):
            self._targets = [target for target in self._targets if target != "pprof"]
            self._console.complain(
                "[WARN] Unable to capture pprof. Set enable_debug to true on target agent to enable profiling."
            )

    def greet(self) -> None:
        """Tell whose data is collected."""
        self._console.say("==> Starting debugger and capturing static information...")
        self._console.say(f"     Agent Version: '{self._version}'")

    def record(self) -> None:
        """Take everything, and pack it. Raises Failed."""
        result = self._folder + (_EXTENSION if self._packs else "")
        say = self._console.say
        say(f"          Interval: '{format_duration(self._interval)}'")
        say(f"          Duration: '{format_duration(self._duration)}'")
        say(f"            Output: '{result}'")
        say(f"           Capture: '{', '.join(self._targets)}'")
        self._console.flush()
        self._duration += _GRACE
        self._take_static()
        with stoppable() as signals:  # once is enough: who is impatient does not lose what there is
            if {"metrics", "logs", "pprof"} & set(self._targets):
                self._take_dynamic(signals)
            self._finish()
        say(f"    Saved debug archive: {result}")

    def _finish(self) -> None:
        """Write what comes last, and pack it all. Raises Failed."""
        with failing("==> Error creating index document"):
            self._write("index.json", self._index())
        try:
            self._take_peers()
        except Failed as e:
            self._console.complain(f"Raft list peers capture failed: {e}")
        if self._packs:
            with failing("Archive creation failed"):
                self._pack()

    def _index(self) -> dict[str, Any]:
        return {
            "Version": 1,
            "AgentVersion": self._version,
            "Interval": format_duration(self._interval),
            "Duration": format_duration(self._duration),
            "Targets": self._targets,
        }

    def _take_static(self) -> None:
        """What does not change: machine, agent, members."""
        from pyconsul.sdk.results import plain

        agent = self._client.agent
        takers: dict[str, Callable[[], Any]] = {
            "host": agent.host,
            "agent": agent.self,
            "members": lambda: plain(agent.members(wan=True)),
        }
        errors: list[str] = []
        for name, take in takers.items():
            if name in self._targets or (name == "members" and "cluster" in self._targets):
                errors += self._take_one(f"{name}.json", take)
        if errors:
            self._console.complain(f"Static capture failed: {multi_error(errors)}")

    def _take_one(self, name: str, take: Callable[[], Any]) -> Iterable[str]:
        """Ask for one thing and write it, null where there is no answer. Yields what went wrong."""
        from pyconsul.sdk.errors import ConsulError

        found: Any = None
        try:
            found = take()
        except ConsulError as e:
            yield str(e)
        try:
            self._write(name, found)
        except OSError as e:
            yield file_text(e)

    def _take_dynamic(self, signals: Signals) -> None:
        """What changes, until the time is over or the user stops it."""
        until = time.monotonic() + to_seconds(self._duration)
        # Both block their reader, so each has a thread; closing a stream's connection ends it.
        copies = {stream: _begun(self._copy, stream, name) for name, stream in self._open_streams()}
        profiles = [_begun(self._profile, *each) for each in self._long_profiles()]
        try:
            signals.run(self._client, partial(self._sample, until))
        except Stopped:
            self._failures.append("stopping collection due to shutdown signal")
            profiles = []  # which take the time that they were told to take
        self._done = True
        for stream in copies:
            stream.close()
        for thread in (*copies.values(), *profiles):
            thread.join(to_seconds(_GRACE))
        if self._failures:
            self._console.complain(f"==> Error encountered during collection: {self._failures[0]}")

    def _open_streams(self) -> Iterable[tuple[str, Stream]]:
        from pyconsul.sdk.errors import ConsulError

        openers = {
            "logs": ("consul.log", lambda: self._client.agent.monitor(log_level="TRACE")),
            "metrics": ("metrics.json", self._client.agent.metrics_stream),
        }
        for target, (name, opener) in openers.items():
            if target in self._targets:
                try:
                    yield name, opener()
                except ConsulError as e:
                    self._failures.append(str(e))

    def _copy(self, stream: Stream, name: str) -> None:
        """Write a stream to a file until it ends."""
        from pyconsul.sdk.errors import TransportError

        path = os.path.join(self._folder, name)
        try:
            with naming(path), open(path, "wb") as file:
                for piece in stream:
                    file.write(piece)
                    file.flush()
        except (TransportError, OSError, ValueError) as e:
            if not self._done:
                self._failures.append(words_of(e))

    def _sample(self, until: float) -> None:
        """Take profiles each interval, and wait."""
        from pyconsul.sdk.threads import sleep

        count, goes_well = 0, True
        self._tell("Beginning capture interval", count)
        while True:
            # One that fails ends the samples, as in Consul; the streams go on.
            goes_well = goes_well and ("pprof" not in self._targets or self._collects(self._take_profiles))
            if goes_well:
                self._tell("Capture successful", count)
            sleep(max(0.0, min(until - time.monotonic(), to_seconds(self._interval))))
            if time.monotonic() >= until:
                return
            count += 1

    def _tell(self, what: str, count: int) -> None:
        seconds, fraction = divmod(time.time_ns(), SECOND)
        moment = go_time(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{fraction:09d}Z")
        self._console.tell(f"==> {what} {moment} ({count})")

    def _long_profiles(self) -> Iterable[tuple[str, str, int]]:
        """File, profile and seconds of what Go's profiler records over a time."""
        if "pprof" not in self._targets:
            return
        yield "profile.prof", "profile", int(to_seconds(self._duration - _GRACE))
        yield "trace.out", "trace", int(to_seconds(self._interval))

    def _profile(self, name: str, path: str, seconds: int) -> None:
        """Record one profile; the agent answers when the time is over."""
        from pyconsul.sdk import QueryOptions

        def take() -> None:
            options = QueryOptions(timeout=seconds + 30)
            with failing("failed to collect cpu profile"):
                body = self._profile_of(path, {"seconds": str(seconds)}, options)
            write_atomically(os.path.join(self._folder, name), body, 0o644)

        self._collects(take)

    def _take_profiles(self) -> None:
        """Heap and goroutines of an agent that has Go's profiler."""
        folder = os.path.join(self._folder, time.strftime(_TIME, time.gmtime()) + "Z")
        os.makedirs(folder, exist_ok=True)
        for name in ("heap", "goroutine"):
            with failing(f"failed to collect {name} profile"):
                body = self._profile_of(name)
            write_atomically(os.path.join(folder, f"{name}.prof"), body, 0o644)

    def _profile_of(
        self, name: str, params: Mapping[str, str] | None = None, options: QueryOptions | None = None
    ) -> bytes:
        """One profile. Raises ConsulError."""
        from pyconsul.sdk.errors import status_error

        answer = self._client.raw("GET", f"/debug/pprof/{name}", params or {}, options=options)
        if answer.status != 200:
            raise status_error(answer.status, answer.body)
        return answer.body

    def _take_peers(self) -> None:
        """The table of Raft's peers. Raises Failed."""
        with failing("Failed to retrieve raft configuration"):
            servers = self._client.operator.raft_configuration().Servers or []
        path = os.path.join(self._folder, "listpeers.json")
        with failing("failed to create listpeers file"):
            write_atomically(path, peers_table(servers).encode(), 0o644)

    def _write(self, name: str, value: Any) -> None:
        text = json_text(value, "\t")
        write_atomically(os.path.join(self._folder, name), text.encode(), 0o644)

    def _collects(self, do: Callable[[], None]) -> bool:
        """Do one thing of the collection; what fails is noted. Whether it went well."""
        try:
            do()
        except (OSError, Failed) as e:
            self._failures.append(words_of(e))
            return False
        return True

    def _pack(self) -> None:
        """The folder as one archive in its place."""
        path = self._folder + _EXTENSION
        with replacing(path, mode=0o666) as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            archive.add(self._folder, arcname=os.path.basename(self._folder))
        shutil.rmtree(self._folder)


def _begun(work: Callable[..., None], *words: Any) -> threading.Thread:
    """A thread that does it, and that nobody need wait for."""
    thread = threading.Thread(target=work, args=words, daemon=True)
    thread.start()
    return thread


def _invalid(text: str) -> Failed:
    return _failed(f"Capture validation failed: {text}")
