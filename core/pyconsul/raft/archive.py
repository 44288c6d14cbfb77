"""Consul's snapshot archive: gzip(tar(meta.json, state.bin, SHA256SUMS)), read and written as a stream.

The state itself (`raft.records`) is opaque here. Error texts are the ones Consul's server and command line
print, because clients show them as they come. Knows nothing of consensus or of the store.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from string import hexdigits
from typing import IO, Any, Final

import msgspec

from pyconsul.lang.gojson_syntax import syntax_error
from pyconsul.primitives.untyped import is_dict

_BLOCK: Final = 512
_GZIP: Final = 16 + zlib.MAX_WBITS  # how zlib is told to read and write gzip's header and trailer
_GZIP_HEAD_BYTES: Final = 10
_CHUNK: Final = 256 * 1024  # bytes that are read, and at most inflated, at once
_SPOOL_BYTES: Final = 32 * 1024 * 1024  # states larger than this go to a temporary file while they are read
_VERSION: Final = 1  # that of Raft's snapshots since it knows configurations
_META, _STATE, _SUMS = "meta.json", "state.bin", "SHA256SUMS"
_SMALL_MEMBER_BYTES: Final = 16 * 1024 * 1024  # more than any honest meta.json or SHA256SUMS
COMPRESSION_LEVEL: Final = 1  # 100,000 pairs: 0.19 s; level 6 takes 0.53 s for 2 % less


class ArchiveError(Exception):
    """The archive cannot be read; the text is what Consul prints after `failed to …`."""


class Server(msgspec.Struct, frozen=True):
    """One member of a Raft configuration; ``suffrage`` 0 is a voter, 1 a non-voter."""

    id: str
    address: str
    suffrage: int = 0


class Meta(msgspec.Struct, frozen=True):
    """What meta.json says: where in the log the state stands, and the configuration of that moment.

    ``peers`` is the msgpack array of voter addresses that old servers read; None is accepted everywhere.
    """

    index: int
    term: int
    id: str = ""
    version: int = _VERSION
    peers: bytes | None = None
    servers: tuple[Server, ...] = ()
    configuration_index: int = 0
    size: int = 0

    def to_json(self) -> bytes:
        """One line, in the order in which Consul writes it."""
        servers = [{"Suffrage": s.suffrage, "ID": s.id, "Address": s.address} for s in self.servers]
        document = {
            "Version": self.version,
            "ID": self.id or snapshot_id(self.term, self.index),
            "Index": self.index,
            "Term": self.term,
            "Peers": None if self.peers is None else b64encode(self.peers).decode(),
            "Configuration": {"Servers": servers},
            "ConfigurationIndex": self.configuration_index,
            "Size": self.size,
        }
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> Meta:
        """Read meta.json in any key order, with absent fields as zero. Raises ArchiveError."""
        if fault := syntax_error(text):
            raise ArchiveError(f"failed to decode snapshot metadata: {fault}")
        try:
            parsed: object = json.loads(text)
            if not is_dict(parsed):
                raise TypeError("not an object")
            return cls._from_fields(parsed)
        except (ValueError, TypeError, AttributeError) as e:
            raise ArchiveError(f"failed to decode snapshot metadata: {e}") from e

    @classmethod
    def _from_fields(cls, fields: dict[str, Any]) -> Meta:
        peers: str | None = fields.get("Peers")
        configuration: dict[str, Any] = fields.get("Configuration") or {}
        servers: list[dict[str, Any]] = configuration.get("Servers") or []
        return cls(
            index=_natural(fields, "Index"),
            term=_natural(fields, "Term"),
            id=str(fields.get("ID") or ""),
            version=_natural(fields, "Version"),
            peers=None if peers is None else b64decode(peers, validate=True),
            servers=tuple(
                Server(str(s.get("ID") or ""), str(s.get("Address") or ""), _natural(s, "Suffrage")) for s in servers
            ),
            configuration_index=_natural(fields, "ConfigurationIndex"),
            size=_natural(fields, "Size"),
        )


class Archive(msgspec.Struct):
    """A verified archive: its meta and the state as a rewound file, which `close` gives back."""

    meta: Meta
    state: IO[bytes]

    def check(self) -> None:
        """Raise ArchiveError where the state is not what the meta promises; only a restore asks."""
        version, size = self.meta.version, self.state.seek(0, 2)
        self.state.seek(0)
        with _saying("Raft error when restoring snapshot"):
            if version > _VERSION:
                raise ArchiveError(f"unsupported snapshot version {version}")
            if version < _VERSION:  # known to Raft, but not to be written any more
                raise ArchiveError(f"failed to create snapshot: unsupported snapshot version {version}")
            if size != self.meta.size:
                raise ArchiveError(f"failed to write snapshot, size didn't match ({size} != {self.meta.size})")

    def close(self) -> None:
        """Drop the state, which may be a temporary file."""
        self.state.close()

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def snapshot_id(term: int, index: int, unix: float | None = None) -> str:
    """``<term>-<index>-<unix milliseconds>``, the name Raft gives a snapshot."""
    return f"{term}-{index}-{int((time.time() if unix is None else unix) * 1000)}"


def write_archive(out: IO[bytes], meta: Meta, state: IO[bytes], modified: float | None = None) -> None:
    """Write meta and the whole of ``state`` (from its start) to ``out`` as a compressed archive.

    ``meta.size`` need not be set: the length of ``state`` counts. Nothing is closed or synced here.
    """
    size = state.seek(0, 2)
    state.seek(0)
    document = msgspec.structs.replace(meta, size=size).to_json()
    mtime = int(time.time() if modified is None else modified)
    packer = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, _GZIP)

    def emit(data: bytes) -> None:
        out.write(packer.compress(data))

    emit(_header(_META, len(document), mtime) + _padded(document))
    emit(_header(_STATE, size, mtime))
    digest = hashlib.sha256()
    while chunk := state.read(_CHUNK):
        digest.update(chunk)
        emit(chunk)
    emit(bytes(-size % _BLOCK))
    sums = f"{hashlib.sha256(document).hexdigest()}  {_META}\n{digest.hexdigest()}  {_STATE}\n".encode()
    emit(_header(_SUMS, len(sums), mtime) + _padded(sums))
    # The tar ends with exactly two blocks: the real reader refuses the padding that others add.
    emit(bytes(2 * _BLOCK))
    out.write(packer.flush())


def scratch_file(folder: Path | None = None) -> IO[bytes]:
    """A file for a state on its way: in memory while it is small, in ``folder`` (None: the system's); gone when closed.

    Hosts with a read-only root may have no folder for temporary files.
    """
    import tempfile  # 3 ms, and only snapshots need it

    return tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES, dir=None if folder is None else str(folder))


def read_archive(source: IO[bytes], folder: Path | None = None) -> Archive:
    """Read and verify a whole archive, by way of a ``scratch_file``. Raises ArchiveError with Consul's text."""
    state = scratch_file(folder)
    try:
        meta = _read(source, state.write)
    except BaseException:
        state.close()
        raise
    state.seek(0)
    return Archive(meta, state)


def verify_archive(source: IO[bytes]) -> Meta:
    """As `read_archive`, but the state is only checked against its hash and thrown away."""
    return _read(source, len)


def _read(source: IO[bytes], take_state: Callable[[bytes], object]) -> Meta:
    with _saying("failed to decompress snapshot"):
        stream = _Inflater(source)
    contents = _Contents()
    with _saying("failed to read snapshot file"):
        for name, size in _members(stream):
            contents.take(name, size, stream, take_state)
        with _saying("failed checking integrity of snapshot"):
            contents.verify()
    if extra := stream.drain():
        raise ArchiveError(f"{extra} unread uncompressed bytes remain")
    assert contents.meta is not None  # verify() has seen its hash
    return contents.meta


@contextmanager
def _saying(what: str) -> Generator[None]:
    """Put ``what:`` before the text of an ArchiveError, as Go wraps errors."""
    try:
        yield
    except ArchiveError as e:
        raise ArchiveError(f"{what}: {e}") from e


class _Contents(msgspec.Struct):
    """What was found so far, and the running hashes of both hashed members."""

    meta: Meta | None = None
    sums: bytes = b""
    hashes: dict[str, Any] = msgspec.field(default_factory=lambda: {_META: hashlib.sha256(), _STATE: hashlib.sha256()})

    def take(self, name: str, size: int, stream: _Inflater, take_state: Callable[[bytes], object]) -> None:
        """Consume one member with its padding."""
        if name == _STATE:
            with _saying("failed to read or write snapshot data"):
                for chunk in stream.chunks(size):
                    self.hashes[_STATE].update(chunk)
                    take_state(chunk)
        elif name in (_META, _SUMS):
            if size > _SMALL_MEMBER_BYTES:
                raise ArchiveError(f"file {json.dumps(name)} in snapshot is too large")
            with _saying("failed to read snapshot " + ("hashes" if name == _SUMS else "metadata")):
                data = stream.exactly(size)
            self._take_small(name, data)
        else:
            raise ArchiveError(f"unexpected file {json.dumps(name)} in snapshot")
        with _saying("failed reading snapshot"):
            stream.exactly(-size % _BLOCK)

    def _take_small(self, name: str, data: bytes) -> None:
        if name == _SUMS:
            self.sums += data
        else:
            self.hashes[_META].update(data)
            self.meta = Meta.from_json(data)

    def verify(self) -> None:
        """Both members must be listed with the hash that they have. Raises ArchiveError."""
        seen: set[str] = set()
        for line in self.sums.decode("utf-8", "replace").splitlines():
            digest = _hex_digits(line)
            name = line[len(digest) :].lstrip(" ")
            if name not in self.hashes:
                raise ArchiveError(f"list missing hash for {json.dumps(name)}")
            if self.hashes[name].hexdigest() != digest:
                raise ArchiveError(f"hash check failed for {json.dumps(name)}")
            seen.add(name)
        for name in self.hashes:
            if name not in seen:
                raise ArchiveError(f"file missing for {json.dumps(name)}")
        if self.meta is None:
            raise ArchiveError(f"file missing for {json.dumps(_META)}")


def _hex_digits(line: str) -> str:
    """The bytes in hexadecimal at the start of a line. Raises ArchiveError in the words of Go's ``Sscanf``."""
    digits = "".join(takewhile(hexdigits.__contains__, line))
    if not digits:
        raise ArchiveError("no hex data for %x string" if line else "unexpected EOF")
    if len(digits) % 2:
        raise ArchiveError("illegal hex digit" if len(digits) < len(line) else "unexpected EOF")
    return digits


class _Inflater:
    """The uncompressed bytes of one gzip stream, with bounded memory and Go's words for what is wrong."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._buffer = bytearray()
        self._compressed = _head_of(source)
        self._zlib = zlib.decompressobj(_GZIP)

    def _more(self) -> bool:
        """Inflate some more into the buffer; False at the end of the stream."""
        while not self._buffer:
            if self._zlib.eof and not self._next_stream():
                return False
            data = self._zlib.unconsumed_tail or self._compressed or self._source.read(_CHUNK)
            self._compressed = b""
            if not data:
                raise ArchiveError("unexpected EOF")
            try:
                self._buffer += self._zlib.decompress(data, _CHUNK)
            except zlib.error as e:
                raise ArchiveError(_go_reason(str(e))) from e
        return True

    def _next_stream(self) -> bool:
        """Streams may be concatenated (RFC 1952, section 2.2); anything else after the first is refused."""
        rest = self._zlib.unused_data or self._source.read(_CHUNK)
        if not rest:
            return False
        self._zlib = zlib.decompressobj(_GZIP)
        self._compressed = _head_of(self._source, rest)
        return True

    def chunks(self, size: int) -> Iterator[bytes]:
        """The next ``size`` bytes, in pieces."""
        while size:
            if not self._more():
                raise ArchiveError("unexpected EOF")
            piece = bytes(self._buffer[:size])
            del self._buffer[:size]
            size -= len(piece)
            yield piece

    def exactly(self, size: int) -> bytes:
        """The next ``size`` bytes at once."""
        return b"".join(self.chunks(size))

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return not self._more()

    def drain(self) -> int:
        """Read to the end, which checks the trailing checksum; the number of bytes that were left."""
        left = 0
        while self._more():
            left += len(self._buffer)
            self._buffer.clear()
        return left


def _head_of(source: IO[bytes], head: bytes = b"") -> bytes:
    """``head`` filled up to the fixed part of a gzip header (RFC 1952, section 2.3). Raises ArchiveError for others."""
    while len(head) < _GZIP_HEAD_BYTES and (more := source.read(_GZIP_HEAD_BYTES - len(head))):
        head += more
    if len(head) < _GZIP_HEAD_BYTES:
        raise ArchiveError("unexpected EOF" if head else "EOF")
    if not head.startswith(b"\x1f\x8b\x08"):
        raise ArchiveError("gzip: invalid header")
    return head


def _members(stream: _Inflater) -> Iterator[tuple[str, int]]:
    """Name and size of each regular file until the two zero blocks (or the end of the stream)."""
    while True:
        with _saying("failed reading snapshot"):
            if stream.at_end():
                return
            block = stream.exactly(_BLOCK)
            if not any(block):
                if not stream.at_end() and any(stream.exactly(_BLOCK)):
                    raise ArchiveError("archive/tar: invalid tar header")
                return
            name, size = _parse_header(block)
        yield name, size


def _parse_header(block: bytes) -> tuple[str, int]:
    unsigned = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    try:
        if _octal(block[148:156]) != unsigned:
            raise ValueError("checksum")
        size = _octal(block[124:136])
        name = block[:100].split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    except ValueError as e:
        raise ArchiveError("archive/tar: invalid tar header") from e
    return name, size


def _octal(text: bytes) -> int:
    """A tar number: octal text, or base 256 when the first bit is set (sizes of 8 GiB and more)."""
    if text[0] & 0x80:
        return int.from_bytes(bytes([text[0] & 0x7F]) + text[1:], "big")
    stripped = text.strip(b" \0")
    return int(stripped, 8) if stripped else 0


def _header(name: str, size: int, mtime: int) -> bytes:
    """A ustar header as Go's writer makes it for mode 0600 and no owner."""
    digits = f"{size:011o}\0".encode() if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
    block = b"".join(
        (
            name.encode().ljust(100, b"\0"),
            b"0000600\0",
            b"0000000\0" * 2,
            digits,
            f"{mtime:011o}\0".encode(),
            b" " * 8,
            b"0",
            bytes(100),
            b"ustar\x0000",
            bytes(64),
            b"0000000\0" * 2,
        )
    ).ljust(_BLOCK, b"\0")
    return block[:148] + f"{sum(block):06o}\0 ".encode() + block[156:]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % _BLOCK)


def _go_reason(text: str) -> str:
    """zlib's complaint in the words of Go's gzip reader."""
    if "incorrect data check" in text or "incorrect length check" in text:
        return "gzip: invalid checksum"
    if "header" in text:
        return "gzip: invalid header"
    return "flate: corrupt input"


def _natural(fields: dict[str, Any], name: str) -> int:
    value: object = fields.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} is not a natural number")
    return value
