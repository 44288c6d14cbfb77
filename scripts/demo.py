"""``make demo``: the main jobs in a minute, with real processes on free ports.

A dev agent, keys and services with all kinds of health checks, a DNS answer, a rendered template, a child with its
environment from the KV store, and a watch that fires. ``KEEP=1`` leaves the agent running, with its folder. Whoever
interrupts it (Ctrl-C, SIGTERM, a closed terminal) is left with nothing that runs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.message
import dns.query

from pyconsul.sdk import Client, Settings
from pyconsul.testing.ports import free_ports

ROOT = Path(__file__).resolve().parent.parent
SHOP = ROOT / "examples" / "ecommerce"
BIN = Path(sys.executable).parent
PATIENCE = 60.0  # seconds for anything to come up
COLOURS = sys.stdout.isatty()


class Healthy(BaseHTTPRequestHandler):
    """A web server that is always well."""

    def do_GET(self) -> None:
        """Answer 200."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"well\n")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def say(what: str) -> None:
    """A heading."""
    print(f"\n\033[1m{what}\033[0m" if COLOURS else f"\n{what}", flush=True)


def run(*command: str, environment: dict[str, str]) -> str:
    """Show a command and its output. Raises CalledProcessError."""
    shown = " ".join(f'"{word}"' if " " in word or ":" in word else word for word in command)
    print(f"$ {shown}", flush=True)
    done = subprocess.run(
        (str(BIN / command[0]), *command[1:]), env=environment, check=True, text=True, stdout=subprocess.PIPE
    )
    print(done.stdout, end="", flush=True)
    return done.stdout


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Poll until something holds. Raises TimeoutError saying what did not."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {PATIENCE:.0f} s")
        time.sleep(0.05)


def little_servers() -> dict[str, int]:
    """The servers behind the health checks: name → port."""
    ports: dict[str, int] = {}
    for name in ("http-1", "http-2", "tcp-1", "tcp-2"):
        server: socketserver.BaseServer
        if name.startswith("http"):
            server = ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
        else:
            server = socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports[name] = server.server_address[1]
    return ports


def services(ports: dict[str, int]) -> list[dict[str, object]]:
    """The shop's service definitions with the ports of this run."""
    text = (SHOP / "services.json").read_text()
    text = re.sub(r'"\$\{([\w-]+)\}"', lambda m: str(ports[m[1]]), text)
    return json.loads(re.sub(r"\$\{([\w-]+)\}", lambda m: str(ports[m[1]]), text))


def ask_dns(name: str, port: int) -> str:
    """The SRV answer and its additional records, as dig prints them."""
    reply = dns.query.udp(dns.message.make_query(name, "SRV"), "127.0.0.1", PATIENCE, port)
    return "\n".join(str(records) for records in (*reply.answer, *reply.additional))


def start_agent(folder: Path, keep: bool) -> tuple[subprocess.Popen[bytes], str, int]:
    """A dev agent on free ports: process, HTTP address, DNS port. Only one that is kept has a session of its own."""
    http, dns, server, lan, wan, grpc, grpc_tls = free_ports(7)
    ports = {"http": http, "dns": dns, "server": server, "serf_lan": lan, "serf_wan": wan}
    config = folder / "agent.json"
    limits = {"enable_script_checks": True, "log_level": "WARN"}
    config.write_text(json.dumps({"ports": ports | {"grpc": grpc, "grpc_tls": grpc_tls}} | limits))
    log = (folder / "agent.log").open("wb")
    command = [str(BIN / "py-consul"), "agent", "-dev", "-node", "demo", "-config-file", str(config)]
    print(f"$ {' '.join(['py-consul', *command[1:]])}", flush=True)
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=keep)
    return process, f"127.0.0.1:{http}", dns


def answers(client: Client) -> bool:
    """Whether the agent leads and stands in its own catalog."""
    try:
        return bool(client.status.leader()) and bool(client.health.service("consul"))
    except Exception:  # whatever it is, it is not up yet; the caller gives up in time and says so
        return False


def show(folder: Path, environment: dict[str, str], client: Client, dns: int) -> None:
    """All the jobs, one after the other."""
    say("Keys")
    for key, value in json.loads((SHOP / "kv.json").read_text()).items():
        client.kv.put(key, value)
    run("py-consul", "kv", "get", "-recurse", "apps/ecommerce", environment=environment)

    say("Services, with HTTP, TCP, script and TTL checks against real little servers")
    for service in services(little_servers()):
        client.agent.register_service(service)
    wait_until(lambda: len(client.health.service("storefront", passing=True)) == 2, "passing storefronts")
    run("py-consul", "catalog", "services", "-tags", environment=environment)
    run("py-consul", "members", environment=environment)

    say("DNS")
    print(f"$ dig @127.0.0.1 -p {dns} storefront.service.consul SRV")
    print(ask_dns("storefront.service.consul", dns))

    say("A template")
    target = folder / "config.json"
    template = f"{SHOP / 'config.json.tpl'}:{target}"
    run("py-consul-template", "-template", template, "-once", environment=environment)
    print(target.read_text(), end="")
    json.loads(target.read_text())

    say("A child with its environment from the KV store")
    command = ("py-envconsul", "-pristine", "-upcase", "-once", "-prefix", "apps/ecommerce", "env")
    shown = run(*command, environment=environment)
    if "ENVIRONMENT=staging" not in shown:
        raise RuntimeError("the child did not get its environment")

    say("A watch")
    watch_change(folder, environment)


def watch_change(folder: Path, environment: dict[str, str]) -> None:
    """Start a watch, change the key, show what the handler got."""
    heard = folder / "heard"
    handler = f"cat >> {heard}"
    key = "apps/ecommerce/environment"
    print(f"$ py-consul watch -type=key -key={key} 'cat >> heard' &")
    watch = subprocess.Popen((str(BIN / "py-consul"), "watch", "-type=key", f"-key={key}", handler), env=environment)
    try:
        wait_until(lambda: heard.exists() and heard.read_text().count("\n") >= 1, "the first call of the handler")
        run("py-consul", "kv", "put", key, "production", environment=environment)
        wait_until(lambda: heard.read_text().count("\n") >= 2, "the call for the change")
        print(heard.read_text().splitlines()[-1])
    finally:
        watch.terminate()
        watch.wait()


@contextmanager
def the_agent(folder: Path, keep: bool) -> Generator[tuple[subprocess.Popen[bytes], str, int]]:
    """The agent while it is needed: process, HTTP address, DNS port. It ends with the block, if not kept."""
    process, address, dns = start_agent(folder, keep)
    try:
        yield process, address, dns
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            process.terminate()
            process.wait()


def demonstrate(folder: Path, keep: bool) -> None:
    """Start the agent, show everything, say what to do next. Raises RuntimeError when the agent does not come up."""
    say("An agent")
    with the_agent(folder, keep) as (agent, address, dns):
        client = Client(Settings(address=address))
        wait_until(lambda: agent.poll() is not None or answers(client), "the agent's first answer")
        if agent.poll() is not None:
            raise RuntimeError(f"the agent ended: {(folder / 'agent.log').read_text()[-500:]}")
        show(folder, os.environ | {"CONSUL_HTTP_ADDR": address}, client, dns)
    say("That was it. Next:")
    if keep:
        print(f"  the agent goes on:  export CONSUL_HTTP_ADDR={address}   (stop it: kill {agent.pid})")
        print(f"  its web page:       http://{address}/ui/   (what it checks has ended, and turns critical)")
        print(f"  its files:          {folder}")
    else:
        print("  keep the agent:     KEEP=1 make demo")
    print("  your own agent:     .venv/bin/py-consul agent -dev")
    print("  what there is:      docs/, examples/, .venv/bin/py-consul -help")


def interrupted(number: int, frame: object) -> None:
    """End by way of all that has to be stopped, and only once."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> int:
    """Run the demo; everything it started is stopped, unless KEEP=1 keeps the agent."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    keep = os.environ.get("KEEP") == "1"
    folder = Path(tempfile.mkdtemp(prefix="py-consul-demo-"))
    kept = False
    try:
        demonstrate(folder, keep)
        kept = keep
    except KeyboardInterrupt:
        print("\nInterrupted: all that was started is stopped.", file=sys.stderr)
        return 130
    finally:
        if not kept:
            shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
