"""``file-system-certificate``: a certificate and its key in files of the gateway."""

from typing import ClassVar

from pyconsul.structs.config_entries.entry import (
    ConfigEntry,
    Uint64,
    check_meta,
)
from pyconsul.structs.wire import UNSET, UnsetType


class FileSystemCertificate(ConfigEntry, frozen=True, kw_only=True):
    """A certificate and its key in files of the gateway."""

    kind: ClassVar[str] = "file-system-certificate"
    go_type: ClassVar[str] = "structs.FileSystemCertificateConfigEntry"
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
        """Raise InternalError for metadata that is too large; the files are the gateway's."""
        check_meta(self.Meta)
