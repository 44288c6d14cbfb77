"""S3 and what speaks its protocol. Large archives go up in parts; an object appears when its last part is in."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
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

DEFAULT_PREFIX: Final = "consul-snapshot"
PART_BYTES: Final = 16 * 1024 * 1024
_LEAST_PART_BYTES: Final = 5 * 1024 * 1024  # S3 refuses smaller ones, the last part apart


class S3Storage:
    """The objects under ``prefix/`` in ``bucket``, or the single one called ``fixed_name``."""

    def __init__(
        self,
        client: Any,
        bucket: str,
        prefix: str,
        *,
        fixed_name: str = "",
        encryption: dict[str, str] | None = None,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self.bucket = bucket
        self.fixed_name = fixed_name
        self._client = client
        self._head = "" if fixed_name else f"{prefix.rstrip('/')}/" if prefix else ""
        self._encryption = encryption or {}
        self._part_bytes = max(part_bytes, _LEAST_PART_BYTES)
        self.where = f"s3://{bucket}/{self._head}".rstrip("/")

    def put(self, name: str, source: Source, size: int) -> None:
        """Upload, in parts if it is large. A failed upload's parts are removed as far as S3 can be reached."""
        from boto3.s3.transfer import TransferConfig

        parts = TransferConfig(
            multipart_threshold=self._part_bytes,
            multipart_chunksize=max(self._part_bytes, size // 9_000),  # S3 takes 10,000 parts
            max_concurrency=4,
        )
        with _said():
            self._client.upload_fileobj(
                source, self.bucket, self._head + name, ExtraArgs=self._encryption, Config=parts
            )

    def pieces(self, name: str) -> Iterator[bytes]:
        """The bytes of the object."""
        with _said():
            body = self._client.get_object(Bucket=self.bucket, Key=self._head + name)["Body"]
            with body:
                yield from body.iter_chunks(PIECE_BYTES)

    def stored(self) -> list[Stored]:
        """The objects with our names directly under the prefix."""
        head = self.fixed_name or f"{self._head}consul-"
        found: list[Stored] = []
        with _said():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=head):
                for entry in page.get("Contents", ()):
                    name = str(entry["Key"]).removeprefix(self._head)
                    if name == self.fixed_name if self.fixed_name else id_of(name) is not None:
                        found.append(Stored(name, int(entry["Size"])))
        return found

    def delete(self, name: str) -> None:
        """Remove the object; in a bucket with versions that hides it."""
        with _said():
            self._client.delete_object(Bucket=self.bucket, Key=self._head + name)

    def sweep(self, before: float) -> int:
        """Abort uploads in parts that nobody finished: their parts are invisible, but are paid for."""
        swept = 0
        with _said():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self.bucket, Prefix=f"{self._head}consul-"
            )
            for page in pages:
                for upload in page.get("Uploads", ()):
                    key = str(upload["Key"])
                    if id_of(key.removeprefix(self._head)) is None or upload["Initiated"].timestamp() >= before:
                        continue
                    self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload["UploadId"])
                    swept += 1
        return swept


@contextmanager
def _said() -> Generator[None]:
    """Put what the library raises into our words."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise StorageError(str(error)) from error


def open_storage(settings: dict[str, Any]) -> S3Storage:
    """From an ``aws_storage`` stanza. Raises StorageUnusable."""
    bucket = required(settings, "s3_bucket", "aws-s3-bucket")
    region = required(settings, "s3_region", "aws-s3-region")
    try:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError as error:
        raise missing_extra("S3", "boto3", "aws") from error
    endpoint = _url(settings.get("s3_endpoint") or os.environ.get("AWS_S3_ENDPOINT", ""))
    try:
        session = Session(
            aws_access_key_id=settings.get("access_key_id") or None,
            aws_secret_access_key=settings.get("secret_access_key") or None,
            aws_session_token=settings.get("session_token") or None,
            region_name=region,
        )
        _assume_role(session, settings)
        client: Any = session.client(
            "s3",
            endpoint_url=endpoint or None,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 1},  # the tool itself tries again
                s3={"addressing_style": "path" if settings.get("s3_force_path_style") else "auto"},
                # Checksums that only Amazon knows make other makes of S3 refuse uploads.
                request_checksum_calculation="when_required" if endpoint else "when_supported",
                response_checksum_validation="when_required" if endpoint else "when_supported",
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise StorageUnusable(str(error)) from error
    return S3Storage(
        client,
        bucket,
        str(settings.get("s3_key_prefix", DEFAULT_PREFIX)),
        fixed_name=str(settings.get("s3_static_snapshot_name", "")),
        encryption=_encryption(settings),
        part_bytes=int(settings.get("s3_part_bytes", PART_BYTES)),
    )


def _encryption(settings: dict[str, Any]) -> dict[str, str]:
    """What S3 shall encrypt with; a key of KMS wins over S3's own."""
    if settings.get("s3_enable_kms") or settings.get("s3_kms_key"):
        key = {"SSEKMSKeyId": str(settings["s3_kms_key"])} if settings.get("s3_kms_key") else {}
        return {"ServerSideEncryption": "aws:kms", **key}
    return {"ServerSideEncryption": "AES256"} if settings.get("s3_server_side_encryption") else {}


def _assume_role(session: Any, settings: dict[str, Any]) -> None:
    """Let the session act as ``role_arn``, by a web identity's token or by the credentials that it has.

    Without it botocore looks at the environment (``AWS_ROLE_ARN`` and friends) by itself.
    """
    from botocore import credentials
    from botocore.utils import FileWebIdentityTokenLoader

    role = str(settings.get("role_arn", ""))
    if not role:
        return
    raw = session._session
    name = str(settings.get("role_session_name") or "py-consul-snapshot-agent")
    endpoint = _url(settings.get("sts_endpoint", "")) or None

    def create_client(service: str, **given: Any) -> Any:
        return raw.create_client(service, **{"endpoint_url": endpoint, **given})

    token_file = str(settings.get("web_identity_token_file", ""))
    extra = {"RoleSessionName": name}
    if token_file:
        fetcher: Any = credentials.AssumeRoleWithWebIdentityCredentialFetcher(
            create_client, FileWebIdentityTokenLoader(token_file), role, extra_args=extra
        )
    else:
        fetcher = credentials.AssumeRoleCredentialFetcher(
            create_client, session.get_credentials(), role, extra_args=extra
        )
    raw._credentials = credentials.DeferredRefreshableCredentials(
        method="assume-role", refresh_using=fetcher.fetch_credentials
    )


def _url(endpoint: object) -> str:
    """An endpoint with its scheme; a bare host means https."""
    text = str(endpoint)
    return text if not text or "://" in text else f"https://{text}"
