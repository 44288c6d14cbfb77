"""``list``, ``verify`` and ``restore``: what is stored, whether it is good, and putting it back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, NamedTuple, cast

from pyconsul.primitives.durations import HOUR, SECOND
from pyconsul.primitives.standard_streams import say
from pyconsul.primitives.system_errors import system_text
from pyconsul.primitives.whole_files import replacing
from pyconsul.sdk import QueryOptions
from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.errors import RunError
from pyconsul_snapshot_agent.archive import ArchiveError, Summary, verify
from pyconsul_snapshot_agent.arguments import Arguments
from pyconsul_snapshot_agent.config import Config
from pyconsul_snapshot_agent.login import connected
from pyconsul_snapshot_agent.names import id_of, name_of, taken_at
from pyconsul_snapshot_agent.saving import Counted
from pyconsul_snapshot_agent.scratch import Scratch
from pyconsul_snapshot_agent.sealing import Keys, SealError, is_sealed, unseal
from pyconsul_snapshot_agent.storage import Storage, StorageError

_RESTORE_PATIENCE: Final = HOUR / SECOND  # seconds that the servers may take to load an archive


class Found(NamedTuple):
    """One archive in one destination. ``id`` is 0 where all archives have the same name."""

    id: int
    name: str
    size: int
    target: Storage

    @property
    def label(self) -> str:
        """Where exactly it is."""
        return f"{self.target.where}/{self.name}"


class Proven(NamedTuple):
    """What was learnt by reading an archive; ``sealed`` says whether it is encrypted."""

    summary: Summary
    size: int
    digest: str
    sealed: bool


async def run(arguments: Arguments, config: Config, targets: Sequence[Storage], keys: Keys) -> int:
    """Run a sub-command. Returns the exit status; raises RunError."""
    try:
        found = await asyncio.to_thread(_find, targets)
    except StorageError as error:
        raise RunError(str(error)) from error
    match arguments.command:
        case "list":
            _print_list(found, as_json=arguments.as_json)
            return 0
        case "verify":
            return await asyncio.to_thread(_verify, _chosen(arguments, found), keys)
        case _:
            return await _restore(arguments, config, found, keys)


def _find(targets: Sequence[Storage]) -> list[Found]:
    """All archives, the newest first. Raises StorageError."""
    found: list[Found] = []
    for target in targets:
        try:
            stored = target.stored()
        except StorageError as error:
            raise StorageError(f"{target.where}: {error}") from error
        found += [Found(id_of(each.name) or 0, each.name, each.size, target) for each in stored]
    return sorted(found, key=lambda each: each.id, reverse=True)


def _print_list(found: Sequence[Found], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {"ID": each.id, "Taken": taken_at(each.id) if each.id else "", "Size": each.size, "Location": each.label}
            for each in found
        ]
        say(json.dumps(rows, indent=4) + "\n")
        return
    table = [("ID", "Taken", "Size", "Location")]
    table += [
        (str(each.id or "-"), taken_at(each.id) if each.id else "-", str(each.size), each.label) for each in found
    ]
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    for row in table:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        say("  ".join([*cells, row[3]]) + "\n")


def _chosen(arguments: Arguments, found: Sequence[Found]) -> list[Found]:
    """The archives that the command line names: by ID or file name, all, or the newest. Raises RunError."""
    if arguments.takes_all:
        return list(found)
    if not arguments.rest:
        if not found:
            raise RunError("there are no archives")
        newest = max(each.id for each in found)
        return [each for each in found if each.id in (newest, 0)]
    out: list[Found] = []
    for word in arguments.rest:
        name = name_of(int(word)) if word.isascii() and word.isdigit() else word
        matching = [each for each in found if each.name == name]
        if not matching:
            raise RunError(f"there is no archive {name}")
        out += matching
    return out


def _verify(chosen: Sequence[Found], keys: Keys) -> int:
    """Read archives back, a line each. The exit status is 1 when one of them is not good."""
    bad = 0
    for each in chosen:
        try:
            proven = prove(each, keys)
        except (StorageError, ArchiveError, SealError) as error:
            bad += 1
            say(f"{each.label}: BAD: {error}\n")
            continue
        say(
            f"{each.label}: ok{', encrypted' if proven.sealed else ''}: index {proven.summary.index}, "
            f"term {proven.summary.term}, {proven.size} bytes, sha256 {proven.digest}\n"
        )
    return 1 if bad else 0


def prove(found: Found, keys: Keys, into: Scratch | None = None) -> Proven:
    """Read an archive and check it; ``into`` gets its plain form. Raises StorageError, ArchiveError, SealError."""
    pieces = Counted(found.target.pieces(found.name))
    head = _Head()
    plain = unseal(head.seen(pieces), keys)
    summary = verify(_copied(plain, into) if into is not None else plain)
    pieces.drain()
    if pieces.size != found.size:
        raise StorageError(f"{pieces.size} bytes came back, {found.size} are listed")
    return Proven(summary, pieces.size, pieces.digest, is_sealed(head.bytes))


class _Head:
    """Remembers how a stream begins."""

    def __init__(self) -> None:
        self.bytes = b""

    def seen(self, pieces: Counted) -> Iterator[bytes]:
        """The pieces as they are."""
        for piece in pieces:
            if len(self.bytes) < 64:
                self.bytes += piece[:64]
            yield piece


def _copied(pieces: Iterator[bytes], into: Scratch) -> Iterator[bytes]:
    for piece in pieces:
        into.write(piece)
        yield piece


async def _restore(arguments: Arguments, config: Config, found: Sequence[Found], keys: Keys) -> int:
    """Fetch one archive, prove it, and only then hand it to Consul or write it to a file."""
    if len(arguments.rest) > 1:
        raise RunError("restore takes one archive")
    chosen = _chosen(arguments, found)
    with Scratch(config.schedule.local_scratch_path) as plain:
        source, proven = await asyncio.to_thread(_first_good, chosen, keys, plain)
        if arguments.output:
            await asyncio.to_thread(_write, arguments.output, plain)
            done = f"Wrote {arguments.output}"
        else:
            async with connected(config) as client:
                try:
                    await client.snapshot.restore(
                        cast("BinaryIO", plain.open()), QueryOptions(timeout=_RESTORE_PATIENCE)
                    )
                except ConsulError as error:
                    raise RunError(f"cannot restore: {error}") from error
            done = "Restored"
    say(f"{done}: {source.label}, index {proven.summary.index}\n")
    return 0


def _first_good(chosen: Sequence[Found], keys: Keys, plain: Scratch) -> tuple[Found, Proven]:
    """The same archive may be in several destinations: the first good copy of it. Raises RunError."""
    problems: list[str] = []
    for each in chosen:
        plain.clear()
        try:
            return each, prove(each, keys, plain)
        except (StorageError, ArchiveError, SealError) as error:
            problems.append(f"{each.label}: {error}")
    raise RunError("; ".join(problems))


def _write(path: str, plain: Scratch) -> None:
    """Write beside and rename, so that the file is whole or not there. Raises RunError."""
    try:
        with replacing(path) as out:
            out.writelines(plain.open())
    except OSError as error:
        raise RunError(f"cannot write {path}: {system_text(error)}") from error
