"""Gossip keys of an agent: one ring a pool, kept in the data directory, and what operators do with them.

As memberlist keeps them: the first key of a ring encrypts, all of them decrypt. Error texts are Serf's and
memberlist's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from pyconsul.lang.gojson_syntax import syntax_error
from pyconsul.primitives import base64_text
from pyconsul.primitives.multierror import multi_error
from pyconsul.primitives.untyped import is_list
from pyconsul.primitives.whole_files import make_directory, write_durably
from pyconsul.structs.godecode import wrong_value
from pyconsul.structs.operator import KeyringResponse
from pyconsul.structs.wire import UNSET
from pyconsul.telemetry.logging import logger

_SIZES: Final = (16, 24, 32)  # bytes of a key, for AES-128, -192 and -256
_log = logger("agent")


class KeyringError(Exception):
    """The ring refuses; the text is what a member answers."""


class Keyring(msgspec.Struct):
    """The keys of one pool, the primary one first; empty while gossip is not encrypted."""

    keys: list[bytes] = msgspec.field(default_factory=list[bytes])
    path: Path | None = None

    def load(self, path: Path | None, configured: str) -> bool:
        """Take the ring kept at ``path``; where there is none, one of the configured key.

        Returns whether a kept ring lacks the configured key. Raises ValueError.
        """
        self.path = path
        kept = path is not None and path.exists()
        texts = _kept_texts(path) if kept and path is not None else [configured] if configured else []
        decoded = [base64_text.decode(text.encode("utf-8", "surrogateescape")) for text in texts]
        if decoded and not decoded[0]:
            raise ValueError("Empty primary key not allowed")
        try:
            self.keys = [_checked(key) for key in decoded]
        except KeyringError as error:
            raise ValueError(f"Invalid key: {error}" if path is not None and not kept else str(error)) from None
        if not kept:
            self._save()
        return kept and bool(configured) and base64_text.decode(configured.encode()) not in self.keys

    def listed(self) -> tuple[list[str], str]:
        """All keys and the primary one, base64. Raises KeyringError without encryption."""
        if not self.keys:
            raise KeyringError("Keyring is empty (encryption not enabled)")
        texts = [base64.b64encode(key).decode() for key in self.keys]
        return texts, texts[0]

    def install(self, key: bytes) -> None:
        """Add a key. Raises KeyringError for one of a wrong size."""
        self._check_enabled()
        if _checked(key) not in self.keys:
            self._replace([*self.keys, key])

    def use(self, key: bytes) -> None:
        """Make a key the primary one. Raises KeyringError for one that is not installed."""
        self._check_enabled()
        if key not in self.keys:
            raise KeyringError("Requested key is not in the keyring")
        self._replace([key, *(k for k in self.keys if k != key)])

    def remove(self, key: bytes) -> None:
        """Drop a key; one that is not there is no error. Raises KeyringError for the primary one."""
        self._check_enabled()
        if key == self.keys[0]:
            raise KeyringError("Removing the primary key is not allowed")
        self._replace([k for k in self.keys if k != key])

    def _check_enabled(self) -> None:
        if not self.keys:
            raise KeyringError("No keyring to modify (encryption not enabled)")

    def _replace(self, keys: list[bytes]) -> None:
        self.keys = keys
        self._save()

    def _save(self) -> None:
        if self.path is None or not self.keys:
            return
        make_directory(self.path.parent)
        texts = [base64.b64encode(key).decode() for key in self.keys]
        write_durably(self.path, json.dumps(texts).encode(), mode=0o600)


def _checked(key: bytes) -> bytes:
    """The key. Raises KeyringError for one of a wrong size."""
    if len(key) not in _SIZES:
        raise KeyringError("key size must be 16, 24 or 32 bytes")
    return key


def _kept_texts(path: Path) -> list[str]:
    """The base64 keys in a file; null is an empty one, as Go reads it.

    Raises ValueError with Go's text for a file that is none of ours.
    """
    data = path.read_bytes()
    if fault := syntax_error(data):
        raise ValueError(fault)
    found: object = json.loads(data)
    found = [] if found is None else found
    if not is_list(found):
        raise ValueError(wrong_value(found, "[]string"))
    texts = ["" if text is None else text for text in found]
    if wrong := [text for text in texts if not isinstance(text, str)]:
        raise ValueError(wrong_value(wrong[0], "string"))
    if not texts:
        raise ValueError(f"no keys present in keyring: {path}")
    return texts


class Keyrings(msgspec.Struct):
    """The rings of an agent's pools; ``wan`` is None while it is in no WAN pool."""

    node: str
    datacenter: str
    lan: Keyring
    wan: Keyring | None

    @classmethod
    def empty(cls, node: str, datacenter: str, *, wan: bool) -> Keyrings:
        """The rings of an agent that has not started; ``wan``: whether it is in a WAN pool."""
        return cls(node, datacenter, Keyring(), Keyring() if wan else None)

    def load(self, data_dir: str, configured: str) -> None:
        """Read the rings of a data directory; without one they live in memory. Raises ValueError."""
        folder = Path(data_dir) / "serf" if data_dir else None
        for pool, ring, name in (("LAN", self.lan, "local"), ("WAN", self.wan, "remote")):
            if ring is not None and ring.load(folder and folder / f"{name}.keyring", configured):
                _log.warn("keyring doesn't include key provided with -encrypt, using keyring", keyring=pool)

    def list_keys(self, *, local_only: bool) -> list[KeyringResponse]:
        """What each pool holds; ``local_only`` leaves the WAN pool out."""
        return self._each(self._listed, local_only=local_only)

    def install(self, key: str) -> list[KeyringResponse]:
        """Add a base64 key to every pool."""
        return self._each(lambda ring: ring.install(base64_text.decode(key.encode())))

    def use(self, key: str) -> list[KeyringResponse]:
        """Make a base64 key the primary one of every pool."""
        return self._each(lambda ring: ring.use(base64_text.decode(key.encode())))

    def remove(self, key: str) -> list[KeyringResponse]:
        """Drop a base64 key from every pool."""
        return self._each(lambda ring: ring.remove(base64_text.decode(key.encode())))

    @staticmethod
    def _listed(ring: Keyring) -> tuple[list[str], str]:
        return ring.listed()

    def _each(
        self, act: Callable[[Keyring], tuple[list[str], str] | None], *, local_only: bool = False
    ) -> list[KeyringResponse]:
        rings = [(False, self.lan)]
        if self.wan is not None and not local_only:
            rings.insert(0, (True, self.wan))
        return [self._respond(wan, ring, act) for wan, ring in rings]

    def _respond(
        self, wan: bool, ring: Keyring, act: Callable[[Keyring], tuple[list[str], str] | None]
    ) -> KeyringResponse:
        """One pool's answer. A text that is no base64 fails before any member is asked."""
        member = f"{self.node}.{self.datacenter}" if wan else self.node
        try:
            found = act(ring)
        except base64_text.IllegalBase64 as error:
            return KeyringResponse(WAN=wan, Datacenter=self.datacenter, Error=str(error))
        except KeyringError as error:
            return KeyringResponse(
                WAN=wan,
                Datacenter=self.datacenter,
                Messages={member: str(error)},
                NumNodes=1,
                Error="1/1 nodes reported failure",
            )
        keys, primary = found or ([], "")
        return KeyringResponse(
            WAN=wan,
            Datacenter=self.datacenter,
            Keys=dict.fromkeys(keys, 1),
            PrimaryKeys={primary: 1} if primary else {},
            NumNodes=1,
        )


def failure_of(responses: list[KeyringResponse]) -> str:
    """All that went wrong, as Consul lists several errors; "" for nothing."""
    lines: list[str] = []
    for response in responses:
        if response.Error:
            pool = "WAN" if response.WAN else f"{response.Datacenter} (LAN)"
            lines.append(f"{pool} error: {response.Error}")
            messages = {} if response.Messages is UNSET else response.Messages
            lines.extend(f"{member}: {text}" for member, text in messages.items())
    return multi_error(lines) if lines else ""
