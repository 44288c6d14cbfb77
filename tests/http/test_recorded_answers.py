"""What a real Consul 1.21 with ACLs says to some 850 requests, mostly ones that it refuses (``answers.json``).

A row is method, path, body, status and answer: a number stands for how many rows are shown, and without an answer only
the status counts, for it holds what is new each time. The rows of a family are asked in order of one agent, so that a
later one meets what an earlier one made.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.door import Answer, DoorClient, leading_agent
from tests.plain import Plain

ROWS: dict[str, list[list[Any]]] = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
SECRET = "11111111-1111-1111-1111-111111111111"
ACLS = f'acl {{ enabled = true default_policy = "allow" tokens {{ initial_management = "{SECRET}" }} }}'
KEY = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def with_key(body: Any) -> Any:
    """A body with a public key where it says KEY."""
    return json.loads(json.dumps(body).replace('"KEY"', json.dumps(KEY.decode())))


def fits(answer: Answer, status: int, *shown: Any) -> bool:
    """Whether an answer is that of a row."""
    if answer.status != status or not shown:
        return answer.status == status
    [wanted] = shown
    if isinstance(wanted, str):
        return answer.text == wanted
    body: Plain = answer.body
    return len(body) == wanted if isinstance(wanted, int) and isinstance(body, list) else body == wanted


@pytest.mark.parametrize("family", ROWS)
async def test_requests_are_answered_as_by_consul(family: str) -> None:
    """In its words, checked in its order."""
    async with leading_agent(ACLS, local=True) as agent:
        door = DoorClient(agent, token=SECRET)
        for method, path, body, *row in ROWS[family]:
            answer = await door.ask(method, path, b"" if body is None else with_key(body))
            assert fits(answer, *row), f"{method} {path} {body}: {answer.status} {answer.text!r}, not {row}"
