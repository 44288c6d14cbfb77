"""Go's msgpack: byte for byte what a real server writes, and everything that it would read."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Meta, UnsetType

from pyconsul.server import families
from pyconsul.server.fsm.registry import LOG_HANDLERS
from pyconsul.structs import gomsgpack, gotime
from pyconsul.structs.kv import DirEntry, KVSRequest
from pyconsul.structs.wire import ZERO_TIME, GoTime, OmitInt, OmitStr, WireStruct
from tests.plain import without_zeros

LOG_ENTRIES = Path(__file__).parents[3] / "shared/design/wire/fixtures/raft/log-entries.jsonl"
_ = families.MODULES  # importing them registered the types of log entries


class Inner(WireStruct, frozen=True, kw_only=True):
    """A struct inside others."""

    Name: str = ""
    Size: int = 0


class Everything(WireStruct, frozen=True, kw_only=True):
    """One field of each kind, not in alphabetical order."""

    go_names: ClassVar[dict[str, str]] = {"Text": "ZText", "OnlyJSON": ""}

    Text: str = ""
    Number: int = 0
    Ratio: float = 0.0
    Flag: bool = False
    Raw: bytes | None = None
    Names: list[str] | None = None
    Table: dict[str, int] | None = None
    Inside: Inner = Inner()
    Pointer: Inner | None = None
    Many: list[Inner] | None = None
    ByName: dict[str, Inner] | None = None
    Moment: GoTime = ZERO_TIME
    Wait: Annotated[str, Meta(extra={"go": "duration"})] = "0s"
    Any: Any = None
    OnlyJSON: str = ""
    Again: Everything | None = None


class Omitting(WireStruct, frozen=True, kw_only=True):
    """Fields that Go marks omitempty."""

    Text: OmitStr = UNSET
    Number: OmitInt = UNSET
    Names: list[str] | UnsetType | None = UNSET
    Inside: Inner | UnsetType = UNSET
    Pointer: Inner | UnsetType | None = UNSET
    Moment: GoTime | UnsetType = UNSET


def test_a_struct_is_a_map_in_alphabetical_order_with_all_fields() -> None:
    """The bytes of a KV write are those of a real server."""
    entry = KVSRequest(Datacenter="dc1", Op="set", DirEnt=DirEntry(Key="a", Value=b"\xff\x00", Flags=300))
    assert gomsgpack.encode(entry) == (
        b"\x84\xaaDatacenter\xa3dc1\xa6DirEnt\x87\xabCreateIndex\x00\xa5Flags\xcd\x01\x2c\xa3Key\xa1a\xa9LockIndex\x00"
        b"\xabModifyIndex\x00\xa7Session\xa0\xa5Value\xa2\xff\x00\xa2Op\xa3set\xa5Token\xa0"
    )


@pytest.mark.parametrize("kind", [DirEntry, list[DirEntry]])
def test_an_encoder_of_one_type_writes_the_same_bytes(kind: Any) -> None:
    """It is only faster; a value that cannot be written leaves nothing behind in its packer."""
    entry = DirEntry(Key="a", Value=b"\xff\x00", Flags=300)
    value = entry if kind is DirEntry else [entry, entry]
    encode = gomsgpack.encoder(kind)
    first = encode(value)
    with pytest.raises((TypeError, AttributeError, OverflowError)):
        encode([DirEntry(Key="b", Flags=2**70)] if kind is not DirEntry else DirEntry(Key="b", Flags=2**70))
    assert first == encode(value) == gomsgpack.encode(value)


def test_every_kind_of_field_survives() -> None:
    """Text, numbers, bytes, lists, maps, structs, times and durations come back as they were."""
    value = Everything(
        Text="é",
        Number=-5,
        Ratio=2,
        Flag=True,
        Raw=b"\x00\xff",
        Names=["a", "b"],
        Table={"k": 1},
        Inside=Inner(Name="i"),
        Pointer=Inner(Size=2**63),
        Many=[Inner(), Inner(Name="m")],
        ByName={"n": Inner(Size=3)},
        Moment="2024-01-02T03:04:05.000000123+05:30",
        Wait="1m30s",
        Any={"x": [1.0, None, "y"]},
        Again=Everything(Text="deep"),
    )
    assert gomsgpack.decode(gomsgpack.encode(value), Everything) == value


def test_go_names_stand_for_json_names() -> None:
    """A field whose Go name differs is written under that name, one without any is left out."""
    plain = gomsgpack.to_plain(Everything(Text="t", OnlyJSON="x"))
    assert plain["ZText"] == "t"
    assert list(plain) == sorted(plain)
    assert not plain.keys() & {"Text", "OnlyJSON"}


def test_nil_and_empty_stay_apart() -> None:
    """A nil list is nil and an empty one is empty, both ways."""
    nil, empty = Everything(), Everything(Names=[], Table={}, Raw=b"", Many=[])
    assert gomsgpack.to_plain(nil)["Names"] is None
    assert gomsgpack.to_plain(empty)["Names"] == []
    assert gomsgpack.decode(gomsgpack.encode(nil), Everything) == nil
    assert gomsgpack.decode(gomsgpack.encode(empty), Everything) == empty


def test_unset_fields_are_gos_zero_values() -> None:
    """msgpack has no omitempty: what JSON leaves out is written as zero and read as unset."""
    plain = gomsgpack.to_plain(Omitting())
    assert plain == {
        "Inside": None,
        "Moment": b"\x01" + bytes(12) + b"\xff\xff",
        "Names": None,
        "Number": 0,
        "Pointer": None,
        "Text": "",
    }
    assert gomsgpack.decode(gomsgpack.encode(Omitting()), Omitting) == Omitting()


def test_whole_floats_are_floats() -> None:
    """A float field is 64 bits wide whatever its value."""
    assert b"\xa5Ratio\xcb" in gomsgpack.encode(Everything(Ratio=3))


def packed(value: dict[str, Any], *, use_bin_type: bool = True) -> bytes:
    """What a modern peer would send."""
    data: object = msgpack.packb(value, use_bin_type=use_bin_type)
    assert isinstance(data, bytes)
    return data


@pytest.mark.parametrize("use_bin_type", [True, False])
def test_modern_msgpack_is_read(use_bin_type: bool) -> None:
    """Peers may send str8 and bin, in any order of keys, with keys that nobody knows."""
    data = packed({"Value": b"v" * 40, "New": 1, "Key": "k" * 40}, use_bin_type=use_bin_type)
    assert gomsgpack.decode(data, DirEntry) == DirEntry(Key="k" * 40, Value=b"v" * 40)


def test_nil_is_the_zero_value_of_anything() -> None:
    """Nil for a field, or for the whole, is Go's zero."""
    nils = packed(dict.fromkeys(["ZText", "Number", "Ratio", "Flag", "Inside", "Moment", "Wait"]))
    assert gomsgpack.decode(nils, Everything) == Everything()
    assert gomsgpack.decode(b"\xc0", DirEntry) == DirEntry()


def test_text_that_is_no_utf8_keeps_its_bytes() -> None:
    """A key of any bytes comes back byte for byte."""
    data = gomsgpack.pack({"Key": b"\xff\xfek"})
    again = gomsgpack.decode(data, DirEntry)
    assert gomsgpack.to_plain(again)["Key"].encode("utf-8", "surrogateescape") == b"\xff\xfek"
    assert gomsgpack.decode(gomsgpack.encode(again), DirEntry) == again


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        b"\xc1",
        b"\x05",
        b"\x81\xa3Key\x05",
        b"\x81\xa5Flags\xa1x",
        b"\x81\x81\xa1a\x01\x01",
        b"\x91" * 3000,
    ],
    ids=["empty", "cut", "no-type", "number", "number-for-text", "text-for-number", "map-key", "deep"],
)
def test_what_does_not_fit_is_refused(data: bytes) -> None:
    """Bytes that are no msgpack or not of the type raise DecodeError, nothing else."""
    with pytest.raises(gomsgpack.DecodeError):
        gomsgpack.decode(data, DirEntry)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_decoder(data: bytes) -> None:
    """Whatever comes over a socket, the answer is a value or DecodeError."""
    try:
        gomsgpack.decode(data, Everything)
    except gomsgpack.DecodeError:
        return


_plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["ZText", "Names", "Table", "Inside", "Many", "Moment", "Any"]), _plain))
def test_no_shape_breaks_the_decoder(plain: dict[str, object]) -> None:
    """Values of the wrong shape in any field raise DecodeError, nothing else."""
    try:
        gomsgpack.from_plain(plain, Everything)
    except gomsgpack.DecodeError:
        return


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (ZERO_TIME, "01 0000000000000000 00000000 ffff"),
        ("1970-01-01T00:00:00Z", "01 0000000e7791f700 00000000 ffff"),
        ("2024-01-02T03:04:05.5-00:30", "01 0000000edd257b2d 1dcd6500 ffe2"),
    ],
)
def test_times_are_15_bytes(text: str, data: str) -> None:
    """RFC 3339 text and Go's binary form stand for each other."""
    assert gotime.to_binary(text).hex() == data.replace(" ", "")
    assert gotime.from_binary(bytes.fromhex(data)) == text


@given(st.datetimes(), st.integers(0, 999_999_999), st.sampled_from(["Z", "+05:30", "-11:00"]))
def test_any_time_survives(moment: Any, nanoseconds: int, zone: str) -> None:
    """Text to bytes and back is the same text."""
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    stamp = f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{fraction}{zone}"
    assert gotime.from_binary(gotime.to_binary(stamp)) == stamp


@pytest.mark.skipif(not LOG_ENTRIES.exists(), reason="the recorded log entries do not lie beside the repository")
def test_recorded_log_entries_are_written_again_field_by_field() -> None:
    """What a real leader replicated is read into our structs and comes out the same."""
    seen = 0
    for line in LOG_ENTRIES.read_text().splitlines():
        row = json.loads(line)
        data = base64.b64decode(row["data"] or "")
        if row["log_type"] or data[0] & 0x7F not in LOG_HANDLERS:
            continue
        request = LOG_HANDLERS[data[0] & 0x7F].request
        value = gomsgpack.decode(data[1:], request)
        again = gomsgpack.unpack(gomsgpack.encode(value))
        assert without_zeros(again) == without_zeros(gomsgpack.unpack(data[1:]))
        seen += 1
    assert seen > 50
