"""``consul exec``: run a command on many nodes through the key-value store and an event.

Agents take part only where remote execution is switched on (``disable_remote_exec = false``); others stay silent.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pyconsul.cli.console import Console, Failed, UsageFailed, failing
from pyconsul.cli.files import data_source
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.cli.patterns import check_pattern
from pyconsul.cli.signals import Stopped, stoppable
from pyconsul.lang import gopath
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.durations import MILLISECOND, SECOND, to_seconds

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.request import Request

USAGE = "[options] [-|command...]"
HELP = """
Runs a command on the nodes of a datacenter, or on those that regular
expressions for node, service and tag choose, and prints what they answer. The
command - reads a script from standard input.

    $ consul exec -service=web uptime

Agents obey only with disable_remote_exec = false in their configuration.
"""

_EVENT = "_rexec"
_JOB, _ACK, _EXIT, _OUTPUT = "job", "/ack", "/exit", "/out/"
_SESSION_TTL = 15  # seconds
_BAD_EXITS = 2
_NO_SERVER = "Failed to create session: Failed to find Consul server in remote datacenter"


def add_flags(flags: FlagSet) -> None:
    """Declare where to run, and how long to wait."""
    flags.string("node", "Regular expression for the names of the nodes.")
    flags.string("service", "Regular expression for services on the nodes.")
    flags.string("tag", "Regular expression for tags of these services; needs -service.")
    flags.string("prefix", "Prefix in the key-value store for what is exchanged.", "_rexec")
    flags.boolean("shell", "Run the command in a shell.", True)
    flags.duration("wait", "Silence after which all are taken to be done.", 2 * SECOND)
    flags.duration("wait-repl", "Time that the servers get to replicate the job.", 200 * MILLISECOND)
    flags.boolean("verbose", "Say what happens.")
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Run the command on the nodes."""
    job = _job(args, console)
    for kind in ("node", "service", "tag"):
        check_pattern(args.string(kind), f"Failed to compile {kind} filter regexp")
    if args.string("tag") and not args.string("service"):
        raise Failed("Cannot provide tag filter without service filter.")
    client = console.connect(args)
    with failing("Error querying Consul agent"):
        about = client.agent.self()
    return _Execution(args, console, client, about["Config"]).run(job)


def _job(args: Args, console: Console) -> dict[str, Any]:
    """What the agents shall do. Raises Failed when there is nothing."""
    job: dict[str, Any] = {}
    command = " ".join(args.rest)
    if command == "-":
        if not args.boolean("shell"):
            raise Failed("Cannot configure -shell=false when reading from stdin")
        script = data_source("-", console)
        if script:
            job["Script"] = script
    elif args.boolean("shell"):
        if command:
            job["Command"] = command
    elif args.rest:
        job["Args"] = args.rest
    if not job:
        raise UsageFailed("Must specify a command to execute")
    return {**job, "Wait": args.duration("wait")}


class _Tally(msgspec.Struct):
    """How many nodes took the job, ended it, and ended it badly."""

    acknowledged: int = 0
    ended: int = 0
    bad: int = 0
    seen: set[str] = msgspec.field(default_factory=set[str])


class _Execution:
    """One job: a session that keeps its keys, an event that announces it, and the answers."""

    def __init__(self, args: Args, console: Console, client: Client, local: dict[str, Any]) -> None:
        self._args = args
        self._console = console
        self._client = client
        self._local = local
        self._tally = _Tally()
        self._session = ""
        self._folder = ""

    def run(self, job: dict[str, Any]) -> int:
        """The exit code: 0, or 2 when a node failed."""
        from pyconsul.sdk.blocking.keep import KeptSession
        from pyconsul.sdk.errors import ConsulError
        from pyconsul.structs import gojson

        # It is renewed in the background: -wait and -wait-repl may be longer than it lives.
        kept = KeptSession(
            self._client, self._session_request(), ttl=_SESSION_TTL, on_failure=self._tell_failed_renewal
        )
        with failing("Failed to create session"):
            self._session = kept.start()
        self._folder = gopath.join(self._args.string("prefix"), self._session) + "/"
        self._say(f"Created remote execution session: {self._session}")
        with stoppable() as signals:
            try:
                return signals.run(self._client, partial(self._carry_out, gojson.encode(job)))
            except Stopped:
                return 1
            finally:
                kept.stop()
                with suppress(ConsulError):  # what the session held went with it
                    self._client.kv.delete(self._folder.rstrip("/"), recurse=True)

    def _carry_out(self, job: bytes) -> int:
        """Announce the job, and wait for what comes of it. Returns the exit code."""
        from pyconsul.sdk.threads import sleep

        self._upload(job)
        sleep(to_seconds(self._args.duration("wait-repl")))
        self._fire()
        return self._wait()

    def _session_request(self) -> Request[str]:
        """A session whose keys go with it; in another datacenter it hangs on one of the servers there."""
        from pyconsul.sdk.session import create_request

        wanted = self._args.string("datacenter")
        if not wanted or wanted == self._local["Datacenter"]:
            return create_request(name="Remote Exec", behavior="delete", ttl=_SESSION_TTL)
        self._say("Remote exec in foreign datacenter, using Session TTL")
        with failing(_NO_SERVER):
            servers = self._client.health.service("consul", passing=True)
        if not servers:
            raise Failed(_NO_SERVER)
        node = servers[0].Node.Node
        self._say(f"Binding session to remote node {node}@{wanted}")
        name = f"Remote Exec via {self._local['NodeName']}@{self._local['Datacenter']}"
        return create_request(name=name, node=node, node_checks=[], behavior="delete", ttl=_SESSION_TTL)

    def _upload(self, job: bytes) -> None:
        key = self._folder + _JOB
        with failing("Failed to create job file"):
            if not self._client.kv.put(key, job, acquire=self._session):
                raise Failed(f"Failed to create job file: failed to acquire key {key}")
        self._say("Uploaded remote execution spec")

    def _fire(self) -> None:
        from pyconsul.structs import gojson

        payload = gojson.encode({"Prefix": self._args.string("prefix"), "Session": self._session})
        with failing("Failed to fire event"):
            fired = self._client.event.fire(
                _EVENT,
                payload,
                node=self._args.string("node"),
                service=self._args.string("service"),
                tag=self._args.string("tag"),
            )
        self._say(f"Fired remote execution event: {fired.ID}")

    def _wait(self) -> int:
        """Print answers until there was silence long enough."""
        from pyconsul.sdk import QueryOptions
        from pyconsul.sdk.kv import keys_request

        started = quiet_since = time.monotonic()
        index = 0
        while True:
            patience = to_seconds(self._args.duration("wait"))
            if self._tally.acknowledged > self._tally.ended:
                patience *= 2  # somebody is still at work
            left = quiet_since + patience - time.monotonic()
            if left <= 0:
                break
            with failing("Failed to read results"):
                reply = self._client.ask(keys_request(self._folder), QueryOptions(index=index, wait=left))
            index = reply.meta.index
            fresh = [key for key in reply.value if key not in self._tally.seen]
            for key in sorted(fresh, key=lambda key: key.endswith(_EXIT)):  # what a node says, before that it is done
                self._take(key)
            if fresh:
                quiet_since = time.monotonic()
        return self._sum_up(time.monotonic() - started)

    def _sum_up(self, seconds: float) -> int:
        tally = self._tally
        self._console.say(f"{tally.ended} / {tally.acknowledged} node(s) completed / acknowledged")
        self._say(f"Completed in {seconds:.2f} seconds")
        return _BAD_EXITS if tally.bad or tally.ended < tally.acknowledged else 0

    def _take(self, key: str) -> None:
        """One answer of one node."""
        self._tally.seen.add(key)
        name = key.removeprefix(self._folder)
        if name == _JOB:
            return
        if name.endswith(_ACK):
            self._tally.acknowledged += 1
            self._say_of(name.removesuffix(_ACK), "acknowledged")
        elif name.endswith(_EXIT):
            self._take_exit(key, name.removesuffix(_EXIT))
        elif _OUTPUT in name:
            self._take_output(key, name.rpartition(_OUTPUT)[0])
        else:
            self._console.complain(f"Unknown key '{name}', ignoring.")

    def _take_exit(self, key: str, node: str) -> None:
        from pyconsul.lang import strconv

        found = self._read(key)
        if found is None:
            return
        text = found.decode("utf-8", "replace")
        try:
            code = strconv.parse_int(text, 10, 32)
        except strconv.NumberSyntaxError as e:
            self._console.complain(f"Failed to parse exit code '{text}': {e}")
            return
        self._tally.ended += 1
        self._tally.bad += code != 0
        self._console.tell(f"==> {node}: finished with exit code {code}")

    def _take_output(self, key: str, node: str) -> None:
        output = self._read(key)
        if output == b"":
            self._say_of(node, "heartbeat received")
        elif output is not None:
            lines = output.decode("utf-8", "surrogateescape").split("\n")
            self._console.tell("\n".join(f"    {node}: {line}" for line in lines).rstrip())

    def _read(self, key: str) -> bytes | None:
        """What a node wrote; None where it cannot be had, which is told: the other answers still count."""
        from pyconsul.sdk.errors import ConsulError

        reason = "<nil>"
        try:
            entry = self._client.kv.get(key)
            if entry is not None:
                return entry.Value or b""
        except ConsulError as e:
            reason = str(e)
        self._console.complain(f"Failed to read key '{key}': {reason}")
        return None

    def _tell_failed_renewal(self, error: Exception) -> None:
        self._console.complain(f"Session renew failed: {error}")

    def _say(self, text: str) -> None:
        if self._args.boolean("verbose"):
            self._console.tell(text)

    def _say_of(self, node: str, text: str) -> None:
        self._say(f"==> {node}: {text}")
