"""What nobody foresaw, from a cloud, its library or a plug-in, is an error of the look-up and no end of the agent."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from pathlib import Path

import pytest

from pyconsul.toolkit.discovery import DiscoverError, look_up
from pyconsul_autojoin.api import Api
from pyconsul_autojoin.providers.k8s import Kubernetes
from pyconsul_autojoin.providers.mdns import Mdns
from pyconsul_autojoin.providers.triton import Triton
from tests.autojoin.conftest import Asks


def string(data: bytes) -> bytes:
    """As SSH writes it: its length before it."""
    return len(data).to_bytes(4, "big") + data


async def test_a_signature_that_is_no_pair_of_numbers(ask: Asks, tmp_path: Path) -> None:
    """From an SSH agent whose key is of an elliptic curve."""
    signature = string(b"ecdsa-sha2-nistp256") + string(b"short")
    said = {11: b"\x0c\0\0\0\1" + string(b"key") + string(b""), 13: b"\x0e" + string(signature)}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        writer.write(string(said[question[0]]))
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "agent"):
        text = f"provider=triton account=a url=u tag_key=k tag_value=v key_id={hashlib.md5(b'key').hexdigest()}"
        with pytest.raises(DiscoverError, match=r"unable to sign with key_id: .* no pair of numbers"):
            await Triton().addresses(ask(text, SSH_AUTH_SOCK=str(tmp_path / "agent")))


@pytest.mark.parametrize("link", ["mailto:x", "http://[", "http://a.test:99999/"])
def test_the_next_page_may_be_no_address(ask: Asks, link: str) -> None:
    """Of whatever kind."""
    with pytest.raises(DiscoverError, match="discover-azure: the next page is no URL"):
        Api(ask("provider=azure")).same_origin("https://a.test", link)


async def test_a_kubeconfig_that_is_no_yaml(ask: Asks, tmp_path: Path) -> None:
    """Is told like one that is missing."""
    (tmp_path / "kubeconfig").write_text("a: [\n")
    with pytest.raises(DiscoverError, match=r"error loading kubeconfig .*: while parsing a flow node"):
        await Kubernetes(tmp_path).addresses(ask(f"provider=k8s kubeconfig={tmp_path}/kubeconfig"))


async def test_a_name_that_no_packet_can_carry(ask: Asks) -> None:
    """DNS takes 63 bytes a label."""
    with pytest.raises(DiscoverError, match=r"discover-mdns: cannot ask: .* label exceeds the limit"):
        await Mdns(("127.0.0.1",)).addresses(ask(f"provider=mdns timeout=10ms service={'x' * 70}"))


async def test_a_plugin_that_breaks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody else's may raise anything."""
    (tmp_path / "odd-1.dist-info").mkdir()
    (tmp_path / "odd-1.dist-info" / "METADATA").write_text("Name: odd\nVersion: 1\n")
    (tmp_path / "odd-1.dist-info" / "entry_points.txt").write_text("[pyconsul.autojoin]\nodd = odd_cloud:Odd\n")
    lines = ("class Odd:", "    parameters = ()", "    async def addresses(self, ask):", "        return {}['zone']")
    (tmp_path / "odd_cloud.py").write_text("\n".join(lines))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(DiscoverError, match="discover-odd: KeyError: 'zone'"):
        await look_up("provider=odd")
