"""Kubernetes: ready pods by label and field selectors, through kubernetes-asyncio."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pyconsul.lang.strconv import NumberSyntaxError, parse_int
from pyconsul.toolkit.discovery import Lookup, Parameter
from pyconsul_autojoin.api import REQUEST_TIMEOUT, missing_extra, pages

PORT_ANNOTATION: Final = "consul.hashicorp.com/auto-join-port"
PAGE_SIZE: Final = 500
# What the library breaks with on YAML that is no kubeconfig: it does not look at the shape first.
_OF_ANOTHER_SHAPE: Final = (ValueError, TypeError, LookupError, AttributeError)


@dataclass
class Kubernetes:
    """Running pods of a namespace."""

    account: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount")
    """Where a pod finds the token of its service account and the authority of the API server."""

    title = "Kubernetes"
    parameters = (
        Parameter("kubeconfig", "Path of the kubeconfig file.", env="KUBECONFIG"),
        Parameter("namespace", "Namespace of the pods.", default="default"),
        Parameter("label_selector", "Labels that pods must have."),
        Parameter("field_selector", "Fields that pods must have."),
        Parameter("host_network", "true: addresses and ports of the hosts, not of the pods.", default="false"),
    )
    notes = f"""
Credentials are looked for in kubeconfig, in the file that KUBECONFIG names, in ~/.kube/config, in the cluster's own
service account.

A pod whose annotation {PORT_ANNOTATION} is a number or the name of a port is joined at that port;
with host_network the port must have a hostPort, else the pod is left out.
"""

    async def addresses(self, ask: Lookup) -> list[str]:
        """The address of each running pod that is ready or has no such condition, with its annotated port."""
        is_host = ask.truth("host_network", False)
        found: list[str] = []
        for pod in await _pods(ask, self.account):
            try:
                address = address_of(pod, is_host)
            except ValueError as error:
                ask.debug(f'ignoring pod "{pod.metadata.name}", {error}')
            else:
                found.append(address)
        return found


async def _pods(ask: Lookup, account: Path) -> list[Any]:
    try:
        # A third of a second of imports, which the loop does not wait for.
        client: Any = await asyncio.to_thread(importlib.import_module, "kubernetes_asyncio.client")
        loading: Any = await asyncio.to_thread(importlib.import_module, "kubernetes_asyncio.config")
        import aiohttp
    except ImportError as error:
        raise missing_extra(ask, "k8s", error) from error
    settings = await _settings(ask, account, client, loading)
    pods: list[Any] = []
    following: str | None = None
    selectors = {key: ask.get(key) for key in ("label_selector", "field_selector") if ask.get(key)}
    try:
        opened = client.ApiClient(settings)
    except OSError as error:  # ssl.SSLError is one: a file that holds no certificate
        raise ask.error(f"error reading {settings.ssl_ca_cert}: {error}") from error
    async with opened as connection:
        for _ in pages(ask):
            try:
                page: Any = await client.CoreV1Api(connection).list_namespaced_pod(
                    ask.get("namespace", default="default"),
                    limit=PAGE_SIZE,
                    **({"_continue": following} if following else {}),
                    _request_timeout=REQUEST_TIMEOUT,
                    **selectors,
                )
            except TimeoutError:
                raise ask.error(f"error listing pods: no answer within {REQUEST_TIMEOUT:g}s") from None
            except client.ApiException as error:
                raise ask.error(f"error listing pods: {error.status} {error.reason}") from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise ask.error(f"error listing pods: {error}") from error
            pods += page.items
            following = page.metadata._continue if page.metadata else None
            if not following:
                break
        return pods


async def _settings(ask: Lookup, account: Path, client: Any, library: Any) -> Any:
    """How to reach the API server. Raises DiscoverError naming what was tried."""
    settings = client.Configuration()
    settings.disable_strict_ssl_verification = True  # certificates of many clusters have no key identifiers
    import yaml  # it came with the library

    path = ask.get("kubeconfig", "KUBECONFIG") or str(Path.home() / ".kube" / "config")
    try:
        await library.load_kube_config(config_file=path, client_configuration=settings)
    except (library.ConfigException, yaml.YAMLError, OSError, *_OF_ANOTHER_SHAPE) as first:
        try:
            library.load_incluster_config(
                client_configuration=settings,
                token_filename=str(account / "token"),
                cert_filename=str(account / "ca.crt"),
                environ=ask.environ,
            )
        except (library.ConfigException, OSError, ValueError) as second:
            both = f"error loading kubeconfig {path}: {first}; error loading in-cluster config: {second}"
            raise ask.error(f"{both}. Give the parameter kubeconfig") from second
    return settings


def address_of(pod: Any, is_host: bool) -> str:
    """The pod's address, with a port where its annotation says one. Raises ValueError saying why there is none."""
    status = pod.status
    if status.phase != "Running":
        raise ValueError(f'not running: "{status.phase}"')
    if any(each.type == "Ready" and each.status != "True" for each in status.conditions or ()):
        raise ValueError("not ready state")
    address = status.host_ip if is_host else status.pod_ip
    if not address:
        raise ValueError("requested IP is empty")
    annotations: Mapping[str, str] = pod.metadata.annotations or {}
    annotation = annotations.get(PORT_ANNOTATION)
    if not annotation:
        return address
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{_port(pod.spec.containers, annotation, is_host)}"


def _port(containers: Sequence[Any], annotation: str, is_host: bool) -> int:
    for container in containers:
        for port in container.ports or ():
            number = port.host_port if is_host else port.container_port
            if port.name == annotation and number:
                return number
    try:
        return parse_int(annotation, 0, 32)
    except NumberSyntaxError as error:
        raise ValueError(f"error retrieving port: {error}") from None
