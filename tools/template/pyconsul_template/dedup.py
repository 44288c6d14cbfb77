"""De-duplication: per template one instance holds a lock, watches, and shares what it found through a key.

Key and session look like the original's. The value does not (that is a Go gob): it holds the raw answers
of the API, compressed, so that followers make their values with the same code as the leader.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.sdk.request import QueryMeta, QueryOptions, escape_path
from pyconsul.toolkit.stanzas import SECOND
from pyconsul_template.config import Config
from pyconsul_template.dependencies.queries import Asked

if TYPE_CHECKING:
    from pyconsul_template.runner import Template
    from pyconsul_template.watcher import Watcher

logger = logging.getLogger("pyconsul_template.dedup")

LOCK_FLAG: Final = 3304740253564472344
"""The flags value of keys that Consul's lock library uses."""

NO_DATA: Final = b"__NO_DATA__"
MAGIC: Final = b"PYCT1"
SESSION_NAME: Final = "Consul-Template de-duplication"
SESSION_RETRY = 15.0
LOCK_RETRY = 10.0
MAX_SHARED_BYTES: Final = 512 * 1024


def encode(answers: Mapping[str, list[Asked]]) -> bytes:
    """The key's value for the answers behind each dependency."""
    plain = json.dumps(
        {name: [[a.value, a.index, a.last_contact_ms] for a in asked] for name, asked in answers.items()},
        sort_keys=True,
    )
    return MAGIC + zlib.compress(plain.encode())


def decode(data: bytes) -> dict[str, list[Asked]]:
    """The answers in a key's value; none when another implementation or nobody wrote it."""
    if not data.startswith(MAGIC):
        return {}
    try:
        found: dict[str, list[list[Any]]] = json.loads(zlib.decompress(data[len(MAGIC) :]))
    except (zlib.error, ValueError) as error:
        logger.warning("shared data cannot be read: %s", error)
        return {}
    return {name: [Asked(*asked) for asked in answers] for name, answers in found.items()}


class Replay:
    """Gives recorded answers in their order; the ``Access`` of a follower."""

    def __init__(self, answers: list[Asked]) -> None:
        self.index = 0
        self._answers = iter(answers)

    async def get(self, path: str, params: Mapping[str, str], *, blocking: bool = True) -> Asked:
        """The next recorded answer."""
        return next(self._answers, Asked(None, 0, 0))

    async def pause(self, seconds: float) -> None:
        """Nothing to wait for."""

    def polled(self) -> int:
        """Any index."""
        return 1


class DedupManager:
    """Locks, shares and loads for all templates of one runner."""

    def __init__(
        self,
        config: Config,
        templates: list[Template],
        values: dict[str, Any],
        watcher: Watcher,
        changed: Callable[[str], None],
    ) -> None:
        self.config = config.dedup
        self.client = AsyncClient(config.consul.client_settings())
        self.templates = templates
        self.values = values
        self.watcher = watcher
        self.changed = changed
        self.session = ""
        self._leading: set[str] = set()
        self._shared: dict[str, dict[str, list[Asked]]] = {}
        self._written: dict[str, bytes] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def is_leader(self, template: Template) -> bool:
        """Whether this instance watches for the template."""
        return template.identity in self._leading

    def key_of(self, template: Template) -> str:
        """The lock and data key of a template."""
        return "/".join(part for part in (self.config.prefix.strip("/"), template.identity, "data") if part)

    # -- session ---------------------------------------------------------------------

    async def start(self) -> None:
        """Take the locks that are free, and go on trying for the others."""
        logger.info("starting de-duplication manager")
        self._tasks.append(asyncio.create_task(self._keep_session()))
        self._tasks += [asyncio.create_task(self._follow(t)) for t in self.templates]

    async def stop(self) -> None:
        """Give everything up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        if self.session:
            try:
                await self.client.raw("PUT", f"/v1/session/destroy/{self.session}")
            except ConsulError as error:
                logger.error("failed to destroy session: %s", error)
        await self.client.aclose()

    async def _new_session(self) -> str:
        ttl = f"{self.config.ttl / SECOND:.6f}s"
        body = {"Name": SESSION_NAME, "Behavior": "delete", "TTL": ttl, "LockDelay": "1ms"}
        answer = await self.client.raw("PUT", "/v1/session/create", body=json.dumps(body).encode())
        if answer.status != 200:
            raise ConsulError(f"Unexpected response code: {answer.status} ({answer.text()})")
        return json.loads(answer.body)["ID"]

    async def _keep_session(self) -> None:
        while True:
            try:
                self.session = await self._new_session()
                logger.info("created session %s", self.session)
                await self._renew()
                logger.error("session %s is gone", self.session)
            except ConsulError as error:
                logger.error("failed to create or renew session: %s", error)
            self.session = ""
            self._lose_all()
            await asyncio.sleep(SESSION_RETRY)

    async def _renew(self) -> None:
        """Renew the session until it is gone."""
        while True:
            await asyncio.sleep(self.config.ttl / SECOND / 2)
            answer = await self.client.raw("PUT", f"/v1/session/renew/{self.session}")
            if answer.status == 404:
                return

    def _lose_all(self) -> None:
        lost, self._leading = self._leading, set()
        if lost:
            self.changed("")

    # -- one template ------------------------------------------------------------------

    async def _follow(self, template: Template) -> None:
        """Watch a template's key: take the lock when it is free, load what the leader writes."""
        index = 0
        while True:
            try:
                if not self.session:
                    await asyncio.sleep(0.05)
                    continue
                index, entry = await self._look(template, index)
                await self._judge(template, entry)
            except ConsulError as error:
                logger.error("failed to watch %s: %s", self.key_of(template), error)
                index = 0
                await asyncio.sleep(LOCK_RETRY)

    async def _look(self, template: Template, index: int) -> tuple[int, Mapping[str, Any] | None]:
        options = QueryOptions(index=index, wait=min(self.config.block_query_wait / SECOND, LOCK_RETRY))
        answer = await self.client.raw("GET", self._path(template), options=options)
        if answer.status not in (200, 404):
            raise ConsulError(f"Unexpected response code: {answer.status} ({answer.text()})")
        found = json.loads(answer.body)[0] if answer.status == 200 else None
        newest = QueryMeta.of(answer).index
        return (newest if newest >= index else 0), found

    def _path(self, template: Template) -> str:
        return "/v1/kv/" + escape_path(self.key_of(template))

    async def _judge(self, template: Template, entry: Mapping[str, Any] | None) -> None:
        holder = (entry or {}).get("Session", "")
        if holder and holder == self.session:
            self._lead(template, leads=True)
        elif holder:
            self._lead(template, leads=False)
            self._take(template, entry or {})
        else:
            self._lead(template, leads=await self._acquire(template))

    async def _acquire(self, template: Template) -> bool:
        params = {"acquire": self.session, "flags": str(LOCK_FLAG)}
        answer = await self.client.raw("PUT", self._path(template), params, NO_DATA)
        return answer.status == 200 and answer.body.strip() == b"true"

    def _lead(self, template: Template, *, leads: bool) -> None:
        if leads is self.is_leader(template):
            return
        if leads:
            logger.info("acquired de-duplication lock for %s", template.config.label)
            self._leading.add(template.identity)
            self._written.pop(template.identity, None)
        else:
            logger.info("lost de-duplication lock for %s", template.config.label)
            self._leading.discard(template.identity)
        template.is_dirty = True
        self.changed("")

    def _take(self, template: Template, entry: Mapping[str, Any]) -> None:
        data = base64.b64decode(entry.get("Value") or "")
        if data == self._written.get(template.identity):
            return
        self._written[template.identity] = data
        self._shared[template.identity] = decode(data)
        logger.debug("received data for %s", template.config.label)
        template.is_dirty = True
        self.changed("")

    # -- data ------------------------------------------------------------------------------

    async def fill(self, template: Template) -> bool:
        """Make values from what the leader shared; True when something was new."""
        shared = self._shared.get(template.identity, {})
        if self.is_leader(template):
            return False
        news = False
        for name, dependency in template.used.items():
            if not dependency.shared or name not in shared:
                continue
            value = (await dependency.fetch(Replay(shared[name]))).value
            if name not in self.values or self.values[name] != value:
                self.values[name] = value
                news = True
        return news

    async def share(self, template: Template) -> None:
        """Write what the leader found, when it differs from what was written last."""
        if not self.is_leader(template):
            return
        answers = {name: self.watcher.answers_of(name) for name, d in template.used.items() if d.shared}
        data = encode(answers)
        if data == self._written.get(template.identity):
            return
        if len(data) > MAX_SHARED_BYTES:
            logger.error("data of %s is too large to share: %d bytes", template.config.label, len(data))
            return
        params = {"acquire": self.session, "flags": str(LOCK_FLAG)}
        try:
            answer = await self.client.raw("PUT", self._path(template), params, data)
        except ConsulError as error:
            logger.error("failed to update dependency data for de-duplication: %s", error)
            return
        if answer.status == 200 and answer.body.strip() == b"true":
            self._written[template.identity] = data
            logger.info("updated de-duplication data for %s", template.config.label)
