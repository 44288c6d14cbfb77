"""The ``wait`` of templates: changes are gathered until they stop for a while."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.template.conftest import FakeConsul
from tests.template.test_template_runner import a_config, a_template, running
from tests.waiting import comes_true


async def test_quiescence_gathers_changes(consul: FakeConsul, tmp_path: Path) -> None:
    """Changes that follow each other are written once."""
    await consul.put("a", b"0")
    out = tmp_path / "out"
    config = a_config(consul, a_template(out, '{{ key "a" }}'), wait={"min": 2_000_000_000, "max": 30_000_000_000})
    async with running(config) as runner:
        await comes_true(lambda: out.exists() and runner.templates[0].quiescence)
        for value in (b"1", b"2", b"3"):
            await consul.put("a", value)
            await comes_true(lambda v=value: runner.values.get("kv.block(a)") == v.decode())
        await comes_true(lambda: out.read_text() == "3")
        assert runner.templates[0].renders == 2


async def test_timers_that_run_out_together_let_all_their_templates_go(
    consul: FakeConsul, tmp_path: Path, skip_time: Callable[[float], None]
) -> None:
    """Each in a round of its own, one after the other, with its command."""
    await consul.put("a", b"1")
    log = tmp_path / "log"
    texts = [tmp_path / str(n) for n in range(3)]
    templates = [a_template(path, '{{ key "a" }}', command=[f"echo {path.name} >> {log}"]) for path in texts]
    async with running(a_config(consul, *templates, wait={"min": 50_000_000_000})) as runner:
        await comes_true(lambda: all(t.quiescence for t in runner.templates))
        await consul.put("a", b"2")
        await comes_true(lambda: all(t.quiescence and t.quiescence.due for t in runner.templates))
        skip_time(51)
        await comes_true(lambda: log.read_text().split() == ["0", "1", "2"] * 2)


async def test_a_timer_begins_anew_while_another_one_runs(
    consul: FakeConsul, tmp_path: Path, skip_time: Callable[[float], None]
) -> None:
    """A template that is held back counts as rendered: the others go on with their timers."""
    for key in ("a", "b"):
        await consul.put(key, b"1")
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    templates = [
        a_template(slow, '{{ key "a" }}', wait={"min": 50_000_000_000}),
        a_template(quick, '{{ key "b" }}', wait={"min": 20_000_000_000}),
    ]
    async with running(a_config(consul, *templates)) as runner:
        await comes_true(lambda: all(t.quiescence for t in runner.templates))
        first = runner.templates[1].quiescence
        for key in ("a", "b"):
            await consul.put(key, b"2")
        await comes_true(lambda: all(t.quiescence and t.quiescence.due for t in runner.templates))
        skip_time(21)
        await comes_true(lambda: quick.read_text() == "2")
        await comes_true(lambda: runner.templates[1].quiescence not in (None, first))
        assert slow.read_text() == "1"


async def test_what_a_template_still_misses_when_its_timer_runs_out_is_not_waited_for_twice(
    consul: FakeConsul, tmp_path: Path, skip_time: Callable[[float], None]
) -> None:
    """The timer is over; the next one begins when everything has been rendered again."""
    await consul.put("which", b"x")
    await consul.put("v/x", b"X")
    await consul.put("v/y", b"Y")
    out = tmp_path / "out"
    text = '{{ with $w := key "which" }}{{ key (print "v/" $w) }}{{ end }}'
    async with running(a_config(consul, a_template(out, text), wait={"min": 50_000_000_000})) as runner:
        await comes_true(lambda: runner.templates[0].quiescence)
        await consul.put("which", b"y")
        await comes_true(lambda: runner.templates[0].quiescence and runner.templates[0].quiescence.due)
        await consul.put("which", b"z")
        await comes_true(lambda: "kv.block(v/z)" in runner.templates[0].missing)
        skip_time(51)
        await comes_true(lambda: runner.templates[0].quiescence is None)
        await consul.put("v/z", b"Z")
        await comes_true(lambda: out.read_text() == "Z")
        await comes_true(lambda: runner.templates[0].quiescence)


async def test_after_a_timer_files_that_others_changed_are_written_again(
    consul: FakeConsul, tmp_path: Path, skip_time: Callable[[float], None]
) -> None:
    """A round of a timer is for its template alone, the rounds after it are for all again."""
    for key in ("a", "b"):
        await consul.put(key, b"1")
    kept, slow, quick = tmp_path / "kept", tmp_path / "slow", tmp_path / "quick"
    templates = [
        a_template(kept, "k"),
        a_template(slow, '{{ key "a" }}', wait={"min": 50_000_000_000}),
        a_template(quick, '{{ key "b" }}'),
    ]
    async with running(a_config(consul, *templates)) as runner:
        await comes_true(lambda: runner.templates[1].quiescence)
        await consul.put("a", b"2")
        await comes_true(lambda: runner.templates[1].quiescence and runner.templates[1].quiescence.due)
        skip_time(51)
        await comes_true(lambda: slow.read_text() == "2")
        kept.write_text("by hand")
        await consul.put("b", b"2")
        await comes_true(lambda: kept.read_text() == "k")
