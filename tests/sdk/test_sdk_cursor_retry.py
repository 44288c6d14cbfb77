"""Blocking-query rules and back-off, as arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.sdk.cursor import Cursor
from pyconsul.sdk.errors import NotBlocking
from pyconsul.sdk.request import QueryMeta, QueryOptions
from pyconsul.sdk.retry import Retry, backoff


def a_cursor(**options: Any) -> Cursor:
    """A cursor whose queries block for a minute."""
    return Cursor(QueryOptions(**options), wait=60)


def test_the_first_query_does_not_block() -> None:
    """Without an index the server answers at once."""
    assert not a_cursor().options.blocks
    assert a_cursor().options.wait == 60


def test_each_index_is_news_once() -> None:
    """A reply with the index that was waited on is a timeout, not a change."""
    cursor = a_cursor()
    assert cursor.took(QueryMeta(index=5))
    assert cursor.options.index == 5
    assert not cursor.took(QueryMeta(index=5))
    assert cursor.took(QueryMeta(index=6))


def test_an_index_that_goes_backwards_starts_over() -> None:
    """It is news, and the next query asks without waiting; the same answer is then no news."""
    cursor = a_cursor()
    cursor.took(QueryMeta(index=100))
    assert cursor.took(QueryMeta(index=50))
    assert cursor.options.index == 0
    assert not cursor.took(QueryMeta(index=50))
    assert cursor.options.index == 50


def test_a_hash_is_waited_on_instead_of_an_index() -> None:
    """Agent-local routes have no index."""
    cursor = a_cursor()
    assert cursor.took(QueryMeta(content_hash="a"))
    assert (cursor.options.hash, cursor.options.index) == ("a", 0)
    assert not cursor.took(QueryMeta(content_hash="a"))
    assert cursor.took(QueryMeta(content_hash="b"))


def test_a_route_without_index_cannot_be_watched() -> None:
    """Asking it again at once, for ever, would be a busy loop."""
    with pytest.raises(NotBlocking):
        a_cursor().took(QueryMeta())


def test_a_cursor_can_begin_at_a_known_index() -> None:
    """The reply at that index is no news."""
    cursor = a_cursor(index=5)
    assert cursor.options.index == 5
    assert not cursor.took(QueryMeta(index=5))


def test_after_an_error_the_state_is_read_again() -> None:
    """The agent may have lost its state; an unchanged one is still no news."""
    cursor = a_cursor()
    cursor.took(QueryMeta(index=5))
    cursor.failed()
    assert cursor.options.index == 0
    assert not cursor.took(QueryMeta(index=5))


@given(st.lists(st.integers(min_value=1, max_value=5), min_size=1))
def test_news_is_exactly_a_change_of_index(indexes: list[int]) -> None:
    """Whatever order the indexes come in, no change is missed and none is invented."""
    cursor = a_cursor()
    before: int | None = None
    for index in indexes:
        assert cursor.took(QueryMeta(index=index)) == (index != before)
        before = index


def test_a_busy_watch_is_slowed_down() -> None:
    """After a burst the pace is held, after a rest it is free again."""
    cursor = a_cursor()
    pauses = [cursor.pause(100.0) for _ in range(20)]
    assert pauses[:10] == [0.0] * 10
    assert pauses[-1] > 0.1
    assert cursor.pause(1000.0) == 0.0


@given(st.integers(min_value=1, max_value=10_000), st.floats(min_value=0, max_value=1))
def test_back_off_stays_between_half_and_limit(failures: int, dice: float) -> None:
    """It doubles up to the limit; chance takes at most a half off."""
    pause = backoff(failures, 1.0, 60.0, dice)
    full = min(60.0, 2.0 ** min(failures - 1, 30))
    assert full / 2 <= pause <= full


def test_attempts_count_the_first_one() -> None:
    """Three attempts are two repetitions; NEVER is none."""
    retry = Retry(attempts=3, base=1)
    assert [retry.pause(n, 0) for n in (1, 2, 3)] == [1, 2, None]
    assert Retry.NEVER.pause(1, 0) is None


@pytest.mark.parametrize(
    ("status", "is_temporary"), [(429, True), (500, True), (503, True), (501, False), (404, False)]
)
def test_only_some_statuses_may_pass(status: int, is_temporary: bool) -> None:
    """What is not built or not there is not asked for again."""
    assert Retry().is_temporary(status) == is_temporary
