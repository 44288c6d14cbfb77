"""A token bucket, told the time."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pyconsul.primitives.token_bucket import TokenBucket


def test_it_begins_full_and_fills_at_its_rate() -> None:
    """Two at once, then one each half second, and never more than two however long the rest."""
    bucket = TokenBucket(rate=2.0, burst=2, now=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(at) for at in (100.4, 100.5, 100.6)] == [False, True, False]
    assert [bucket.take(900.0) for _ in range(3)] == [True, True, False]


def test_it_tells_when_the_next_one_is_there() -> None:
    """To whoever was refused, from that moment on."""
    bucket = TokenBucket(rate=0.5, burst=1, now=0.0)
    assert bucket.take(0.0) and not bucket.take(0.5)
    assert bucket.delay() == 1.5
    assert bucket.take(2.0)


def test_no_burst_means_nothing_at_all() -> None:
    """As with a rate below one a second in Consul, whose burst is a whole number."""
    bucket = TokenBucket(rate=0.5, burst=0, now=0.0)
    assert not any(bucket.take(at) for at in (0.0, 10.0, 1000.0))


def test_an_infinite_rate_refuses_nothing() -> None:
    """Whatever the burst."""
    bucket = TokenBucket(rate=math.inf, burst=0, now=0.0)
    assert all(bucket.take(0.0) for _ in range(1000))


@given(
    st.floats(0.5, 100),
    st.integers(1, 50),
    st.lists(st.floats(0, 2), max_size=200),
)
def test_never_more_than_burst_and_what_the_time_gave(rate: float, burst: int, pauses: list[float]) -> None:
    """Over any stretch of time."""
    bucket = TokenBucket(rate, burst, now=0.0)
    now, taken = 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
    assert taken <= burst + rate * now + 1e-6
