"""Log lines have Consul's layouts, and reach those who listen at their level."""

import io
import json
from collections.abc import Iterator

import pytest

from pyconsul.telemetry.logging import (
    Level,
    Monitor,
    Record,
    StreamSink,
    add_sink,
    as_json,
    as_text,
    level_from,
    logger,
    remove_sink,
    set_level,
    valid_level,
)


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """A stream that gets everything from DEBUG on."""
    stream = io.StringIO()
    sink = StreamSink(stream, Level.DEBUG)
    add_sink(sink)
    yield stream
    remove_sink(sink)


def a_record(**values: object) -> Record:
    """An event at a known time."""
    return Record(1_767_366_245.25, Level.WARN, "agent.server", "something is off", values)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "k=plain"),
        ("", 'k=""'),
        ("two words", 'k="two words"'),
        ('a"b', 'k="a\\"b"'),
        ("1.5s", "k=1.5s"),
        ("a=b", "k=a=b"),
        ("tab\there", 'k="tab\\there"'),
        ("caf\u00e9", 'k="caf\u00e9"'),
        ("\x1b[1m", 'k="\\x1b[1m"'),
        ("\u2028", 'k="\\u2028"'),
        (True, "k=true"),
        (None, "k=<nil>"),
        (7, "k=7"),
        (["a", 1], 'k=["a", 1]'),
    ],
)
def test_values_are_quoted_as_hclog_does(value: object, shown: str) -> None:
    """Only values of plain ASCII from '-' to '~' stand without quotes."""
    assert as_text(a_record(k=value)).rstrip("\n").endswith(f": something is off: {shown}")


def test_a_line_has_time_level_room_and_message() -> None:
    """The head of a line is fixed, levels of four letters are padded."""
    line = as_text(a_record())
    assert line.endswith(" [WARN]  agent.server: something is off\n")
    assert line[:10].count("-") == 2 and line[19:23] == ".250"


def test_values_of_several_lines_are_indented() -> None:
    """Each line of such a value gets a bar in front, other values follow behind."""
    assert as_text(a_record(o="a\nb\n", n=1)).endswith("off:\n  o=\n  | a\n  | b\n   n=1\n")


def test_json_lines_hold_all_fields() -> None:
    """The JSON layout names level, message, module and time with an @, values by their own names."""
    found = json.loads(as_json(a_record(error=OSError("no"), n=1)))
    assert found == {
        "@level": "warn",
        "@message": "something is off",
        "@module": "agent.server",
        "@timestamp": "2026-01-02T15:04:05.250000Z",
        "error": "no",
        "n": 1,
    }


def test_lines_below_the_level_are_not_made(out: io.StringIO) -> None:
    """A sink sees its level and above, nothing else."""
    log = logger("agent.x")
    log.trace("t")
    log.debug("d")
    log.error("e")
    assert [line.split(": ")[-1] for line in out.getvalue().splitlines()] == ["d", "e"]
    assert not log.enabled(Level.TRACE)


def test_a_level_changes_while_running(out: io.StringIO) -> None:
    """What a reload sets counts from the next line on."""
    sink = StreamSink(out, Level.ERROR)
    add_sink(sink)
    set_level(sink, Level.OFF)
    logger("agent.x").error("once")
    remove_sink(sink)
    assert out.getvalue().count("once") == 1


def test_a_closed_stream_ends_nothing() -> None:
    """Logging into a stream that is gone raises nothing and stops there."""
    stream = io.StringIO()
    sink = StreamSink(stream, Level.INFO)
    stream.close()
    sink.write(a_record())
    assert sink.level is Level.OFF


def test_a_monitor_keeps_what_fits_and_counts_the_rest() -> None:
    """A slow reader loses lines, never memory."""
    told: list[int] = []
    monitor = Monitor(Level.INFO, buffer=2, on_line=lambda: told.append(1))
    monitor.start()
    for number in range(5):
        logger("agent.y").info("line", n=number)
    assert monitor.stop() == 3
    assert [line[-1] for line in monitor.take().splitlines()] == ["0", "1"]
    assert len(told) == 2


@pytest.mark.parametrize(("name", "level"), [("info", Level.INFO), ("ERR", Level.ERROR), ("Trace", Level.TRACE)])
def test_level_names_are_taken_in_any_case(name: str, level: Level) -> None:
    """Consul's level names, its old ERR too, mean levels."""
    assert valid_level(name) and level_from(name) is level


def test_unknown_levels_are_refused_with_the_known_ones() -> None:
    """The error lists what can be said."""
    with pytest.raises(ValueError, match=r"Invalid log level: loud\. Valid log levels are: \[TRACE"):
        level_from("loud")
