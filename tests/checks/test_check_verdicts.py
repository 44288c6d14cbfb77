"""Thresholds, TTLs, aliases and output limits, without any I/O."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.checks.alias import alias_verdict
from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.status import StatusHandler
from pyconsul.agent.checks.ttl import TtlCheck
from pyconsul.structs.health import HealthCheck

P, W, C = "passing", "warning", "critical"


@pytest.mark.parametrize(
    ("thresholds", "results", "verdicts"),
    [
        ((0, 0, 0), [P, C, W, C], [P, C, W, C]),
        ((2, 0, 0), [C, P, P], [C, None, P]),
        ((0, 3, 3), [P, C, C, C, P], [P, None, None, C, P]),
        ((0, 1, 3), [P, C, C, C], [P, W, W, C]),
        ((3, 0, 0), [P, C, P, P, P], [P, C, None, None, P]),
        ((2, 2, 2), [C, C, P, C, C], [C, C, None, None, C]),
    ],
)
def test_statuses_change_after_as_many_results_as_asked_for(
    thresholds: tuple[int, int, int], results: list[str], verdicts: list[str | None]
) -> None:
    """The first result applies at once, later ones when their row is long enough."""
    handler = StatusHandler("c", *thresholds)
    assert [handler.judge(each) for each in results] == verdicts


@given(st.lists(st.sampled_from([P, W, C])), st.integers(0, 4), st.integers(0, 4))
def test_a_long_enough_row_always_gets_through(results: list[str], success: int, critical: int) -> None:
    """Whatever came before, enough equal results decide the status."""
    handler = StatusHandler("c", success, critical, critical)
    for each in results:
        handler.judge(each)
    assert [handler.judge(C) for _ in range(critical + 1)][-1] == C
    assert [handler.judge(P) for _ in range(success + 1)][-1] == P


def test_a_ttl_check_says_what_it_heard_last() -> None:
    """An expired check quotes the last report."""
    check = TtlCheck("c", 10.0, 4096, now=100.0)
    assert (check.deadline, check.expire()) == (110.0, "TTL expired")
    check.report(P, "all fine", 105.0)
    assert check.deadline == 115.0
    assert check.expire() == "TTL expired (last output before timeout follows): all fine"


def test_a_report_that_is_too_long_keeps_its_beginning() -> None:
    """TTL outputs are cut at the end, and say so in bytes."""
    check = TtlCheck("c", 10.0, 3, now=0.0)
    assert check.report(P, "abc", 0.0) == "abc"
    assert check.report(P, "\u00e9\u00e9", 0.0) == "\u00e9\ufffd ... (captured 3 of 4 bytes)"
    assert check.report(P, "a\u4e2d\u4e2d", 0.0) == "a\ufffd\ufffd ... (captured 3 of 7 bytes)"


def test_probes_keep_the_end_of_their_output() -> None:
    """Of script output the newest bytes stay, with a line that tells what was lost."""
    tail = Tail(4)
    tail.write(b"ab")
    assert tail.captured() == "ab"
    tail.write(b"cdef")
    assert tail.captured() == "Captured 4 of 6 bytes\n...\ncdef"


@given(st.lists(st.binary(max_size=20)), st.integers(1, 16))
def test_a_tail_is_the_end_of_everything(pieces: list[bytes], limit: int) -> None:
    """However it is written, what is kept is the end, and nothing is miscounted."""
    tail = Tail(limit)
    for piece in pieces:
        tail.write(piece)
    whole = b"".join(pieces)
    shown = whole[-limit:].decode("utf-8", "surrogateescape")
    assert tail.total == len(whole)
    assert tail.text() == "".join("\ufffd" if "\udc80" <= char <= "\udcff" else char for char in shown)


def a_check(status: str, service: str = "s", name: str = "n", node: str = "here") -> HealthCheck:
    """A check of one service with an output."""
    return HealthCheck(Node=node, CheckID=name, Name=name, Status=status, Output="o", ServiceID=service)


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([], (P, "No checks found.")),
        ([a_check(P)], (P, "All checks passing.")),
        ([a_check(P), a_check(W, name="w")], (W, 'Aliased check "w" failing: o')),
        ([a_check(W, name='a "b"')], (W, 'Aliased check "a \\"b\\"" failing: o')),
        ([a_check(W), a_check(C, name="c")], (C, 'Aliased check "c" failing: o')),
        ([a_check(C, service="other")], (P, "No checks found.")),
        ([a_check(C, service="")], (C, 'Aliased check "n" failing: o')),
        ([a_check(W), a_check(P, name="p")], (W, 'Aliased check "n" failing: o')),
    ],
)
def test_an_alias_says_the_worst_of_what_it_mirrors(checks: list[HealthCheck], verdict: tuple[str, str]) -> None:
    """Checks of the service and of the node count, others do not."""
    assert alias_verdict(checks, "s", "", service_exists=True) == verdict


def test_an_alias_of_nothing_is_critical() -> None:
    """A service that is not there is no good service."""
    found = alias_verdict([a_check(P, service="")], "s", "n1", service_exists=False)
    assert found == (C, "Service s could not be found on node n1")


def test_an_alias_of_another_node_ignores_this_one() -> None:
    """Node names compare in any letter case."""
    checks = [a_check(C, node="other"), a_check(P, node="N1")]
    assert alias_verdict(checks, "s", "n1", service_exists=True) == (P, "All checks passing.")
