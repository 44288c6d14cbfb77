"""Files of the durable log: a verdict for any bytes, and no record that is not in the undamaged file in that place."""

from __future__ import annotations

from pyconsul.raft.log_format import LogRecord, LogType, encode_frame, scan


def _file() -> tuple[bytes, list[LogRecord]]:
    data, written = b"", list[LogRecord]()
    for index, value in enumerate((b"one", bytes(1500), None, b"four" * 300), start=1):
        records = [LogRecord(index, 2, LogType.COMMAND, value)]
        data += encode_frame(records, 1, len(data))
        written += records
    return data, written


_DATA, _RECORDS = _file()
SEEDS = [_DATA]
TOKENS = [bytes(512), b"PCL1", _DATA[:60], b"\xff", bytes(16)]


def run(data: bytes) -> None:
    """Scan the file."""
    result = scan(data, 1)
    assert result.end == len(data) or result.torn or result.corrupt
    assert result.records == _RECORDS[: len(result.records)]
