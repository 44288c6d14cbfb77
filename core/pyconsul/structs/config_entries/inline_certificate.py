"""``inline-certificate``: a certificate and its key."""

from typing import ClassVar

from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
    check_meta,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, UnsetType


class InlineCertificate(ConfigEntry, frozen=True, kw_only=True):
    """A certificate and its key."""

    kind: ClassVar[str] = "inline-certificate"
    go_type: ClassVar[str] = "structs.InlineCertificateConfigEntry"
    go_embeds_meta: ClassVar[bool] = True
    client_aliases: ClassVar[dict[str, str]] = {"private_key": "PrivateKey"}

    Kind: str = kind
    Name: str = ""
    Certificate: str = ""
    PrivateKey: str = ""
    Meta: dict[str, str] | UnsetType = UNSET
    Hash: Uint64 | UnsetType = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0

    def check(self) -> None:
        """Raise InternalError with Consul's text for an entry that may not be stored."""
        from pyconsul.structs.config_entries.key_pairs import key_pair_fault  # cryptography: 25 ms of every start

        check_meta(self.Meta)
        if fault := key_pair_fault(self.Certificate, self.PrivateKey):
            raise InternalError(fault)
