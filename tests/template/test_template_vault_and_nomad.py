"""Secrets of Vault and variables of Nomad as templates see them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pyconsul.lang.gotemplate import Template
from pyconsul.lang.gotemplate.values import strings
from pyconsul.sdk.retry import Retry
from pyconsul.toolkit.errors import RunError
from pyconsul_template import clients
from pyconsul_template.config import Config
from pyconsul_template.dependencies.vault import PemEncoded
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import load
from pyconsul_template.runner import Runner
from tests.template.conftest import FakeConsul

pytestmark = pytest.mark.usefixtures("universal_time")

NUMBERS = {"i": 12345678901, "big": 12345678901234567890, "f": 0.5, "list": [1]}
VARIABLE = {
    "Namespace": "default",
    "Path": "app/db",
    "CreateIndex": 7,
    "ModifyIndex": 8,
    "CreateTime": 1600000000000000000,
    "ModifyTime": 1600000001000000000,
    "Items": {"user": "u", "pass": "hush"},
}


async def rendered(server: Any, folder: Path, contents: str, environ: Mapping[str, str] | None = None) -> str:
    """What the template gives in one-shot mode, with one server for all three."""
    url = f"http://{server.address}"
    once = {"enabled": False}
    settings = {
        "once": True,
        "consul": {"address": server.address, "retry": once},
        "vault": {"address": url, "token": "t", "renew_token": False, "retry": once},
        "nomad": {"address": url},
        "template": [{"contents": contents, "destination": str(folder / "out")}],
    }
    await Runner(Config.of(settings, environ or {})).run()
    return (folder / "out").read_text()


@pytest.mark.parametrize(
    ("contents", "wanted"),
    [
        ('{{ printf "%T %v" .Data.i .Data.i }} {{ .Data.f }}', "json.Number 12345678901 0.5"),
        ("{{ .Data.list | toJSON }} {{ .Data.i | toJSON | parseInt | add 1 }}", "[1] 12345678902"),
        ("{{ .Data | toYAML }}", "big: 1.2345678901234567e+19\nf: 0.5\ni: 12345678901\nlist:\n- 1"),
        ("{{ .Data | toTOML }}", "big = 12345678901234567000.0\nf = 0.5\ni = 12345678901\nlist = [1]"),
        ("{{ spew_sdump .Data.f }}{{ .LeaseDuration }}", "(json.Number) (len=3) 0.5\n3600"),
    ],
)
async def test_numbers_of_secrets_keep_their_spelling(
    consul: FakeConsul, tmp_path: Path, contents: str, wanted: str
) -> None:
    """They are texts to functions, and numbers again in JSON, YAML and TOML."""
    await consul.say("/v1/secret/app", {"data": NUMBERS, "lease_duration": 3600})
    assert await rendered(consul, tmp_path, '{{ with secret "secret/app" }}' + contents + "{{ end }}") == wanted


async def test_a_secret_without_data_has_none(consul: FakeConsul, tmp_path: Path) -> None:
    """Which JSON shows as null."""
    await consul.say("/v1/secret/app", {"data": {}, "request_id": "r"})
    assert await rendered(consul, tmp_path, '{{ with secret "secret/app" }}{{ .Data | toJSON }}{{ end }}') == "null"


async def test_an_answer_that_is_no_json_is_an_error(consul: FakeConsul, tmp_path: Path) -> None:
    """As a proxy in between may give."""
    await consul.say("/v1/secret/app", b"plain")
    with pytest.raises(RunError, match=r"vault\.read\(secret/app\): invalid character 'p' looking for beginning"):
        await rendered(consul, tmp_path, '{{ with secret "secret/app" }}{{ .Data }}{{ end }}')


async def test_a_secret_that_is_being_rotated_is_asked_for_again(consul: FakeConsul, tmp_path: Path) -> None:
    """Its time is over, so that what it holds is about to be wrong."""
    await consul.say("/v1/db/static-creds/app", {"data": {"rotation_period": 3600, "ttl": 0, "password": "old"}})
    with pytest.raises(RunError, match=r"^vault rotating secret returned ttl=0, will retry$"):
        await rendered(consul, tmp_path, '{{ with secret "db/static-creds/app" }}{{ .Data.password }}{{ end }}')


async def test_a_time_of_deletion_that_is_none_deletes_nothing(consul: FakeConsul, tmp_path: Path) -> None:
    """A store of another kind may use the word for something else."""
    data = {"metadata": {"deletion_time": "soon"}, "k": "v"}
    await consul.say("/v1/secret/app", {"data": data})
    assert await rendered(consul, tmp_path, '{{ with secret "secret/app" }}{{ .Data.k }}{{ end }}') == "v"


async def test_a_certificate_that_is_not_issued_is_told_without_its_query(
    consul: FakeConsul, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What Vault warns of comes under its name."""
    contents = '{{ with pkiCert "pki/issue/a" "common_name=a" }}{{ .Cert }}{{ end }}'
    await consul.say("/v1/pki/issue/a", b"")
    with pytest.raises(RunError, match=r"^no secret exists at pki/issue/a$"):
        await rendered(consul, tmp_path, contents)
    await consul.say("/v1/pki/issue/a", {"data": {"certificate": "none"}, "warnings": ["too long"]})
    with pytest.raises(RunError, match=r"^needs renewal$"):
        await rendered(consul, tmp_path, contents)
    assert f"vault.pki(pki/issue/a->{tmp_path}/out): too long" in caplog.messages


@pytest.mark.parametrize(
    ("contents", "wanted"),
    [
        ("{{ .user }} {{ .none }}| {{ .Keys }} {{ .Values }} {{ .Tuples }}", "u | [pass user] [hush u] [{pass hush} {user u}]"),
        ("{{ .Parent.Path }} {{ .Parent.ModifyIndex }} {{ .Metadata.Namespace }} {{ .user.Parent.CreateIndex }}", "app/db 8 default 7"),
        ("{{ .Metadata.CreateTime }} {{ .Metadata.ModifyTime.Time.Unix }}", "2020-09-13 12:26:40 +0000 UTC 1600000001"),
        ("{{ . | toJSON }}", '{"pass":"hush","user":"u"}'),
    ],
)  # fmt: skip
async def test_items_of_variables_know_their_variable(
    consul: FakeConsul, tmp_path: Path, contents: str, wanted: str
) -> None:
    """From every item, and from all of them, there is a way up."""
    await consul.say("/v1/var/app/db", VARIABLE)
    assert await rendered(consul, tmp_path, '{{ with nomadVar "app/db" }}' + contents + "{{ end }}") == wanted


async def test_nomad_is_asked_in_the_region_of_the_environment(consul: FakeConsul, tmp_path: Path) -> None:
    """Where a template names none itself."""
    await consul.say("/v1/var/app/db", VARIABLE)
    template = (
        '{{ with nomadVar "app/db" }}{{ .user }}{{ end }}{{ with nomadVar "app/db@apps.us" }}{{ .user }}{{ end }}'
    )
    assert await rendered(consul, tmp_path, template, {"NOMAD_REGION": "eu", "NOMAD_NAMESPACE": "web"}) == "uu"
    asked = sorted({part for request in consul.requests for part in request.partition("?")[2].split("&")})
    assert asked == ["namespace=apps", "namespace=web", "region=eu", "region=us", "stale=", "wait=60000ms"]


async def test_only_the_views_ask_nomad_again() -> None:
    """Were the client to repeat requests, too, each failure would count several times."""
    async with clients.new_watcher(Config.of({}, {})).clients.nomad as client:
        assert client.settings.retry is Retry.NEVER


async def test_values_of_variables_stand_in_no_message(consul: FakeConsul, tmp_path: Path) -> None:
    """Just as those of secrets do not."""
    await consul.say("/v1/var/app/db", VARIABLE)
    with pytest.raises(RunError, match=r'parsing "\[redacted\]": invalid syntax'):
        await rendered(consul, tmp_path, '{{ with nomadVar "app/db" }}{{ print .pass | parseInt }}{{ end }}')


async def test_values_of_secrets_stand_in_no_message(consul: FakeConsul, tmp_path: Path) -> None:
    """Whatever function is unhappy with them."""
    await consul.say("/v1/app/db", {"data": {"pass": "hush", "longer": "hushed"}})
    with pytest.raises(RunError, match=r'parsing "\[redacted\] \[redacted\]": invalid syntax'):
        text = '{{ with secret "app/db" }}{{ print .Data.pass " " .Data.longer | parseInt }}{{ end }}'
        await rendered(consul, tmp_path, text)


def test_of_certificates_of_one_role_the_first_one_is_asked_for() -> None:
    """They have one name where they stand in one file, so that all get the same."""
    run = Execution(lambda _dependency: ABSENT, destination="d")
    text = '{{ pkiCert "pki/issue/a" "common_name=a" }}{{ pkiCert "pki/issue/a" "common_name=b" }}'
    Template(text, load()).execute(None, run)
    assert [getattr(query, "data", {}) for query in run.missing.values()] == [{"common_name": "a"}]


def test_a_certificate_is_its_own_data() -> None:
    """Templates that treat it as a secret go on working."""
    issued = PemEncoded(Cert="c", Key="k", CA="a", CAChain=strings(["a", "r"]))
    text = '{{ .Data.Cert }} {{ .Data.Data.Key }} {{ .CaChainContains "r" }} {{ .CaChainContains "x" }}'
    assert Template(text).execute(issued) == "c k true false"
