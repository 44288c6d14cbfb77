"""One suite for all destinations, against real backends, and what only one of them can do."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from pyconsul.toolkit.errors import ConfigError
from pyconsul_snapshot_agent.config import Destination
from pyconsul_snapshot_agent.halt import Halted
from pyconsul_snapshot_agent.scratch import Scratch, View
from pyconsul_snapshot_agent.storage import Storage, StorageError, Stored
from pyconsul_snapshot_agent.targets import open_target
from tests.snapshot_agent.conftest import Cloud


def put(storage: Storage, name: str, data: bytes) -> None:
    """Store bytes."""
    with Scratch().fill([data]) as scratch:
        storage.put(name, scratch.open(), len(data))


class Tearing(View):
    """A source that is told to stop in the middle."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to the middle."""
        if self.tell() >= 10 * 1024 * 1024:
            raise Halted("torn")
        return super().read(min(size, 1 << 20) if size > 0 else 1 << 20)


def test_what_was_put_comes_back(storage: Storage) -> None:
    """Listed under its name with its size, byte for byte."""
    put(storage, "consul-1.snap", b"one" * 1000)
    assert storage.stored() == [Stored("consul-1.snap", 3000)]
    assert b"".join(storage.pieces("consul-1.snap")) == b"one" * 1000


def test_a_large_archive_goes_up_in_parts(storage: Storage) -> None:
    """Larger than every backend's part or block."""
    data = os.urandom(18 * 1024 * 1024)
    put(storage, "consul-2.snap", data)
    assert storage.stored() == [Stored("consul-2.snap", len(data))]
    assert b"".join(storage.pieces("consul-2.snap")) == data


def test_a_name_can_be_put_again(storage: Storage) -> None:
    """A second attempt replaces the first."""
    put(storage, "consul-1.snap", b"first")
    put(storage, "consul-1.snap", b"second")
    assert b"".join(storage.pieces("consul-1.snap")) == b"second"


def test_files_of_others_are_not_listed(storage: Storage) -> None:
    """Only our names count, so rotation leaves the rest alone."""
    put(storage, "consul-1.snap", b"x")
    put(storage, "consul-1.snap.bak", b"x")
    put(storage, "notes.txt", b"x")
    assert [each.name for each in storage.stored()] == ["consul-1.snap"]
    storage.delete("consul-1.snap.bak")
    storage.delete("notes.txt")


def test_deleting_is_final_and_can_be_repeated(storage: Storage) -> None:
    """What is gone already is no error."""
    put(storage, "consul-1.snap", b"x")
    storage.delete("consul-1.snap")
    storage.delete("consul-1.snap")
    assert storage.stored() == []


def test_reading_what_is_not_there_is_an_error(storage: Storage) -> None:
    """One of ours, whatever the library raises."""
    with pytest.raises(StorageError):
        list(storage.pieces("consul-404.snap"))


def test_an_upload_that_breaks_off_leaves_nothing(storage: Storage) -> None:
    """Half an archive never counts."""
    with tempfile.TemporaryFile() as file:
        file.truncate(20 * 1024 * 1024)
        with pytest.raises((StorageError, Halted)):
            storage.put("consul-3.snap", Tearing(file.fileno(), 20 * 1024 * 1024, None), 20 * 1024 * 1024)
    assert storage.stored() == []


def test_the_place_reads_like_one_and_tells_no_secret(storage: Storage, request: pytest.FixtureRequest) -> None:
    """It stands in logs."""
    assert "snapshots" in storage.where or "archives" in storage.where
    assert "secret" not in storage.where


def test_a_directory_is_swept_of_old_fragments(local: Any) -> None:
    """Those of a writer that was killed long ago; a fresh one may still be written, other files are not ours."""
    storage = local.open()
    put(storage, "consul-1.snap", b"x")
    folder = Path(local.endpoint)
    for name, age in ((".consul-2-a.part", 7200), (".consul-3-b.part", 0), ("other.part", 7200)):
        (folder / name).write_bytes(b"half")
        then = time.time() - age
        os.utime(folder / name, (then, then))
    assert storage.sweep(time.time() - 3600) == 1
    assert sorted(os.listdir(folder)) == [".consul-3-b.part", "consul-1.snap", "other.part"]


def test_a_directory_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    """A file stands where the directory should be."""
    (tmp_path / "file").write_text("")
    storage = open_target(Destination("local", {"path": str(tmp_path / "file")}))
    with pytest.raises(StorageError, match="file exists"):
        put(storage, "consul-1.snap", b"x")


def test_s3_keeps_archives_below_the_prefix(s3: Cloud) -> None:
    """Also an empty one, and one that ends in a slash already."""
    for prefix, key in (("a/b", "a/b/consul-5.snap"), ("c/", "c/consul-5.snap"), ("", "consul-5.snap")):
        storage = s3.open(s3_key_prefix=prefix)
        put(storage, "consul-5.snap", b"x")
        assert s3.amazon().head_object(Bucket="snapshots", Key=key)["ContentLength"] == 1
        assert [each.name for each in storage.stored()] == ["consul-5.snap"]
        storage.delete("consul-5.snap")


def test_s3_with_a_static_name_has_one_object(s3: Cloud) -> None:
    """Exactly that name, without prefix; others are not listed."""
    storage = s3.open(s3_static_snapshot_name="latest.snap")
    assert storage.fixed_name == "latest.snap"
    put(storage, "latest.snap", b"x")
    put(storage, "latest.snap.old", b"x")
    assert storage.stored() == [Stored("latest.snap", 1)]
    for name in ("latest.snap", "latest.snap.old"):
        storage.delete(name)


def test_s3_encrypts_as_it_is_told(s3: Cloud) -> None:
    """With its own key, with KMS, and with a certain key of KMS."""
    key = s3.amazon("kms").create_key()["KeyMetadata"]["KeyId"]
    for settings, kind, wanted in (
        ({"s3_server_side_encryption": True}, "AES256", None),
        ({"s3_enable_kms": True}, "aws:kms", None),
        ({"s3_enable_kms": True, "s3_kms_key": key}, "aws:kms", key),
    ):
        storage = s3.open(**settings)
        put(storage, "consul-6.snap", b"x")
        head = s3.amazon().head_object(Bucket="snapshots", Key="consul-snapshot/consul-6.snap")
        assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (kind, wanted)
        storage.delete("consul-6.snap")


def test_s3_is_swept_of_unfinished_uploads(s3: Cloud) -> None:
    """Of ours and old ones only: their parts are paid for, though nobody sees them."""
    client = s3.amazon()
    for key in ("consul-snapshot/consul-7.snap", "consul-snapshot/other"):
        client.create_multipart_upload(Bucket="snapshots", Key=key)
    storage = s3.open()
    assert storage.sweep(0) == 0
    assert storage.sweep(time.time() + 10**9) == 1
    left = client.list_multipart_uploads(Bucket="snapshots")["Uploads"]
    assert [upload["Key"] for upload in left] == ["consul-snapshot/other"]
    client.abort_multipart_upload(Bucket="snapshots", Key=left[0]["Key"], UploadId=left[0]["UploadId"])


def credentials_of(storage: Any) -> str:
    """Where Amazon's library got the credentials with which a storage signs."""
    return storage._client._request_signer._credentials.method


def test_s3_can_assume_a_role(s3: Cloud, tmp_path: Path) -> None:
    """By the credentials it has, and by a web identity's token; with the credentials that STS gives."""
    role = s3.amazon("iam").create_role(RoleName="snapshots", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    (tmp_path / "token").write_text("a.b.c")
    for more in ({}, {"web_identity_token_file": str(tmp_path / "token"), "role_session_name": "mine"}):
        storage = s3.open(role_arn=role, sts_endpoint=s3.endpoint, **more)
        put(storage, "consul-8.snap", b"x")
        assert credentials_of(storage) == "assume-role"
        storage.delete("consul-8.snap")


def test_s3_without_its_bucket_says_so(s3: Cloud) -> None:
    """In Amazon's words."""
    with pytest.raises(StorageError, match="NoSuchBucket"):
        put(s3.open(s3_bucket="nowhere"), "consul-1.snap", b"x")


@pytest.mark.parametrize(
    ("provider", "settings", "problem"),
    [
        ("s3", {}, r"s3_bucket is needed \(-aws-s3-bucket\)"),
        ("s3", {"s3_bucket": "b"}, r"s3_region is needed \(-aws-s3-region\)"),
        ("azure", {}, "container_name is needed"),
        ("azure", {"container_name": "c"}, "account_name is needed"),
        (
            "azure",
            {"container_name": "c", "account_name": "a", "environment": "MOON"},
            "unknown environment MOON, known",
        ),
        ("azure", {"container_name": "c", "account_name": "a", "tenant_id": "t"}, "needs service_principal_id"),
        ("gcs", {}, "bucket is needed"),
        ("gcs", {"bucket": "b", "credentials_file": "/nowhere"}, "No such file"),
        ("tape", {}, "no snapshot_storage provider 'tape', known: azure, gcs, local, s3"),
    ],
)
def test_a_destination_that_cannot_work_is_refused(provider: str, settings: dict[str, Any], problem: str) -> None:
    """At the start, with the setting that is missing."""
    with pytest.raises(ConfigError, match=problem):
        open_target(Destination(provider, settings))


@pytest.mark.parametrize(
    ("provider", "settings", "module", "extra"),
    [
        ("s3", {"s3_bucket": "b", "s3_region": "r"}, "boto3.session", "aws"),
        ("azure", {"container_name": "c", "account_name": "a", "account_key": "k"}, "azure.storage.blob", "azure"),
        ("azure", {"container_name": "c", "account_name": "a"}, "azure.identity", "azure"),
        ("gcs", {"bucket": "b"}, "google.cloud.storage", "gcp"),
    ],
)
def test_a_library_that_is_not_installed_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, provider: str, settings: dict[str, Any], module: str, extra: str
) -> None:
    """The tool itself needs none of them."""
    monkeypatch.setitem(sys.modules, module, None)
    parent, _, name = module.rpartition(".")
    if provider == "gcs" and parent in sys.modules:
        monkeypatch.delattr(sys.modules[parent], name, raising=False)
    with pytest.raises(ConfigError, match=rf"not installed: pip install 'py-consul-agent\[{extra}\]'"):
        open_target(Destination(provider, settings))


def test_azure_takes_a_service_principal() -> None:
    """And the clouds of its own; nothing is asked before an archive is stored."""
    settings = dict.fromkeys(("service_principal_id", "service_principal_secret", "tenant_id"), "x")
    storage = open_target(
        Destination("azure", {"container_name": "c", "account_name": "a", "environment": "azurechinacloud", **settings})
    )
    assert storage.where == "https://a.blob.core.chinacloudapi.cn/c"
