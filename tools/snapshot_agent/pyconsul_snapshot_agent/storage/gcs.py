"""Google Cloud Storage. An object appears when its resumable upload is finished."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from pyconsul_snapshot_agent.names import id_of
from pyconsul_snapshot_agent.storage import (
    PIECE_BYTES,
    Source,
    StorageError,
    StorageUnusable,
    Stored,
    missing_extra,
    required,
)

_CHUNK_BYTES: Final = 8 * 1024 * 1024  # a multiple of 256 KiB, as the service wants it
_SILENCE: Final = 60.0  # seconds that one request may take


class GCSStorage:
    """The objects of one bucket."""

    fixed_name = ""

    def __init__(self, bucket: Any) -> None:
        self.where = f"gs://{bucket.name}"
        self._bucket = bucket

    def put(self, name: str, source: Source, size: int) -> None:
        """Upload; the service compares the checksum."""
        with _said():
            blob = self._bucket.blob(name, chunk_size=_CHUNK_BYTES)
            blob.upload_from_file(source, size=size, timeout=_SILENCE, checksum="crc32c", retry=None)

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of the object."""
        with _said(), self._bucket.blob(name).open("rb", chunk_size=_CHUNK_BYTES, timeout=_SILENCE) as file:
            while piece := file.read(PIECE_BYTES):
                yield piece

    def stored(self) -> list[Stored]:
        """The objects with our names."""
        with _said():
            blobs = self._bucket.list_blobs(prefix="consul-", timeout=_SILENCE, retry=None)
            return [Stored(blob.name, int(blob.size)) for blob in blobs if id_of(blob.name) is not None]

    def delete(self, name: str) -> None:
        """Remove the object."""
        from google.cloud.exceptions import NotFound

        with _said():
            try:
                self._bucket.blob(name).delete(timeout=_SILENCE, retry=None)
            except NotFound:
                return

    def sweep(self, before: float) -> int:
        """Nothing to do: the service drops unfinished uploads after a week."""
        del before
        return 0


@contextmanager
def _said() -> Generator[None]:
    """Put what the libraries raise into our words."""
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.exceptions import GoogleCloudError
    from requests import RequestException

    storage = import_module("google.cloud.storage.exceptions")  # it says nothing of its types
    try:
        yield
    except (
        GoogleCloudError,
        GoogleAuthError,
        storage.DataCorruption,
        storage.InvalidResponse,
        RequestException,
    ) as error:
        raise StorageError(str(error)) from error


def open_storage(settings: dict[str, Any]) -> GCSStorage:
    """From a ``google_storage`` stanza. Raises StorageUnusable."""
    bucket = required(settings, "bucket", "gcs-bucket")
    try:
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import GoogleAuthError

        storage = import_module("google.cloud.storage")  # it says nothing of its types
    except ModuleNotFoundError as error:
        raise missing_extra("Google Cloud Storage", "google-cloud-storage", "gcp") from error
    endpoint = str(settings.get("endpoint", ""))
    given: dict[str, Any] = {"project": "none"}  # objects are addressed by bucket alone
    if endpoint:
        given["client_options"] = {"api_endpoint": endpoint}
    if endpoint.startswith("http://"):  # an emulator; credentials never go over plain HTTP
        given["credentials"] = AnonymousCredentials()
    try:
        if path := settings.get("credentials_file"):
            client: Any = storage.Client.from_service_account_json(str(path), **given)
        else:
            client = storage.Client(**given)
    except (GoogleAuthError, OSError, ValueError) as error:
        raise StorageUnusable(str(error)) from error
    return GCSStorage(client.bucket(bucket))
