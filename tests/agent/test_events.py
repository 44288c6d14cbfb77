"""User events of one agent: whom they mean, how large they may be, which are shown."""

import pytest

from pyconsul.agent.events import Events, LocalInstance
from pyconsul.structs.errors import InternalError
from pyconsul.structs.event import UserEvent


def events() -> Events:
    """Of a node ``here`` with the instance ``web-1`` of the service ``web``."""
    return Events("here", lambda: [LocalInstance("web-1", ("a",))])


def largest_payload(name: str, at: Events) -> int:
    """The bytes of the largest payload that can be fired under a name."""
    for size in range(512, -1, -1):
        try:
            at.fire(UserEvent(Name=name, Payload=b"x" * size or None))
        except InternalError:
            continue
        return size
    raise AssertionError(name)


@pytest.mark.parametrize(
    ("service", "is_kept"), [("web", True), ("web-1", True), ("^web$", False), ("b", True), ("db", False)]
)
def test_a_service_filter_looks_at_instance_ids(service: str, is_kept: bool) -> None:
    """Consul's agent keeps its services by ID, and matches that."""
    some = events()
    some.fire(UserEvent(Name="e", ServiceFilter=service))
    assert bool(some.list()) is is_kept


@pytest.mark.parametrize(
    ("name", "most"),
    [("s", 414), ("ab", 412), ("a" * 17, 382), ("a" * 20, 374), ("a" * 100, 214), ("a" * 200, 14), ("\u00fc", 412)],
)
def test_a_name_counts_twice_against_the_limit(name: str, most: int) -> None:
    """Gossip carries it beside the payload and within; measured at an agent of the reference."""
    assert largest_payload(name, events()) == most


@pytest.mark.parametrize(("payload", "when"), [(b"x" * 430, "after"), (b"x" * 500, "before")])
def test_too_large_an_event_says_at_which_step(payload: bytes, when: str) -> None:
    """Name and payload are measured first, then the whole message."""
    with pytest.raises(InternalError) as refused:
        events().fire(UserEvent(Name="s", Payload=payload))
    assert refused.value.text.endswith(f"user event exceeds configured limit of 512 bytes {when} encoding")


def test_a_name_may_be_any_bytes() -> None:
    """They come from the path, where nobody asks for UTF-8."""
    some = events()
    some.fire(UserEvent(Name="\udcff"))
    assert [event.Name for event in some.list()] == ["\udcff"]


def test_what_consul_exec_sends_is_not_shown() -> None:
    """It is for the agents themselves."""
    some = events()
    some.fire(UserEvent(Name="_rexec"))
    assert some.list() == []
