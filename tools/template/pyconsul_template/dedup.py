"""De-duplication: per template one instance holds a lock, watches, and shares what it found through a key.

Key, session and value are the original's, so that its instances and ours work together: the value is a gob of
the version and of all data by their names, compressed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from pyconsul.lang.gotemplate.values import Known
from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.sdk.request import Answer, QueryMeta, QueryOptions, escape_path
from pyconsul.toolkit.asking import FETCH_ERRORS
from pyconsul.toolkit.stanzas import SECOND
from pyconsul_template import gob, lzw
from pyconsul_template.arguments import VERSION
from pyconsul_template.config import Config

if TYPE_CHECKING:
    from pyconsul_template.runner import Template

logger = logging.getLogger("pyconsul_template.dedup")

LOCK_FLAG: Final = 3304740253564472344
"""The flags value of keys that Consul's lock library uses."""

NO_DATA: Final = b"__NO_DATA__"
SESSION_NAME: Final = "Consul-Template de-duplication"
# Seconds, the original's.
SESSION_RETRY: Final = 15.0
RENEW_RETRY: Final = 1.0
LOCK_RETRY: Final = 10.0
LOCK_DELAY: Final = 0.5
"""Seconds until a lock that is free and could not be taken is tried again: its last session's delay holds it."""

MAX_SHARED_BYTES: Final = 512 * 1024  # what Consul takes as a value, unless its operator allows more


def encode(data: Mapping[str, Any]) -> bytes:
    """The key's value for the data by the names of their dependencies. Raises GobError."""
    fields = {"Version": ("string", VERSION), "Data": ("map[string]interface {}", data)}
    return lzw.compress(gob.encode(fields))


def decode(value: bytes) -> dict[str, Any] | None:
    """The data in a key's value, None when another version wrote it. Raises GobError and LzwError."""
    found = gob.decode(lzw.decompress(value))
    version = found.get("Version", "")
    if version != VERSION:
        logger.warning("created with different version (%s vs %s)", version, VERSION)
        return None
    data: Known = found.get("Data", {})
    if not isinstance(data, dict):
        raise gob.GobError("gob: no map")
    return data


class DedupManager:
    """Locks, shares and loads for all templates of one runner."""

    def __init__(
        self, config: Config, templates: list[Template], values: dict[str, Any], changed: Callable[[], None]
    ) -> None:
        self.config = config.dedup
        self.client = AsyncClient(config.consul.client_settings())
        self.templates = templates
        self.values = values
        self.changed = changed
        self.session = ""
        self._leading: set[str] = set()
        self._shared: dict[str, dict[str, Any]] = {}
        self._written: dict[str, bytes] = {}
        self._followers: list[asyncio.Task[None]] = []
        self._keeper: asyncio.Task[None] | None = None

    def is_leader(self, template: Template) -> bool:
        """Whether this instance watches for the template."""
        return template.identity in self._leading

    def key_of(self, template: Template) -> str:
        """The lock and data key of a template."""
        return "/".join(part for part in (self.config.prefix.strip("/"), template.identity, "data") if part)

    # -- session ---------------------------------------------------------------------

    def start(self) -> None:
        """Take the locks that are free, and go on trying for the others."""
        logger.info("starting de-duplication manager")
        for template in self.templates:
            logger.info("starting watch for template hash %s", template.identity)
        self._keeper = asyncio.create_task(self._keep_session())

    async def stop(self) -> None:
        """Give everything up."""
        logger.info("stopping de-duplication manager")
        if self._keeper is not None:
            await _ended([self._keeper, *self._followers])
        for template in self.templates:
            if self.is_leader(template):
                logger.info("releasing lock '%s'", self.key_of(template))
        await self._destroy_session()
        await self.client.aclose()

    async def _keep_session(self) -> None:
        """Have a session, and another one when it is lost; the keys are followed also while there is none."""
        await self._follow_all()
        while True:
            logger.info("attempting to create session")
            try:
                self.session = await self._new_session()
            except FETCH_ERRORS as error:
                logger.error("failed to create session: %s", error)
            else:
                logger.info("created session %s", self.session)
                await self._follow_all()
                await self._renew()
                await self._destroy_session()
                self._lose_all()
            await asyncio.sleep(SESSION_RETRY)

    async def _follow_all(self) -> None:
        """Look at all keys anew: what waits for a change of them would not hear of a new session."""
        await _ended(self._followers)
        self._followers = [asyncio.create_task(self._follow(t)) for t in self.templates]

    async def _new_session(self) -> str:
        ttl = f"{self.config.ttl / SECOND:.6f}s"
        # A leader that is gone takes its key along, so that the others hear of it at once, and hardly delays them.
        body = {"Name": SESSION_NAME, "Behavior": "delete", "TTL": ttl, "LockDelay": "1ms"}
        answer = await self.client.raw("PUT", "/v1/session/create", body=json.dumps(body).encode())
        return json.loads(_checked(answer).body)["ID"]

    async def _renew(self) -> None:
        """Renew the session until it is gone; a server that does not answer may have gone for less than its time."""
        loop = asyncio.get_running_loop()
        ttl = self.config.ttl / SECOND
        renewed, pause = loop.time(), ttl / 2
        while True:
            await asyncio.sleep(pause)
            try:
                answer = await self.client.raw("PUT", f"/v1/session/renew/{self.session}")
                if answer.status == 404:
                    logger.error("failed to renew session: session expired")
                    return
                _checked(answer)
            except ConsulError as error:
                if loop.time() - renewed > ttl:
                    logger.error("failed to renew session: %s", error)
                    return
                pause = RENEW_RETRY
            else:
                renewed, pause = loop.time(), ttl / 2

    async def _destroy_session(self) -> None:
        session, self.session = self.session, ""
        if not session:
            return
        try:
            await self.client.raw("PUT", f"/v1/session/destroy/{session}")
        except ConsulError as error:
            logger.error("failed destroying session '%s', %s", session, error)

    def _lose_all(self) -> None:
        for template in self.templates:
            self._lead(template, leads=False)

    # -- one template ------------------------------------------------------------------

    async def _follow(self, template: Template) -> None:
        """Watch a template's key: take the lock when it is free, load what the leader writes."""
        index = 0
        while True:
            try:
                index, entry = await self._look(template, index)
                if not await self._judge(template, entry):
                    index = 0
            except FETCH_ERRORS as error:
                logger.error("failed to get '%s': %s", self.key_of(template), error)
                index = 0
                await asyncio.sleep(LOCK_RETRY)

    async def _look(self, template: Template, index: int) -> tuple[int, Mapping[str, Any] | None]:
        """The key's next index and its entry; an answer that is too old is asked of the leader again."""
        wait = min(self.config.block_query_wait / SECOND, LOCK_RETRY)
        max_stale_ms = self.config.max_stale / 1e6
        options = QueryOptions(consistency="stale" if max_stale_ms else "default", index=index, wait=wait)
        answer = await self.client.raw("GET", self._path(template), options=options)
        if QueryMeta.of(answer).last_contact_ms > max_stale_ms:
            answer = await self.client.raw("GET", self._path(template), options=QueryOptions(index=index, wait=wait))
        found = json.loads(_checked(answer).body)[0] if answer.status != 404 else None
        newest = QueryMeta.of(answer).index
        return (newest if newest >= index else 0), found

    def _path(self, template: Template) -> str:
        return "/v1/kv/" + escape_path(self.key_of(template))

    async def _judge(self, template: Template, entry: Mapping[str, Any] | None) -> bool:
        """Lead, follow, or try to lead, by who holds the key. Returns False when the key has to be looked at again."""
        holder = (entry or {}).get("Session", "")
        self._lead(template, leads=bool(holder) and holder == self.session)
        if not holder and self.session:
            if not await self._put(template, NO_DATA):
                await asyncio.sleep(LOCK_DELAY)
                return False
            self._lead(template, leads=True)
        elif holder != self.session:
            self._take(template, entry or {})
        return True

    async def _put(self, template: Template, value: bytes) -> bool:
        """Write the key, which takes the lock or needs it. Returns whether that was allowed."""
        params = {"acquire": self.session, "flags": str(LOCK_FLAG)}
        answer = await self.client.raw("PUT", self._path(template), params, value)
        return _checked(answer).body.strip() == b"true"

    def _lead(self, template: Template, *, leads: bool) -> None:
        if leads is self.is_leader(template):
            return
        if leads:
            logger.info("acquired lock '%s'", self.key_of(template))
            self._leading.add(template.identity)
            self._written.pop(template.identity, None)
        else:
            logger.warning("lost lock ownership '%s'", self.key_of(template))
            self._leading.discard(template.identity)
        template.is_dirty = True
        self.changed()

    def _take(self, template: Template, entry: Mapping[str, Any]) -> None:
        """Load what the leader wrote."""
        value = base64.b64decode(entry.get("Value") or "")
        if value == self._written.get(template.identity):
            return  # the key changed in its session alone
        self._written[template.identity] = value
        if value == NO_DATA or entry.get("Flags") != LOCK_FLAG:
            return
        try:
            data = decode(value)
        except (gob.GobError, lzw.LzwError) as error:
            logger.error("failed to decode '%s': %s", self.key_of(template), error)
            return
        if data is None:
            return
        logger.info("loading %d dependencies from '%s'", len(data), self.key_of(template))
        self._shared[template.identity] = data
        template.is_dirty = True
        self.changed()

    # -- data ------------------------------------------------------------------------------

    def fill(self, template: Template) -> bool:
        """Take over the values that the leader shared; True when something was new."""
        if self.is_leader(template):
            return False
        shared = self._shared.get(template.identity, {})
        news = {
            name: shared[name]
            for name, dependency in template.used.items()
            if dependency.shared and name in shared and (name not in self.values or self.values[name] != shared[name])
        }
        self.values.update(news)
        return bool(news)

    async def share(self, template: Template) -> None:
        """Write what the leader found, when it differs from what was written last."""
        if not self.is_leader(template):
            return
        key = self.key_of(template)
        try:
            value = encode({name: self.values[name] for name, d in template.used.items() if d.shared})
            if value == self._written.get(template.identity):
                return
            if len(value) > MAX_SHARED_BYTES:
                raise gob.GobError(f"{len(value)} bytes are too many")
            if not await self._put(template, value):
                return
        except (ConsulError, gob.GobError) as error:
            logger.error("failed to update dependency data for de-duplication: failed to write '%s': %s", key, error)
            return
        self._written[template.identity] = value
        logger.info("updated de-duplicate data '%s'", key)


def _checked(answer: Answer) -> Answer:
    """The answer, when it is a good one. Raises ConsulError."""
    if answer.status != 200:
        raise ConsulError(f"Unexpected response code: {answer.status} ({answer.text()})")
    return answer


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
