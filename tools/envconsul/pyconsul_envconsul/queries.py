"""What can be asked for: pairs below a prefix, instances of a service, a secret of Vault.

Each query has a name that tells it from all others, and gives what ``names.py`` makes variables of.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, TypeAlias
from urllib.parse import parse_qsl

from pyconsul.lang.strconv import quote
from pyconsul.sdk.request import escape_path
from pyconsul.toolkit.asking import Asked
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.leases import Lease
from pyconsul.toolkit.vault import VaultClient
from pyconsul.toolkit.vault_exchange import VaultError

logger = logging.getLogger("pyconsul_envconsul")

_DC: Final = r"(?:@(?P<dc>[A-Za-z0-9_.\-]+))?"
_QUERY: Final = r"(?:\?(?P<query>[A-Za-z0-9_\-=&]+))?"
_NEAR: Final = r"(?:~(?P<near>[A-Za-z0-9_.\-]+))?"
_PREFIX: Final = re.compile(r"/?(?P<name>[^@?]+)" + _QUERY + _DC)
_SERVICE: Final = re.compile(r"(?:(?P<tag>[A-Za-z0-9_=:.\-]+)\.)?(?P<name>[A-Za-z0-9_\-]+)" + _QUERY + _DC + _NEAR)
_PARAMETERS: Final = ("ns", "peer", "partition", "sameness-group")


class Fetched(NamedTuple):
    """What a query found; ``mark`` is the index to wait on."""

    value: Any
    mark: int
    last_contact_ms: int = 0


class Access(Protocol):
    """How queries get at data; the view implements it."""

    default_lease: float
    lease_threshold: float

    @property
    def index(self) -> int:
        """The index of the last answer; 0 the first time."""
        ...

    async def get(self, path: str, params: Mapping[str, str]) -> Asked:
        """One blocking GET from Consul; a key that does not exist is no error."""
        ...

    async def vault(self) -> VaultClient:
        """The Vault client, logged in."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait between two looks."""
        ...


def _parts(pattern: re.Pattern[str], text: str, label: str) -> tuple[dict[str, str], dict[str, str]]:
    """The parts of a query text, and the request's parameters among them. Raises RunError."""
    found = pattern.fullmatch(text)
    if found is None:
        raise RunError(f"{label}: invalid format: {quote(text)}")
    parts = {name: value or "" for name, value in found.groupdict().items()}
    query = parts["query"]
    params = {name: parts.get(name, "") for name in ("dc", "near", "tag")}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _PARAMETERS:
            known = ",".join(_PARAMETERS)
            raise RunError(
                f"{label}: invalid query parameter key {quote(name)} in query {quote(query)}: supported keys: {known}"
            )
        params[name] = value
    return parts, {name: value for name, value in params.items() if value}


class PrefixQuery:
    """All pairs below ``prefix[?query][@dc]``: values by the part of the key behind the prefix."""

    kind: Final = "consul"

    def __init__(self, text: str) -> None:
        parts, params = _parts(_PREFIX, text, "kv.list") if text else ({"name": ""}, {})
        self.prefix = parts["name"]
        self.params = {"recurse": "", **params}
        self.name = f"kv.list({text.removeprefix('/')})"

    async def fetch(self, access: Access) -> Fetched:
        """The pairs, in the order of their keys."""
        answer = await access.get("/v1/kv/" + escape_path(self.prefix), self.params)
        items = answer.listed("[]*api.KVPair")
        pairs = {item["Key"].removeprefix(self.prefix).lstrip("/"): _value(item) for item in items}
        return Fetched(pairs, answer.index, answer.last_contact_ms)


def _value(item: Mapping[str, Any]) -> str:
    """The value of a pair; bytes that are not UTF-8 are kept as the system's variables keep them."""
    return base64.b64decode(item.get("Value") or "", validate=True).decode("utf-8", "surrogateescape")


class ServiceQuery:
    """The instances of ``[tag.]name[?query][@dc][~near]``: their attributes as texts."""

    kind: Final = "consul"

    def __init__(self, text: str) -> None:
        parts, self.params = _parts(_SERVICE, text, "catalog.service")
        self.service = parts["name"]
        self.name = f"catalog.service({text})"

    async def fetch(self, access: Access) -> Fetched:
        """The instances, in the catalog's order."""
        answer = await access.get("/v1/catalog/service/" + escape_path(self.service), self.params)
        found = [_attributes(item) for item in answer.listed("[]*api.CatalogService")]
        return Fetched(found, answer.index, answer.last_contact_ms)


def _attributes(item: Mapping[str, Any]) -> dict[str, str]:
    return {
        "id": item.get("ServiceID") or "",
        "name": item.get("ServiceName") or "",
        "address": item.get("ServiceAddress") or "",
        "tag": ",".join(sorted(item.get("ServiceTags") or ())),
        "port": str(item.get("ServicePort") or 0),
    }


class SecretQuery:
    """A secret at ``path[?version=n]``: its keys with their texts."""

    kind: Final = "vault"

    def __init__(self, text: str) -> None:
        path, _, query = text.strip().strip("/").partition("?")
        if not path:
            raise RunError(f"vault.read: invalid format: {quote(path)}")
        self.path = path
        self.params = dict(parse_qsl(query))
        version = f".v{self.params['version']}" if self.params.get("version") else ""
        self.name = f"vault.read({path}{version})"
        self._lease = Lease(self.name, logger)

    async def fetch(self, access: Access) -> Fetched:
        """The secret, again when its lease nears its end. Raises VaultError."""
        await self._lease.wait(
            access.vault, default_lease=access.default_lease, threshold=access.lease_threshold, sleep=access.pause
        )
        client = await access.vault()
        answer = await client.read(self.path, self.params, self.name)
        found = None if answer is None else _values(answer.get("data") or {})
        if answer is None or found is None:
            raise VaultError(404, f"no secret exists at {await client.kv_path(self.path)}")
        for warning in answer.get("warnings") or ():
            logger.warning("%s: %s", self.name, warning)
        self._lease.took(answer)
        return Fetched(found, access.index + 1)


def _values(data: Mapping[str, Any]) -> dict[str, object] | None:
    """The keys of a secret that have values; version 2 of the KV store wraps them once more, None for a deleted one."""
    metadata: dict[str, Any] | list[Any] | str | float | None = data.get("metadata")
    if isinstance(metadata, dict) and metadata.get("version") is not None:
        if data.get("data") is None:
            return None
        data = data["data"]
    return {key: value for key, value in data.items() if value is not None}


Query: TypeAlias = PrefixQuery | ServiceQuery | SecretQuery
