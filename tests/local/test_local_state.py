"""What the agent knows of its services and checks, and what of it the catalog still has to hear."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.local.rows import LocalCheck, LocalService
from pyconsul.agent.local.state import LocalState, NodeFacts, UnknownLocal
from pyconsul.memdb import WatchSet
from pyconsul.structs.catalog import HealthCheck, Locality, Node, NodeService, ServiceAddress

FACTS = NodeFacts(
    datacenter="dc1", node="here", node_id="id", address="1.1.1.1", tagged_addresses={"lan": "1.1.1.1"}, meta={"a": "b"}
)
REMOTE_NODE = Node(ID="id", Node="here", TaggedAddresses={"lan": "1.1.1.1"}, Meta={"a": "b"})


class Told:
    """Counts how often there was something to send."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        """Something changed."""
        self.times += 1


def a_state(update_interval: float = 300.0, told: Told | None = None) -> LocalState:
    """An empty local state whose random share is a half."""
    return LocalState(FACTS, on_change=told or Told(), stagger=lambda t: t / 2, check_update_interval=update_interval)


def a_service(name: str = "web", **fields: Any) -> LocalService:
    """A service whose ID is its name."""
    return LocalService(Service=NodeService(ID=name, Service=name, **fields))


def a_check(check_id: str = "c", service: str = "", status: str = "passing") -> LocalCheck:
    """A check of the node or of a service."""
    return LocalCheck(Check=HealthCheck(Node="here", CheckID=check_id, Name=check_id, ServiceID=service, Status=status))


def all_synced(state: LocalState) -> None:
    """Pretend that the catalog heard everything."""
    for service_id in list(state.dirty_services):
        row = state.service_row(service_id)
        assert row is not None
        state.service_synced(row)
    for check_id in list(state.dirty_checks):
        row = state.check_row(check_id)
        assert row is not None
        state.check_synced(row)


def dirty(state: LocalState) -> tuple[set[str], set[str]]:
    """IDs of services and checks that are out of step."""
    return set(state.dirty_services), set(state.dirty_checks)


def test_new_rows_are_out_of_step_until_sent() -> None:
    """Adding marks, reporting back unmarks."""
    told = Told()
    state = a_state(told=told)
    state.add_service(a_service(), [a_check("c", "web")])
    assert dirty(state) == ({"web"}, {"c"}) and told.times
    all_synced(state)
    assert dirty(state) == (set(), set())


def test_adding_the_same_again_sends_nothing() -> None:
    """Only a difference has to be told."""
    state = a_state()
    state.add_service(a_service(Tags=[]), [a_check("c", "web")])
    all_synced(state)
    state.add_service(a_service(Tags=None), [a_check("c", "web")])
    assert dirty(state) == (set(), set())
    state.add_service(a_service(Tags=["t"]))
    assert dirty(state) == ({"web"}, set())


def test_a_row_that_changes_on_its_way_stays_out_of_step() -> None:
    """What is reported back must be what is there."""
    state = a_state()
    sent = a_service()
    state.add_service(sent)
    state.add_service(a_service(Port=1))
    state.service_synced(sent)
    assert dirty(state) == ({"web"}, set())


def test_a_removed_row_is_gone_here_and_to_be_told() -> None:
    """Readers do not see it any more, the catalog has to hear of it."""
    state = a_state()
    state.add_service(a_service(), [a_check("c", "web")])
    state.remove_service("web")
    state.remove_check("c")
    assert (state.services(), state.checks()) == ([], [])
    assert set(state.gone_services) == {"web"} and set(state.gone_checks) == {"c"}
    state.service_left("web")
    assert not state.gone_services


def test_a_check_goes_with_its_service_whether_it_was_in_step_or_not() -> None:
    """The catalog drops both, so that nobody has to tell of the check."""
    state = a_state()
    state.add_service(a_service(), [a_check("c", "web")])
    all_synced(state)
    state.update_check("c", "critical", "news", 0.0)
    state.remove_service("web")
    state.remove_check("c")
    state.service_left("web")
    assert not state.gone_checks


def test_what_goes_and_comes_back_unchanged_is_not_sent() -> None:
    """A reload takes everything out and puts it back; the catalog hears nothing of it."""
    state = a_state()
    state.add_service(a_service(), [a_check("c", "web")])
    all_synced(state)
    state.remove_service("web")
    state.remove_check("c")
    state.add_service(a_service(), [a_check("c", "web")])
    assert dirty(state) == (set(), set()) and not state.gone_services and not state.gone_checks


def test_what_comes_back_while_its_removal_is_on_the_way_is_sent_again() -> None:
    """Else the catalog would drop what is here."""
    state = a_state()
    state.add_service(a_service())
    all_synced(state)
    state.remove_service("web")
    state.leaving(["web"], [])
    state.add_service(a_service())
    state.service_left("web")
    assert dirty(state) == ({"web"}, set())


def test_unknown_things_cannot_be_removed() -> None:
    """The sentences are Consul's."""
    state = a_state()
    with pytest.raises(UnknownLocal, match=r'Unknown service ID "x"\. Ensure that the service ID is passed'):
        state.remove_service("x")
    with pytest.raises(UnknownLocal, match='Check ID "x" does not exist'):
        state.remove_check("x")
    with pytest.raises(UnknownLocal, match='Check ID "c" refers to non-existent service ID "x"'):
        state.add_check(a_check("c", "x"))


def test_a_new_status_is_sent_at_once() -> None:
    """Status changes do not wait."""
    state = a_state()
    state.add_check(a_check())
    all_synced(state)
    state.update_check("c", "critical", "oops", 10.0)
    assert dirty(state) == (set(), {"c"}) and not state.deferred


def test_a_mere_output_waits_and_then_is_sent_once() -> None:
    """Outputs that change all the time do not burden the log."""
    state = a_state()
    state.add_check(a_check())
    all_synced(state)
    state.update_check("c", "passing", "one", 10.0)
    state.update_check("c", "passing", "two", 20.0)
    assert (dirty(state), state.deferred) == ((set(), set()), {"c": 10.0 + 150 + 150})
    state.flush_deferred(309.0)
    assert dirty(state) == (set(), set())
    state.flush_deferred(310.0)
    assert (dirty(state), state.deferred) == ((set(), {"c"}), {})


def test_an_output_that_comes_while_the_check_is_on_its_way_waits() -> None:
    """One that comes before goes along, a new status goes right after."""
    state = a_state()
    state.add_check(a_check())
    state.update_check("c", "passing", "before", 10.0)
    (row,) = state.sending()
    assert row.Check.Output == "before" and not state.deferred
    state.update_check("c", "passing", "meanwhile", 20.0)
    state.check_synced(row)
    state.sent()
    assert (dirty(state), state.deferred) == ((set(), set()), {"c": 20.0 + 150 + 150})
    state.flush_deferred(320.0)
    (row,) = state.sending()
    state.update_check("c", "warning", "meanwhile", 330.0)
    state.check_synced(row)
    state.sent()
    assert (dirty(state), state.deferred) == ((set(), {"c"}), {})


def test_an_output_that_came_while_sending_failed_goes_with_the_next_try() -> None:
    """Not only after its time."""
    state = a_state()
    state.add_check(a_check())
    state.sending()
    state.update_check("c", "passing", "meanwhile", 20.0)
    state.sent()
    (row,) = state.sending()
    assert (row.Check.Output, state.deferred) == ("meanwhile", {})


def test_without_an_interval_outputs_are_sent_at_once() -> None:
    """``check_update_interval = 0`` switches the waiting off."""
    state = a_state(0.0)
    state.add_check(a_check())
    all_synced(state)
    state.update_check("c", "passing", "one", 10.0)
    assert dirty(state) == (set(), {"c"})


def test_discarded_outputs_change_nothing() -> None:
    """With ``discard_check_output`` only statuses count."""
    state = a_state(0.0)
    state.discard_check_output = True
    state.add_check(a_check())
    all_synced(state)
    state.update_check("c", "passing", "one", 10.0)
    assert dirty(state) == (set(), set())


def test_it_is_known_since_when_a_check_is_critical() -> None:
    """From the first critical result on, until another one."""
    state = a_state()
    state.add_check(a_check(status="critical"))
    assert state.critical_rows() == []
    state.update_check("c", "critical", "", 10.0)
    state.update_check("c", "critical", "again", 20.0)
    assert [row.critical_since for row in state.critical_rows()] == [10.0]
    state.update_check("c", "passing", "", 30.0)
    assert state.critical_rows() == []


def test_results_of_removed_checks_are_ignored() -> None:
    """A late result revives nothing."""
    state = a_state()
    state.add_check(a_check())
    state.remove_check("c")
    state.update_check("c", "critical", "", 10.0)
    assert state.check("c") is None and dirty(state) == (set(), set())


def test_aliases_hear_of_what_they_mirror() -> None:
    """The service itself, its checks and their statuses; not mere outputs, not other services."""
    state, heard = a_state(), Told()
    state.watch_alias("al", "web", heard)
    state.add_service(a_service(), [a_check("c", "web")])
    assert heard.times == 2
    state.update_check("c", "passing", "output", 1.0)
    state.add_service(a_service("other"))
    assert heard.times == 2
    state.update_check("c", "warning", "", 2.0)
    state.remove_check("c")
    state.remove_service("web")
    assert heard.times == 5
    state.unwatch_alias("al", "web")
    state.add_service(a_service())
    assert heard.times == 5


def test_readers_wait_for_what_they_read() -> None:
    """A watch set fires for its service, not for others."""
    state = a_state()
    state.add_service(a_service())
    ws = WatchSet()
    state.service("web", ws)
    state.add_service(a_service("other"))
    assert not ws.fired
    state.add_service(a_service(Port=1))
    assert ws.fired


def test_a_full_sync_finds_every_difference() -> None:
    """Missing here, missing there, and different."""
    state = a_state()
    state.add_service(a_service("same"))
    state.add_service(a_service("differs"))
    state.add_service(a_service("missing"))
    state.add_check(a_check("same"))
    state.add_check(a_check("differs"))
    all_synced(state)
    stored = {"CreateIndex": 5, "ModifyIndex": 7}  # by the catalog, and no difference
    services = [msgspec.structs.replace(a_service(n).Service, **stored) for n in ("same", "unknown", "consul")]
    services.append(a_service("differs", Port=1).Service)
    checks = [msgspec.structs.replace(a_check(n).Check, **stored) for n in ("same", "unknown", "serfHealth")]
    state.compare(REMOTE_NODE, services, [*checks, a_check("differs", status="critical").Check])
    assert dirty(state) == ({"differs", "missing"}, {"differs"})
    assert set(state.gone_services) == {"unknown"} and set(state.gone_checks) == {"unknown"}


def test_the_node_is_told_once_even_if_the_catalog_knows_it() -> None:
    """An agent that starts again says so, as in Consul; later on an equal node is in sync."""
    state = a_state()
    state.compare(REMOTE_NODE, [], [])
    assert not state.node_in_sync
    state.node_in_sync = True
    state.compare(REMOTE_NODE, [], [])
    assert state.node_in_sync


@pytest.mark.parametrize(
    "change", [{"ID": "other"}, {"TaggedAddresses": None}, {"Meta": {}}, {"Locality": Locality(Region="r")}]
)
def test_a_full_sync_notices_a_different_node(change: dict[str, object]) -> None:
    """ID, addresses, metadata and locality of the node count."""
    state = a_state()
    for remote in (msgspec.structs.replace(REMOTE_NODE, **change), None):
        state.node_in_sync = True
        state.compare(remote, [], [])
        assert not state.node_in_sync


def test_tags_may_come_from_the_catalog() -> None:
    """With enable_tag_override the remote tags win, otherwise the local ones."""
    state = a_state()
    state.add_service(a_service("free", EnableTagOverride=True, Tags=["a"]))
    state.add_service(a_service("fixed", Tags=["a"]))
    state.compare(
        REMOTE_NODE,
        [a_service("free", EnableTagOverride=True, Tags=["b"]).Service, a_service("fixed", Tags=["b"]).Service],
        [],
    )
    assert [s.Tags for s in state.services()] == [["a"], ["b"]]
    assert dirty(state) == ({"fixed"}, set())


def test_addresses_that_servers_give_are_taken_over() -> None:
    """Virtual addresses of the catalog appear here and are no difference."""
    state = a_state()
    state.add_service(a_service())
    given = {"consul-virtual": ServiceAddress(Address="240.0.0.1"), "other": ServiceAddress(Address="9.9.9.9")}
    state.compare(REMOTE_NODE, [a_service(TaggedAddresses=given).Service], [])
    service = state.service("web")
    assert service is not None and service.TaggedAddresses == {"consul-virtual": given["consul-virtual"]}
    assert dirty(state) == ({"web"}, set())


def test_a_waiting_output_is_no_difference() -> None:
    """A full sync does not send what is deferred on purpose."""
    state = a_state()
    state.add_check(a_check())
    all_synced(state)
    state.update_check("c", "passing", "new", 1.0)
    state.compare(REMOTE_NODE, [], [a_check().Check])
    assert dirty(state) == (set(), set()) and state.deferred


def test_a_check_of_another_kind_alone_is_no_difference() -> None:
    """Neither registered again nor in a full sync: servers keep what they have then, and it would be told forever."""
    state = a_state()
    state.add_check(a_check())
    all_synced(state)
    check = msgspec.structs.replace(a_check().Check, Type="tcp", Interval="10s", Timeout="1s", ExposedPort=1)
    state.add_check(LocalCheck(Check=check))
    assert dirty(state) == (set(), set())
    state.compare(REMOTE_NODE, [], [a_check().Check])
    assert dirty(state) == (set(), set())


class Catalog:
    """What a catalog has after each message, for the property below."""

    def __init__(self) -> None:
        self.services: dict[str, NodeService] = {}
        self.checks: dict[str, HealthCheck] = {}

    def sync(self, state: LocalState) -> None:
        """Take all changes, as one pass of anti-entropy sends them."""
        for service_id in list(state.gone_services):
            state.leaving([service_id], [])
            self.services.pop(service_id, None)
            self.checks = {k: c for k, c in self.checks.items() if c.ServiceID != service_id}
            state.service_left(service_id)
        for service_id in list(state.dirty_services):
            row = state.service_row(service_id)
            assert row is not None
            self.services[service_id] = row.Service
            state.service_synced(row)
        for check_id in list(state.gone_checks):
            state.leaving([], [check_id])
            self.checks.pop(check_id, None)
            state.check_left(check_id)
        for check_id in list(state.dirty_checks):
            row = state.check_row(check_id)
            assert row is not None
            self.checks[check_id] = row.Check
            state.check_synced(row)


SERVICES, CHECKS = st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", "z"])
STEPS = st.one_of(
    st.tuples(st.just("add service"), SERVICES, st.integers(0, 2)),
    st.tuples(st.just("remove service"), SERVICES, st.just(0)),
    st.tuples(st.just("add check"), CHECKS, st.sampled_from(["", "a", "b"])),
    st.tuples(st.just("remove check"), CHECKS, st.just(0)),
    st.tuples(st.just("update"), CHECKS, st.sampled_from(["passing", "critical"])),
    st.tuples(st.just("sync"), st.just(""), st.just(0)),
    st.tuples(st.just("full"), st.just(""), st.just(0)),
)


def take(state: LocalState, catalog: Catalog, step: tuple[str, str, object], now: float) -> None:
    """One step of a history; what the agent would refuse is left out."""
    what, name, value = step
    if what == "add service":
        state.add_service(a_service(name, Port=value))
    elif what == "remove service" and state.service(name):
        for check in state.checks_of(name):
            state.remove_check(check.CheckID)
        state.remove_service(name)
    elif what == "add check" and (not value or state.service(str(value))):
        state.add_check(a_check(name, str(value)))
    elif what == "remove check" and state.check(name):
        state.remove_check(name)
    elif what == "update":
        state.update_check(name, str(value), f"{now}", now)
    elif what == "sync":
        catalog.sync(state)
    elif what == "full":
        state.compare(REMOTE_NODE, catalog.services.values(), catalog.checks.values())


@given(st.lists(STEPS, max_size=40))
def test_the_catalog_ends_up_with_what_is_here(history: list[tuple[str, str, object]]) -> None:
    """After any history one full sync and one pass make both sides equal."""
    state, catalog = a_state(), Catalog()
    for now, step in enumerate(history):
        take(state, catalog, step, float(now))
    state.flush_deferred(math.inf)
    state.compare(REMOTE_NODE, catalog.services.values(), catalog.checks.values())
    catalog.sync(state)
    assert list(catalog.services.values()) == [] or set(catalog.services) == {s.ID for s in state.services()}
    assert {s.ID: s for s in state.services()} == catalog.services
    assert {c.CheckID: c for c in state.checks()} == catalog.checks
    assert dirty(state) == (set(), set())
