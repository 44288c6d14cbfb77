"""``/v1/connect/intentions`` and ``/v1/config`` through the door of an agent without sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intentions.conftest import Api

UNKNOWN = "22222222-2222-2222-2222-222222222222"


async def test_an_intention_is_written_read_and_deleted(api: Api) -> None:
    """It is a source of the destination's config entry; deleting the last source deletes that."""
    assert (await api.allow("web", "db")).body is True
    found = (await api.ask("GET", "connect/intentions/exact?source=web&destination=db")).body
    assert (found["SourceName"], found["DestinationName"], found["Action"], found["Precedence"]) == (
        "web",
        "db",
        "allow",
        9,
    )
    entry = (await api.ask("GET", "config/service-intentions/db")).body
    assert [source["Name"] for source in entry["Sources"]] == ["web"]
    url = "connect/intentions/exact?source=web&destination=db"
    assert [(await api.ask("DELETE", url)).body for _ in range(2)] == [True, True]
    assert (await api.ask("GET", url)).text == "Intention not found"
    assert (await api.ask("GET", "config/service-intentions/db")).status == 404


async def test_the_names_of_the_path_count(api: Api) -> None:
    """Whatever the body says."""
    await api.ask(
        "PUT", "connect/intentions/exact?source=web&destination=db", {"SourceName": "other", "Action": "deny"}
    )
    listed = (await api.ask("GET", "connect/intentions")).body
    assert [(one["SourceName"], one["Action"]) for one in listed] == [("web", "deny")]


async def test_the_exact_intention_wins_over_wildcards(api: Api) -> None:
    """Matches come in that order, and a check follows it; without any, calls are allowed."""
    check = "connect/intentions/check?source={}&destination=db"
    assert (await api.ask("GET", check.format("x"))).body == {"Allowed": True}
    await api.allow("*", "*", "deny")
    await api.allow("*", "db", "deny")
    await api.allow("web", "db")
    matches = (await api.ask("GET", "connect/intentions/match?by=destination&name=db")).body["db"]
    assert [one["Precedence"] for one in matches] == [9, 8, 5]
    assert (await api.ask("GET", check.format("web"))).body == {"Allowed": True}
    assert (await api.ask("GET", check.format("x"))).body == {"Allowed": False}


async def test_matches_may_come_from_the_cache(api: Api) -> None:
    """Which keeps itself up to date; a header tells where they come from."""
    url = "connect/intentions/match?by=destination&name=db"
    await api.allow("web", "db")
    answers = [await api.ask("GET", url + cached) for cached in ("", "&cached", "&cached")]
    assert [answer.headers.get("X-Cache") for answer in answers] == [None, "MISS", "HIT"]
    assert answers[0].body == answers[1].body == answers[2].body
    assert answers[2].headers["X-Consul-Effective-Consistency"] == "leader"


async def test_sources_of_peers_come_with_the_local_one_of_their_name(api: Api) -> None:
    """Where an entry has no local source of that name, those of peers do not match it."""
    peers = [{"Name": "web", "Peer": "east", "Action": "deny"}]
    entry = {"Kind": "service-intentions", "Name": "cache", "Sources": peers}
    assert (await api.ask("PUT", "config", entry)).body is True
    entry = {"Kind": "service-intentions", "Name": "db", "Sources": [{"Name": "web", "Action": "allow"}, *peers]}
    assert (await api.ask("PUT", "config", entry)).body is True
    matches = (await api.ask("GET", "connect/intentions/match?by=source&name=web")).body["web"]
    assert [(one["DestinationName"], one.get("SourcePeer", "")) for one in matches] == [("db", ""), ("db", "east")]
    assert (await api.ask("GET", "connect/intentions/check?source=web&destination=db")).body == {"Allowed": True}


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("PUT", "connect/intentions/exact?source=web&destination=db", {"Action": "allow"}),
        ("POST", "connect/intentions?", {"SourceName": "web", "DestinationName": "db", "Action": "allow"}),
        ("DELETE", "connect/intentions/exact?source=web&destination=db", b""),
        ("PUT", "config?", {"Kind": "service-defaults", "Name": "web"}),
        ("DELETE", "config/service-defaults/web?", b""),
    ],
)
async def test_writes_go_to_the_primary_datacenter(api: Api, method: str, url: str, body: Any) -> None:
    """Whatever ``?dc=`` says: the others get their copies from there."""
    assert (await api.ask(method, f"{url}&dc=elsewhere", body)).status == 200


async def test_exported_services_are_not_written_for_another_datacenter(api: Api) -> None:
    """They would export nothing there."""
    entry: dict[str, Any] = {"Kind": "exported-services", "Name": "default", "Services": []}
    answer = await api.ask("PUT", "config?dc=elsewhere", entry)
    expected = "exported-services writes must not target secondary datacenters."
    assert (answer.status, answer.text) == (500, expected)


async def test_what_follows_the_last_fixed_name_is_an_id(api: Api) -> None:
    """With its slashes: no such path is unknown to Consul."""
    for path in ("exact/", "match/x", "a/b/c"):
        answer = await api.ask("GET", f"connect/intentions/{path}")
        assert (answer.status, answer.text.rpartition(": ")[2]) == (400, "UUID must be 36 characters")


async def test_requests_do_not_settle_a_check(api: Api) -> None:
    """Permissions are kept and shown; a check that depends on them says no."""
    await api.ask("PUT", "config", {"Kind": "service-defaults", "Name": "db", "Protocol": "http"})
    permissions = [{"Action": "allow", "HTTP": {"PathExact": "/", "Methods": ["get"]}}]
    url = "connect/intentions/exact?source=web&destination=db"
    assert (await api.ask("PUT", url, {"Permissions": permissions})).body is True
    shown = (await api.ask("GET", url)).body["Permissions"]
    assert shown == [{"Action": "allow", "HTTP": {"PathExact": "/", "Methods": ["GET"]}}]
    check = "connect/intentions/check?source=web&destination=db"
    assert (await api.ask("GET", check)).body == {"Allowed": False}


@pytest.mark.parametrize(
    ("permissions", "kind"), [(7, "[]*structs.IntentionPermission"), ([7], "structs.IntentionPermission")]
)
async def test_permissions_of_another_type_are_refused(api: Api, permissions: Any, kind: str) -> None:
    """The list is one of pointers in Go, what is read into them is the struct."""
    answer = await api.ask("PUT", "connect/intentions/exact?source=a&destination=b", {"Permissions": permissions})
    place = "Go struct field .Alias.Permissions of type"
    assert answer.text == f"Request decode failed: json: cannot unmarshal number into {place} {kind}"


async def test_a_sameness_group_is_refused(api: Api) -> None:
    """The entry that the intention becomes says so."""
    given = {"Action": "allow", "SourceSamenessGroup": "all"}
    answer = await api.ask("PUT", "connect/intentions/exact?source=a&destination=b", given)
    fault = "Sources[0].SamenessGroup: Sameness groups are a Consul Enterprise feature. "
    assert (answer.status, answer.text) == (500, fault)


async def test_an_empty_description_is_none(api: Api) -> None:
    """And is not shown."""
    await api.ask("PUT", "connect/intentions/exact?source=a&destination=b", {"Action": "deny", "Description": ""})
    (found,) = (await api.ask("GET", "connect/intentions")).body
    assert "Description" not in found


async def test_times_end_without_zeros(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Go prints them."""
    monkeypatch.setattr("pyconsul.server.endpoints.intentions.time.time_ns", lambda: 1_700_000_000_120_000_000)
    made = {"SourceName": "web", "DestinationName": "db", "Action": "allow"}
    await api.ask("POST", "connect/intentions", made)
    (found,) = (await api.ask("GET", "connect/intentions")).body
    assert found["CreatedAt"] == "2023-11-14T22:13:20.12Z"


async def test_intentions_of_the_old_kind_have_an_id(api: Api) -> None:
    """Created, replaced and deleted by it; the time of birth stays."""
    made = {"SourceName": "web", "DestinationName": "db", "Action": "allow", "Meta": {"k": "v"}}
    url = f"connect/intentions/{(await api.ask('POST', 'connect/intentions', made)).body['ID']}"
    before = (await api.ask("GET", url)).body
    await api.ask("PUT", url, {**made, "Action": "deny", "Meta": {}})
    after = (await api.ask("GET", url)).body
    assert (before["Action"], before["Meta"], after["Action"]) == ("allow", {"k": "v"}, "deny")
    assert before["CreatedAt"] == after["CreatedAt"]
    assert (await api.ask("DELETE", url)).body is True
    assert (await api.ask("GET", url)).status == 404


async def test_the_old_api_keeps_off_entries_of_the_new_one(api: Api) -> None:
    """Whoever wrote an entry as such keeps it."""
    await api.allow("web", "db")
    answer = await api.ask("POST", "connect/intentions", {"SourceName": "a", "DestinationName": "db", "Action": "deny"})
    assert answer.status == 500
    assert answer.text.startswith('cannot use legacy intention API to edit intentions with a destination of "db"')


@pytest.mark.parametrize(
    ("method", "url", "body", "status", "text"),
    [
        ("GET", "connect/intentions/exact?source=a", b"", 500, "required query parameter 'destination' not set"),
        ("PUT", "connect/intentions/exact?source=a&destination=b", b"", 400, "Request decode failed: EOF"),
        (
            "POST",
            "connect/intentions",
            b"[]",
            500,
            "Failed to decode request body: json: cannot unmarshal array into Go value of type "
            "struct { Hash string; CreatedAt string; UpdatedAt string; *structs.Alias }",
        ),
        (
            "POST",
            "connect/intentions",
            {"Action": 1},
            500,
            "Failed to decode request body: json: cannot unmarshal number into Go struct field .Alias.Action "
            "of type structs.IntentionAction",
        ),
        (
            "PUT",
            "connect/intentions/exact?source=a/b/c/d&destination=b",
            {},
            500,
            "source \"a/b/c/d\" is invalid: input can contain at most two '/'",
        ),
        ("GET", "connect/intentions/match?name=a", b"", 500, "required query parameter 'by' not set"),
        (
            "GET",
            "connect/intentions/check?source=a&destination=b&source-type=x",
            b"",
            500,
            'unsupported SourceType: "x"',
        ),
        ("GET", f"connect/intentions/{UNKNOWN}", b"", 404, "Intention not found"),
        (
            "GET",
            "connect/intentions/nope",
            b"",
            400,
            "failed config entry lookup: index error: UUID must be 36 characters",
        ),
        ("POST", "connect/intentions", {"SourceName": "a", "Action": "allow"}, 403, "Permission denied"),
        ("PUT", "config", b"[]", 400, "Request decoding failed: '' expected a map, got 'slice'"),
        ("GET", "config/bogus", b"", 500, "invalid config entry kind: bogus"),
        ("DELETE", "config/bogus/x", b"", 400, "invalid config entry kind: bogus"),
        ("DELETE", "config/mesh", b"", 404, "Must provide both a kind and name to delete"),
        ("PUT", "config?cas=x", {"Kind": "mesh"}, 500, 'strconv.ParseUint: parsing "x": invalid syntax'),
        (
            "PUT",
            "config",
            {"Kind": "bound-api-gateway", "Name": "g"},
            403,
            "Permission denied: only writeable by controller",
        ),
    ],
)
async def test_errors_are_consuls(api: Api, method: str, url: str, body: Any, status: int, text: str) -> None:
    """Status and text of what cannot be."""
    answer = await api.ask(method, url, body)
    assert (answer.status, answer.text) == (status, text)


async def test_config_entries_are_listed_filtered_and_deleted(api: Api) -> None:
    """A filter fits service-defaults alone; a check-and-set says whether it went through."""
    for name, protocol in (("b", "http"), ("a", "tcp")):
        await api.ask("PUT", "config", {"Kind": "service-defaults", "Name": name, "Protocol": protocol})
    assert [one["Name"] for one in (await api.ask("GET", "config/service-defaults")).body] == ["a", "b"]
    found = (await api.ask("GET", "config/service-defaults?filter=Protocol+%3D%3D+http")).body
    assert [one["Name"] for one in found] == ["b"]
    assert "filtering not supported" in (await api.ask("GET", "config/mesh?filter=a+%3D%3D+b")).text
    assert (await api.ask("DELETE", "config/service-defaults/a?cas=1")).body is False
    assert (await api.ask("DELETE", "config/service-defaults/a")).body == {}


async def test_an_entry_that_is_there_already_is_not_written_again(api: Api) -> None:
    """Its index stays, so that nobody wakes."""
    row = {"Kind": "service-defaults", "Name": "web", "Protocol": "http"}
    await api.ask("PUT", "config", row)
    before = (await api.ask("GET", "config/service-defaults/web")).body
    assert (await api.ask("PUT", "config", row)).body is True
    assert (await api.ask("GET", "config/service-defaults/web")).body == before


async def test_a_list_of_entries_waits_for_a_change_of_its_own(api: Api) -> None:
    """A write to another kind raises the index, and wakes nobody whose rows are the same."""
    await api.ask("PUT", "config", {"Kind": "service-defaults", "Name": "web"})
    first = await api.ask("GET", "config/service-defaults")
    url = f"config/service-defaults?index={first.headers['X-Consul-Index']}&wait=10s"
    waiting = asyncio.create_task(api.ask("GET", url))
    await asyncio.sleep(0)
    await api.ask("PUT", "config", {"Kind": "mesh"})
    await asyncio.sleep(0)
    assert not waiting.done()
    await api.ask("PUT", "config", {"Kind": "service-defaults", "Name": "db"})
    assert [one["Name"] for one in (await waiting).body] == ["db", "web"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(body=st.binary(max_size=60), name=st.text("ab*/:.", max_size=8))
async def test_any_bytes_are_answered(api: Api, body: bytes, name: str) -> None:
    """A body or a name that nobody understands is the client's mistake, and said so."""
    for method, url in (("PUT", "config"), ("PUT", f"connect/intentions/exact?source={name}&destination=b")):
        assert (await api.ask(method, url, body)).status in (200, 400, 500)
