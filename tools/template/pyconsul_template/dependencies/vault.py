"""Vault as data: secrets read, written, listed; certificates kept while they are valid."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from pyconsul.lang import gourl
from pyconsul.lang.gotemplate import FunctionError, signature
from pyconsul.lang.gotemplate.values import ANY_MAP, Field, Known, Map, NilPointer, Slice, Struct
from pyconsul.lang.strconv import quote
from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.leases import Lease, is_rotating_now
from pyconsul.toolkit.vault import VaultClient
from pyconsul.toolkit.vault_exchange import VaultError
from pyconsul_template.dependencies.models import text_map, texts
from pyconsul_template.dependencies.queries import Fetched, UnnamedError
from pyconsul_template.gotime import Time

if TYPE_CHECKING:
    from pyconsul_template.watcher import View

logger = logging.getLogger("pyconsul_template.main")


class SecretAuth(Struct):
    """The login part of a secret."""

    go_type = "dependency.SecretAuth"
    fields = (
        Field("ClientToken", "string"),
        Field("Accessor", "string"),
        Field("Policies", "[]string"),
        Field("Metadata", "map[string]string"),
        Field("LeaseDuration", "int"),
        Field("Renewable", "bool"),
    )


class SecretWrapInfo(Struct):
    """The wrapping part of a secret."""

    go_type = "dependency.SecretWrapInfo"
    fields = (
        Field("Token", "string"),
        Field("TTL", "int"),
        Field("CreationTime", "time.Time"),
        Field("WrappedAccessor", "string"),
    )


class Secret(Struct):
    """What Vault answered."""

    go_type = "dependency.Secret"
    fields = (
        Field("RequestID", "string"),
        Field("LeaseID", "string"),
        Field("LeaseDuration", "int"),
        Field("Renewable", "bool"),
        Field("Data", "map[string]interface {}"),
        Field("Warnings", "[]string"),
        Field("Auth", "*dependency.SecretAuth"),
        Field("WrapInfo", "*dependency.SecretWrapInfo"),
    )
    LeaseID: str
    LeaseDuration: int
    Renewable: bool
    Data: dict[str, Any]

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Secret:
        """From an answer of Vault."""
        auth, wrap = item.get("auth"), item.get("wrap_info")
        return cls(
            RequestID=item.get("request_id", ""),
            LeaseID=item.get("lease_id", ""),
            LeaseDuration=int(item.get("lease_duration") or 0),
            Renewable=item.get("renewable", False),
            Data=item.get("data") or Map(ANY_MAP, is_nil=True),
            Warnings=texts(item.get("warnings") or None),
            Auth=_auth(auth) if auth else NilPointer("*dependency.SecretAuth"),
            WrapInfo=_wrap(wrap) if wrap else NilPointer("*dependency.SecretWrapInfo"),
        )


def _auth(item: Mapping[str, Any]) -> SecretAuth:
    return SecretAuth(
        ClientToken=item.get("client_token", ""),
        Accessor=item.get("accessor", ""),
        Policies=texts(item.get("policies")),
        Metadata=text_map(item.get("metadata")),
        LeaseDuration=int(item.get("lease_duration") or 0),
        Renewable=item.get("renewable", False),
    )


def _wrap(item: Mapping[str, Any]) -> SecretWrapInfo:
    return SecretWrapInfo(
        Token=item.get("token", ""),
        TTL=int(item.get("ttl") or 0),
        CreationTime=Time.parse_rfc3339(item.get("creation_time") or "0001-01-01T00:00:00Z"),
        WrappedAccessor=item.get("wrapped_accessor", ""),
    )


class _Secrets:
    """What reads and writes share: wait for the end of the lease, renew what can be renewed."""

    name: str
    _lease: Lease | None = None

    @property
    def lease(self) -> Lease:
        """How long the last answer is good for."""
        if self._lease is None:
            self._lease = Lease(self.name, logger)
        return self._lease

    async def wait(self, view: View) -> None:
        """Until the secret has to be fetched again."""
        settings = view.settings
        await self.lease.wait(
            view.vault, default_lease=settings.default_lease, threshold=settings.lease_threshold, sleep=view.pause
        )

    def took(self, view: View, answer: Mapping[str, Any]) -> Fetched:
        """Remember the answer and hand it on. Raises UnnamedError for one that is about to be replaced."""
        _tell_warnings(self.name, answer)
        if is_rotating_now(answer):
            raise UnnamedError("vault rotating secret returned ttl=0, will retry")
        self.lease.took(answer)
        return Fetched(Secret.of(answer), view.polled())


def _tell_warnings(name: str, answer: Mapping[str, Any]) -> None:
    for warning in answer.get("warnings") or ():
        logger.warning("%s: %s", name, warning)


@contextmanager
def _named(name: str) -> Generator[None]:
    """Errors of reads and writes carry the name twice, as the original's do."""
    try:
        yield
    except (ConsulError, VaultError) as error:
        raise FunctionError(f"{name}: {error}") from error


def _trimmed(path: str, label: str) -> str:
    path = path.strip().strip("/")
    if not path:
        raise FunctionError(f"{label}: invalid format: {quote(path)}")
    return path


@dataclass
class ReadQuery(_Secrets):
    """A secret read from Vault."""

    kind: ClassVar[str] = "vault"
    shared: ClassVar[bool] = False
    path: str
    params: Mapping[str, str]
    name: str

    @classmethod
    def parse(cls, text: str) -> ReadQuery:
        """From ``path[?version=n]``. Raises FunctionError."""
        url = gourl.parse(_trimmed(text, "vault.read"))
        path, params = url.path, dict(parse_qsl(url.query, keep_blank_values=True))
        version = f".v{params['version']}" if "version" in params else ""
        return cls(path, params, f"vault.read({path}{version})")

    async def fetch(self, access: View) -> Fetched:
        """The secret, again when its lease nears its end."""
        await self.wait(access)
        client = await access.vault()
        with _named(self.name):
            answer = await client.read(self.path, self.params, self.name)
        if answer is None or _is_deleted(answer):
            raise FunctionError(f"no secret exists at {await client.kv_path(self.path)}")
        return self.took(access, answer)


def _is_deleted(answer: Mapping[str, Any]) -> bool:
    data: Mapping[str, Any] = answer.get("data") or {}
    metadata: Known = data.get("metadata")
    if not isinstance(metadata, dict):
        return False
    when = metadata.get("deletion_time")
    try:
        return isinstance(when, str) and Time.parse_rfc3339(when).nanoseconds < time.time_ns()
    except FunctionError:  # of secrets that are not deleted it is empty
        return False


@dataclass
class WriteQuery(_Secrets):
    """Something written to Vault, and its answer."""

    kind: ClassVar[str] = "vault"
    shared: ClassVar[bool] = False
    path: str
    data: Mapping[str, str]
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.path = _trimmed(self.path, "vault.write")
        said = "".join(f"{key}={quote(self.data[key])}" for key in sorted(self.data))
        digest = hashlib.sha1(said.encode(), usedforsecurity=False).hexdigest()[:8]
        self.name = f"vault.write({self.path} -> {digest})"

    async def fetch(self, access: View) -> Fetched:
        """Write, again when the lease nears its end."""
        await self.wait(access)
        client = await access.vault()
        with _named(self.name):
            answer = await client.write(self.path, self.data, self.name)
        if answer is None:  # a KV store of version 1 says nothing
            self.lease.took({})
            return Fetched(NilPointer("*dependency.Secret"), access.polled())
        return self.took(access, answer)


@dataclass
class ListQuery:
    """The names below a path of Vault."""

    kind: ClassVar[str] = "vault"
    shared: ClassVar[bool] = False
    path: str
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.path = _trimmed(self.path, "vault.list")
        self.name = f"vault.list({self.path})"

    async def fetch(self, access: View) -> Fetched:
        """The names in order; looked at once a default lease."""
        if access.index:
            await access.pause(access.settings.default_lease)
        return Fetched(Slice("[]string", await (await access.vault()).list(self.path)), access.polled())


class PemEncoded(Struct):
    """A certificate with key and authorities in PEM."""

    go_type = "dependency.PemEncoded"
    pointer = False
    fields = (
        Field("Cert", "string"),
        Field("Key", "string"),
        Field("CA", "string"),
        Field("CAChain", "[]string"),
    )
    CAChain: Slice

    def itself(self) -> PemEncoded:
        """The certificate: it stands where a secret has its data."""
        return self

    def chain_contains(self, pem: str) -> bool:
        """Whether this is one of its authorities."""
        return pem in self.CAChain

    methods: ClassVar[Mapping[str, Any]] = {
        "Data": signature("", itself),
        "CaChainContains": signature("string", chain_contains),
    }


@dataclass
class CertificateQuery:
    """A certificate issued by Vault; the one in the destination file is kept while it is valid."""

    kind: ClassVar[str] = "vault"
    shared: ClassVar[bool] = False
    path: str
    data: Mapping[str, str]
    destination: str
    name: str = field(init=False)
    pause: float = 0.0

    def __post_init__(self) -> None:
        self.path = gourl.parse(_trimmed(self.path, "vault.read")).path
        self.name = f"vault.pki({self.path}->{self.destination})"

    async def fetch(self, access: View) -> Fetched:
        """The certificate, a new one when the present one nears its end."""
        if self.pause:
            await access.pause(self.pause)
        threshold = access.settings.lease_threshold
        found, self.pause = _certificate(self._kept(), threshold)
        if self.pause <= 0:
            found, self.pause = _certificate(await self._issue(await access.vault()), threshold)
        if self.pause <= 0:
            raise UnnamedError("needs renewal")
        return Fetched(found, access.polled())

    def _kept(self) -> str:
        try:
            with open(self.destination, encoding="utf-8", errors="surrogateescape") as source:
                return source.read()
        except OSError:
            return ""

    async def _issue(self, client: VaultClient) -> str:
        answer = await client.request("PUT", self.path, body=self.data)
        if answer is None:
            raise UnnamedError(f"no secret exists at {self.path}")
        _tell_warnings(self.name, answer)
        out: list[str] = []
        data: Mapping[str, Known] = answer.get("data") or {}
        for key, value in data.items():
            if isinstance(value, str):
                out.append(value)
            elif isinstance(value, list) and key == "ca_chain":
                out += [item for item in value if isinstance(item, str)]
        return "\n".join(out)


def _certificate(text: str, threshold: float) -> tuple[PemEncoded, float]:
    """The parts of a PEM text, and how many seconds its certificate is still good for."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    out: dict[str, Any] = {"Cert": "", "Key": "", "CA": "", "CAChain": Slice("[]string")}
    good = 0.0
    for label, block in _blocks(text):
        if label.endswith("PRIVATE KEY"):
            out["Key"] = block
            continue
        try:
            found = x509.load_pem_x509_certificate(block.encode())
        except ValueError:
            raise UnnamedError("x509: malformed certificate") from None
        pem = found.public_bytes(Encoding.PEM).decode()
        try:
            is_ca = found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        except x509.ExtensionNotFound:
            is_ca = False
        if not is_ca:
            out["Cert"] = pem
            start, end = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
            good = start + (end - start) * threshold - time.time() if end > time.time() else 0.0
        else:
            out["CA"] = out["CA"] or pem
            if pem not in out["CAChain"]:
                out["CAChain"].append(pem)
    return PemEncoded(**out), good


def _blocks(text: str) -> list[tuple[str, str]]:
    """The PEM blocks of a text, with their labels."""
    pattern = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
    return [(found[1], found[0] + "\n") for found in pattern.finditer(text)]
