"""The blocking client: generated, complete, and light."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pyconsul import sdk

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = [
    "acl",
    "agent",
    "catalog",
    "config",
    "connect",
    "coordinate",
    "event",
    "health",
    "internal",
    "kv",
    "operator",
    "peering",
    "query",
    "session",
    "snapshot",
    "status",
    "txn",
]


def test_the_blocking_client_is_current() -> None:
    """Who changes an async module runs scripts/blocking.py."""
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / "blocking.py", "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def public(kind: type[object]) -> dict[str, inspect.Signature | None]:
    """The public methods and properties of a class with what they take."""
    found: dict[str, inspect.Signature | None] = {}
    for name, member in inspect.getmembers(kind):
        if not name.startswith("_"):
            found[name.replace("aclose", "close")] = inspect.signature(member) if callable(member) else None
    return found


def family_of(client: sdk.AsyncClient | sdk.Client, name: str) -> type[object]:
    """The class of a family of methods."""
    family: object = getattr(client, name)
    return type(family)


def parameters(signature: inspect.Signature | None) -> list[str]:
    """The names of a method's parameters."""
    return list(signature.parameters) if signature else []


def test_both_clients_offer_the_same() -> None:
    """Same names, same parameters."""
    ours, theirs = public(sdk.AsyncClient), public(sdk.Client)
    assert ours.keys() == theirs.keys()
    assert all(parameters(ours[name]) == parameters(theirs[name]) for name in ours)


@pytest.mark.parametrize("family", FAMILIES)
def test_both_clients_have_the_same_families(family: str) -> None:
    """Each family's class has the same methods with the same parameters in both."""
    kinds = [family_of(client, family) for client in (sdk.AsyncClient("127.0.0.1:1"), sdk.Client("127.0.0.1:1"))]
    assert kinds[0] is not kinds[1]
    ours, theirs = (public(kind) for kind in kinds)
    assert {name: parameters(it) for name, it in ours.items()} == {name: parameters(it) for name, it in theirs.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_request_has_its_method(family: str) -> None:
    """``get_request`` in a family module is ``get`` of its class, and nothing else is there."""
    module = import_module(f"pyconsul.sdk.{family}")
    builders = {name.removesuffix("_request") for name in vars(module) if name.endswith("_request")}
    methods = set(public(family_of(sdk.AsyncClient("127.0.0.1:1"), family)))
    assert builders == methods


def test_the_blocking_client_is_light() -> None:
    """Neither asyncio nor TLS nor another HTTP library is imported before it is needed."""
    heavy = ["asyncio", "ssl", "aiohttp", "http.client", "email", "dataclasses", "random", "concurrent.futures"]
    code = (
        "import sys\nfrom pyconsul.sdk import Client, QueryOptions, errors\n"
        "client = Client('127.0.0.1:1')\nclient.kv, client.agent, client.lock('a')\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_the_package_exports_what_it_says() -> None:
    """Every name in ``__all__`` is there, and an unknown one is an AttributeError."""
    assert all(getattr(sdk, name) is not None for name in sdk.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = sdk.nonsense
