"""De-duplication: one instance watches, the others read from KV what it found, also what the original wrote there."""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pyconsul.lang.gotemplate.values import type_of
from pyconsul.sdk.request import Answer
from pyconsul_template import dedup, gob, lzw
from pyconsul_template.config import Config
from pyconsul_template.dependencies.health import HealthService
from pyconsul_template.dependencies.models import pointers
from pyconsul_template.runner import Runner
from tests.template.conftest import FakeConsul
from tests.waiting import comes_true

# What consul-template 0.42.1 wrote for a template with key, keyOrDefault, ls, services and datacenters.
OF_THE_ORIGINAL = b64decode(
    "AF/8GRAgAAM6ZdrAYRMGIZGGYQL8AwQggIAAB6yUkTMnzRs3BisSeEgn4j9BAFKe+BeIQMELbcLA2TKHjpw0bs50wYlQjpkwY8qA2NNHIkqD"
    "ASCkpDMxgAEYLmjIcBHD6YI1dlyIYfNmzBoUYVIYqHkzJ4MBFWMowOriTBk6KNy8SQEgAVu3cMOOtYnzzNm0a7OySVMTBZkUFbZ0UUGmDJwy"
    "bhq7GZPHxZIyeaCESSPnX6GLAv4ZqviPUMo1/wYRDG06AIIABDTTQRMywIDLeWoXsBKGTZ0ytRcMkVOmYZkkkcvgcVpxQZM3ZNKYyYO88XID"
    "FRMw6bqmunLmAQoYYXhmDvgDU8rM6fgxZMoyok8AuDiAzIvlAfBjCdCAf8UC9uXxgh62CUigAFloEYADCwIAwRgQcXWGC3NsZEcaQc3BgWKM"
    "OQaZZJS5MESEb5wxhRtpwPEYU4uA9g8jpCGS0gf/HLLaPzJaBJsTYbQBHAMiURFGeRIpkhIAGfyTyEUBLJCeHBcGJSSR/xjpnhIvegAAQQSI"
    "EQZxFRkwxkdz1MFGRQPcUYYYOkYkBgATQFiShC6QAVFQbvQ0BwKKkdXXP4246EhFQAKgwD+OYGcbGWPEAEBA"
)
OF_THE_ORIGINALS_KEY = b64decode(
    "AF/8GRAgAAM6ZdrAYRMGIZGGYQL8AwQggIAAB6yUkTMnzRs3BisSeEgn4j9BAFKe+BeIQMELbcLA2TKHjpw0bs50wYlQjpkwY8qA2NNHIkqD"
    "ASCkLDExgAEYLmjIcBGj4II1dlyIYfNmzBoUYVIYqHkzJ4MBFWMACAg="
)


def a_config(address: str, path: Path, contents: str) -> Config:
    """One template, shared below ``dd``."""
    settings = {
        "consul": {"address": address, "retry": {"enabled": False}},
        "template": [{"contents": contents, "destination": str(path)}],
        "deduplicate": {"enabled": True, "prefix": "dd"},
    }
    return Config.of(settings, {})


@asynccontextmanager
async def running(config: Config) -> AsyncGenerator[Runner]:
    """A runner at work."""
    runner = Runner(config)
    work = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        work.cancel()
        await asyncio.wait([work])


def value_of(consul: FakeConsul, key: str) -> bytes:
    """The value of a key, b"" while there is none."""
    return b64decode(consul.keys.get(key, {}).get("Value") or "")


async def test_the_leader_shares_what_it_found(consul: FakeConsul, tmp_path: Path) -> None:
    """Under the template's digest, with the flags of Consul's locks."""
    await consul.put("a", b"1")
    async with running(a_config(consul.address, tmp_path / "out", '{{ key "a" }}')) as leader:
        key = f"dd/{leader.templates[0].identity}/data"
        await comes_true(lambda: value_of(consul, key) not in (b"", dedup.NO_DATA))
        assert consul.keys[key]["Flags"] == 3304740253564472344
        assert consul.keys[key]["Session"]
    assert dedup.decode(value_of(consul, key)) == {"kv.block(a)": "1"}


@pytest.mark.parametrize("shared", [dedup.encode({"kv.block(a)": "1"}), OF_THE_ORIGINALS_KEY], ids=["ours", "original"])
async def test_a_follower_asks_for_nothing_itself(consul: FakeConsul, tmp_path: Path, shared: bytes) -> None:
    """It renders from what the leader shared, and again when that changes."""
    out = tmp_path / "out"
    config = a_config(consul.address, out, '{{ key "a" }}')
    key = f"dd/{Runner(config).templates[0].identity}/data"
    await consul.put(key, shared, session="somebody", flags=dedup.LOCK_FLAG)
    async with running(config):
        await comes_true(lambda: out.exists() and out.read_text() == "1")
        await consul.put(key, dedup.encode({"kv.block(a)": "2"}), session="somebody", flags=dedup.LOCK_FLAG)
        await comes_true(lambda: out.read_text() == "2")
    assert not [r for r in consul.requests if r.startswith("GET /v1/kv/a")]


async def test_a_key_of_other_flags_shares_nothing(
    consul: FakeConsul, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no lock's; whoever holds it may have put anything there."""
    monkeypatch.setattr(logging.getLogger("pyconsul_template"), "propagate", True)
    caplog.set_level(logging.INFO, "pyconsul_template.dedup")
    out = tmp_path / "out"
    config = a_config(consul.address, out, '{{ key "a" }}')
    key = f"dd/{Runner(config).templates[0].identity}/data"
    await consul.put(key, dedup.encode({"kv.block(a)": "foreign"}), session="somebody", flags=7)
    async with running(config):
        await comes_true(lambda: any(r.startswith(f"GET /v1/kv/{key}?index=") for r in consul.requests))  # another look
        assert "loading" not in caplog.text
        await consul.put(key, dedup.encode({"kv.block(a)": "1"}), session="somebody", flags=dedup.LOCK_FLAG)
        await comes_true(lambda: out.exists() and out.read_text() == "1")


async def test_a_follower_takes_over(consul: FakeConsul, tmp_path: Path) -> None:
    """When nobody holds the key any more, it watches itself."""
    await consul.put("a", b"new")
    out = tmp_path / "out"
    config = a_config(consul.address, out, '{{ key "a" }}')
    key = f"dd/{Runner(config).templates[0].identity}/data"
    await consul.put(key, OF_THE_ORIGINALS_KEY, session="somebody", flags=dedup.LOCK_FLAG)
    async with running(config) as runner:
        await comes_true(lambda: out.exists() and out.read_text() == "1")
        await consul.delete(key)
        await comes_true(lambda: out.read_text() == "new")
        assert runner.dedup is not None
        assert runner.dedup.is_leader(runner.templates[0])


async def test_what_is_too_much_for_a_key_is_not_shared(
    consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is written here all the same."""
    await consul.put("a", b"1")
    monkeypatch.setattr(dedup, "MAX_SHARED_BYTES", 10)
    out = tmp_path / "out"
    async with running(a_config(consul.address, out, '{{ key "a" }}')) as runner:
        await comes_true(lambda: out.exists() and out.read_text() == "1")
        key = f"dd/{runner.templates[0].identity}/data"
        assert b64decode(consul.keys[key]["Value"]) == dedup.NO_DATA
    assert f"failed to write '{key}': " in caplog.text and " bytes are too many" in caplog.text


def test_a_key_of_consul_takes_what_is_shared() -> None:
    """Half a mebibyte at most."""
    assert dedup.MAX_SHARED_BYTES == 512 * 1024


async def test_a_session_that_cannot_be_had_is_asked_for_again_a_little_later(
    consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip_time: Callable[[float], None]
) -> None:
    """The data of a leader are read meanwhile."""
    raw = dedup.AsyncClient.raw
    asked: list[str] = []

    async def refusing(self: dedup.AsyncClient, method: str, path: str, *args: Any, **kwargs: Any) -> Answer:
        if path == "/v1/session/create":
            asked.append(path)
            return Answer(500, {}, b"no leader")
        return await raw(self, method, path, *args, **kwargs)

    monkeypatch.setattr(dedup.AsyncClient, "raw", refusing)
    out = tmp_path / "out"
    config = a_config(consul.address, out, '{{ key "a" }}')
    key = f"dd/{Runner(config).templates[0].identity}/data"
    async with running(config):
        await comes_true(lambda: asked)
        await consul.put(key, dedup.encode({"kv.block(a)": "1"}), session="somebody", flags=dedup.LOCK_FLAG)
        await comes_true(lambda: out.exists() and out.read_text() == "1")
        assert len(asked) == 1
        skip_time(dedup.SESSION_RETRY)
        await comes_true(lambda: len(asked) == 2)


async def test_without_templates_there_is_nothing_to_share(consul: FakeConsul, tmp_path: Path) -> None:
    """And nothing to fail with."""
    config = msgspec.structs.replace(a_config(consul.address, tmp_path / "out", "x"), templates=())
    async with running(config) as runner:
        await comes_true(lambda: runner.dedup is not None and runner.dedup.session)


async def test_odd_answers_are_asked_for_again(
    consul: FakeConsul, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A session without an ID and a key that is no list end neither the keeping of the one nor of the other."""
    await consul.put("a", b"1")
    monkeypatch.setattr(dedup, "SESSION_RETRY", 0.0)
    monkeypatch.setattr(dedup, "LOCK_RETRY", 0.0)
    odd: dict[str, list[bytes]] = {"/v1/session/create": [b"{}", b"{"], "/v1/kv/dd": [b"[7]", b"{"]}
    raw = dedup.AsyncClient.raw

    async def garbled(self: dedup.AsyncClient, method: str, path: str, *args: Any, **kwargs: Any) -> Answer:
        answer = await raw(self, method, path, *args, **kwargs)
        bodies = next((bodies for start, bodies in odd.items() if path.startswith(start)), None)
        return Answer(200, answer.headers, bodies.pop()) if bodies else answer

    monkeypatch.setattr(dedup.AsyncClient, "raw", garbled)
    out = tmp_path / "out"
    async with running(a_config(consul.address, out, '{{ key "a" }}')):
        await comes_true(lambda: not any(odd.values()) and out.exists() and out.read_text() == "1")
    assert caplog.text.count("failed to get 'dd/") == 2
    assert caplog.text.count("failed to create session") == 2


def test_what_the_original_shares_is_understood() -> None:
    """Texts, a key that does not exist, lists of texts and of structs, with their Go types."""
    data = dedup.decode(OF_THE_ORIGINAL)
    assert data is not None
    assert [data[f"kv.{name}"] for name in ("block(a)", "get(a)", "get(no)")] == ["1", "1", None]
    assert data["catalog.datacenters"] == ["dc1"]
    assert [(pair.Path, pair.Key, pair.Value) for pair in data["kv.list(d)"]] == [
        ("d/x", "x", "X"),
        ("d/y/z", "y/z", "YZ"),
    ]
    assert [(s.Name, list(s.Tags)) for s in data["catalog.services"]][1:] == [("consul", []), ("web", ["a", "b"])]
    assert type_of(data["kv.list(d)"]) == "[]*dependency.KeyPair"


def test_shared_data_come_back_as_they_were() -> None:
    """Also instances of services, which hold maps, structs, numbers and lists of pointers."""
    check = {"CheckID": "c", "Status": "passing", "Definition": {"Interval": "10s", "Header": {"H": ["a"]}}}
    node = {"Node": "n1", "Address": "10.0.0.1", "Meta": {"k": "ü"}}
    service = {
        "ID": "w1",
        "Service": "web",
        "Port": 8080,
        "Tags": ["a"],
        "Weights": {"Passing": 3, "Warning": -1},
        "TaggedAddresses": {"lan": {"Address": "10.0.0.2", "Port": 80}},
    }
    instance = HealthService.of({"Node": node, "Service": service, "Checks": [check]}, "passing")
    data = {"health.service(web|passing)": pointers("dependency.HealthService", [instance]), "b": "\udcff", "c": None}
    assert dedup.decode(dedup.encode(data)) == data


def test_data_of_another_version_are_left_alone(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may mean something else, as the original says, too."""
    other = lzw.compress(gob.encode({"Version": ("string", "0.1.0"), "Data": ("map[string]interface {}", {"a": "1"})}))
    monkeypatch.setattr(logging.getLogger("pyconsul_template"), "propagate", True)
    assert dedup.decode(other) is None
    assert "created with different version (0.1.0 vs 0.42.1)" in caplog.messages


def test_broken_data_are_an_error_and_nothing_else() -> None:
    """However short they were cut, and whatever bit of them was turned."""
    plain = lzw.decompress(OF_THE_ORIGINAL)
    for length in range(len(plain) - 1):
        with pytest.raises(gob.GobError):
            gob.decode(plain[:length])
    for place in range(len(plain)):
        try:
            gob.decode(plain[:place] + bytes([plain[place] ^ 0x81]) + plain[place + 1 :])
        except gob.GobError:
            continue


def test_a_map_whose_keys_are_such_maps_is_refused() -> None:
    """However deep it goes: whoever may write the key must not be able to end the tool."""
    number = b"\xff\x82"  # 65
    a_map = b"\xff\x81\x04\x01\x02" + number + b"\x00\x01" + number + b"\x01\x04\x00\x00"
    a_struct = b"\xff\x83\x03\x01\x02\xff\x84\x00\x01\x01\x01\x01A\x01" + number + b"\x00\x00\x00"
    types = b"".join(bytes([len(described)]) + described for described in (a_map, a_struct))
    with pytest.raises(gob.GobError, match="nested too deeply"):
        gob.decode(types + b"\x01\xff\x84\x01" + b"\x01" * 5000)


def test_types_that_no_gob_carries_are_refused() -> None:
    """By their names, as the original does."""
    with pytest.raises(gob.GobError, match=r"type not registered for interface: main\.Odd"):
        gob.encode({"Data": ("main.Odd", None)})


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 4000, 70_000])
def test_lzw_gives_back_what_it_took(count: int) -> None:
    """Over several times the number of codes there are, and at the edges of their widths."""
    data = bytes((n * n >> 3) & 255 for n in range(count))
    assert lzw.decompress(lzw.compress(data)) == data


def test_lzw_writes_the_bytes_of_the_original() -> None:
    """The same text is the same bytes, so that a hash of them could be compared."""
    assert lzw.compress(lzw.decompress(OF_THE_ORIGINAL)) == OF_THE_ORIGINAL


@pytest.mark.parametrize("data", [b"", b"PYCT1", OF_THE_ORIGINAL[:100], b"\xff" * 20])
def test_lzw_refuses_what_no_encoder_writes(data: bytes) -> None:
    """Cut or foreign bytes."""
    with pytest.raises(lzw.LzwError):
        lzw.decompress(data)


def test_interfaces_in_interfaces_end_somewhere() -> None:
    """A few bytes a level could take more stack than there is."""
    with pytest.raises(gob.GobError, match="nested too deeply"):
        gob.decode(b"\x01\x10" + b"\x01x\x10\x00\x00" * 5000)
