"""A small Vault client: KV version 1 and 2, writes, lists, token renewal and unwrapping, Kubernetes login.

It speaks HTTP through the SDK's transport, which knows nothing of Vault: tokens and name spaces are headers.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote as percent
from urllib.parse import urlencode

from pyconsul.lang.gojson_syntax import GoSyntaxError, first_value
from pyconsul.primitives.system_errors import system_text
from pyconsul.primitives.untyped import is_dict
from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.service_records import service_address
from pyconsul.toolkit.stanzas import Vault, file_text
from pyconsul.toolkit.vault_exchange import Ask, Exchange, Told, VaultError

logger = logging.getLogger(__name__)


class Mount(NamedTuple):
    """Where a path is mounted, and whether that is a KV store of version 2."""

    path: str
    is_kv2: bool


class VaultClient:
    """A client of one Vault server. ``token`` may change while it lives.

    ``number`` makes the numbers of answers from their spelling (left out: int or float); ``log`` gets its warnings;
    ``sleep`` waits for so many seconds before a request is repeated; ``locate`` gives ``host:port`` for a name.
    """

    def __init__(
        self,
        settings: Vault,
        *,
        number: Callable[[str], Any] | None = None,
        log: logging.Logger = logger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        locate: Callable[[str], Awaitable[str]] = service_address,
    ) -> None:
        self.settings = settings
        self._decoder = json.JSONDecoder(parse_int=number, parse_float=number)
        self._log = log
        self.token: str = bare_token(settings.token) or settings.variables.token
        self._exchange = Exchange(settings, sleep, locate)
        self._mounts: dict[str, Mount] = {}

    async def aclose(self) -> None:
        """Close all connections."""
        await self._exchange.aclose()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        token: str | None = None,
    ) -> dict[str, Any] | None:
        """One request below ``/v1/``; None when there is nothing. Raises VaultError, or the SDK's TransportError."""
        data = None if body is None else json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
        target = "/v1/" + percent(path, safe="/~:@!$&'()*+,;=-._")
        ask = Ask(method, target, params or {}, data, self._headers(self.token if token is None else token))
        try:
            async with asyncio.timeout(self.settings.variables.patience.timeout):
                told = await self._exchange.send(ask)
        except TimeoutError:
            raise VaultError(0, "context deadline exceeded") from None
        return self._read(ask, told)

    def _headers(self, token: str) -> dict[str, str]:
        given = {
            "X-Vault-Token": token,
            "X-Vault-Namespace": self.settings.namespace or self.settings.variables.namespace,
            "User-Agent": self.settings.client_user_agent,
        }
        headers = {"X-Vault-Request": "true", **self.settings.variables.headers}
        return headers | {name: value for name, value in given.items() if value}

    def _read(self, ask: Ask, told: Told) -> dict[str, Any] | None:
        """What is in an answer, None for nothing; only statuses from 400 on are errors. Raises VaultError."""
        status, body = told.answer.status, told.answer.body
        parsed: Any = None
        try:
            if text := body.strip().decode("utf-8", "replace"):
                parsed, _ = self._decoder.raw_decode(text)
        except ValueError:
            if status < 400:
                raise VaultError(status, _complaint(body)) from None
        if status == 404 and ask.method == "GET":
            return parsed if is_dict(parsed) and (parsed.get("data") or parsed.get("warnings")) else None
        if status < 400:
            if not (parsed is None or is_dict(parsed)):  # said by something on the way, not by Vault
                raise VaultError(status, _misfit(body))
            return parsed
        head = f"Error making API request.\n\n{_where(ask, told)}\nCode: {status}."
        if is_dict(parsed):
            errors: list[str] = parsed.get("errors") or []
            # Several stand in one line, as Vault's client prints them.
            raise VaultError(status, head + " Errors:\n\n" + "".join(f"* {error}" for error in errors))
        raise VaultError(status, head + f" Raw Message:\n\n{body.decode('utf-8', 'replace')}")

    async def mount_of(self, path: str, name: str = "") -> Mount:
        """Where a path is mounted; what cannot be found out counts as version 1, and the query ``name`` is warned."""
        known = self._mounts.get(path)
        if known is not None:
            return known
        try:
            answer = await self.request("GET", f"sys/internal/ui/mounts/{path}")
        except (VaultError, ConsulError) as error:
            if name:
                self._log.warning("%s: failed to check if %s is KVv2, assume not: %s", name, path, error)
            if isinstance(error, VaultError):  # it answered; one that cannot be reached may know more next time
                self._mounts[path] = Mount("", False)
            return Mount("", False)
        data = _part(answer, "data")
        version = str(_part(data, "options").get("version") or "")
        mount = Mount(data.get("path", ""), data.get("type") == "kv" and version == "2")
        self._mounts[path] = mount
        return mount

    async def kv_path(self, path: str, middle: str = "data", name: str = "") -> str:
        """The path to ask for: in a KV store of version 2, ``data`` or ``metadata`` goes in."""
        mount = await self.mount_of(path, name)
        return kv2_path(path, mount.path, middle) if mount.is_kv2 else path

    async def read(self, path: str, params: Mapping[str, str] | None = None, name: str = "") -> dict[str, Any] | None:
        """A secret of any kind; ``name`` is what warnings call the query."""
        return await self.request("GET", await self.kv_path(path, name=name), params=params)

    async def write(self, path: str, data: Mapping[str, Any], name: str = "") -> dict[str, Any] | None:
        """Write, and what came back; ``name`` as in ``read``."""
        mount = await self.mount_of(path, name)
        if mount.is_kv2:
            return await self.request("PUT", kv2_path(path, mount.path), body={"data": data})
        return await self.request("PUT", path, body=data)

    async def list(self, path: str) -> list[str]:
        """The names below a path, in order."""
        answer = await self.request("GET", await self.kv_path(path, "metadata"), params={"list": "true"})
        keys: list[str] = _part(answer, "data").get("keys") or []
        return sorted(keys)

    async def renew_self(self, token: str | None = None) -> dict[str, Any] | None:
        """Make the token live longer, or another one that is given."""
        return await self.request("PUT", "auth/token/renew-self", body={"increment": 0}, token=token)

    async def renew_lease(self, lease: str, seconds: int = 0) -> dict[str, Any] | None:
        """Make a secret live longer."""
        return await self.request("PUT", "sys/leases/renew", body={"lease_id": lease, "increment": seconds})

    async def unwrap(self) -> None:
        """Exchange a wrapping token for the one inside. Raises VaultError."""
        try:
            answer = await self.request("PUT", "sys/wrapping/unwrap")
        except (VaultError, ConsulError) as error:
            raise VaultError(getattr(error, "status", 0), f"vault unwrap: {error}") from error
        auth = (answer or {}).get("auth")
        if not auth:
            raise VaultError(0, f"vault unwrap: no secret{' auth' if answer else ''}")
        if not auth.get("client_token"):
            raise VaultError(0, "vault unwrap: no token returned")
        self.token = auth["client_token"]

    async def kubernetes_login(self) -> None:
        """Log in with the service account. Raises VaultError or ConfigError."""
        s = self.settings
        jwt = s.k8s_service_account_token
        if not jwt:
            jwt = _service_account(s.k8s_service_account_token_path)
        body = {"role": s.k8s_auth_role_name, "jwt": jwt}
        try:
            answer = await self.request("PUT", f"auth/{s.k8s_service_mount_path}/login", body=body, token="")
        except (VaultError, ConsulError) as error:
            raise VaultError(getattr(error, "status", 0), f"k8s auth: login: {error}") from error
        self.token = _part(answer, "auth").get("client_token", "")

    def follow_agent(self) -> None:
        """Take over the token that a Vault agent keeps in its file, where there is one and it is not wrapped."""
        path = self.settings.vault_agent_token_file
        if path and not self.settings.unwrap_token:
            self.token = bare_token(file_text(path)) or self.token

    async def log_in(self) -> None:
        """What has to happen before the first read: unwrapping, or the Kubernetes login."""
        if self.settings.uses_kubernetes:
            await self.kubernetes_login()
        elif self.settings.needs_login:
            await self.unwrap()


def _complaint(body: bytes) -> str:
    """What Go's decoder says of a body that is no JSON."""
    try:
        first_value(body)
    except GoSyntaxError as error:
        return str(error)
    return "invalid character"


def _misfit(body: bytes) -> str:
    """What Go's decoder says of JSON that is no object."""
    from pyconsul.structs.godecode import wrong_value  # costs much, and is needed seldom

    return wrong_value(first_value(body), "api.Secret")


def _part(answer: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """An object inside an answer, empty where there is none."""
    return (answer or {}).get(name) or {}


def _where(ask: Ask, told: Told) -> str:
    """Who refused what: the name space that the answer tells, unless it is the root, and the URL."""
    space = told.answer.header("x-vault-namespace")
    query = f"?{urlencode(ask.params)}" if ask.params else ""
    shown = f"Namespace: {space}\n" if space not in ("", "root/") else ""
    return f"{shown}URL: {ask.method} {told.url}{query}"


def bare_token(text: str) -> str:
    """The token itself: where a Vault agent wraps it, it writes JSON that describes the wrapping."""
    try:
        parsed: Any = json.loads(text)
    except ValueError:
        return text.strip()
    return str(parsed.get("token", "")).strip() if is_dict(parsed) else text.strip()


def _service_account(path: str) -> str:
    """The token of a Kubernetes service account. Raises ConfigError."""
    try:
        with open(path, encoding="utf-8") as source:
            return source.read().strip()
    except OSError as error:
        reason = system_text(error)
        raise ConfigError(
            "k8s auth: new kubernetes auth: error with login option: unable to read service account token from file: "
            f"unable to read file containing service account token: open {path}: {reason}"
        ) from None


def kv2_path(path: str, mount: str, middle: str = "data") -> str:
    """The API path of a secret in a KV store of version 2; one that has its middle part already stays."""
    root = mount.rstrip("/")
    if path in (mount, root):
        return f"{root}/{middle}"
    rest = path.removeprefix(mount)
    if rest.startswith(("data/", "metadata/", "subkeys/")):
        return path
    return f"{root}/{middle}/{rest}".rstrip("/")
