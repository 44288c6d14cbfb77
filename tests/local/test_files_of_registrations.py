"""What the API registered is kept in files, and found again; disks may refuse."""

import asyncio
import errno
import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from pyconsul.agent.local.loading import LoadError
from pyconsul.agent.persistence import Unkept
from pyconsul.structs.catalog import HealthCheck
from pyconsul.structs.checks import CheckType
from tests.door import DoorClient, leading_agent
from tests.local.conftest import HOUR, Place, files_below
from tests.waiting import comes_true


async def test_what_the_api_registered_survives_a_restart(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """Services, checks, maintenance marks and TTL reports come back; probes start critical."""
    first = place_at(str(tmp_path))
    first.register(Name="web", Port=80, Check={"TTL": "1h"}, Connect={"SidecarService": {}})
    first.registrations.update_ttl("service:web", "passing", "fine")
    first.maintenance.start_service("web", "why", "")
    check = HealthCheck(CheckID="n", Name="n", Status="passing", Type="tcp")
    kind = CheckType(TCP="a:1", Interval=HOUR)
    first.registrations.add_check(check, kind, token="t", from_config=False, persist=True)
    first.flush()
    again = place_at(str(tmp_path))
    again.loader.load((), ())
    assert [s.ID for s in again.state.services()] == ["web", "web-sidecar-proxy"]
    assert (again.check("service:web").Status, again.check("service:web").Output) == ("passing", "fine")
    assert again.check("_service_maintenance:web").Notes == "why"
    row = again.state.check_row("n")
    assert row is not None and (row.Token, row.Check.Status) == ("t", "critical")
    again.registrations.remove_service("web")
    assert again.state.services() == []


async def test_reports_to_configured_checks_are_kept_for_those_outside_services(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """After a restart a check inside a configured service begins anew, as in Consul."""
    services = [{"name": "web", "check": {"id": "inside", "ttl": "1h", "status": "passing"}}]
    checks = [{"id": "outside", "name": "outside", "ttl": "1h", "status": "passing"}]
    first = place_at(str(tmp_path))
    first.loader.load(services, checks)
    for check_id in ("inside", "outside"):
        first.registrations.update_ttl(check_id, "critical", "bad")
    first.flush()
    again = place_at(str(tmp_path))
    again.loader.load(services, checks)
    assert (again.check("outside").Status, again.check("outside").Output) == ("critical", "bad")
    assert (again.check("inside").Status, again.check("inside").Output) == ("passing", "")


async def test_files_are_consuls_own(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """Names are hashes of IDs, contents the fields that Consul writes."""
    place = place_at(str(tmp_path))
    place.register(Name="web", Port=80, Check={"TTL": "1h", "FailuresBeforeCritical": 3})
    place.registrations.update_ttl("service:web", "passing", "fine")
    place.flush()
    name = hashlib.sha256(b"web").hexdigest()
    service = json.loads((tmp_path / "services" / name).read_text())
    assert (service["Source"], service["Token"], service["Service"]["Port"]) == ("remote", "", 80)
    check = json.loads(next(p for p in (tmp_path / "checks").iterdir() if p.is_file()).read_text())
    assert (check["Check"]["CheckID"], check["ChkType"]["TTL"]) == ("service:web", HOUR)
    assert (check["ChkType"]["FailuresBeforeWarning"], check["ChkType"]["Interval"]) == (3, 0)
    state = next((tmp_path / "checks" / "state").iterdir()).read_text()
    assert state.startswith('{"CheckID":"service:web","Output":"fine","Status":"passing","Expires":')


async def test_a_check_is_kept_with_the_interval_that_it_runs_at(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """No shorter one than a second, so that the next start has nothing to warn of."""
    place = place_at(str(tmp_path))
    place.register_check(Name="n", TCP="a:1", Interval="10ms")
    place.flush()
    kept = json.loads(next(p for p in (tmp_path / "checks").iterdir() if p.is_file()).read_text())
    assert (kept["ChkType"]["Interval"], kept["Check"]["Interval"]) == (1_000_000_000, "10ms")


async def test_files_get_the_names_that_they_are_looked_for_under(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """Those of old versions and of people, so that what is deregistered does not come back."""
    first = place_at(str(tmp_path))
    first.register(Name="web", Port=80, Check={"TTL": "1h"})
    first.flush()
    for path in files_below(tmp_path):
        path.rename(path.with_name("old"))
    again = place_at(str(tmp_path))
    again.loader.load((), ())
    assert sorted(path.name for path in files_below(tmp_path)) == sorted(
        hashlib.sha256(name).hexdigest() for name in (b"web", b"service:web")
    )
    again.registrations.remove_service("web")
    again.flush()
    assert files_below(tmp_path) == []


async def test_broken_files_are_left_alone(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """What is none stops nobody; temporary files are ignored."""
    for folder in ("services", "checks", "checks/state"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text("{")
        (tmp_path / folder / "y.tmp").write_text("{}")
        (tmp_path / folder / "z").write_text("{}")
    place = place_at(str(tmp_path))
    place.loader.load((), ())
    assert place.state.services() == [] and (tmp_path / "services" / "x").exists()


async def test_a_kept_service_with_a_number_beyond_floats_is_left_alone(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """Its file stays where it is, and the agent starts without it."""
    first = place_at(str(tmp_path))
    first.register(Name="web", Kind="connect-proxy", Port=80, Proxy={"DestinationServiceName": "a", "Config": {"n": 7}})
    first.flush()
    (file,) = files_below(tmp_path / "services")
    file.write_bytes(file.read_bytes().replace(b":7", b":" + b"1" * 400))
    again = place_at(str(tmp_path))
    again.loader.load((), ())
    assert again.state.services() == []
    assert file.exists()


async def test_old_ttl_reports_are_forgotten(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """A report that would have expired meanwhile says nothing."""
    place = place_at(str(tmp_path))
    place.register(Name="web", Check={"TTL": "1h"})
    place.registrations.update_ttl("service:web", "passing", "fine")
    place.flush()
    path = next((tmp_path / "checks" / "state").iterdir())
    kept = json.loads(path.read_text())
    path.write_text(json.dumps({**kept, "Expires": 5}))
    again = place_at(str(tmp_path))
    again.loader.load((), ())
    again.flush()
    assert again.check("service:web").Status == "critical" and not path.exists()


async def test_configuration_wins_over_files(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """A configured service replaces a registered one, whose file goes."""
    first = place_at(str(tmp_path))
    first.register(Name="web", Port=80)
    first.flush()
    again = place_at(str(tmp_path))
    again.loader.load([{"name": "web", "port": 90}], [])
    again.flush()
    assert again.service("web").Port == 90
    assert list((tmp_path / "services").iterdir()) == []


async def test_files_are_written_outside_the_loop_before_anybody_is_answered(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """Callers that come while a batch is written share the next one."""
    place = place_at(str(tmp_path))
    flushes: list[Awaitable[None]] = []
    for number in range(5):
        place.register(Name=f"s{number}")
        flushes.append(place.files.flush())
        await asyncio.sleep(0)
    await asyncio.gather(*flushes)
    assert len(files_below(tmp_path)) == 5


async def test_a_data_directory_that_cannot_be_written_is_told(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """Whoever registers hears of it."""
    (tmp_path / "file").write_text("")
    place = place_at(str(tmp_path / "file"))
    place.register(Name="web")
    with pytest.raises(Unkept, match=rf"^mkdir {tmp_path}/file: not a directory$"):
        await place.files.flush()


async def test_one_file_that_cannot_be_written_does_not_keep_others_away(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """Of all that share a batch those hear of it whose file it is, and what can be written is."""
    place = place_at(str(tmp_path))
    place.register(Name="taken")
    await place.files.flush()
    taken = next((tmp_path / "services").iterdir())
    taken.unlink()
    taken.mkdir()  # no file can be put there
    place.register(Name="taken")
    first = place.files.flush()
    place.register(Name="web")
    second = place.files.flush()
    with pytest.raises(Unkept, match=taken.name):
        await first
    await second
    assert len(files_below(tmp_path)) == 1
    await place.files.flush()  # what failed was told, and is not told again


async def test_who_comes_while_a_batch_is_written_hears_how_the_next_one_ends(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """Nobody is told that a registration is kept which is not."""
    (tmp_path / "services").write_text("")
    place = place_at(str(tmp_path))
    ends: list[Awaitable[None]] = []
    for number in range(3):
        place.register(Name=f"s{number}")
        ends.append(place.files.flush())
        await asyncio.sleep(0)
    answers = await asyncio.gather(*ends, return_exceptions=True)
    assert all(isinstance(answer, Unkept) for answer in answers), answers


@pytest.mark.parametrize("folder", ["services", "checks"])
async def test_a_new_service_that_cannot_be_kept_does_not_stay(
    place_at: Callable[..., Place], tmp_path: Path, folder: str
) -> None:
    """Nor do its checks, nor what of it was written; one that was there stays as it is now, without new checks."""
    place = place_at(str(tmp_path))
    place.register(Name="old", Port=1, Check={"TTL": "1h"})
    await place.files.flush()
    (tmp_path / folder).rename(tmp_path / "away")
    (tmp_path / folder).write_text("")
    place.register(Name="web", Checks=[{"TTL": "1h"}, {"TTL": "1h"}])
    with pytest.raises(Unkept, match=rf"^mkdir {tmp_path / folder}: not a directory$"):
        await place.files.flush()
    place.register(Name="old", Port=2, Check={"CheckID": "new", "TTL": "1h"})
    with pytest.raises(Unkept):
        await place.files.flush()
    await place.files.flush()  # what was undone
    assert [(each.ID, each.Port) for each in place.state.services()] == [("old", 2)]
    assert [each.CheckID for each in place.state.checks()] == ["service:old"]
    other, key = ("checks", b"service:old") if folder == "services" else ("services", b"old")
    assert [path.name for path in (tmp_path / other).iterdir()] == [hashlib.sha256(key).hexdigest()]


async def test_a_registration_that_is_tried_again_while_the_first_is_written_stays(
    place_at: Callable[..., Place], tmp_path: Path
) -> None:
    """What is undone is what could not be kept at last."""
    (tmp_path / "services").write_text("")
    place = place_at(str(tmp_path))
    place.register(Name="web", Port=1)
    first = asyncio.ensure_future(place.files.flush())
    await asyncio.sleep(0)  # it is being written
    place.register(Name="web", Port=2)
    second = asyncio.ensure_future(place.files.flush())
    with pytest.raises(Unkept):
        await first
    assert place.service("web").Port == 2
    with pytest.raises(Unkept):
        await second
    assert place.state.services() == []


async def test_a_check_that_cannot_be_kept_stays(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """One outside a service's registration; what it reports is refused, too."""
    (tmp_path / "checks").write_text("")
    place = place_at(str(tmp_path))
    check, kind = HealthCheck(CheckID="n", Name="n", Type="ttl"), CheckType(TTL=HOUR)
    place.registrations.add_check(check, kind, token="", from_config=False, persist=True)
    with pytest.raises(Unkept):
        await place.files.flush()
    assert [each.CheckID for each in place.state.checks()] == ["n"]
    place.registrations.update_ttl("n", "passing", "fine")
    with pytest.raises(Unkept, match=r'^failed persisting state for check "n": mkdir .*/checks: not a directory$'):
        await place.files.flush()
    place.registrations.remove_check("n")
    await place.files.flush()
    assert place.state.checks() == []


async def test_nothing_stays_of_a_service_whose_check_cannot_be_made(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host without descriptors cannot even load the code of a check."""

    def start(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(place.checks, "start", start)
    with pytest.raises(OSError, match="Too many open files"):
        place.register(Name="web", Check={"TCP": "127.0.0.1:1", "Interval": "1s"})
    assert (place.state.services(), place.state.checks()) == ([], [])


@pytest.mark.parametrize("what", ["service", "check"])
async def test_a_file_that_cannot_be_read_stops_the_agent(
    place_at: Callable[..., Place], tmp_path: Path, what: str
) -> None:
    """A registration is in it that somebody counts on."""
    folder = tmp_path / f"{what}s"
    folder.mkdir()
    (folder / "x").symlink_to("nowhere")
    with pytest.raises(LoadError) as caught:
        place_at(str(tmp_path)).loader.load([], [])
    path = folder / "x"
    assert str(caught.value) == f'failed reading {what} file "{path}": open {path}: no such file or directory'


@pytest.mark.parametrize("what", ["services", "checks"])
async def test_a_folder_that_is_none_stops_the_agent(place_at: Callable[..., Place], tmp_path: Path, what: str) -> None:
    """Else nothing could be kept, and nobody would know."""
    (tmp_path / what).write_text("")
    with pytest.raises(LoadError) as caught:
        place_at(str(tmp_path)).loader.load([], [])
    path = tmp_path / what
    assert str(caught.value) == f'Failed reading {what} dir "{path}": open {path}: not a directory'


async def test_of_a_service_that_cannot_be_kept_nothing_is_left_at_the_api(tmp_path: Path) -> None:
    """Nor is its sidecar registered; maintenance goes on without its file."""
    with_files = f'data_dir = "{tmp_path}"'
    async with leading_agent(with_files, local=True) as agent:
        agent.syncer.start()
        client = DoorClient(agent)
        assert (await client.put("agent/service/register", {"Name": "old"})).status == 200
        (tmp_path / "services").rename(tmp_path / "away")
        for folder in ("services", "checks"):
            (tmp_path / folder).write_text("")
        answer = await client.put("agent/service/register", {"Name": "web", "Connect": {"SidecarService": {}}})
        assert (answer.status, answer.text) == (500, f"mkdir {tmp_path}/services: not a directory")
        assert (await client.put("agent/service/maintenance/old?enable=true")).status == 200
        assert (await client.put("agent/maintenance?enable=true")).status == 200
        assert list((await client.get("agent/services")).body) == ["old"]
        assert list((await client.get("agent/checks")).body) == ["_node_maintenance", "_service_maintenance:old"]
        await comes_true(lambda: not agent.local.gone_services)
        assert list((await client.get("catalog/services")).body) == ["consul", "old"]
        await agent.syncer.stop()


async def test_marks_of_maintenance_are_kept_as_configured(place_at: Callable[..., Place], tmp_path: Path) -> None:
    """With Consul's source, though it is the API that sets them; and as checks that nothing runs."""
    place = place_at(str(tmp_path))
    place.maintenance.start_node("why", "")
    place.flush()
    (path,) = files_below(tmp_path / "checks")
    kept = json.loads(path.read_text())
    assert (kept["Check"]["CheckID"], kept["ChkType"], kept["Source"]) == ("_node_maintenance", None, "local")
