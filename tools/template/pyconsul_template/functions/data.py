"""Data from Consul: keys, services, nodes, the mesh. Each gives a blank value while its data is not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Slice, Value, strings
from pyconsul.primitives.system_errors import system_text
from pyconsul_template.dependencies import queries
from pyconsul_template.dependencies.files import FileQuery
from pyconsul_template.dependencies.models import KeyPair, pointers
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import function
from pyconsul_template.functions.text import GO_SPACE


def _or(value: Any, blank: Any) -> Any:
    return blank if value is ABSENT else value


@function("key", "string", context=True)
def key(run: Execution, path: str) -> str:
    """The value of a key; waits for it to exist."""
    if not path:
        return ""
    value = run.ask(queries.KeyQuery.parse(path, wait=True))
    return "" if value is ABSENT or value is None else value


@function("keyExists", "string", context=True)
def key_exists(run: Execution, path: str) -> bool:
    """Whether the key exists."""
    if not path:
        return False
    value = run.ask(queries.KeyQuery.parse(path))
    return value is not ABSENT and value is not None


@function("keyOrDefault", "string, string", context=True)
def key_or_default(run: Execution, path: str, default: str) -> str:
    """The value of a key; the default when it is absent or empty."""
    if not path:
        return default
    value = run.ask(queries.KeyQuery.parse(path))
    return default if value is ABSENT or not value else value


def _pairs(run: Execution, prefix: str, keep: Callable[[KeyPair], bool], *, empty_is_answer: bool) -> Slice:
    if not prefix:
        return pointers("dependency.KeyPair", ())
    query = queries.KeyListQuery.parse(prefix)
    value = run.ask(query)
    found = pointers("dependency.KeyPair", () if value is ABSENT else filter(keep, value))
    if not found and not empty_is_answer:
        run.miss(query)
    return found


def _is_child(pair: Any) -> bool:
    return pair.Key != "" and "/" not in pair.Key


def _is_leaf(pair: Any) -> bool:
    return pair.Key != "" and pair.Key[-1] != "/"


@function("ls", "string", context=True)
def ls(run: Execution, prefix: str) -> Slice:
    """The pairs directly below a prefix."""
    return _pairs(run, prefix, _is_child, empty_is_answer=True)


@function("safeLs", "string", context=True)
def safe_ls(run: Execution, prefix: str) -> Slice:
    """As ls, but waits while there are none."""
    return _pairs(run, prefix, _is_child, empty_is_answer=False)


@function("tree", "string", context=True)
def tree(run: Execution, prefix: str) -> Slice:
    """All pairs below a prefix."""
    return _pairs(run, prefix, _is_leaf, empty_is_answer=True)


@function("safeTree", "string", context=True)
def safe_tree(run: Execution, prefix: str) -> Slice:
    """As tree, but waits while there are none."""
    return _pairs(run, prefix, _is_leaf, empty_is_answer=False)


def _instances(run: Execution, words: tuple[str, ...], *, connect: bool) -> Slice:
    blank = pointers("dependency.HealthService", ())
    if not words or not words[0]:
        return blank
    return _or(run.ask(queries.HealthQuery.parse("|".join(words), connect=connect)), blank)


@function("service", "...string", context=True)
def service(run: Execution, *words: str) -> Slice:
    """The instances of a service, by default the passing ones."""
    return _instances(run, words, connect=False)


@function("connect", "...string", context=True)
def connect(run: Execution, *words: str) -> Slice:
    """The mesh proxies and native instances of a service."""
    return _instances(run, words, connect=True)


@function("services", "...string", context=True)
def services(run: Execution, *words: str) -> Slice:
    """All services with their tags."""
    return _or(run.ask(queries.ServicesQuery.parse("".join(words))), pointers("dependency.CatalogSnippet", ()))


@function("node", "...string -> any", context=True)
def node(run: Execution, *words: str) -> Value:
    """One node with its services; the agent's own without a name."""
    return _or(run.ask(queries.NodeQuery.parse("".join(words))), None)


@function("nodes", "...string", context=True)
def nodes(run: Execution, *words: str) -> Slice:
    """All nodes."""
    return _or(run.ask(queries.NodesQuery.parse("".join(words))), pointers("dependency.Node", ()))


@function("datacenters", "...bool", context=True)
def datacenters(run: Execution, *ignore_failing: bool) -> Slice:
    """The names of the datacenters, on demand without those that do not answer."""
    if len(ignore_failing) > 1:
        raise FunctionError(f"datacenters: wrong number of arguments, expected 0 or 1, but got {len(ignore_failing)}")
    return _or(run.ask(queries.DatacentersQuery(ignore_failing=any(ignore_failing))), strings())


@function("caRoots", "...string", context=True)
def ca_roots(run: Execution, *_words: str) -> Slice:
    """The root certificates of the mesh."""
    return _or(run.ask(queries.RootsQuery()), Slice("[]*api.CARoot", is_nil=True))


@function("caLeaf", "...string -> any", context=True)
def ca_leaf(run: Execution, *words: str) -> Value:
    """A certificate for a service of the mesh."""
    if not words or not words[0]:
        return None
    return _or(run.ask(queries.LeafQuery(words[0])), None)


@function("peerings", "...string", context=True)
def peerings(run: Execution, *words: str) -> Slice:
    """The peerings of the cluster."""
    return _or(run.ask(queries.PeeringsQuery.parse("".join(words))), pointers("dependency.Peering", ()))


@function("exportedServices", "...string", context=True)
def exported_services(run: Execution, *partition: str) -> Slice:
    """The services offered to peers."""
    if len(partition) > 1:
        raise FunctionError("exportedServices: wrong number of arguments, expected 0 or 1")
    query = queries.ExportedServicesQuery("".join(partition))
    return _or(run.ask(query), Slice("[]dependency.ExportedService"))


@function("importedServices", "string", context=True)
def imported_services(run: Execution, partition: str) -> Slice:
    """The services that a partition offers (Enterprise)."""
    if not partition:
        raise FunctionError("importedServices: partition name is required")
    return _or(run.ask(queries.ImportedServicesQuery(partition)), Slice("[]dependency.ImportedService"))


@function("partitions", "", context=True)
def partitions(run: Execution) -> Slice:
    """The admin partitions (Enterprise)."""
    return _or(run.ask(queries.PartitionsQuery()), pointers("dependency.Partition", ()))


def sandboxed(sandbox: str, path: str) -> str:
    """The path to read, links resolved where a sandbox confines it. Raises FunctionError."""
    if not sandbox:
        return os.path.normpath(path)
    inside = _resolved(sandbox, "sandbox")
    target = _resolved(os.path.normpath(path), "target")
    if os.path.isabs(sandbox) != os.path.isabs(path):
        reason = f"Rel: can't make {_as_given(target, path)} relative to {_as_given(inside, sandbox)}"
        raise FunctionError(f"failed to get relative path: {reason}")
    relative = os.path.relpath(target, inside)
    if relative == ".." or relative.startswith("../"):
        raise FunctionError(f"'{path}' is outside of sandbox")
    return _as_given(target, path)


def _resolved(path: str, what: str) -> str:
    """Where a path leads, links followed. Raises FunctionError for what is not there, relative where the path is."""
    try:
        return os.path.realpath(path, strict=True)
    except OSError as error:
        at: str = error.filename  # absolute for a relative path, too, since Python 3.13
        shown = at if os.path.isabs(path) else os.path.relpath(at)
        raise FunctionError(f"failed to resolve {what} path: lstat {shown}: {system_text(error)}") from None


def _as_given(resolved: str, path: str) -> str:
    """A resolved path, relative to the working directory where it was written so."""
    return resolved if os.path.isabs(path) else os.path.relpath(resolved)


@function("file", "string", context=True)
def file(run: Execution, path: str) -> str:
    """The text of a file."""
    if not path:
        return ""
    value = run.ask(FileQuery(sandboxed(run.sandbox_path, path.strip(GO_SPACE))))
    return "" if value is ABSENT or value is None else value
