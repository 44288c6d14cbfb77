"""Pods as servers to join."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers.k8s import PORT_ANNOTATION, Kubernetes
from tests.autojoin.conftest import Asks, Clouds, Reply, Seen

PORTS = [
    {"name": "serf", "containerPort": 8301},
    {"name": "mapped", "containerPort": 8302, "hostPort": 18302},
]


def a_pod(name: str, phase: str = "Running", ready: str | None = "True", port: str = "", ip: str = "") -> Any:
    """A pod as the API server shows it."""
    status: dict[str, Any] = {"phase": phase, "podIP": ip or "10.1.0.1", "hostIP": "192.168.0.1"}
    if ready is not None:
        status["conditions"] = [{"type": "Ready", "status": ready}]
    annotations = {PORT_ANNOTATION: port} if port else {}
    spec = {"containers": [{"name": "consul", "ports": PORTS}, {"name": "sidecar"}]}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": spec, "status": status}


def a_list(*pods: Any, following: str = "") -> Any:
    """One page of pods."""
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": following}, "items": list(pods)}


Kubeconfigs = Callable[[str], Path]


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Kubeconfigs:
    """Write a kubeconfig for a server; gives its path."""

    def write(url: str) -> Path:
        path = tmp_path / "kubeconfig"
        path.write_text(f"""
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: t0k}}}}]
""")
        return path

    return write


async def addresses(cloud: Clouds, ask: Asks, kubeconfig: Kubeconfigs, *pods: Any, more: str = "") -> list[str]:
    """What these pods give."""
    there = await cloud(lambda _: a_list(*pods))
    return await Kubernetes().addresses(ask(f'provider=k8s kubeconfig="{kubeconfig(there.url)}" {more}'))


async def test_every_page_of_the_namespace_is_read(cloud: Clouds, ask: Asks, kubeconfig: Kubeconfigs) -> None:
    """Selectors and token are in every request; pages follow by the continue token."""

    def answer(seen: Seen) -> object:
        return a_list(a_pod("b", ip="10.1.0.2")) if "continue" in seen.query else a_list(a_pod("a"), following="c2")

    there = await cloud(answer)
    selectors = 'label_selector="app=consul,component=server" field_selector="spec.nodeName=n"'
    asked = ask(f"provider=k8s namespace=infra {selectors}", KUBECONFIG=str(kubeconfig(there.url)))
    assert await Kubernetes().addresses(asked) == ["10.1.0.1", "10.1.0.2"]
    assert [each.query.get("continue") for each in there.seen] == [None, "c2"]
    assert {each.query["labelSelector"] for each in there.seen} == {"app=consul,component=server"}
    assert {(each.path, each.headers["Authorization"]) for each in there.seen} == {
        ("/api/v1/namespaces/infra/pods", "Bearer t0k")
    }


@pytest.mark.parametrize(
    ("pod", "more", "found"),
    [
        (a_pod("pending", phase="Pending"), "", []),
        (a_pod("unready", ready="False"), "", []),
        (a_pod("no condition", ready=None), "", ["10.1.0.1"]),
        (a_pod("number", port="9301"), "", ["10.1.0.1:9301"]),
        (a_pod("hexadecimal", port="0x10"), "", ["10.1.0.1:16"]),
        (a_pod("named", port="serf"), "", ["10.1.0.1:8301"]),
        (a_pod("unknown", port="nope"), "", []),
        (a_pod("v6", port="serf", ip="fd00::1"), "", ["[fd00::1]:8301"]),
        (a_pod("host"), "host_network=true", ["192.168.0.1"]),
        (a_pod("host port", port="mapped"), "host_network=1", ["192.168.0.1:18302"]),
        (a_pod("host without port", port="serf"), "host_network=true", []),
    ],
)
async def test_a_pod_gives_its_address_or_none(
    cloud: Clouds, ask: Asks, kubeconfig: Kubeconfigs, pod: Any, more: str, found: list[str]
) -> None:
    """Running and ready pods count; the annotation adds a port; with host_network it must be mapped."""
    assert await addresses(cloud, ask, kubeconfig, pod, more=more) == found


async def test_a_wrong_host_network_is_named(cloud: Clouds, ask: Asks) -> None:
    """Go's words about the boolean, and the parameter."""
    with pytest.raises(DiscoverError, match=r"Failed to parse host_network: strconv\.ParseBool"):
        await Kubernetes().addresses(ask("provider=k8s host_network=maybe"))


async def test_what_the_server_refuses_is_told(cloud: Clouds, ask: Asks, kubeconfig: Kubeconfigs) -> None:
    """A status of 403 comes out as an error, not as no pods."""
    there = await cloud(lambda _: Reply({"kind": "Status", "message": "pods is forbidden"}, 403))
    with pytest.raises(DiscoverError, match="error listing pods: 403 Forbidden"):
        await Kubernetes().addresses(ask(f'provider=k8s kubeconfig="{kubeconfig(there.url)}"'))


async def test_a_missing_kubeconfig_is_named(ask: Asks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a cluster there is nothing that could take its place."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(DiscoverError, match=f"error loading kubeconfig {tmp_path}/none"):
        await Kubernetes().addresses(ask(f'provider=k8s kubeconfig="{tmp_path}/none"'))


async def test_without_any_credentials_both_places_are_named(
    ask: Asks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a file nor a cluster around us: the error says what was tried and what to give."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(DiscoverError, match=r"loading kubeconfig .*loading in-cluster config.*parameter kubeconfig"):
        await Kubernetes().addresses(ask("provider=k8s", KUBECONFIG=str(tmp_path / "none")))
