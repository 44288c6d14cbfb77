"""Azure Blob Storage. Blocks go up first; a blob appears when their list is committed."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from pyconsul_snapshot_agent.names import id_of
from pyconsul_snapshot_agent.storage import Source, StorageError, StorageUnusable, Stored, missing_extra, required

_BLOCK_BYTES: Final = 8 * 1024 * 1024


class Cloud(NamedTuple):
    """One of Azure's clouds: where its blobs are and who knows its principals."""

    suffix: str
    authority: str


CLOUDS: Final = {
    "AZUREPUBLICCLOUD": Cloud("core.windows.net", "login.microsoftonline.com"),
    "AZURECHINACLOUD": Cloud("core.chinacloudapi.cn", "login.chinacloudapi.cn"),
    "AZUREGERMANCLOUD": Cloud("core.cloudapi.de", "login.microsoftonline.de"),
    "AZUREUSGOVERNMENTCLOUD": Cloud("core.usgovcloudapi.net", "login.microsoftonline.us"),
}


class AzureStorage:
    """The blobs of one container."""

    fixed_name = ""

    def __init__(self, container: Any, where: str) -> None:
        self.where = where
        self._container = container

    def put(self, name: str, source: Source, size: int) -> None:
        """Upload, in blocks if it is large."""
        with _said():
            self._container.upload_blob(name, source, length=size, overwrite=True)

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of the blob."""
        with _said():
            yield from self._container.download_blob(name).chunks()

    def stored(self) -> list[Stored]:
        """The blobs with our names."""
        with _said():
            blobs = self._container.list_blobs(name_starts_with="consul-")
            return [Stored(blob.name, int(blob.size)) for blob in blobs if id_of(blob.name) is not None]

    def delete(self, name: str) -> None:
        """Remove the blob."""
        from azure.core.exceptions import ResourceNotFoundError

        with _said():
            try:
                self._container.delete_blob(name)
            except ResourceNotFoundError:
                return

    def sweep(self, before: float) -> int:
        """Nothing to do: Azure drops blocks that were never committed after a week."""
        del before
        return 0


@contextmanager
def _said() -> Generator[None]:
    """Put what the library raises into our words; its texts have several lines, the first one tells."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        raise StorageError(str(error.message or error).partition("\n")[0].strip()) from error


def open_storage(settings: dict[str, Any]) -> AzureStorage:
    """From an ``azure_blob_storage`` stanza. Raises StorageUnusable."""
    container = required(settings, "container_name", "azure-blob-container-name")
    account = required(settings, "account_name", "azure-blob-account-name")
    environment = str(settings.get("environment") or "AZUREPUBLICCLOUD").upper()
    cloud = CLOUDS.get(environment)
    if cloud is None:
        raise StorageUnusable(f"unknown environment {environment}, known: {', '.join(sorted(CLOUDS))}")
    try:
        from azure.storage.blob import BlobServiceClient
    except ModuleNotFoundError as error:
        raise missing_extra("Azure Blob Storage", "azure-storage-blob", "azure") from error
    url = str(settings.get("endpoint") or f"https://{account}.blob.{cloud.suffix}")
    try:
        service = BlobServiceClient(
            url,
            credential=_credential(settings, account, cloud),
            max_single_put_size=_BLOCK_BYTES,
            max_block_size=_BLOCK_BYTES,
            retry_total=0,  # the tool itself tries again
        )
        return AzureStorage(service.get_container_client(container), f"{url.rstrip('/')}/{container}")
    except ValueError as error:
        raise StorageUnusable(str(error)) from error


def _credential(settings: dict[str, Any], account: str, cloud: Cloud) -> Any:
    """The account's key, a service principal, or what azure-identity finds (environment, managed identity …)."""
    if settings.get("account_key"):
        return {"account_name": account, "account_key": str(settings["account_key"])}
    try:
        from azure.identity import ClientSecretCredential, DefaultAzureCredential
    except ModuleNotFoundError as error:
        raise missing_extra("Azure without an account key", "azure-identity", "azure") from error
    keys = ("service_principal_id", "service_principal_secret", "tenant_id")
    given = [str(settings.get(key) or "") for key in keys]
    if all(given):
        principal, secret, tenant = given
        return ClientSecretCredential(tenant, principal, secret, authority=cloud.authority)
    if any(given):
        missing = ", ".join(key for key, value in zip(keys, given, strict=True) if not value)
        raise StorageUnusable(f"a service principal needs {missing}, too")
    return DefaultAzureCredential(authority=cloud.authority)
