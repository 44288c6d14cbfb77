"""Look-ups by name, ``py-consul-discover``, and that every provider is complete."""

from __future__ import annotations

import re
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest

from pyconsul.telemetry.logging import Level
from pyconsul.toolkit.discovery import (
    DiscoverError,
    Provider,
    help_text,
    hidden_secrets,
    is_discovery,
    look_up,
    provider_names,
)
from pyconsul_autojoin.api import Api, missing_extra
from pyconsul_autojoin.main import main
from tests.autojoin.conftest import Asks, Clouds

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    *("aliyun", "aws", "azure", "digitalocean", "gce", "hcp", "k8s", "linode"),
    *("mdns", "os", "packet", "scaleway", "softlayer", "tencentcloud", "triton", "vsphere"),
]


def a_provider(name: str) -> Provider:
    """The provider of that name."""
    (found,) = entry_points(group="pyconsul.autojoin", name=name)
    return found.load()()


def test_all_of_consuls_providers_are_there() -> None:
    """The names are those that Consul's log lists."""
    assert provider_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_provider_is_complete(name: str) -> None:
    """It has a title, explained parameters without double, a help, and its rows on the page of the tool."""
    provider = a_provider(name)
    keys = [parameter.name for parameter in provider.parameters]
    assert provider.title and len(keys) == len(set(keys))
    assert all(re.search(rf"^    {key}: +\S", help_text(name), re.MULTILINE) for key in ["provider", *keys])
    page = (ROOT / "docs" / "tools" / "discover.md").read_text()
    section = page.partition(f"\n### `{name}`")[2].partition("\n### ")[0]
    assert section and all(f"| `{key}` |" in section for key in keys)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "discover: no provider"),
        ("region=x", "discover: no provider"),
        ("provider=nope", "discover: unknown provider nope"),
        ("provider=aws a", "discover: a: missing '='"),
        (r'provider=aws tag_key="\xff"', "discover: tag_key: escapes give no UTF-8 text"),
        (r'"\xff"', r"discover: \\udcff: missing '='"),
        ("provider=hcp", "discover-hcp: HCP is not supported by py-consul.*"),
        ("provider=digitalocean", "discover-digitalocean: the parameter tag_name is missing"),
    ],
)
async def test_what_cannot_be_asked_is_told(text: str, fault: str) -> None:
    """A fault in the string, an unknown provider and a missing parameter have go-discover's form."""
    with pytest.raises(DiscoverError, match=f"^{fault}$"):
        await look_up(text)


async def test_an_unknown_parameter_is_told() -> None:
    """A parameter that the provider does not know is ignored as in go-discover, but not silently."""
    lines: list[tuple[Level, str]] = []
    with pytest.raises(DiscoverError):
        await look_up("provider=digitalocean regoin=x", lambda level, line: lines.append((level, line)))
    assert (Level.WARN, "discover-digitalocean: unknown parameter regoin is ignored") in lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('provider=aws tag_key=a secret_access_key="x="', "provider=aws secret_access_key=hidden tag_key=a"),
        ("provider=nope api_token=x region=y", "provider=nope api_token=hidden region=y"),
        ("provider=aws secret_access_key=x=", "provider=…"),
    ],
)
def test_secrets_are_not_shown(text: str, shown: str) -> None:
    """What goes to a log has no secrets, also where provider or string are wrong."""
    assert hidden_secrets(text) == shown


def test_hosts_are_no_look_ups() -> None:
    """Only an entry with provider= is one."""
    assert [is_discovery(each) for each in ("10.0.0.1", "a.example:8301", "provider=aws")] == [False, False, True]


async def test_the_tool_prints_addresses_on_one_line(
    cloud: Clouds, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses go to standard output, what is logged to standard error; -q leaves the latter out."""
    import asyncio

    networks = {"ip_addresses": [{"address": f"10.0.0.{n}", "address_family": 4, "public": False} for n in (1, 2)]}
    there = await cloud(lambda _: {"devices": [networks]})
    words = ["addrs", "provider=packet", "project=p", "auth_token=t", f"url={there.url}"]
    assert await asyncio.to_thread(main, words) == 0
    loud = capsys.readouterr()
    assert await asyncio.to_thread(main, ["addrs", "-q", *words[1:]]) == 0
    quiet = capsys.readouterr()
    assert loud.out == quiet.out == "10.0.0.1 10.0.0.2\n"
    assert '[DEBUG] discover: Using provider "packet"\n' in loud.err and quiet.err == ""


@pytest.mark.parametrize(
    ("words", "status", "out", "err"),
    [
        (["addrs", "-q", "provider=nope"], 1, "", "discover: unknown provider nope\n"),
        (["addrs", "provider=nope"], 1, "", "Registered providers: [aliyun "),
        (["help", "nope"], 1, "", "discover: unknown provider nope, known: aliyun, "),
        (["help", "mdns"], 0, "mDNS:\n\n    provider: ", ""),
        ([], 0, "Usage: py-consul-discover addrs", ""),
        (["-h"], 0, "Usage: py-consul-discover addrs", ""),
        (["addrs", "-h"], 0, "Usage: py-consul-discover addrs", ""),
        (["-version"], 0, f"py-consul-discover v{version('py-consul-agent')}\n", ""),
        (["nope"], 1, "", "unknown command nope\n\nUsage: "),
    ],
)
def test_the_tool_answers_and_exits(
    words: list[str], status: int, out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Help goes to standard output with status 0, errors to standard error with status 1."""
    assert main(words) == status
    said = capsys.readouterr()
    assert said.out.startswith(out) and said.err.startswith(err)
    assert bool(said.out) == bool(out) and bool(said.err) == bool(err)


def test_a_missing_library_is_named_with_its_extra(ask: Asks) -> None:
    """The error says what to install."""
    error = missing_extra(ask("provider=aws"), "aws", ImportError("No module named 'boto3'", name="boto3"))
    assert str(error) == "discover-aws: boto3 is not installed: pip install 'py-consul-agent[aws]'"


async def test_a_cloud_that_does_not_answer_in_time_is_an_error(cloud: Clouds, ask: Asks) -> None:
    """The limit is in the error, with the path."""
    import asyncio

    async def hang(_reader: Any, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Api(ask("provider=x"), timeout=0.05) as api:
        with pytest.raises(DiscoverError, match=rf"discover-x: GET http://127.0.0.1:{port}/a: no answer within 0.05s"):
            await api.send("GET", f"http://127.0.0.1:{port}/a?secret=1")
    for writer in writers:
        writer.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1", b'{"a": "b"}', b"\xff", b"[" * 100_000])
async def test_an_answer_of_another_shape_is_an_error(cloud: Clouds, ask: Asks, body: bytes) -> None:
    """What is no JSON, or not what was asked for, names the place and the fault."""
    there = await cloud(lambda _: body)
    async with Api(ask("provider=x")) as api:
        with pytest.raises(DiscoverError, match=r"discover-x: GET .*: unexpected answer: "):
            await api.get(f"{there.url}/a", list[int])


async def test_proxies_of_the_environment_are_used(cloud: Clouds, ask: Asks, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY is asked for clouds, and never for link-local metadata."""
    proxy = await cloud(lambda _: [1])
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with Api(ask("provider=x")) as api:
        assert await api.get("http://cloud.invalid/a", list[int]) == [1]
    async with Api(ask("provider=x"), direct=True) as api:
        with pytest.raises(DiscoverError, match=r"cloud\.invalid"):
            await api.get("http://cloud.invalid/a", list[int])
