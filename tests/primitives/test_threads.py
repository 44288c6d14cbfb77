"""Work in a thread that nobody has to wait for."""

import asyncio
import threading

import pytest

from pyconsul.primitives.threads import in_thread
from tests.waiting import LIMIT


def failing() -> None:
    """Raise what a caller would want to know."""
    raise LookupError("nowhere")


async def test_what_comes_out_of_the_thread_is_the_callers() -> None:
    """Results and errors alike."""
    assert await in_thread(lambda: threading.current_thread().daemon)
    with pytest.raises(LookupError, match="nowhere"):
        await in_thread(failing)


@pytest.mark.parametrize("fails", [False, True])
def test_work_that_was_given_up_holds_up_no_loop(fails: bool) -> None:
    """It goes on; what comes of it is nobody's, whether the loop is closed or not."""
    begun, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(LIMIT)
        over.set()
        if fails:
            failing()

    async def give_up() -> None:
        waiting = asyncio.ensure_future(in_thread(work))
        await asyncio.to_thread(begun.wait, LIMIT)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()

    asyncio.run(give_up())
    assert not over.is_set()
    go_on.set()
    assert over.wait(LIMIT)
