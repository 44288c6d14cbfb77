"""Certificates from Vault: issued, taken apart, and kept while the file that they were written to has a good one."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.errors import RunError
from pyconsul_template.config import Config
from pyconsul_template.runner import Runner
from tests.certificates import self_signed
from tests.template.conftest import FakeConsul

PARTS = "{{ .Cert }}{{ .Key }}{{ .CA }}|{{ range .CAChain }}{{ . }};{{ end }}"
CERT, KEY = (part.decode() for part in self_signed("leaf", ca=False))
OLD_CERT, OLD_KEY = (
    part.decode() for part in self_signed("old", ca=False, start=datetime.now(UTC) - timedelta(days=2))
)
ENDING_CERT, _ = (
    part.decode() for part in self_signed("ending", ca=False, start=datetime.now(UTC) - timedelta(hours=23))
)
ISSUER, ROOT = (self_signed(name)[0].decode() for name in ("issuer", "root"))
ISSUED = {
    "certificate": CERT.strip(),
    "private_key": KEY.strip(),
    "issuing_ca": ISSUER.strip(),
    "ca_chain": [ISSUER.strip(), ROOT.strip()],
    "expiration": 9,
}
WHOLE = f"{CERT}{KEY}{ISSUER}|{ISSUER};{ROOT};"


class Issuer(FakeConsul):
    """A Vault whose PKI gives ``issued``."""

    issued: Any = ISSUED

    async def _write(self, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        self.requests[-1] += f" {body.decode()}"
        return 200, {"data": self.issued}


@pytest.fixture
async def issuer() -> AsyncGenerator[Issuer]:
    """A running one."""
    server = Issuer()
    await server.start()
    yield server
    await server.stop()


async def rendered(issuer: Issuer, folder: Path, before: str = "") -> str:
    """What a template of all parts gives where ``before`` is in its file."""
    out = folder / "out"
    if before:
        out.write_text(before)
    address = f"http://{issuer.address}"
    vault = {"address": address, "token": "t", "renew_token": False, "retry": {"enabled": False}}
    text = f'{{{{ with pkiCert "pki/issue/x" "common_name=a" "ttl=1h" }}}}{PARTS}{{{{ end }}}}'
    template = {"contents": text, "destination": str(out)}
    await Runner(Config.of({"once": True, "vault": vault, "template": [template]}, {})).run()
    return out.read_text()


async def test_a_certificate_is_issued_and_taken_apart(issuer: Issuer, tmp_path: Path) -> None:
    """What is given behind the path is sent along."""
    assert await rendered(issuer, tmp_path) == WHOLE
    assert issuer.requests == ['PUT /v1/pki/issue/x {"common_name":"a","ttl":"1h"}']


@pytest.mark.parametrize(
    ("left_out", "wanted"),
    [
        ("ca_chain", f"{CERT}{KEY}{ISSUER}|{ISSUER};"),
        ("private_key", f"{CERT}{ISSUER}|{ISSUER};{ROOT};"),
        ("issuing_ca", WHOLE),  # the first of the chain is as good
    ],
    ids=["ca_chain", "private_key", "issuing_ca"],
)
async def test_vault_may_leave_parts_out(issuer: Issuer, tmp_path: Path, left_out: str, wanted: str) -> None:
    """The certificate itself has to be there."""
    issuer.issued = {name: part for name, part in ISSUED.items() if name != left_out}
    assert await rendered(issuer, tmp_path) == wanted


@pytest.mark.parametrize("before", [WHOLE, f"anything\n{CERT}more{KEY}"], ids=["whole", "among other things"])
async def test_a_good_certificate_in_the_file_is_kept(issuer: Issuer, tmp_path: Path, before: str) -> None:
    """However it stands there, and nobody is asked."""
    assert (await rendered(issuer, tmp_path, before)).startswith(CERT + KEY)
    assert issuer.requests == []


@pytest.mark.parametrize(
    "before", [OLD_CERT + OLD_KEY, ENDING_CERT, KEY, "no certificate"], ids=["old", "ending", "key", "neither"]
)
async def test_one_that_is_too_old_is_replaced(issuer: Issuer, tmp_path: Path, before: str) -> None:
    """That is in the last tenth of its time, too."""
    assert await rendered(issuer, tmp_path, before) == WHOLE


@pytest.mark.parametrize(
    ("issued", "message"),
    [
        ({**ISSUED, "certificate": OLD_CERT}, "needs renewal"),
        ({"private_key": KEY}, "needs renewal"),
        (None, "needs renewal"),
        ({**ISSUED, "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}, "x509: malformed certificate"),
    ],
)  # fmt: skip
async def test_what_is_no_good_certificate_is_an_error(
    issuer: Issuer, tmp_path: Path, issued: Any, message: str
) -> None:
    """Which does not name the query."""
    issuer.issued = issued
    with pytest.raises(RunError) as caught:
        await rendered(issuer, tmp_path)
    assert str(caught.value) == message
