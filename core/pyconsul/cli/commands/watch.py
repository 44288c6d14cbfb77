"""``consul watch``: wait for changes, and print them or run a command on each."""

from __future__ import annotations

import subprocess
from functools import partial
from typing import TYPE_CHECKING, Any

from pyconsul.cli.children import arguments, ending, pass_on, start
from pyconsul.cli.console import Console, Failed, UsageFailed, failing
from pyconsul.cli.flags import client_flags, server_flags, timestamp
from pyconsul.cli.signals import Signals, Stopped, stoppable
from pyconsul.lang.goflags import Args, FlagSet, to_bool

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.errors import ConsulError
    from pyconsul.sdk.watch_plan import Plan, Update

USAGE = "[options] [child...]"
HELP = """
Watches a part of Consul's data. With a command, runs it on every change, with
the data as JSON on its standard input and the index in CONSUL_INDEX; without
one, prints the data once and ends.

    $ consul watch -type=key -key=config/redis/maxconns
    $ consul watch -type=service -service=web ./reload.sh

Types: key, keyprefix, services, nodes, service, checks, event.
"""

_TEXTS = ("key", "prefix", "service", "filter", "state", "name")


def add_flags(flags: FlagSet) -> None:
    """Declare what to watch."""
    flags.string("type", "What to watch: key, keyprefix, services, nodes, service, checks or event.")
    flags.string("key", "Key to watch; for the type key.")
    flags.string("prefix", "Prefix of the keys to watch; for the type keyprefix.")
    flags.string("service", "Service to watch; needed for the type service, possible for checks.")
    flags.strings("tag", "Tag that instances must have; for the type service. May be repeated.")
    flags.string("passingonly", "Whether only healthy instances count, one of `[true|false]`; for the type service.")
    flags.boolean("shell", "Run the command in a shell, $SHELL if it is set.", True)
    flags.string("state", "State of the checks to watch; for the type checks.")
    flags.string("name", "Name of the events to watch; for the type event.")
    flags.string("filter", "Filter expression for the request.")
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Watch."""
    if not args.string("type"):
        raise UsageFailed("Watch type must be specified")
    plan = _plan(args)
    if plan.type.startswith(("connect_", "agent_")):
        raise Failed(f"Type {plan.type} is not supported in the CLI tool")
    client = console.connect(args, failure="")
    with failing("Error querying Consul agent"):
        client.status.leader()
    if not args.rest:
        return _print_once(client, plan, console)
    return _Follower(args, plan, client, console).follow()


def _plan(args: Args) -> Plan:
    """The watch that the flags describe. Raises Failed."""
    from pyconsul.sdk.errors import WatchError
    from pyconsul.sdk.watch_plan import parse

    params: dict[str, Any] = {"type": args.string("type")}
    if args.string("datacenter"):
        params["datacenter"] = args.string("datacenter")
    params.update({name: args.string(name) for name in _TEXTS if args.string(name)})
    if args.strings("tag"):
        params["tag"] = args.strings("tag")
    if args.boolean("stale"):
        params["stale"] = True
    if args.string("passingonly"):
        try:
            params["passingonly"] = to_bool(args.string("passingonly"))
        except ValueError as e:
            raise Failed(f"Failed to parse passingonly flag: {e}") from e
    try:
        return parse(params)
    except WatchError as e:
        raise Failed(str(e)) from e


def _print_once(client: Client, plan: Plan, console: Console) -> int:
    """Print the present value, waiting for it while the agent answers with errors."""
    from pyconsul.sdk.blocking.watch import updates

    with stoppable() as signals:
        try:
            update = signals.run(client, partial(next, updates(client, plan, _reporter(plan, console))))
        except Stopped:
            return 0
    console.say(plan.to_pretty_json(update.value))
    return 0


def _reporter(plan: Plan, console: Console) -> Any:
    """What to tell about errors that pass."""

    def report(error: ConsulError, pause: float) -> None:
        told = str(error).replace('"', '\\"')
        console.complain(
            f'{timestamp()} [ERROR] watch.watch: Watch errored: type={plan.type} error="{told}" retry={pause:g}s'
        )

    return report


class _Follower:
    """Runs the command on each change until the user, or the command's failure, ends it."""

    def __init__(self, args: Args, plan: Plan, client: Client, console: Console) -> None:
        self._argv = arguments(args.rest, console.environ, shell=args.boolean("shell"))
        self._plan = plan
        self._client = client
        self._console = console

    def follow(self) -> int:
        """The exit code of the command."""
        from pyconsul.sdk.blocking.watch import updates

        changes = updates(self._client, self._plan, _reporter(self._plan, self._console))
        with stoppable() as signals:
            try:
                while True:
                    self._handle(signals.run(self._client, partial(next, changes)), signals)
            except Stopped:
                return 0  # the way to end a watch

    def _handle(self, update: Update, signals: Signals) -> None:
        """Run the command on one change. Raises Failed, and Stopped after the command was told, too."""
        self._console.flush()
        environ = {**self._console.environ, "CONSUL_INDEX": str(update.index)}
        child = start(self._argv, environ, subprocess.PIPE)
        ended = signals.start(partial(child.communicate, self._plan.to_json(update.value)))
        try:
            signals.wait(ended)
        except Stopped as stopped:
            pass_on(child, stopped.number)
            raise
        told = ending(child.returncode)
        if told:
            raise Failed(f"Error executing handler: {told}")
