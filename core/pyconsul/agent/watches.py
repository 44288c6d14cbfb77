"""The ``watches`` of the configuration: plans that run inside the agent and call a script or a URL on each change."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Coroutine, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from pyconsul.agent import children
from pyconsul.agent.checks.outputs import Tail
from pyconsul.lang.gosyntax import go_syntax
from pyconsul.primitives.child_signals import ending
from pyconsul.primitives.spawning import PipedProcess
from pyconsul.primitives.tls import client_context
from pyconsul.primitives.untyped import is_dict, is_list_or_tuple
from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.sdk.settings import TLS, Settings
from pyconsul.sdk.watch import HTTPHandler, Plan, Update, WrongParameters, parse, updates
from pyconsul.telemetry import logger

if TYPE_CHECKING:
    from pyconsul.config.runtime import Address, RuntimeConfig
    from pyconsul.primitives.links import Trust

__all__ = ["BadWatch", "Watches", "client_settings", "watch_plan"]

OUTPUT_LIMIT: Final = 4096
_log = logger("agent")
_watch_log = logger("agent.watch.watch")  # the agent names it so, and Consul's client once more


class BadWatch(ValueError):
    """A watch in the configuration that cannot run; the text is Consul's."""


def watch_plan(params: Mapping[str, Any]) -> Plan:
    """The plan of one ``watches`` block, its handler checked. Raises BadWatch."""
    given = {key: _flat(value) for key, value in params.items()}
    kind = given.setdefault("handler_type", "script")
    if kind not in ("http", "script"):
        raise BadWatch(f"Handler type '{kind}' not recognized")
    if str(given.get("type", "")).startswith("connect_"):
        raise BadWatch(f"Watch type {given['type']} is not allowed in agent config")
    try:
        plan = parse(given, exempt=("handler", "args"))
    except WrongParameters as error:
        left = {name: "hidden" if name == "token" else value for name, value in error.left.items()}
        raise BadWatch(f"Failed to parse watch ({go_syntax(left)}): {error}") from None
    _check_handler(plan)
    return plan


def _flat(value: Any) -> Any:
    """HCL gives a block as a list of one."""
    return value[0] if is_list_or_tuple(value) and len(value) == 1 and is_dict(value[0]) else value


def _check_handler(plan: Plan) -> None:
    has_handler, has_args = "handler" in plan.exempt, "args" in plan.exempt
    is_http = plan.handler_type == "http"
    if has_handler:
        _log.warn(
            "The 'handler' field in watches has been deprecated and replaced with the 'args' field. "
            "See https://developer.hashicorp.com/docs/agent/watches"
        )
        if not isinstance(plan.exempt["handler"], str):
            raise BadWatch("Watch handler must be a string")
    if has_args:
        args = plan.exempt["args"]
        if not isinstance(args, str) and not (is_list_or_tuple(args) and all(isinstance(each, str) for each in args)):
            raise BadWatch("Watch args must be a list of strings")
    if has_handler + has_args + is_http > 1:
        raise BadWatch("Only one watch handler allowed")
    if not (has_handler or has_args or is_http):
        raise BadWatch("Must define a watch handler")


class Watches:
    """All running watches of an agent."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[None]] = set()  # of handlers

    def start(self, config: RuntimeConfig, http_address: str) -> None:
        """Stop what runs and start what ``config.watches`` says, at the agent's own HTTP door.

        A handler that runs comes to its end. Raises BadWatch; then nothing changes.
        """
        settings = client_settings(config, http_address)
        if config.watches and not config.http_addrs and not config.https_addrs:
            raise BadWatch("watch plans require an HTTP or HTTPS endpoint")
        plans = [watch_plan(each) for each in config.watches]
        for task in self._tasks:
            task.cancel()
        for plan in plans:
            _spawn(self._tasks, self._follow(plan, settings), f"watch {plan.type}")

    async def stop(self) -> None:
        """Stop all watches; a handler that runs is left to itself."""
        while running := self._tasks | self._calls:
            for task in running:
                task.cancel()
            await asyncio.wait(running)

    async def _follow(self, plan: Plan, settings: Settings) -> None:
        """Call the plan's handler on its first value and each change, one after the other, until cancelled."""

        def failed(error: ConsulError, pause: float) -> None:
            _watch_log.error("Watch errored", type=plan.type, error=error, retry=f"{pause:g}s")

        async with AsyncClient(settings) as client:
            try:
                async for update in updates(client, plan, failed):
                    await asyncio.shield(_spawn(self._calls, handle(plan, update), f"handler of watch {plan.type}"))
            except ConsulError as error:
                _log.error("Failed to run watch", error=error)


def _spawn(running: set[asyncio.Task[None]], work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task that is among the ``running`` until it is done."""
    task = asyncio.create_task(work, name=name)
    running.add(task)
    task.add_done_callback(running.discard)
    return task


async def handle(plan: Plan, update: Update) -> None:
    """Call the handler with one value; what goes wrong is logged.

    Of a value without an index the log says that it is skipped. As in Consul it is not.
    """
    if not isinstance(update.mark, int):
        _watch_log.error("Handler only supports index-based  watches but non index-based watch run. Skipping Handler.")
    body = plan.to_json(update.value)
    if plan.http_handler is not None:
        await _post(plan.http_handler, update.index, body)
        return
    args = plan.exempt.get("args")
    if args is None:
        script = str(plan.exempt["handler"])
        await _run(children.in_shell(script), script, update.index, body)
        return
    command = [args] if isinstance(args, str) else list(cast("Sequence[str]", args))
    await _run(command or children.in_shell(""), command, update.index, body)


async def _run(command: list[str], shown: list[str] | str, index: int, body: bytes) -> None:
    """Run a handler; ``shown`` is how the log calls it. Only the old ``handler`` goes through a shell."""
    try:
        child = await children.start(command, stdin=subprocess.PIPE, env={**os.environ, "CONSUL_INDEX": str(index)})
    except children.NotStarted as error:
        _log.error("Failed to run watch handler", watch_handler=shown, error=error)
        _log.debug("watch handler output", watch_handler=shown, output="")
        return
    async with child:
        output = await _talk(child, body)
        code = await child.wait()
    if code:
        _log.error("Failed to run watch handler", watch_handler=shown, error=ending(code))
    _log.debug("watch handler output", watch_handler=shown, output=output.captured())


async def _talk(child: PipedProcess, body: bytes) -> Tail:
    """Feed the child while reading what it says, so that neither waits for the other."""
    assert child.stdin is not None
    feeding = asyncio.create_task(feed(child.stdin, body))
    tail = Tail(OUTPUT_LIMIT)
    try:
        while data := await child.stdout.read(65536):
            tail.write(data)
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
    return tail


async def feed(stdin: asyncio.StreamWriter, body: bytes) -> None:
    """Write a handler's input; one that does not read it, or is gone already, is none the worse for it."""
    if stdin.is_closing():
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(body)
        await stdin.drain()
        stdin.close()
        await stdin.wait_closed()


@cache
def _trust(*, verify: bool) -> Trust:
    from pyconsul.primitives.links import Trust  # only agents with such watches pay for it

    return Trust(lambda strict: client_context(verify=verify and strict))


async def _post(handler: HTTPHandler, index: int, body: bytes) -> None:
    from pyconsul.toolkit.web import DEADLINE, WebError, ask
    from pyconsul.toolkit.web_request import RequestError, canonical, request_of

    headers = {"Content-Type": ["application/json"], "X-Consul-Index": [str(index)]}
    for name, values in handler.header.items():
        headers.setdefault(canonical(name), []).extend(values)
    trust = _trust(verify=not handler.tls_skip_verify)
    tail = Tail(OUTPUT_LIMIT)
    try:
        request = request_of(handler.method, handler.path, headers, body)
        answer = await ask(request, patience=handler.timeout, trust=trust, deadline_text=DEADLINE)
    except RequestError as error:
        _log.error("Failed to setup http watch", error=error)
        return
    except WebError as error:
        _log.error("Failed to invoke http watch handler", watch=handler.path, error=error)
        return
    async with answer:
        with contextlib.suppress(WebError):  # a body that is cut does not change what its status says
            async for piece in answer:
                tail.write(piece)
    if 200 <= answer.status <= 299:
        _log.trace("http watch handler output", watch=handler.path, output=tail.captured())
    else:
        _log.error(
            "http watch handler failed with output", watch=handler.path, status=answer.line, output=tail.captured()
        )


def client_settings(config: RuntimeConfig, http_address: str) -> Settings:
    """How the agent reaches its own HTTP door; ``http_address`` is where the first plain listener came out."""
    if config.https_addrs:
        tls = config.tls.https
        checks = TLS(
            ca_file=tls.ca_file,
            ca_path=tls.ca_path,
            cert_file=tls.cert_file,
            key_file=tls.key_file,
            verify=tls.verify_outgoing,
        )
        return Settings(
            address=_reachable(config.https_addrs[0]), scheme="https", tls=checks, datacenter=config.datacenter
        )
    return Settings(address=http_address, datacenter=config.datacenter)


def _reachable(address: Address) -> str:
    """Where to reach a listener of ours: any-addresses are not places."""
    if address.network == "unix":
        return f"unix://{address.host}"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"
