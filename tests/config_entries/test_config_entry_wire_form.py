"""Log entries of config entries: the bytes that a real Consul server wrote, read and written again."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.config import load
from pyconsul.config.bootstrap_entries import bootstrap_entries
from pyconsul.structs import gomsgpack
from pyconsul.structs.config_entries.hashing import entry_hash
from pyconsul.structs.config_entries.requests import ConfigEntryRequest

# Recorded from the replication of Consul 1.21: the type byte, then the request.
RECORDED = {
    "proxy-defaults": (
        "FtoB+65wcm94eS1kZWZhdWx0c4SqRGF0YWNlbnRlcqNkYzGlRW50cnnaAZzeABGqQWNjZXNzTG9nc4azRGlzYWJsZUxpc3RlbmVy"
        "TG9nc8KnRW5hYmxlZMOqSlNPTkZvcm1hdKCkUGF0aKCqVGV4dEZvcm1hdKCkVHlwZaCmQ29uZmlngqhwcm90b2NvbKRodHRwuGxv"
        "Y2FsX2Nvbm5lY3RfdGltZW91dF9tc8tAj0AAAAAAAKtDcmVhdGVJbmRleACvRW52b3lFeHRlbnNpb25zwKZFeHBvc2WCpkNoZWNr"
        "c8KlUGF0aHPArkZhaWxvdmVyUG9saWN5wKRIYXNozxICaG4fAU8upEtpbmSucHJveHktZGVmYXVsdHOrTWVzaEdhdGV3YXmBpE1v"
        "ZGWlbG9jYWykTWV0YYGhbaExpE1vZGWgq01vZGlmeUluZGV4AK1NdXR1YWxUTFNNb2RloKROYW1lpmdsb2JhbLRQcmlvcml0aXpl"
        "QnlMb2NhbGl0ecCoUHJvdG9jb2ykaHR0cLBUcmFuc3BhcmVudFByb3h5gq5EaWFsZWREaXJlY3RsecK0T3V0Ym91bmRMaXN0ZW5l"
        "clBvcnQAok9wpnVwc2VydKVUb2tlbtoAJDExMTExMTExLTIyMjItMzMzMy00NDQ0LTU1NTU1NTU1NTU1NQ=="
    ),
    "service-splitter": (
        "FtoBirBzZXJ2aWNlLXNwbGl0dGVyhKpEYXRhY2VudGVyo2RjMaVFbnRyeYerQ3JlYXRlSW5kZXgApEhhc2jPp0ryiDvCPzikS2lu"
        "ZLBzZXJ2aWNlLXNwbGl0dGVypE1ldGHAq01vZGlmeUluZGV4AKROYW1lo3dlYqZTcGxpdHOSh6lOYW1lc3BhY2WgqVBhcnRpdGlv"
        "bqCuUmVxdWVzdEhlYWRlcnODo0FkZMCmUmVtb3ZlwKNTZXSBoXihea9SZXNwb25zZUhlYWRlcnPAp1NlcnZpY2Wjd2VirVNlcnZp"
        "Y2VTdWJzZXSgpldlaWdodMpCtAAAh6lOYW1lc3BhY2WgqVBhcnRpdGlvbqCuUmVxdWVzdEhlYWRlcnPAr1Jlc3BvbnNlSGVhZGVy"
        "c8CnU2VydmljZaNhcGmtU2VydmljZVN1YnNldKJ2MqZXZWlnaHTKQSAAAKJPcKZ1cHNlcnSlVG9rZW7aACQxMTExMTExMS0yMjIy"
        "LTMzMzMtNDQ0NC01NTU1NTU1NTU1NTU="
    ),
    "service-intentions": (
        "FtoB+LJzZXJ2aWNlLWludGVudGlvbnOEqkRhdGFjZW50ZXKjZGMxpUVudHJ5iKtDcmVhdGVJbmRleACkSGFzaM+Din8BBXe0r6NK"
        "V1TApEtpbmSyc2VydmljZS1pbnRlbnRpb25zpE1ldGGBoWGhYqtNb2RpZnlJbmRleACkTmFtZaNhcGmnU291cmNlc5GMpkFjdGlv"
        "bqCrRGVzY3JpcHRpb26gsExlZ2FjeUNyZWF0ZVRpbWXAqExlZ2FjeUlEoKpMZWdhY3lNZXRhwLBMZWdhY3lVcGRhdGVUaW1lwKRO"
        "YW1lo3dlYqRQZWVyoKtQZXJtaXNzaW9uc5GDpkFjdGlvbqVhbGxvd6RIVFRQhaZIZWFkZXKRiahDb250YWluc6ClRXhhY3Sgqkln"
        "bm9yZUNhc2XCpkludmVydMKkTmFtZaFoplByZWZpeKCnUHJlc2VudMOlUmVnZXigplN1ZmZpeKCnTWV0aG9kc5KjR0VUo1BVVKlQ"
        "YXRoRXhhY3SiL3iqUGF0aFByZWZpeKCpUGF0aFJlZ2V4oKNKV1TAqlByZWNlZGVuY2UJrVNhbWVuZXNzR3JvdXCgpFR5cGWmY29u"
        "c3Vsok9wpnVwc2VydKVUb2tlbtoAJDExMTExMTExLTIyMjItMzMzMy00NDQ0LTU1NTU1NTU1NTU1NQ=="
    ),
    "bound-api-gateway": (
        "FtoBLrFib3VuZC1hcGktZ2F0ZXdheYSqRGF0YWNlbnRlcqClRW50cnmIq0NyZWF0ZUluZGV4aqRIYXNoAKRLaW5ksWJvdW5kLWFw"
        "aS1nYXRld2F5qUxpc3RlbmVyc5KDrENlcnRpZmljYXRlc8CkTmFtZaJsMaZSb3V0ZXORg6RLaW5kqmh0dHAtcm91dGWkTmFtZaJo"
        "cqtTZWN0aW9uTmFtZaCDrENlcnRpZmljYXRlc8CkTmFtZaJsMqZSb3V0ZXPApE1ldGHAq01vZGlmeUluZGV4aqROYW1lpmFwaS1n"
        "d6hTZXJ2aWNlc4GBpE5hbWWjd2VikYOkS2luZKpodHRwLXJvdXRlpE5hbWWiaHKrU2VjdGlvbk5hbWWgok9wqnVwc2VydC1jYXOl"
        "VG9rZW6g"
    ),
}


def recorded(kind: str) -> bytes:
    """The request behind the type byte."""
    return base64.b64decode(RECORDED[kind])[1:]


@pytest.mark.parametrize("kind", RECORDED)
def test_a_recorded_request_is_written_as_it_was_read(kind: str) -> None:
    """Reading and writing a request of a real server gives the same bytes."""
    request = gomsgpack.decode(recorded(kind), ConfigEntryRequest)
    assert request.Entry.Kind == kind
    assert gomsgpack.encode(request) == recorded(kind)


@pytest.mark.parametrize("kind", [kind for kind in RECORDED if kind != "bound-api-gateway"])
def test_the_hash_of_an_entry_is_the_one_that_a_real_server_computed(kind: str) -> None:
    """Our hash of a recorded entry equals the one that it carries."""
    entry = gomsgpack.decode(recorded(kind), ConfigEntryRequest).Entry
    assert entry_hash(entry) == entry.Hash


def test_services_of_a_bound_gateway_go_by_name() -> None:
    """Keys that are maps in msgpack are names here."""
    entry = gomsgpack.decode(recorded("bound-api-gateway"), ConfigEntryRequest).Entry
    assert list(getattr(entry, "Services")) == ["web"]  # noqa: B009 -- one kind among others has it


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_request_are_told_as_such(data: bytes) -> None:
    """Anything that does not decode raises DecodeError, nothing else."""
    try:
        gomsgpack.decode(gomsgpack.pack(data), ConfigEntryRequest)
    except gomsgpack.DecodeError:
        return


@settings(deadline=None)
@given(st.data())
def test_a_damaged_request_is_told_as_such(data: st.DataObject) -> None:
    """A recorded request with one other byte decodes or raises DecodeError, nothing else."""
    raw = bytearray(recorded(data.draw(st.sampled_from(sorted(RECORDED)))))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        gomsgpack.decode(bytes(raw), ConfigEntryRequest)
    except gomsgpack.DecodeError:
        return


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        (
            "hcl",
            'config_entries { bootstrap = [{ kind = "proxy-defaults" name = "global" config { a = 5  b = 1.5 h = 0x10 '
            's = "x" l = [1, 2.0, -3] big = 12345678901 c { d = 7 } } }] }',
            11986601385875336210,
        ),
        (
            "json",
            '{"config_entries":{"bootstrap":[{"kind":"proxy-defaults","name":"global","config":{"a":5,"b":1.5,'
            '"c":{"d":7,"e":[1,2]},"t":true,"s":"x"}}]}}',
            1306695795291180891,
        ),
    ],
)
def test_whole_numbers_of_hcl_count_as_such_in_the_hash(kind: str, text: str, found: int, tmp_path: Path) -> None:
    """JSON has floats alone; the hashes are those of a real server with this configuration."""
    file = tmp_path / f"entries.{kind}"
    file.write_text(text)
    (entry,) = bootstrap_entries(load({"dev": True, "config-file": [str(file)]}, {}).runtime)
    assert entry.Hash == found
